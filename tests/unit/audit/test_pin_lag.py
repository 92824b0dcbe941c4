# SPDX-License-Identifier: Apache-2.0
"""A pin with a lag: never further behind than it may be, and not at all once it is closed."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import pytest

from govshare_policy.audit import FilePin, Mark
from govshare_policy.audit.pin_lag import Lag, LaggedPin
from govshare_policy.audit.pin_several import SeveralPins
from govshare_policy.errors import AuditError

MARK = Mark(origin="one", size=3, root=bytes(range(32)), time=5)
NEXT = replace(MARK, size=4)
LAST = replace(MARK, size=9)


class Store:
    """A pin in memory whose moves wait until they are let, and fail as told."""

    name = "store"

    def __init__(self, mark: Mark | None = MARK) -> None:
        self.mark = mark
        self.let = threading.Event()
        self.let.set()
        self.down = False
        self.moves: list[Mark] = []
        self.closed = 0

    def load(self) -> Mark | None:
        if self.down:
            raise AuditError("the store is down")
        return self.mark

    def advance(self, old: Mark | None, new: Mark) -> None:
        assert self.let.wait(60)
        self.moves.append(new)
        if self.down:
            raise AuditError("the store is down")
        if self.mark != old:
            raise AuditError("moved by another writer")
        self.mark = new

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.let.set()


@pytest.fixture
def lagged(store: Store) -> LaggedPin:
    pin = LaggedPin(store, Lag(records=100, seconds=60))
    assert pin.load() == MARK
    return pin


def wait_until(done: Callable[[], object]) -> None:
    until = monotonic() + 60
    while not done():
        assert monotonic() < until
        sleep(0.005)


def test_a_move_is_not_waited_for(lagged: LaggedPin, store: Store) -> None:
    """And what came meanwhile is one move."""
    store.let.clear()
    lagged.advance(MARK, NEXT)
    wait_until(lambda: lagged._thread is not None)
    for size in range(5, 10):
        lagged.advance(replace(MARK, size=size - 1), replace(MARK, size=size))
    assert store.mark == MARK
    store.let.set()
    lagged.close()
    assert store.mark == LAST
    assert len(store.moves) <= 2


def test_closing_catches_up(lagged: LaggedPin, store: Store) -> None:
    lagged.advance(MARK, NEXT)
    lagged.advance(NEXT, LAST)
    lagged.close()
    lagged.close()
    assert store.mark == LAST
    assert store.closed == 2


def test_closing_without_a_move_closes_the_store(lagged: LaggedPin, store: Store) -> None:
    lagged.close()
    assert store.closed == 1
    assert store.moves == []


def test_a_commit_beyond_the_records_waits(store: Store) -> None:
    """Nothing is acknowledged that a backup could lack with more than so many others."""
    pin = LaggedPin(store, Lag(records=5, seconds=60))
    pin.load()
    store.let.clear()
    pin.advance(MARK, replace(MARK, size=8))
    done = threading.Event()

    def beyond() -> None:
        pin.advance(replace(MARK, size=8), LAST)
        done.set()

    thread = threading.Thread(target=beyond)
    thread.start()
    assert not done.wait(0.2)
    store.let.set()
    assert done.wait(60)
    thread.join()
    assert store.mark in (replace(MARK, size=8), LAST)
    pin.close()
    assert store.mark == LAST


def test_a_commit_beyond_the_time_fails_and_so_does_every_other(store: Store) -> None:
    pin = LaggedPin(store, Lag(records=100, seconds=0.5))
    pin.load()
    store.let.clear()
    pin.advance(MARK, NEXT)
    sleep(0.6)
    for _ in range(2):
        with pytest.raises(AuditError, match=r"the pin `store` is more than 0\.5 s behind"):
            pin.advance(NEXT, LAST)
    store.let.set()
    pin.close()
    assert store.mark == NEXT


def test_a_wait_for_room_ends_with_the_time(store: Store) -> None:
    """A store that stands still cannot hold a commit for ever."""
    pin = LaggedPin(store, Lag(records=1, seconds=0.2))
    pin.load()
    store.let.clear()
    with pytest.raises(AuditError, match=r"more than 0\.2 s behind"):
        pin.advance(MARK, LAST)
    store.let.set()


def test_a_store_that_comes_back_in_time_is_caught_up(lagged: LaggedPin, store: Store) -> None:
    store.down = True
    lagged.advance(MARK, NEXT)
    wait_until(lambda: len(store.moves) == 1)
    lagged.advance(NEXT, LAST)
    store.down = False
    wait_until(lambda: store.mark == LAST)
    lagged.close()


def test_a_store_that_stays_away_ends_it(store: Store) -> None:
    """Closing says what is not pinned, and why."""
    pin = LaggedPin(store, Lag(records=100, seconds=1.0))
    pin.load()
    store.down = True
    pin.advance(MARK, NEXT)
    for _ in range(2):
        with pytest.raises(AuditError, match="the store is down"):
            pin.close()
    assert store.closed == 2
    assert store.mark == MARK


def test_a_mark_of_another_writer_is_found_after_a_failure(lagged: LaggedPin, store: Store) -> None:
    """It is not overwritten, and every later move fails."""
    other = replace(NEXT, root=bytes(32))
    store.mark = other
    lagged.advance(MARK, NEXT)
    wait_until(lambda: lagged._failure is not None)
    with pytest.raises(AuditError, match="the pin `store` was moved by another writer"):
        lagged.advance(NEXT, LAST)
    with pytest.raises(AuditError, match="moved by another writer"):
        lagged.close()
    assert store.mark == other


def test_the_first_mark_of_a_log_is_waited_for() -> None:
    """A pin that somebody else has taken is known before the log exists."""
    store = Store(None)
    pin = LaggedPin(store, Lag(records=100, seconds=60))
    assert pin.load() is None
    pin.advance(None, MARK)
    assert store.mark == MARK
    other = LaggedPin(store, Lag(records=100, seconds=60))
    with pytest.raises(AuditError, match="moved by another writer"):
        other.advance(None, NEXT)


def test_a_writer_that_lost_its_place_does_not_move_it(lagged: LaggedPin) -> None:
    with pytest.raises(AuditError, match="the pin `store` was moved by another writer"):
        lagged.advance(NEXT, LAST)
    lagged.advance(MARK, NEXT)
    with pytest.raises(AuditError, match="moved by another writer"):
        lagged.advance(MARK, LAST)
    with pytest.raises(AuditError, match="never goes back"):
        lagged.advance(NEXT, MARK)
    lagged.close()


def test_pins_that_a_failure_left_apart_are_brought_together(tmp_path: Path) -> None:
    """The first was moved and the second not: trying again moves the second."""
    first, store = FilePin(path=tmp_path / "first"), Store()
    first.advance(None, MARK)
    pin = LaggedPin(SeveralPins([first, store]), Lag(records=100, seconds=60))
    pin.load()
    store.down = True
    pin.advance(MARK, NEXT)
    wait_until(lambda: store.moves)
    assert (first.load(), store.mark) == (NEXT, MARK)
    store.down = False
    pin.close()
    assert (first.load(), store.load()) == (NEXT, NEXT)


@pytest.mark.parametrize(("records", "seconds"), [(0, 1.0), (1, 0.0), (-1, 1.0), (1, float("nan"))])
def test_a_lag_is_something(records: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="at least one record"):
        Lag(records=records, seconds=seconds)
