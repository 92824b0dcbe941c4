# SPDX-License-Identifier: Apache-2.0
"""Pin stores that are down, slow, stale, or say that they failed although they did not."""

import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest

from govshare_policy.audit import AuditLog, LogDamageError, Mark, Receipt
from govshare_policy.errors import AuditError
from tests.faults.support import ORIGIN, Laboratory


class Shelf:
    """A pin in memory, which compares before it swaps and can be told to fail."""

    name = "shelf"

    def __init__(self) -> None:
        self.mark: Mark | None = None
        self.mode = "well"
        self.moves = 0
        self.closed = False
        self.let = threading.Event()

    def load(self) -> Mark | None:
        if self.mode in ("unreadable", "down"):
            raise AuditError("the pin cannot be read")
        return self.mark

    def advance(self, old: Mark | None, new: Mark) -> None:
        self.moves += 1
        if self.mode == "down":
            raise AuditError("the pin cannot be reached")
        if self.mark != old:
            raise AuditError("the pin was moved by another writer")
        if self.mode == "slow":
            assert self.let.wait(60)
        if self.mode != "forgetful":
            self.mark = new
        if self.mode == "stored, but says it failed":
            raise AuditError("the pin did not answer")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def wait_until(done: Callable[[], object]) -> None:
    until = monotonic() + 60
    while not done():
        assert monotonic() < until
        sleep(0.005)


def create(lab: Laboratory, path: Path, pin: Shelf) -> AuditLog:
    return AuditLog.create(path, origin=ORIGIN, signer=lab.signer, now=lab.now, pin=pin)


def reopen(lab: Laboratory, path: Path, pin: Shelf) -> AuditLog:
    return AuditLog.open(path, signer=lab.signer, now=lab.now, pin=pin)


@pytest.mark.parametrize("mode", ["down", "stored, but says it failed"])
def test_without_its_pin_the_log_stops_and_goes_on_with_it(
    lab: Laboratory, tmp_path: Path, shelf: Shelf, mode: str
) -> None:
    """T18: no receipt without a pin; the record that was written meanwhile is not lost."""
    path = tmp_path / "log"
    with create(lab, path, shelf) as log:
        good = log.append(b'{"n":1}')
        shelf.mode = mode
        for _ in range(2):
            with pytest.raises(AuditError, match="the log stopped: the pin"):
                log.append(b'{"n":2}')
    shelf.mode = "well"
    with reopen(lab, path, shelf) as log:
        assert log.size == good.index + 2
        assert shelf.mark is not None
        assert shelf.mark.size == log.size
    lab.check(path, [good])


def test_a_slow_pin_holds_the_receipt_back(lab: Laboratory, tmp_path: Path, shelf: Shelf) -> None:
    """T18: it is waited for, and what came in the meantime shares the next."""
    with create(lab, tmp_path / "log", shelf) as log:
        shelf.mode, before = "slow", shelf.moves
        futures = [log.submit(b"{}") for _ in range(50)]
        wait_until(lambda: shelf.moves > before)
        assert not any(future.done() for future in futures)
        shelf.let.set()
        receipts: list[Receipt] = [future.result(60) for future in futures]
    assert len({receipt.checkpoint for receipt in receipts}) <= 2
    lab.check(tmp_path / "log", receipts)


def test_a_pin_that_forgets_is_found_out(lab: Laboratory, tmp_path: Path, shelf: Shelf) -> None:
    """T18: what it says it stored is compared with what it holds, at the next move."""
    with create(lab, tmp_path / "log", shelf) as log:
        shelf.mode = "forgetful"
        log.append(b'{"n":1}')
        with pytest.raises(AuditError, match="moved by another writer"):
            log.append(b'{"n":2}')


def test_a_pin_that_cannot_be_read_is_not_an_empty_one(
    lab: Laboratory, tmp_path: Path, shelf: Shelf
) -> None:
    """T18: the log does not start without its memory."""
    create(lab, tmp_path / "log", shelf).close()
    shelf.mode = "unreadable"
    with pytest.raises(AuditError, match="cannot be read"):
        reopen(lab, tmp_path / "log", shelf)


def test_one_key_on_two_hosts_has_one_pin(lab: Laboratory, tmp_path: Path, shelf: Shelf) -> None:
    """T17: of two copies of a log, the second to write loses, and then does not even start."""
    path, copy = tmp_path / "log", tmp_path / "copy"
    create(lab, path, shelf).close()
    lab.copy(path, copy)
    with reopen(lab, path, shelf) as here, reopen(lab, copy, shelf) as there:
        here.append(b'{"here":1}')
        with pytest.raises(AuditError, match="moved by another writer"):
            there.append(b'{"there":1}')
    with pytest.raises(LogDamageError, match="is not the pinned one"):
        reopen(lab, copy, shelf)
    lab.check(path, [])
