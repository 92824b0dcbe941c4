# SPDX-License-Identifier: Apache-2.0
"""Streams of calls: many under way, answered in the order in which they came."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine, Sequence
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
        answer: Callable[[Sequence[bytes]], Coroutine[Any, Any, Sequence[_T]]],
        *,
        told: Callable[[BaseException], GovshareError],
    ) -> AsyncGenerator[_T, None]:
        """Yield what *answer* makes of *messages*, in their order.

        A message is read only while fewer than the window are under way, and one is under way
        until its answer was taken: whoever does not read is not read from. Those that are there
        together are answered together.

        Args:
            messages: What comes in.
            answer: Makes an answer of each of several of them.
            told: Makes of any error the one that ends the stream.

        Raises:
            AuditError: If the streams are drained while *messages* go on.
            GovshareError: As *told* says, where *answer* fails.
        """
        room = asyncio.Semaphore(self._window)
        groups = _Groups(answer)
        reader = asyncio.create_task(groups.read(messages, room))
        # Not in the reader itself, which may be cancelled before it begins.
        reader.add_done_callback(lambda _: groups.end())
        self._readers.add(reader)
        if self._draining:
            reader.cancel()
        try:
            while (task := await groups.next()) is not None:
                if (error := task.exception()) is not None:
                    raise told(error)
                for one in task.result():
                    yield one
                    room.release()
            if reader.cancelled():
                raise AuditError("the gateway is being stopped, so open another stream")
            if (error := reader.exception()) is not None:
                raise told(error)
        finally:
            self._readers.discard(reader)
            await groups.stop(reader)


class _Groups(Generic[_T]):
    """Messages on their way to their answers; those that are there together are one group."""

    def __init__(
        self, answer: Callable[[Sequence[bytes]], Coroutine[Any, Any, Sequence[_T]]]
    ) -> None:
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._arrived: list[bytes] = []
        self._under_way: asyncio.Queue[asyncio.Task[Sequence[_T]] | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def read(self, messages: AsyncIterable[bytes], room: asyncio.Semaphore) -> None:
        """Begin what comes in, while there is *room* for one more."""
        await room.acquire()
        async for message in messages:
            if not self._arrived:
                # Once those that are there were read: reading them waits for nothing.
                self._loop.call_soon(self._begin)
            self._arrived.append(message)
            await room.acquire()

    def end(self) -> None:
        """Know that no message comes any more."""
        self._under_way.put_nowait(None)

    async def next(self) -> "asyncio.Task[Sequence[_T]] | None":
        """Return the next group, answered, or nothing behind the last."""
        task = await self._under_way.get()
        if task is not None:
            if not task.done():
                await asyncio.wait((task,))
            self._tasks.discard(task)
        return task

    async def stop(self, reader: "asyncio.Task[None]") -> None:
        """End *reader* and what is under way."""
        self._arrived.clear()
        left = (reader, *self._tasks)
        for task in left:
            task.cancel()
        # Also fetches their errors, which nobody else will.
        await asyncio.gather(*left, return_exceptions=True)

    def _begin(self) -> None:
        if not self._arrived:  # the stream has ended meanwhile
            return
        task = self._loop.create_task(self._answer(self._arrived.copy()))
        self._arrived.clear()
        self._tasks.add(task)
        self._under_way.put_nowait(task)
