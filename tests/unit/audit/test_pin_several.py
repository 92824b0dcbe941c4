# SPDX-License-Identifier: Apache-2.0
"""Several pins: each of them can refuse the log, and a crash between two of them does no harm."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from govshare_policy.audit import (
    AuditLog,
    Damage,
    FilePin,
    LogDamageError,
    Mark,
    Pin,
    encode_record,
)
from govshare_policy.audit.pin_several import SeveralPins
from govshare_policy.crypto import Signer
from govshare_policy.errors import AuditError

MARK = Mark(origin="one", size=3, root=bytes(range(32)), time=5)
NEXT = replace(MARK, size=4, root=bytes(32), time=6)
Open = Callable[..., AuditLog]


@pytest.fixture
def here(tmp_path: Path) -> FilePin:
    return FilePin(path=tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> FilePin:
    return FilePin(path=tmp_path / "there")


@pytest.fixture
def pins(here: FilePin, there: FilePin) -> SeveralPins:
    return SeveralPins([here, there])


@pytest.fixture
def reopen(
    create: Open, tmp_path: Path, signer: Signer, clock: Callable[[], datetime], pins: SeveralPins
) -> Open:
    """Open a log of one record with both pins."""
    create().close()

    def start(pin: Pin = pins) -> AuditLog:
        return AuditLog.open(tmp_path / "log", signer=signer, now=clock, pin=pin)

    return start


def test_all_are_moved_and_the_furthest_counts(
    pins: SeveralPins, here: FilePin, there: FilePin
) -> None:
    assert pins.load() is None
    pins.advance(None, MARK)
    assert (here.load(), there.load()) == (MARK, MARK)
    here.advance(MARK, NEXT)
    assert pins.load() == NEXT
    assert pins.load_all() == (NEXT, MARK)


def test_one_that_is_behind_is_brought_up(pins: SeveralPins, here: FilePin, there: FilePin) -> None:
    """A crash came between the two moves, or a pin was added later."""
    last = replace(NEXT, size=9)
    here.advance(None, NEXT)
    assert pins.load() == NEXT
    pins.advance(NEXT, last)
    assert (here.load(), there.load()) == (last, last)


def test_one_that_was_moved_by_another_stops_all(pins: SeveralPins, there: FilePin) -> None:
    pins.load()
    pins.advance(None, MARK)
    there.advance(MARK, NEXT)
    with pytest.raises(AuditError, match="the pin `there` was moved by another writer"):
        pins.advance(MARK, replace(NEXT, root=MARK.root))
    with pytest.raises(AuditError, match="the pins `here`, `there` were moved by another writer"):
        pins.advance(MARK, NEXT)


def test_a_log_has_to_agree_with_every_pin(reopen: Open, here: FilePin, there: FilePin) -> None:
    """Also with the one that is behind: a fork that is longer does not hide it."""
    with reopen() as log:
        log.append(encode_record({"n": 1}))
    assert here.load() == there.load()
    mark = there.load()
    assert mark is not None
    there.path.write_bytes(replace(mark, root=bytes(32)).to_bytes())
    with reopen(here) as log:
        log.append(encode_record({"n": 2}))
    with pytest.raises(LogDamageError, match="at size 2 the log is not the pinned one") as caught:
        reopen()
    assert caught.value.kind is Damage.FORK


def test_a_log_shorter_than_any_pin_is_refused(reopen: Open, there: FilePin) -> None:
    reopen().close()
    mark = there.load()
    assert mark is not None
    there.path.write_bytes(replace(mark, size=7).to_bytes())
    with pytest.raises(LogDamageError, match="ends at size 1 but its pin is at 7"):
        reopen()


def test_one_pin_that_cannot_be_read_stops_the_opening(reopen: Open, there: FilePin) -> None:
    reopen().close()
    there.path.unlink()
    there.path.mkdir()
    with pytest.raises(AuditError, match="the pin `there` cannot be read"):
        reopen()


def test_no_pins_are_no_pin() -> None:
    with pytest.raises(ValueError, match="at least one"):
        SeveralPins([])
