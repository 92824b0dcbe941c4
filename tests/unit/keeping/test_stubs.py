# SPDX-License-Identifier: Apache-2.0
"""Stubs: a log verifies over them, says what it did not see, and nobody makes one up."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    Damage,
    LogDamageError,
    LogTree,
    Receipt,
    TrustKey,
    encode_record,
    format_trust,
    read_records,
    verify_log,
    verify_range,
    verify_receipt,
)
from govshare_policy.audit.checkpoint import sign_checkpoint
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.layout import stub_file
from govshare_policy.audit.segment import SEGMENT_LEAVES, FrameReader, Kind, segment_name
from govshare_policy.audit.start import create_ledger
from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.keeping import drop_segments
from tests.unit.keeping.conftest import (
    NOW,
    ORIGIN,
    SINGLE_FILE,
    START,
    Yard,
    change,
    judge,
    plan_of,
)


def test_a_log_verifies_without_what_was_dropped_and_says_what_was_not_read(dropped: Yard) -> None:
    """The root is that of all records; both verifiers name the same stretch."""
    whole = verify_log(dropped.log, dropped.trust, archives=[dropped.archives[0] / "log"])
    verdict = verify_log(dropped.log, dropped.trust)
    other = SINGLE_FILE.verify(dropped.log, dropped.trust_file)

    assert verdict.unread == ((0, 2 * SEGMENT_LEAVES - 1),)
    assert verdict.warnings == ("records 0 to 131071 were dropped, on record, and not read",)
    assert (verdict.size, verdict.root) == (whole.size, whole.root)
    assert (verdict.checkpoints, whole.checkpoints) == (4, 9)
    assert (other.size, other.root, other.checkpoints) == (verdict.size, verdict.root, 4)
    assert (other.unread, other.warnings) == (list(verdict.unread), list(verdict.warnings))


def test_an_archive_gives_back_what_was_dropped(dropped: Yard) -> None:
    """Every record is read and verified, wherever it lies."""
    archive = dropped.archives[1]
    verdict = verify_log(dropped.log, dropped.trust, archives=[archive / "log"], workers=2)
    other = SINGLE_FILE.verify(dropped.log, dropped.trust_file, archives=[archive])

    assert (verdict.unread, verdict.warnings) == ((), ())
    assert (other.unread, other.warnings, other.root) == ([], [], verdict.root)
    numbers = [index for index, _ in read_records(dropped.log, archives=[archive / "log"])]
    assert numbers == list(range(verdict.size))
    assert next(read_records(dropped.log))[0] == 2 * SEGMENT_LEAVES


def test_a_log_goes_on_after_dropping(dropped: Yard) -> None:
    """It opens, takes records, and proves that it continues what it was before."""
    before = Checkpoint.from_note((dropped.log / "checkpoint").read_bytes())
    receipt = dropped.append(encode_record({"n": 1}))

    verify_receipt(receipt, dropped.trust)
    assert LogTree(dropped.log).root(before.size) == before.root
    assert verify_log(dropped.log, dropped.trust, known=[before]).size == before.size + 1
    found = verify_range(dropped.log, dropped.trust, before.size - 1, before.size)
    assert found.published.size == before.size + 1


def test_a_question_about_dropped_records_names_the_archive(dropped: Yard) -> None:
    """Neither a range nor an old checkpoint is passed over."""
    with pytest.raises(LogDamageError, match="ask an archive") as caught:
        verify_range(dropped.log, dropped.trust, 70_000, 70_001)
    assert (caught.value.kind, caught.value.index) == (Damage.DROPPED, SEGMENT_LEAVES)
    logs = [dropped.archives[0] / "log"]
    old = next(Checkpoint.from_note(note) for note in _notes(logs[0]))
    with pytest.raises(LogDamageError, match="give an archive") as caught:
        verify_log(dropped.log, dropped.trust, known=[old])
    assert (caught.value.kind, caught.value.part.file) == (Damage.DROPPED, "seg")
    with pytest.raises(SINGLE_FILE.BadLogError) as bad:
        SINGLE_FILE.verify(dropped.log, dropped.trust_file, [old.to_note()])
    assert (bad.value.code, bad.value.file, bad.value.index) == ("dropped", "seg", 0)
    verify_log(dropped.log, dropped.trust, known=[old], archives=logs)


def _notes(log: Path) -> list[bytes]:
    with (log / "seg" / segment_name(0)).open("rb") as file:
        frames = [frame for frame in FrameReader(file) if frame.kind == Kind.COMMIT]
    return [frame.payload for frame in frames]


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def edit(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new, 1)

    return edit


# Name: the file that is changed, how, and the code.
CHANGES: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a stub is empty": (stub_file(0), lambda _: b"", "dropped"),
    "a stub is not text": (stub_file(0), lambda data: b"\xff" + data, "dropped"),
    "a stub has another record": (
        stub_file(0),
        replaced(b'"keep_until":"2029', b'"keep_until":"2027'),
        "dropped",
    ),
    "a stub says another root": (stub_file(0), replaced(b'"root":"', b'"root":"0'), "dropped"),
    "a stub has another number": (stub_file(0), replaced(b"index 19", b"index 18"), "dropped"),
    "a stub is signed by nobody": (stub_file(0), lambda data: data[:-20] + b"\n", "dropped"),
    "the log says that it is another": (
        "log.json",
        replaced(b'"created":"2026-01-05', b'"created":"2026-01-04'),
        "dropped",
    ),
    "a byte behind is changed": (
        f"seg/{segment_name(2 * SEGMENT_LEAVES)}",
        lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
        "frame",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_stands_for_a_segment_cannot_be_changed(dropped: Yard, name: str) -> None:
    """Both verifiers say the same rule and place."""
    file, edit, code = CHANGES[name]
    change(dropped.log / file, edit)

    found = judge(dropped)

    assert found[0] == code
    assert found[1] == (stub_file(0) if code == "dropped" else file)


def test_a_segment_that_goes_without_a_record_is_missing(yard: Yard) -> None:
    """A stub is made of a record of the log, so nobody makes one without its key."""
    (yard.log / "seg" / segment_name(0)).unlink()
    assert judge(yard) == ("segment", f"seg/{segment_name(0)}", 0)

    def forge(directory: Path) -> Receipt:
        ledger, lock = create_ledger(
            directory,
            origin=ORIGIN,
            signer=yard.signer,
            at=START,
            pin=None,
            preallocate=512,
            disk=Disk(),
        )
        ledger.close()
        lock.release()
        with AuditLog.open(directory, signer=yard.signer, now=lambda: NOW) as log:
            return log.append(encode_record({"phase": "admin", "event": "dropped"}))

    stub = forge(yard.directory / "forged").to_text()
    (yard.log / stub_file(0)).write_text(stub)
    assert judge(yard) == ("dropped", stub_file(0), None)


def test_a_stub_of_another_segment_is_refused(dropped: Yard) -> None:
    """A record drops what it names, and nothing else."""
    data = (dropped.log / stub_file(0)).read_bytes()
    last = 2 * SEGMENT_LEAVES
    (dropped.log / stub_file(last)).write_bytes(data)
    (dropped.log / "seg" / segment_name(last)).unlink()

    assert judge(dropped) == ("dropped", stub_file(last), None)


def test_the_last_segment_is_never_a_stub(dropped: Yard) -> None:
    """Somebody has to vouch for what was dropped."""
    for name in (segment_name(3 * SEGMENT_LEAVES), segment_name(2 * SEGMENT_LEAVES)):
        (dropped.log / "seg" / name).unlink()
    (dropped.log / "checkpoint").unlink()
    (dropped.log / "checkpoint").write_bytes(
        (dropped.archives[0] / "log" / "checkpoint").read_bytes()
    )

    assert judge(dropped) == ("segment", f"seg/{segment_name(SEGMENT_LEAVES)}", SEGMENT_LEAVES)


def test_a_log_that_was_cut_since_it_was_dropped_from_says_so(dropped: Yard) -> None:
    """The receipt in a stub is of a checkpoint that the log had."""
    last = f"seg/{segment_name(3 * SEGMENT_LEAVES)}"
    change(dropped.log / last, lambda data: data[:64])
    change(
        dropped.log / "checkpoint",
        lambda _: (dropped.archives[0] / "log" / "checkpoint").read_bytes(),
    )

    assert judge(dropped) == ("good", "", None)
    said = "segments were dropped at size 196619, which is not reached here"
    assert said in verify_log(dropped.log, dropped.trust).warnings
    assert said in SINGLE_FILE.verify(dropped.log, dropped.trust_file).warnings


def test_a_log_that_is_another_since_it_was_dropped_from_is_a_fork(dropped: Yard) -> None:
    """Two futures of one key cannot share a stub."""
    last = f"seg/{segment_name(3 * SEGMENT_LEAVES)}"
    change(dropped.log / last, lambda data: data[:64])
    for name in ("checkpoint", "witness"):
        (dropped.log / name).unlink(missing_ok=True)
    for _ in range(11):
        dropped.append(encode_record({"n": "another"}))

    assert judge(dropped) == ("fork", stub_file(0), None)


def test_an_archive_with_another_segment_is_refused(dropped: Yard) -> None:
    """What an archive gives back has to be what was dropped."""
    path = dropped.archives[0] / "log" / "seg" / segment_name(0)
    change(path, lambda data: data[:-40] + bytes(1) + data[-39:])
    assert judge(dropped, dropped.archives[0]) == ("dropped", f"seg/{segment_name(0)}", None)


def test_a_record_changed_in_an_archive_is_found(dropped: Yard) -> None:
    """The archive is read like the log itself."""
    path = dropped.archives[0] / "log" / "seg" / segment_name(0)
    change(path, lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:])
    assert judge(dropped, dropped.archives[0])[:2] == ("frame", f"seg/{segment_name(0)}")


def test_a_stray_stub_is_named(dropped: Yard) -> None:
    """Only stubs of segments are in the directory."""
    (dropped.log / "seg" / "x.stub").write_bytes(b"")
    assert judge(dropped) == ("stray", "seg/x.stub", None)


def test_what_was_dropped_needs_a_commit_behind_it(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A root that only a stub states is vouched for by nobody."""
    monkeypatch.setattr("govshare_policy.keeping.drop._STAY", 1)
    plan = plan_of(yard)
    kept = replace(plan, segments=plan.segments[1:], digests=plan.digests[1:])
    drop_segments(yard.log, kept, yard.append, at=NOW)
    assert judge(yard) == ("good", "", None)
    change(yard.log / f"seg/{segment_name(3 * SEGMENT_LEAVES)}", lambda data: data[:64])

    assert judge(yard) == ("dropped", stub_file(2 * SEGMENT_LEAVES), SEGMENT_LEAVES)


