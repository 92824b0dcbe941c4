# SPDX-License-Identifier: Apache-2.0
"""A pin only moves forward, and only from where its writer believes it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from govshare_policy.audit import FilePin, Mark
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
