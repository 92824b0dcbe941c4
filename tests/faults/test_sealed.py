# SPDX-License-Identifier: Apache-2.0
"""Taking up a log of several segments: only the last one is read, and the seals have to fit."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, Damage, FilePin, LogDamageError, Mark, read_records
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.segment import Kind, Seal, encode_frame, segment_name
from govshare_policy.audit.start import create_ledger
from tests.faults.support import ORIGIN, Laboratory

FIRST, SECOND = segment_name(0), segment_name(65536)


@pytest.fixture(scope="session")
def sealed(lab: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Mark]]:
    """A log that has just begun its second segment, and its marks; never changed."""
    path = tmp_path_factory.mktemp("sealed") / "log"
    ledger, lock = create_ledger(
        path,
        origin=ORIGIN,
        signer=lab.signer,
        at=lab.now(),
        pin=None,
        preallocate=512,
        disk=Disk(),
    )
    marks = []
    for count in (60_000, 5_535):
        last = ledger.commit([b"{}"] * count, lab.now()).checkpoint
        marks.append(Mark(origin=last.origin, size=last.size, root=last.root))
        ledger.rotate_if_full()
    ledger.publish()
    ledger.close()
    lock.release()
    return path, marks


@pytest.fixture
def log(sealed: tuple[Path, list[Mark]], tmp_path: Path) -> Path:
    shutil.copytree(sealed[0], tmp_path / "log")
    return tmp_path / "log"


def change(path: Path, place: int, data: bytes) -> None:
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place : place + len(data)] = data
    path.write_bytes(content)


def test_a_segment_that_has_just_begun_goes_on(lab: Laboratory, log: Path) -> None:
    """Its last commit stands in the one before."""
    with lab.open(log) as writer:
        assert writer.size == 65_536
    lab.check(log, [])
    assert sum(1 for _ in read_records(log)) == 65_537


@pytest.mark.parametrize(
    "torn",
    [
        lambda _: b"",
        lambda _: bytes(200),
        lambda seal: seal[:-20],
        lambda seal: seal + bytes(300),
        lambda seal: seal + b"torn",
    ],
    ids=["none", "free space", "half of it", "not cut", "a tail behind"],
)
def test_a_seal_that_was_lost_is_written_anew(
    lab: Laboratory, log: Path, torn: Callable[[bytes], bytes]
) -> None:
    """As is the next segment; the same bytes come out."""
    whole = (log / "seg" / FIRST).read_bytes()
    (log / "seg" / FIRST).write_bytes(whole[:-64] + torn(whole[-64:]))
    (log / "seg" / SECOND).unlink()
    lab.open(log).close()
    assert (log / "seg" / FIRST).read_bytes() == whole
    lab.check(log, [])


DAMAGES: dict[str, tuple[Callable[[Path], None], Damage, str]] = {
    "a header is damaged": (
        lambda p: change(p / "seg" / FIRST, 20, b"\1"),
        Damage.SEGMENT,
        "no header at byte 0",
    ),
    "a header is of another segment": (
        lambda p: change(p / "seg" / FIRST, 0, (p / "seg" / SECOND).read_bytes()[:64]),
        Damage.SEGMENT,
        "of another segment",
    ),
    "a seal is damaged": (
        lambda p: change(p / "seg" / FIRST, -1, b"\1"),
        Damage.SEGMENT,
        "no seal at byte",
    ),
    "a seal has another root": (
        lambda p: change(p / "seg" / FIRST, -64, Seal(commit_offset=0, root=bytes(32)).to_frame()),
        Damage.SEGMENT,
        "no commit at byte 0",
    ),
    "the seals do not add up": (
        lambda p: reseal(p / "seg" / FIRST),
        Damage.ROOT,
        "root that was signed last",
    ),
    "the last header is of another segment": (
        lambda p: change(p / "seg" / SECOND, 0, (p / "seg" / FIRST).read_bytes()[:64]),
        Damage.SEGMENT,
        "of another segment",
    ),
    "the last segment has no header": (
        lambda p: change(p / "seg" / SECOND, 0, encode_frame(Kind.ENTRY, b"{}")),
        Damage.SEGMENT,
        "no header",
    ),
}


def reseal(path: Path) -> None:
    data = path.read_bytes()
    seal = Seal.from_payload(data[-56:])
    forged = Seal(commit_offset=seal.commit_offset, root=bytes(32))
    path.write_bytes(data[:-64] + forged.to_frame())


@pytest.mark.parametrize(("spoil", "kind", "says"), DAMAGES.values(), ids=DAMAGES)
def test_damage_at_the_border_is_refused(
    lab: Laboratory, log: Path, spoil: Callable[[Path], None], kind: Damage, says: str
) -> None:
    """By the file, with nothing changed."""
    spoil(log)
    before = [path.read_bytes() for path in sorted((log / "seg").iterdir())]
    with pytest.raises(LogDamageError, match=says) as caught:
        lab.open(log)
    assert caught.value.kind is kind
    assert [path.read_bytes() for path in sorted((log / "seg").iterdir())] == before


def test_a_pin_may_lie_in_an_older_segment(
    lab: Laboratory, log: Path, sealed: tuple[Path, list[Mark]], tmp_path: Path
) -> None:
    """The root there is computed from the records, not taken from a commit."""
    with lab.open(log) as writer:
        writer.append(b"{}")
    for mark in sealed[1]:
        pin = FilePin(path=tmp_path / "pin")
        pin.path.write_bytes(mark.to_bytes())
        AuditLog.open(log, signer=lab.signer, now=lab.now, pin=pin).close()
        other = Mark(origin=mark.origin, size=mark.size - 1, root=mark.root)
        pin.path.write_bytes(other.to_bytes())
        with pytest.raises(LogDamageError, match=f"at size {mark.size - 1} the log is not"):
            AuditLog.open(log, signer=lab.signer, now=lab.now, pin=pin)


def test_reading_stops_at_a_damaged_segment(log: Path) -> None:
    """The records before it are read; those behind it would have the wrong numbers."""
    change(log / "seg" / FIRST, -40, b"\1")
    with pytest.raises(LogDamageError, match="crc") as caught:
        list(read_records(log))
    assert caught.value.index == 65_536
