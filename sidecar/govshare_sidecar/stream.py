# SPDX-License-Identifier: Apache-2.0
"""Streams of calls: many under way, answered in the order in which they came."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from govshare_policy.errors import AuditError, GovshareError

_T = TypeVar("_T")


class Streams(Generic[_T]):
    """The open streams of one service, so that they can be told to end."""

    def __init__(self, *, window: int) -> None:
        """Begin with no stream.

        Args:
            window: How many messages of one stream are under way at once.
        """
        self._window = window
        # Owned by the event loop.
        self._readers: set[asyncio.Task[None]] = set()
        self._draining = False

    def drain(self) -> None:
        """Read no message any more; what was read is answered, and then its stream ends."""
        self._draining = True
        for reader in self._readers:
            reader.cancel()

    async def answers(
        self,
        messages: AsyncIterable[bytes],
        answer: Callable[[bytes], Coroutine[Any, Any, _T]],
        *,
        told: Callable[[BaseException], GovshareError],
    ) -> AsyncGenerator[_T, None]:
        """Yield what *answer* makes of each of *messages*, in their order.

        A message is read only while fewer than the window are under way, and one is under way
        until its answer was taken: whoever does not read is not read from.

        Args:
            messages: What comes in.
            answer: Makes an answer of one of them.
            told: Makes of any error the one that ends the stream.

        Raises:
            AuditError: If the streams are drained while *messages* go on.
            GovshareError: As *told* says, where *answer* fails.
        """
        room = asyncio.Semaphore(self._window)
        under_way: asyncio.Queue[asyncio.Task[_T] | None] = asyncio.Queue()
        everything: set[asyncio.Task[Any]] = set()

        async def read() -> None:
            await room.acquire()
            async for message in messages:
                task = asyncio.create_task(answer(message))
                everything.add(task)
                under_way.put_nowait(task)
                await room.acquire()

        reader = asyncio.create_task(read())
        everything.add(reader)
        # Not in the reader itself, which may be cancelled before it begins.
        reader.add_done_callback(lambda _: under_way.put_nowait(None))
        self._readers.add(reader)
        if self._draining:
            reader.cancel()
        try:
            while (task := await under_way.get()) is not None:
                # Those of one commit are done together.
                if not task.done():
                    await asyncio.wait((task,))
                if (error := task.exception()) is not None:
                    raise told(error)
                yield task.result()
                everything.discard(task)
                room.release()
            if reader.cancelled():
                raise AuditError("the gateway is being stopped, so open another stream")
            if (error := reader.exception()) is not None:
                raise told(error)
        finally:
            self._readers.discard(reader)
            for task in everything:
                task.cancel()
            # Also fetches their errors, which nobody else will.
            await asyncio.gather(*everything, return_exceptions=True)
