# SPDX-License-Identifier: Apache-2.0
"""Coroutines that wait for the log: one call a batch, no loop held up, nobody forgotten."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from govshare_policy.audit import (
    AuditLog,
    Receipt,
    TrustPolicy,
    encode_record,
    inbox,
    read_records,
    verify_log,
    verify_receipt,
)
from govshare_policy.audit import log as log_module
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.inbox import Inbox, answer
from govshare_policy.crypto import Signer
from govshare_policy.errors import AuditError

ORIGIN = "audit.example/one"
Create = Callable[[], AuditLog]
RECEIPT = Receipt(index=0, record=b"{}", proof=(), checkpoint=b"")


def record(number: int) -> bytes:
    return encode_record({"n": number})


class SlowDisk(Disk):
    """Syncs when it is told to, or fails."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.fails = False

    def datasync(self, fd: int) -> None:
        assert self.go.wait(60)
        if self.fails:
            raise OSError(5, "input/output error")
        super().datasync(fd)


@pytest.fixture
def slow(
    tmp_path: Path, signer: Signer, clock: Callable[[], datetime]
) -> Iterator[tuple[AuditLog, SlowDisk]]:
    disk = SlowDisk()
    with AuditLog.create(
        tmp_path / "log", origin=ORIGIN, signer=signer, now=clock, disk=disk
    ) as log:
        disk.go.clear()
        try:
            yield log, disk
        finally:
            disk.go.set()


@asynccontextmanager
async def one_in_hand(log: AuditLog) -> AsyncIterator["asyncio.Task[Receipt]"]:
    """Have the writer busy with one record."""
    first = asyncio.create_task(log.append_async(record(0)))
    await asyncio.sleep(0)
    await until(lambda: not log._inbox._waiting)
    yield first


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    pytest.fail("it does not come to this")


def test_coroutines_get_receipts_that_verify(
    create: Create, tmp_path: Path, trust: TrustPolicy
) -> None:
    """In the order in which they came; those of threads between them."""
    log = create()

    async def run() -> list[Receipt]:
        waiting = [asyncio.create_task(log.append_async(record(n))) for n in range(300)]
        await asyncio.sleep(0)
        future = log.submit(record(300))
        return [*await asyncio.gather(*waiting), await asyncio.wrap_future(future)]

    receipts = asyncio.run(run())
    log.close()
    assert [receipt.index for receipt in receipts] == list(range(1, 302))
    assert list(read_records(tmp_path / "log"))[1:] == [(n + 1, record(n)) for n in range(301)]
    for receipt in receipts[::60]:
        verify_receipt(receipt, trust)


