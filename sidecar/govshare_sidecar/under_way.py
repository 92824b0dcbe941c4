# SPDX-License-Identifier: Apache-2.0
"""What is on its way to the disk, and goes there even if nobody waits for it any more."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from govshare_policy.errors import AuditError

_T = TypeVar("_T")


class UnderWay:
    """Calls and records that are being written; owned by the event loop."""

    def __init__(self, *, on_failure: Callable[[AuditError], object]) -> None:
        """Begin with none.

        Args:
            on_failure: Is told of every record that did not get to the log.
        """
        self._on_failure = on_failure
        self._waiting: set[asyncio.Future[Any]] = set()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._waiting)

    async def settle(self) -> None:
        """Return once all have been written or have failed."""
        while self._waiting:
            await asyncio.wait(self._waiting)

    async def work(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do *work* to its end, even if the caller goes away: a record is never half wanted."""
        task = asyncio.create_task(work)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return await asyncio.shield(task)

    def enter(self, kept: "asyncio.Future[Any]") -> None:
        """Know of the record *kept*, which goes to its end whoever waits for it."""
        # A task of :meth:`work` waits for nothing else meanwhile: one call takes one place.
        self._waiting.discard(asyncio.current_task())
        self._waiting.add(kept)
        kept.add_done_callback(self._ended)

    async def record(self, kept: "asyncio.Future[_T]") -> _T:
        """Return what *kept*, which was entered, comes to; who goes away leaves it to its end.

        Raises:
            AuditError: If the record did not get to the log.
        """
        return await asyncio.shield(kept)

    async def records(self, kept: "Sequence[asyncio.Future[_T]]") -> list[_T]:
        """Do the same for several, whose calls end together.

        Raises:
            AuditError: If one of the records did not get to the log.
        """
        if kept:
            await asyncio.wait(kept)
        return [one.result() for one in kept]

    def _ended(self, kept: "asyncio.Future[Any]") -> None:
        self._waiting.discard(kept)
        error = None if kept.cancelled() else kept.exception()
        # Nobody may be waiting any more; the desk has to know all the same.
        if isinstance(error, AuditError):
            self._on_failure(error)
