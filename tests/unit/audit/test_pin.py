# SPDX-License-Identifier: Apache-2.0
"""A pin only moves forward, and only from where its writer believes it is."""

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from govshare_policy.audit import FilePin, Mark
from govshare_policy.audit.disk import Disk
from govshare_policy.errors import AuditError, VerificationError

MARK = Mark(origin="one", size=3, root=bytes(range(32)))
NEXT = replace(MARK, size=4, root=bytes(32))


def test_a_pin_remembers(tmp_path: Path) -> None:
    """Nothing at first, then what it was told last."""
    pin = FilePin(path=tmp_path / "pin")

    assert pin.load() is None
    pin.advance(None, MARK)
    pin.advance(MARK, NEXT)
    assert FilePin(path=tmp_path / "pin").load() == NEXT


def test_a_pin_keeps_the_time_of_its_state(tmp_path: Path) -> None:
    """One that was written without is read as well, and overwritten."""
    pin = FilePin(path=tmp_path / "pin")
    pin.path.write_bytes(MARK.to_bytes())
    assert pin.load() == MARK
    timed = replace(MARK, time=1_767_600_000)
    pin.advance(MARK, timed)
    assert pin.load() == timed
    assert timed.to_bytes().count(b"\n") == 5


def test_a_pin_compares_before_it_swaps(tmp_path: Path) -> None:
    """A writer that lost its place does not move the pin."""
    pin = FilePin(path=tmp_path / "pin")
    pin.advance(None, NEXT)

    with pytest.raises(AuditError, match="moved by another"):
        pin.advance(MARK, NEXT)
    with pytest.raises(AuditError, match="moved by another"):
        pin.advance(None, MARK)
    with pytest.raises(AuditError, match="never goes back"):
        pin.advance(NEXT, MARK)
    with pytest.raises(AuditError, match="never goes back"):
        pin.advance(NEXT, replace(NEXT, origin="two", size=9))
    assert pin.load() == NEXT


@pytest.mark.parametrize(
    "content",
    [
        b"",
        MARK.to_bytes()[:-1],
        MARK.to_bytes() + b"\n",
        MARK.to_bytes().replace(b"\n3\n", b"\n03\n"),
        MARK.to_bytes().replace(b"one", b"o ne"),
        MARK.to_bytes().replace(b"one", b"\xff"),
        MARK.to_bytes().replace(b"/v1", b"/v2"),
        MARK.to_bytes() + b"1767600000\n",
        replace(MARK, time=5).to_bytes().replace(b"/v2", b"/v1"),
        replace(MARK, time=5).to_bytes().replace(b"\n5\n", b"\n05\n"),
        replace(MARK, time=253402300799).to_bytes().replace(b"799\n", b"800\n"),
    ],
)
def test_a_damaged_pin_is_not_an_empty_one(tmp_path: Path, content: bytes) -> None:
    """It raises; the log does not start without its memory."""
    (tmp_path / "pin").write_bytes(content)

    with pytest.raises(VerificationError):
        FilePin(path=tmp_path / "pin").load()


def advanced(path: Path, times: int) -> FilePin:
    """Return a pin that was moved so many times, to the sizes 1, 2, and so on."""
    pin, mark = FilePin(path=path), None
    for size in range(1, times + 1):
        new = replace(MARK, size=size, time=size)
        pin.advance(mark, new)
        mark = new
    return pin


@pytest.mark.parametrize("times", [1, 2, 3, 4])
@pytest.mark.parametrize("kept", [0, 1, 40, 4095])
def test_a_write_that_broke_off_leaves_the_mark_before(
    tmp_path: Path, times: int, kept: int
) -> None:
    """Only the older block is written over, and the next move is made in its place."""
    pin = advanced(tmp_path / "pin", times)
    before = pin.path.read_bytes()
    pin.advance(pin.load(), replace(MARK, size=9))
    after = pin.path.read_bytes()
    [at] = [at for at in (0, 4096) if before[at : at + 4096] != after[at : at + 4096]]
    torn = after[at : at + kept] + bytes(4096 - kept)
    pin.path.write_bytes(before[:at] + torn + before[at + 4096 :])

    last = replace(MARK, size=times, time=times)
    assert pin.load() == last
    pin.advance(last, replace(MARK, size=10))
    assert pin.load() == replace(MARK, size=10)