def test_a_witness_that_signed_within_what_was_dropped_is_not_passed_over(
    dropped: Yard, tmp_path: Path
) -> None:
    """Whether it saw this log cannot be told without the archive."""
    generate_key(tmp_path / "w.pem", b"correct horse")
    witness = open_signer(f"file:{tmp_path}/w.pem", b"correct horse")
    seen = Checkpoint.from_note(_notes(dropped.archives[0] / "log")[0])
    (dropped.log / "witness").mkdir()
    note = sign_checkpoint(seen, witness, name="w", time=1_800_000_000).to_note()
    (dropped.log / "witness" / "w").write_bytes(note)
    key = TrustKey(name="w", public=witness.public)
    trust = replace(dropped.trust, witnesses=(key,), required=1)
    (dropped.directory / "trust.toml").unlink()
    dropped.trust_file.write_text(format_trust(trust))
    watched = dropped._replace(trust=trust)

    assert judge(watched) == ("dropped", "witness/w", 0)
    assert judge(watched, dropped.archives[0]) == ("good", "", None)


def test_a_stub_by_another_key_is_refused(dropped: Yard, tmp_path: Path) -> None:
    """Whoever copies every word of the record still lacks the key of the log."""
    generate_key(tmp_path / "key.pem", b"correct horse")
    thief = open_signer(f"file:{tmp_path}/key.pem", b"correct horse")
    record = Receipt.from_text((dropped.log / stub_file(0)).read_text()).record
    with AuditLog.create(tmp_path / "own", origin=ORIGIN, signer=thief, now=lambda: NOW) as log:
        forged = log.append(record).to_text()
    change(dropped.log / stub_file(0), lambda _: forged.encode())

    assert judge(dropped) == ("dropped", stub_file(0), None)
