# SPDX-License-Identifier: Apache-2.0
"""Dropping: only what is in verified copies goes, the log says so first, and still verifies."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    Damage,
    LogDamageError,
    LogTree,
    Receipt,
    encode_record,
    read_records,
    verify_log,
    verify_range,
    verify_receipt,
)
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.layout import stub_file
from govshare_policy.audit.segment import SEGMENT_LEAVES, FrameReader, Kind, segment_name
from govshare_policy.audit.start import create_ledger
from govshare_policy.errors import AuditError, CallError, VerificationError
from govshare_policy.keeping import Plan, drop_segments, plan_drop
from tests.conformance.verdicts import load_single_file
from tests.unit.keeping.conftest import (
    NOW,
    ORIGIN,
    START,
    TERM,
    Yard,
    change,
    copy_yard,
)

LATE = datetime(2040, 1, 1, tzinfo=UTC)
SINGLE_FILE = load_single_file()


def plan_of(yard: Yard, *, before: datetime = LATE, at: datetime = NOW, least: int = 1) -> Plan:
    return plan_drop(
        yard.log, yard.archives, trust=yard.trust, term=TERM, before=before, at=at, least=least
    )


def drop(yard: Yard, *, before: datetime = LATE) -> tuple[Receipt, ...]:
    return drop_segments(yard.log, plan_of(yard, before=before), yard.append, at=NOW)


@pytest.fixture(scope="module")
def gone(made: Yard, tmp_path_factory: pytest.TempPathFactory) -> Yard:
    """The log without its first two segments."""
    yard = copy_yard(made, tmp_path_factory.mktemp("gone"))
    drop(yard)
    return yard


@pytest.fixture
def dropped(gone: Yard, tmp_path: Path) -> Yard:
    """The same, to be changed."""
    return copy_yard(gone, tmp_path)


def judge(yard: Yard, *archives: Path) -> tuple[str, str, int | None]:
    """Return what both verifiers say, which has to be the same: code, file, index."""
    logs = [path / "log" for path in archives]
    try:
        verify_log(yard.log, yard.trust, archives=logs)
    except LogDamageError as error:
        first = (error.kind.value, error.part.file, error.index)
    else:
        first = ("good", "", None)
    try:
        SINGLE_FILE.verify(yard.log, yard.trust_file, archives=list(archives))
    except SINGLE_FILE.BadLogError as bad:
        second = (bad.code, bad.file, bad.index)
    else:
        second = ("good", "", None)
    assert second == first
    return first


def test_only_the_two_last_segments_and_the_open_one_stay(yard: Yard) -> None:
    """The first two go; the third, the last that is full, has the commit the writer may need."""
    (receipt,) = drop(yard)

    assert sorted(path.name for path in (yard.log / "seg").iterdir()) == [
        "00000000000000000000.stub",
        "00000000000000065536.stub",
        "00000000000000131072.seg",
        "00000000000000196608.seg",
    ]
    record = json.loads(receipt.record)
    assert (record["phase"], record["event"]) == ("admin", "dropped")
    assert (record["keep_until"], record["clause"]) == ("2029-01-07", "NR-a29-01")
    assert len(record["copies"]) == len(yard.archives)
    verify_receipt(receipt, yard.trust)


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


def test_a_drop_that_broke_off_is_done_again(yard: Yard) -> None:
    """A segment beside its stub counts, and is said; dropping again ends it."""

    class Failing(Disk):
        def remove(self, path: Path) -> None:
            raise OSError(5, "i/o")

    with pytest.raises(OSError, match="i/o"):
        drop_segments(yard.log, plan_of(yard), yard.append, at=NOW, disk=Failing())

    verdict = verify_log(yard.log, yard.trust)
    said = "`seg/00000000000000000000.stub` says that the segment was dropped, but it is there"
    assert (verdict.unread, verdict.warnings) == ((), (said,))
    assert judge(yard) == ("good", "", None)
    drop(yard)
    assert len(verify_log(yard.log, yard.trust).unread) == 1


def test_without_a_record_nothing_goes(yard: Yard) -> None:
    """A log that cannot be written keeps its segments."""

    def refuse(_: bytes) -> Receipt:
        raise AuditError("the log stopped")

    with pytest.raises(AuditError, match="the log stopped"):
        drop_segments(yard.log, plan_of(yard), refuse, at=NOW)
    assert (yard.log / "seg" / segment_name(0)).exists()
    assert not list((yard.log / "seg").glob("*.stub"))


def test_what_is_younger_stays(yard: Yard) -> None:
    """Only segments whose last checkpoint is older go."""
    plan = plan_of(yard, before=START + timedelta(days=1))
    assert [segment.first for segment in plan.segments] == [0]
    with pytest.raises(CallError, match="no segment that may be dropped is that old"):
        plan_of(yard, before=START)


def test_within_the_term_two_copies_are_needed_whatever_is_asked(yard: Yard) -> None:
    """Afterwards one is enough."""
    with pytest.raises(CallError, match="2 verified copies have to be at hand, and 1 are named"):
        plan_drop(
            yard.log,
            yard.archives[:1],
            trust=yard.trust,
            term=TERM,
            before=LATE,
            at=NOW,
            least=1,
        )
    plan = plan_drop(
        yard.log, yard.archives[:1], trust=yard.trust, term=TERM, before=LATE, at=LATE, least=1
    )
    assert plan.keep_until < LATE.date()
    with pytest.raises(CallError, match="3 verified copies"):
        plan_of(yard, least=3)


def test_one_copy_does_not_count_twice(yard: Yard) -> None:
    """Nor does one inside the other, or the log itself."""
    (yard.directory / "link").symlink_to(yard.archives[0])
    for places in (
        [yard.archives[0], yard.archives[0]],
        [yard.archives[0], yard.directory / "link"],
        [yard.archives[0], yard.archives[0] / "log"],
        [yard.archives[0], yard.log],
    ):
        with pytest.raises(CallError, match="in places of their own"):
            plan_drop(yard.log, places, trust=yard.trust, term=TERM, before=LATE, at=NOW)


def test_a_copy_that_was_changed_or_lacks_a_segment_stops_everything(yard: Yard) -> None:
    """Every copy is verified whole at that moment."""
    path = yard.archives[1] / "log" / "seg" / segment_name(0)
    data = path.read_bytes()
    change(path, lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:])
    with pytest.raises(VerificationError, match="is not the file that was listed"):
        plan_of(yard)
    path.unlink()
    with pytest.raises(VerificationError, match="is missing"):
        plan_of(yard)
    path.write_bytes(data)
    plan_of(yard)