def test_a_file_of_two_blocks_has_to_make_sense(tmp_path: Path) -> None:
    """Whatever no sequence of moves leaves behind is not taken for one."""
    pin = advanced(tmp_path / "pin", 4)
    data = pin.path.read_bytes()
    advanced(tmp_path / "longer", 6)
    longer = (tmp_path / "longer").read_bytes()
    one = data.index(b"\n4\n")
    for content, said in [
        (data[:-1], "two blocks"),
        (data + b"\n", "two blocks"),
        (data[4096:] + data[:4096], "place of the other"),
        (data[:4096] + longer[4096:], "do not follow"),
        (bytes(8192), "neither block"),
        (data.replace(b"govshare-pin/v3", b"govshare-pin/v4"), "neither block"),
    ]:
        pin.path.write_bytes(content)
        with pytest.raises(VerificationError, match=said):
            pin.load()
    # One changed digit: the block is not whole, and the one before it stands.
    pin.path.write_bytes(data[:one] + b"\n5\n" + data[one + 3 :])
    assert pin.load() == replace(MARK, size=3, time=3)


class WornDisk(Disk):
    """Syncs three times, and then takes what is written and fails to sync it."""

    def __init__(self) -> None:
        self.syncs = 3

    def datasync(self, fd: int) -> None:
        self.syncs -= 1
        if self.syncs < 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().datasync(fd)


def test_nothing_is_built_on_a_block_that_may_not_be_on_the_disk(tmp_path: Path) -> None:
    """What another process failed to sync is read from memory, and is gone with the power."""
    path = tmp_path / "pin"
    pin = FilePin(path=path, disk=WornDisk())
    for size in range(1, 4):
        pin.advance(pin.load(), replace(MARK, size=size))
    with pytest.raises(AuditError, match="cannot be written"):
        pin.advance(replace(MARK, size=3), replace(MARK, size=4))
    assert pin.load() == replace(MARK, size=4)

    again = FilePin(path=path)
    again.advance(replace(MARK, size=4), replace(MARK, size=5))
    assert path.read_bytes()[4096:] == b"\n" * 4096, "the file was replaced whole"
    whole = path.read_bytes()[:4096]
    again.advance(replace(MARK, size=5), replace(MARK, size=6))
    assert path.read_bytes()[:4096] == whole, "what is on the disk is left to the last"
    assert again.load() == replace(MARK, size=6)


def test_a_reader_beside_a_writer_does_not_take_it_for_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two blocks are read one after the other, and the writer may be quicker."""
    older = advanced(tmp_path / "older", 3).path.read_bytes()
    pin = advanced(tmp_path / "pin", 6)
    newer = pin.path.read_bytes()
    seen: Iterator[bytes] = iter([older[:4096] + newer[4096:], newer])
    monkeypatch.setattr(os, "read", lambda _fd, _count: next(seen))
    assert pin.load() == replace(MARK, size=6, time=6)


def test_a_pin_of_the_older_form_becomes_one_of_two_blocks(tmp_path: Path) -> None:
    """Once it is moved."""
    pin = FilePin(path=tmp_path / "pin")
    pin.path.write_bytes(replace(MARK, time=5).to_bytes())
    pin.advance(replace(MARK, time=5), NEXT)
    assert pin.load() == NEXT
    assert pin.path.stat().st_size == 8192


def test_a_pin_that_fails_says_so(tmp_path: Path) -> None:
    """Neither a read nor a write that fails passes for done."""
    (tmp_path / "pin").mkdir()
    with pytest.raises(AuditError, match="`pin` cannot be read"):
        FilePin(path=tmp_path / "pin").load()
    with pytest.raises(AuditError, match="`pin` cannot be written"):
        FilePin(path=tmp_path / "none" / "pin").advance(None, MARK)


def test_a_mark_is_a_size_and_a_root() -> None:
    """Our own mistakes are not marks."""
    with pytest.raises(ValueError, match="32 bytes"):
        Mark(origin="one", size=0, root=b"")
    with pytest.raises(ValueError, match="32 bytes"):
        Mark(origin="one", size=-1, root=bytes(32))
