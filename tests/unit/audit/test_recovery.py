# SPDX-License-Identifier: Apache-2.0
"""Taking up a log: a torn tail is put aside and recorded, anything else is refused."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from govshare_policy.audit import (
    AuditLog,
    Damage,
    FilePin,
    LogDamageError,
    TrustPolicy,
    encode_record,
    parse_record,
    read_records,
    verify_log,
)
from govshare_policy.audit.segment import FrameReader, Kind, encode_frame
from govshare_policy.crypto import Signer, sm3
from govshare_policy.errors import AuditError

ORIGIN = "audit.example/one"
SEGMENT = "seg/00000000000000000000.seg"
Open = Callable[..., AuditLog]


@pytest.fixture
def log(create: Callable[[], AuditLog], tmp_path: Path) -> Path:
    """A closed log of four records, one commit each."""
    with create() as writer:
        for number in range(1, 4):
            writer.append(encode_record({"n": number, "text": "x" * 1200}))
    return tmp_path / "log"


@pytest.fixture
def reopen(log: Path, signer: Signer, clock: Callable[[], datetime]) -> Open:
    def start(pin: FilePin | None = None) -> AuditLog:
        return AuditLog.open(log, signer=signer, now=clock, pin=pin, preallocate=1024)

    return start


def frames(log: Path) -> list[tuple[int, int, int, bytes]]:
    """Return (kind, start, end, payload) of every frame."""
    with (log / SEGMENT).open("rb") as file:
        return [(f.kind, f.offset, f.end, f.payload) for f in FrameReader(file)]


def commits(log: Path) -> list[tuple[int, int, int, bytes]]:
    return [frame for frame in frames(log) if frame[0] == Kind.COMMIT]


def snapshot(log: Path) -> dict[str, bytes]:
    files = (path for path in log.rglob("*") if path.is_file())
    return {str(path.relative_to(log)): path.read_bytes() for path in files}


def write_at(log: Path, offset: int, data: bytes) -> None:
    with (log / SEGMENT).open("r+b") as file:
        file.seek(offset)
        file.write(data)


RECORD = encode_frame(Kind.ENTRY, b'{"never":"vouched for"}')
TAILS = {
    "a byte": b"\1",
    "garbage": b"garbage" * 500,
    "half a frame": RECORD[:-3],
    "a record without a commit": RECORD,
    "a record and zeros and more": RECORD + bytes(700) + b"more",
    "a commit of nothing": encode_frame(Kind.COMMIT, b"elsewhere\n1\n"),
    "a seal too early": encode_frame(Kind.SEAL, bytes(55) + b"\1"),
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_a_torn_tail_is_put_aside_and_recorded(
    log: Path, reopen: Open, trust: TrustPolicy, tail: bytes
) -> None:
    """Not a byte of it is lost, and not a byte of it is believed."""
    *_, (_, _, end, _) = frames(log)
    write_at(log, end, tail)

    with reopen() as writer:
        assert writer.size == 5
        assert writer.append(encode_record({"n": 4})).index == 5

    [kept] = (log / "quarantine").iterdir()
    assert kept.read_bytes() == tail
    record = parse_record(list(read_records(log))[4][1])
    assert (record["phase"], record["event"]) == ("recovery", "torn_tail")
    assert (record["file"], record["bytes"]) == (kept.name, len(tail))
    assert record["sm3"] == sm3(tail).hex()
    verdict = verify_log(log, trust)
    assert (verdict.size, verdict.warnings) == (6, ())


def test_a_clean_log_is_taken_up_without_a_record(log: Path, reopen: Open) -> None:
    """Opening and closing changes nothing."""
    before = snapshot(log)
    reopen().close()
    assert snapshot(log) == before


def test_a_log_that_was_copied_without_its_empty_directory_recovers(
    log: Path, reopen: Open
) -> None:
    """Archives leave such directories out."""
    (log / "quarantine").rmdir()
    write_at(log, frames(log)[-1][2], b"torn")
    reopen().close()
    assert len(list((log / "quarantine").iterdir())) == 1


def refused(
    log: Path, reopen: Open, kind: Damage, says: str, pin: FilePin | None = None
) -> LogDamageError:
    """Check that the log does not open, and stays as it is."""
    before = snapshot(log)
    with pytest.raises(LogDamageError, match=says) as caught:
        reopen(pin)
    assert caught.value.kind is kind
    assert snapshot(log) == before
    return caught.value


@pytest.mark.parametrize("number", range(1, 4))
def test_damage_before_a_commit_is_refused_by_its_record(
    log: Path, reopen: Open, number: int
) -> None:
    """Also in the last batch: a bit that rots there was vouched for."""
    entries = [frame for frame in frames(log) if frame[0] == Kind.ENTRY]
    _, start, _, _ = entries[number]
    write_at(log, start + 20, b"\0")

    error = refused(log, reopen, Damage.FRAME, "crc of the frame is wrong, but a commit follows")

    assert (error.index, error.part.file, error.part.offset) == (number, SEGMENT, start)


def test_a_rotten_last_commit_is_refused(log: Path, reopen: Open) -> None:
    """The checkpoint file is ahead of what is left."""
    write_at(log, commits(log)[-1][1] + 40, b"\0")

    error = refused(log, reopen, Damage.SHORT, "ends at size 3, its checkpoint is of 4")

    assert error.index == 3


def test_a_log_cut_at_a_commit_is_refused(log: Path, reopen: Open) -> None:
    """By its own checkpoint file, or where that was set back, by the pin."""
    (log / SEGMENT).write_bytes((log / SEGMENT).read_bytes()[: commits(log)[1][2]])
    refused(log, reopen, Damage.SHORT, "ends at size 2, its checkpoint is of 4")


def test_a_sector_lost_from_the_last_write_is_a_torn_tail(
    log: Path, reopen: Open, trust: TrustPolicy
) -> None:
    """If nothing that was published covers it; a power cut does not keep the order of sectors."""
    _, start, end, _ = frames(log)[-2]
    older = commits(log)[-2][3]
    hole = -(-start // 512) * 512
    assert hole + 512 < end
    write_at(log, hole, bytes(512))
    refused(log, reopen, Damage.SHORT, "its checkpoint is of 4")

    (log / "checkpoint").write_bytes(older)
    with reopen() as writer:
        assert writer.size == 4
    assert verify_log(log, trust).size == 4


def test_the_rest_of_a_sector_may_be_lost(log: Path, reopen: Open) -> None:
    """The one in which the last commit ends."""
    _, _, end, older = commits(log)[-2]
    (log / "checkpoint").write_bytes(older)
    write_at(log, end, bytes(-end % 512))
    with reopen() as writer:
        assert writer.size == 4


def test_a_hole_that_no_sector_explains_is_damage(log: Path, reopen: Open) -> None:
    """Zeros in the middle of a sector were not left by a power cut."""
    _, start, _, _ = frames(log)[-2]
    older = commits(log)[-2][3]
    (log / "checkpoint").write_bytes(older)
    write_at(log, start + 16, bytes(300))
    refused(log, reopen, Damage.FRAME, "but a commit follows")


def test_a_lost_sector_under_two_commits_is_damage(log: Path, reopen: Open) -> None:
    """The first of them was synced before the second was written."""
    _, start, _, _ = [frame for frame in frames(log) if frame[0] == Kind.ENTRY][2]
    hole = -(-start // 512) * 512
    (log / "checkpoint").write_bytes(commits(log)[1][3])
    write_at(log, hole, bytes(512))
    refused(log, reopen, Damage.FRAME, "but a commit follows")


def test_a_damaged_checkpoint_file_is_refused_with_a_way_out(log: Path, reopen: Open) -> None:
    """It holds nothing that the segments do not hold."""
    (log / "checkpoint").write_bytes(b"damaged")
    refused(log, reopen, Damage.CHECKPOINT, "move the file away")
    (log / "checkpoint").unlink()
    reopen().close()
    assert (log / "checkpoint").read_bytes() == commits(log)[-1][3]


def test_a_checkpoint_of_elsewhere_is_refused(log: Path, reopen: Open) -> None:
    """Of another log, or of another future of this one."""
    good = (log / "checkpoint").read_bytes()
    (log / "checkpoint").write_bytes(good.replace(ORIGIN.encode(), b"audit.example/two"))
    refused(log, reopen, Damage.CHECKPOINT, "of another log")
    root = good.split(b"\n")[2]
    (log / "checkpoint").write_bytes(good.replace(root, b"A" * 43 + b"="))
    refused(log, reopen, Damage.FORK, "not the last commit of this log")


def test_a_log_is_damaged_without_its_parts(log: Path, reopen: Open) -> None:
    """Each is named."""
    good = (log / SEGMENT).read_bytes()
    for data, kind, says in (
        (b"", Damage.SEGMENT, "no header"),
        (encode_frame(Kind.ENTRY, b"{}"), Damage.SEGMENT, "no header"),
        (b"x" + good[1:], Damage.SEGMENT, "no header"),
        (good[:64], Damage.SEGMENT, "the log has no commit"),
    ):
        (log / SEGMENT).write_bytes(data)
        refused(log, reopen, kind, says)
    (log / SEGMENT).write_bytes(good)
    manifest = (log / "log.json").read_bytes()
    (log / "log.json").write_bytes(b"{}\n")
    refused(log, reopen, Damage.MANIFEST, "keys of this format")
    digit = manifest.index(b'"genesis":"') + 11
    wrong = b"0" if manifest[digit : digit + 1] != b"0" else b"1"
    (log / "log.json").write_bytes(manifest[:digit] + wrong + manifest[digit + 1 :])
    refused(log, reopen, Damage.SEGMENT, "of another segment")
    (log / "log.json").unlink()
    with pytest.raises(AuditError, match="cannot be opened: no such file"):
        reopen()


def repaired(log: Path, number: int, old: bytes, new: bytes) -> None:
    """Change a frame and its crc."""
    kind, start, end, payload = frames(log)[number]
    assert old in payload
    data = (log / SEGMENT).read_bytes()
    frame = encode_frame(Kind(kind), payload.replace(old, new))
    (log / SEGMENT).write_bytes(data[:start] + frame + data[end:])


def test_a_forged_record_is_refused(log: Path, reopen: Open) -> None:
    """With every crc repaired, the root does not fit."""
    repaired(log, 3, b'"n":1', b'"n":7')
    refused(log, reopen, Damage.ROOT, "root that was signed last")


def test_a_forged_commit_is_refused(log: Path, reopen: Open) -> None:
    """Its size, or its signature."""
    last = len(frames(log)) - 1
    repaired(log, last, b"\n4\n", b"\n5\n")
    refused(log, reopen, Damage.NOTE, "another log or size")
