# SPDX-License-Identifier: Apache-2.0
"""Records on their way to the writer, and who waits for what becomes of each.

A thread waits on a future of its own, a coroutine on one of its loop. What became of a batch is
told to a loop in one call, because waking it for each record would cost more than writing it.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final, TypeAlias

from govshare_policy.audit.receipt import Receipt
from govshare_policy.errors import AuditError

MAX_WAITING: Final = 4096
MAX_WAITING_BYTES: Final = 64 << 20
MAX_BATCH_BYTES: Final = 8 << 20
_CLOSED: Final = "the log is closed"

# A record, and who waits for its receipt.
Waiter: TypeAlias = "tuple[bytes, Future[Receipt] | asyncio.Future[Receipt]]"
_News: TypeAlias = "tuple[asyncio.Future[Receipt], Receipt | AuditError]"


class Inbox:
    """A queue with a limit: whoever comes while it is full waits for room.

    Any number of threads and coroutines put records in; one thread takes them out.
    """

    def __init__(self) -> None:
        # Everything is guarded by the mutex.
        self._mutex = threading.Lock()
        self._arrived = threading.Condition(self._mutex)
        self._taken = threading.Condition(self._mutex)
        self._waiting: deque[Waiter] = deque()
        self._waiting_bytes = 0
        # The coroutines that wait for room, each at a gate of its own.
        self._gates: deque[asyncio.Future[None]] = deque()
        self._is_idle = False
        self._refusal = ""

    def put(self, record: bytes) -> Future[Receipt]:
        """Return the receipt of *record* to come. The thread waits here while there is no room.

        Raises:
            AuditError: If the log takes no more records.
        """
        future: Future[Receipt] = Future()
        with self._mutex:
            while self._is_full() and not self._refusal:
                self._taken.wait()
            self._enter(record, future)
        return future

    def offer(self, record: bytes) -> asyncio.Future[Receipt]:
        """Return the receipt of *record* to come. While there is no room, a task waits for it.

        Raises:
            AuditError: If the log takes no more records.
        """
        with self._mutex:
            if self._refusal or not self._is_full():
                future = asyncio.get_running_loop().create_future()
                self._enter(record, future)
                return future
        return asyncio.create_task(self.put_async(record))

    async def put_async(self, record: bytes) -> Receipt:
        """Return the receipt of *record*. Only the coroutine waits.

        Raises:
            AuditError: If the log takes no more records, or failed before this one was kept.
        """
        future = asyncio.get_running_loop().create_future()
        while True:
            with self._mutex:
                if self._refusal or not self._is_full():
                    self._enter(record, future)
                    break
                gate = self._queue(future.get_loop())
            try:
                await gate
            except asyncio.CancelledError:
                self._pass_on()
                raise
        receipt: Receipt = await future
        return receipt

    def wait(self, timeout_s: float) -> bool:
        """Return true once records are waiting or the time is up, false when all is done."""
        with self._mutex:
            if not self._waiting and not self._refusal:
                self._is_idle = True
                self._arrived.wait(timeout_s)
                self._is_idle = False
            return bool(self._waiting) or not self._refusal

    def take(self, room: int) -> list[Waiter]:
        """Return the next waiters who have not given up, at most *room*."""
        batch: list[Waiter] = []
        size = 0
        with self._mutex:
            while self._waiting and len(batch) < room and size < MAX_BATCH_BYTES:
                record, future = self._waiting.popleft()
                self._waiting_bytes -= len(record)
                if _still_waits(future):
                    batch.append((record, future))
                    size += len(record)
            self._taken.notify_all()
            self._open_gates(MAX_WAITING - len(self._waiting))
        return batch

    def close(self) -> None:
        """Take no more records; those that are waiting can still be taken out."""
        with self._mutex:
            self._shut("")

    def empty(self, refusal: str) -> list[Waiter]:
        """Take no more records, for the reason *refusal* if it says one, and return the rest."""
        with self._mutex:
            self._shut(refusal)
            rest = [waiter for waiter in self._waiting if _still_waits(waiter[1])]
            self._waiting.clear()
        return rest

    def _is_full(self) -> bool:
        return len(self._waiting) >= MAX_WAITING or self._waiting_bytes >= MAX_WAITING_BYTES

    def _enter(self, record: bytes, future: "Future[Receipt] | asyncio.Future[Receipt]") -> None:
        if self._refusal:
            raise AuditError(self._refusal)
        self._waiting.append((record, future))
        self._waiting_bytes += len(record)
        if self._is_idle:
            self._arrived.notify()

    def _queue(self, loop: asyncio.AbstractEventLoop) -> "asyncio.Future[None]":
        """Return the gate at which to wait for room."""
        gate: asyncio.Future[None] = loop.create_future()
        self._gates.append(gate)
        return gate

    def _pass_on(self) -> None:
        """Let somebody else in, in place of a coroutine that gave up at its gate."""
        with self._mutex:
            self._open_gates(MAX_WAITING - len(self._waiting))

    def _open_gates(self, room: int) -> None:
        opened: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        while self._gates and room > 0:
            gate = self._gates.popleft()
            if not gate.cancelled():
                opened.setdefault(gate.get_loop(), []).append(gate)
                room -= 1
        for loop, gates in opened.items():
            # The loop is closed: nobody waits at its gates.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_open, gates)

    def _shut(self, refusal: str) -> None:
        self._refusal = refusal or self._refusal or _CLOSED
        self._arrived.notify()
        self._taken.notify_all()
        self._open_gates(len(self._gates))


def answer(batch: Iterable[Waiter], outcomes: Iterable[Receipt | AuditError]) -> None:
    """Tell each waiter in *batch* what became of the record, unless it is gone."""
    told: dict[asyncio.AbstractEventLoop, list[_News]] = {}
    for (_, future), outcome in zip(batch, outcomes, strict=True):
        if not isinstance(future, Future):
            told.setdefault(future.get_loop(), []).append((future, outcome))
        elif isinstance(outcome, AuditError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
    for loop, news in told.items():
        # The loop is closed: nobody waits in it.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_tell, news)


def _still_waits(future: "Future[Receipt] | asyncio.Future[Receipt]") -> bool:
    if isinstance(future, Future):
        return future.set_running_or_notify_cancel()
    return not future.cancelled()


def _tell(news: list[_News]) -> None:
    for future, outcome in news:
        if future.done():
            continue
        if isinstance(outcome, AuditError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


def _open(gates: "list[asyncio.Future[None]]") -> None:
    for gate in gates:
        if not gate.done():
            gate.set_result(None)
