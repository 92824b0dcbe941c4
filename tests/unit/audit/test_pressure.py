# SPDX-License-Identifier: Apache-2.0
"""The writer under pressure: batches, full queues, waiters who give up, keys that fail."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pytest

from govshare_policy.audit import (
    AuditLog,
    Receipt,
    TrustPolicy,
    encode_record,
    inbox,
    verify_log,
)
from govshare_policy.audit.disk import Disk
from govshare_policy.crypto import PublicKey, Signer
from govshare_policy.errors import AuditError


class Clock(Protocol):
    """The clock of the fixtures."""

    def __call__(self) -> datetime: ...

    def move(self, seconds: int) -> None: ...


ORIGIN = "audit.example/one"


PATIENCE_S = 60


def taken_up(log: AuditLog) -> None:
    """Wait until the writer has what was submitted in its hand."""
    until = time.monotonic() + PATIENCE_S
    while log._inbox._waiting:
        assert time.monotonic() < until, "the writer takes nothing up"
        time.sleep(0.001)


def record(number: int) -> bytes:
    return encode_record({"n": number})


class SlowDisk(Disk):
    """Syncs when it is told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.syncs = 0

    def datasync(self, fd: int) -> None:
        assert self.go.wait(60)
        self.syncs += 1
        super().datasync(fd)


@pytest.fixture
def slow(tmp_path: Path, signer: Signer, clock: Clock) -> Iterator[tuple[AuditLog, SlowDisk]]:
    disk = SlowDisk()
    with AuditLog.create(
        tmp_path / "log", origin=ORIGIN, signer=signer, now=clock, disk=disk
    ) as log:
        disk.go.clear()
        try:
            yield log, disk
        finally:
            disk.go.set()


def test_nobody_gets_a_receipt_before_the_sync(slow: tuple[AuditLog, SlowDisk]) -> None:
    """And everybody who came during one shares the next."""
    log, disk = slow
    first = log.submit(record(0))
    taken_up(log)
    rest = [log.submit(record(n)) for n in range(1, 30)]
    time.sleep(0.05)
    assert not any(future.done() for future in (first, *rest))
    assert log.size == 1

    before = disk.syncs
    disk.go.set()
    last = {future.result(PATIENCE_S).checkpoint for future in rest}
    assert last == {rest[0].result().checkpoint} != {first.result().checkpoint}
    assert disk.syncs == before + 2


def test_a_full_queue_pushes_back(
    slow: tuple[AuditLog, SlowDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller waits, and is served once there is room."""
    log, disk = slow
    monkeypatch.setattr(inbox, "MAX_WAITING", 3)
    futures = [log.submit(record(0))]
    taken_up(log)
    futures += [log.submit(record(n)) for n in range(1, 4)]
    late: list[Future[Receipt]] = []
    thread = threading.Thread(target=lambda: late.append(log.submit(record(4))))
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    assert not late

    disk.go.set()
    thread.join(PATIENCE_S)
    assert [future.result().index for future in late] == [5]
    assert [future.result().index for future in futures] == [1, 2, 3, 4]


def test_a_batch_has_a_limit_in_bytes(
    slow: tuple[AuditLog, SlowDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So has the queue; neither loses a record."""
    log, disk = slow
    monkeypatch.setattr(inbox, "MAX_BATCH_BYTES", 1)
    first = log.submit(record(0))
    taken_up(log)
    rest = [log.submit(record(n)) for n in range(1, 4)]
    before = disk.syncs
    disk.go.set()

    assert len({future.result().checkpoint for future in (first, *rest)}) == 4
    assert disk.syncs == before + 4


def test_a_waiter_who_gives_up_leaves_no_record(slow: tuple[AuditLog, SlowDisk]) -> None:
    """If its turn had not come; from then on it cannot."""
    log, disk = slow
    first = log.submit(record(0))
    taken_up(log)
    second, third = log.submit(record(1)), log.submit(record(2))
    assert second.cancel()
    assert not first.cancel()
    disk.go.set()

    assert (first.result(PATIENCE_S).index, third.result(PATIENCE_S).index) == (1, 2)
    assert log.size == 3


class FailingSigner:
    """Signs until it is broken."""

    def __init__(self, inner: Signer) -> None:
        self._inner = inner
        self.fails: BaseException | None = None
        self.lies = False

    @property
    def public(self) -> PublicKey:
        return self._inner.public

    def sign(self, message: bytes, *, signer_id: bytes) -> bytes:
        if self.fails is not None:
            raise self.fails
        return self._inner.sign(message + b"!" * self.lies, signer_id=signer_id)


def test_a_signer_that_fails_stops_the_log(
    tmp_path: Path, signer: Signer, clock: Clock, trust: TrustPolicy
) -> None:
    """A wrong signature is found before it reaches the disk."""
    broken = FailingSigner(signer)
    log = AuditLog.create(tmp_path / "log", origin=ORIGIN, signer=broken, now=clock)
    broken.lies = True

    with pytest.raises(AuditError, match="the log stopped: "):
        log.append(record(1))
    with pytest.raises(AuditError, match="the log stopped: "):
        log.append(record(2))
    assert "the log stopped: " in str(log.failure)
    log.close()
    assert verify_log(tmp_path / "log", trust).size == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_ours_fails_the_waiters_too(
    tmp_path: Path, signer: Signer, clock: Clock
) -> None:
    """Whatever ends the writer, nobody waits for ever and nobody gets a receipt."""
    broken = FailingSigner(signer)
    log = AuditLog.create(tmp_path / "log", origin=ORIGIN, signer=broken, now=clock)
    broken.fails = ZeroDivisionError()

    with pytest.raises(AuditError, match="ended unexpectedly"):
        log.append(record(1))
    log.close()
    assert log.failure is not None


def test_a_caller_who_waits_for_room_fails_with_the_log(
    tmp_path: Path, signer: Signer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is in the writer's hand, in the queue or before it: all are refused."""
    monkeypatch.setattr(inbox, "MAX_WAITING", 2)
    disk, broken = SlowDisk(), FailingSigner(signer)
    log = AuditLog.create(tmp_path / "log", origin=ORIGIN, signer=broken, now=clock, disk=disk)
    disk.go.clear()
    in_hand = log.submit(record(0))
    taken_up(log)
    broken.lies = True
    waiting = [log.submit(record(n)) for n in (1, 2)]
    refused: list[BaseException | None] = []
    thread = threading.Thread(target=lambda: refused.append(log.submit(record(3)).exception()))
    thread.start()
    thread.join(0.1)
    monkeypatch.setattr(inbox, "MAX_WAITING", 0)
    disk.go.set()
    thread.join(PATIENCE_S)

    assert in_hand.result().index == 1
    assert all(isinstance(future.exception(), AuditError) for future in waiting)
    assert [str(error) for error in refused] == [str(log.failure)]
    log.close()