def test_a_batch_wakes_its_loop_once(
    slow: tuple[AuditLog, SlowDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not once a record."""
    log, disk = slow

    async def run() -> int:
        loop, calls = asyncio.get_running_loop(), 0
        call = loop.call_soon_threadsafe

        def count(*args: object) -> object:
            nonlocal calls
            calls += 1
            return call(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(loop, "call_soon_threadsafe", count)
        async with one_in_hand(log) as first:
            rest = [asyncio.create_task(log.append_async(record(n))) for n in range(1, 100)]
            await until(lambda: len(log._inbox._waiting) == 99)
            assert not first.done()
            assert log.size == 1
            disk.go.set()
            receipts = await asyncio.gather(first, *rest)
        assert [receipt.index for receipt in receipts] == list(range(1, 101))
        return calls

    assert asyncio.run(run()) == 2


def test_a_full_queue_holds_up_coroutines_and_not_their_loop(
    slow: tuple[AuditLog, SlowDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait at a gate each, and go in as room is made."""
    log, disk = slow
    monkeypatch.setattr(inbox, "MAX_WAITING", 3)

    async def run() -> None:
        async with one_in_hand(log) as first:
            rest = [asyncio.create_task(log.append_async(record(n))) for n in range(1, 12)]
            await until(lambda: len(log._inbox._gates) == 8)
            assert len(log._inbox._waiting) == 3
            disk.go.set()
            receipts = await asyncio.wait_for(asyncio.gather(first, *rest), 60)
        kept = {receipt.index: receipt.record for receipt in receipts}
        assert sorted(kept) == list(range(1, 13))
        assert set(kept.values()) == {record(n) for n in range(12)}

    asyncio.run(run())


def test_who_gives_up_at_the_gate_lets_others_in(
    slow: tuple[AuditLog, SlowDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it was opened and after; nobody waits for someone who is gone."""
    log, disk = slow
    monkeypatch.setattr(inbox, "MAX_WAITING", 1)
    # An idle writer looks by itself after a while, and would make good what is not passed on.
    monkeypatch.setattr(log_module, "_IDLE_S", 600.0)
    let_in = inbox._open

    async def run() -> None:
        async with one_in_hand(log) as first:
            tasks = [asyncio.create_task(log.append_async(record(n))) for n in range(1, 5)]
            await until(lambda: len(log._inbox._gates) == 3)
            opened, gone, last = tasks[1:]
            gone.cancel()
            await asyncio.sleep(0)
            monkeypatch.setattr(inbox, "_open", lambda gates: (opened.cancel(), let_in(gates)))
            disk.go.set()
            receipts = await asyncio.wait_for(asyncio.gather(first, tasks[0], last), 60)
        assert [receipt.record for receipt in receipts] == [record(0), record(1), record(4)]
        assert (opened.cancelled(), gone.cancelled(), log.size) == (True, True, 4)

    asyncio.run(run())


def test_a_coroutine_that_gives_up_leaves_no_record(slow: tuple[AuditLog, SlowDisk]) -> None:
    """If its turn had not come. After that the record is kept, and nobody gets the receipt."""
    log, disk = slow

    async def run() -> None:
        async with one_in_hand(log) as first:
            second = asyncio.create_task(log.append_async(record(1)))
            third = asyncio.create_task(log.append_async(record(2)))
            await until(lambda: len(log._inbox._waiting) == 2)
            first.cancel()
            second.cancel()
            await asyncio.sleep(0)
            disk.go.set()
            assert (await third).index == 2
        assert (first.cancelled(), second.cancelled()) == (True, True)

    asyncio.run(run())
    assert log.size == 3


def test_a_log_that_fails_fails_every_coroutine(
    slow: tuple[AuditLog, SlowDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the writer's hand, in the queue, at the gate, and those who come later."""
    log, disk = slow
    monkeypatch.setattr(inbox, "MAX_WAITING", 2)

    async def run() -> None:
        async with one_in_hand(log) as first:
            rest = [asyncio.create_task(log.append_async(record(n))) for n in range(1, 6)]
            await until(lambda: len(log._inbox._gates) == 3)
            disk.fails = True
            disk.go.set()
            done = await asyncio.wait_for(asyncio.gather(first, *rest, return_exceptions=True), 60)
        assert {(type(error), str(error)) for error in done} == {(AuditError, str(log.failure))}
        with pytest.raises(AuditError, match="the disk failed"):
            await log.append_async(record(9))

    asyncio.run(run())


def test_a_closed_log_refuses_coroutines(create: Create) -> None:
    """And what is no record is refused before it is queued."""
    log = create()

    async def run() -> None:
        with pytest.raises(AuditError, match="one line of 2 to 61440 bytes"):
            await log.append_async(b"{")
        assert (await log.append_async(b"{}")).index == 1
        log.close()
        with pytest.raises(AuditError, match="the log is closed"):
            await log.append_async(b"{}")

    asyncio.run(run())


def test_a_loop_that_is_gone_holds_up_nobody(
    slow: tuple[AuditLog, SlowDisk], trust: TrustPolicy, tmp_path: Path
) -> None:
    """Its records are kept if their turn had come; the log goes on."""
    log, disk = slow
    loop = asyncio.new_event_loop()
    task = loop.create_task(log.append_async(record(1)))
    loop.run_until_complete(asyncio.sleep(0))
    while log._inbox._waiting:
        time.sleep(0.001)
    late = log.submit(record(2))
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    disk.go.set()

    assert late.result(60).index == 2
    log.close()
    assert verify_log(tmp_path / "log", trust).size == 3


def test_gates_of_a_loop_that_is_gone_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Like its futures."""
    monkeypatch.setattr(inbox, "MAX_WAITING", 1)
    box = Inbox()
    box.put(b"{}")
    loop = asyncio.new_event_loop()
    future: asyncio.Future[Receipt] = loop.create_future()
    box._queue(loop)
    loop.close()

    [waiter] = box.take(10)
    answer([waiter, (b"{}", future)], [RECEIPT, RECEIPT])
    assert isinstance(waiter[1], Future)
    assert waiter[1].result() is RECEIPT
    assert not future.done()


def test_the_reason_of_a_failure_outlives_the_closing() -> None:
    """Whoever comes later is told what stopped the log."""
    box = Inbox()
    future = box.put(b"{}")
    assert box.empty("the log stopped: a reason") == [(b"{}", future)]
    box.close()
    with pytest.raises(AuditError, match="a reason"):
        box.put(b"{}")
    assert not box.wait(0)


def test_one_that_is_gone_does_not_keep_the_news_from_others() -> None:
    """Who was cancelled while the writer had the record in hand is passed over."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        gone, there, failed = (loop.create_future() for _ in range(3))
        gone.cancel()
        batch = [(b"{}", future) for future in (gone, there, failed)]
        answer(batch, [RECEIPT, RECEIPT, AuditError("why")])
        assert await asyncio.wait_for(there, 60) is RECEIPT
        with pytest.raises(AuditError, match="why"):
            await failed

    asyncio.run(run())
