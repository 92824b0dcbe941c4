# SPDX-License-Identifier: Apache-2.0
"""The messages of one call, as its servicer reads them."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

from govshare_sidecar.h2.framing import Messages, WireError


class Incoming:
    """Yields messages as they arrive. One task reads them."""

    __slots__ = ("_deserialize", "_failed", "_is_ended", "_loop", "_messages", "_taken", "_waiter")

    def __init__(
        self,
        messages: Messages,
        *,
        deserialize: Callable[[bytes], Any] | None,
        taken: Callable[[], None],
        failed: Callable[[WireError], None],
    ) -> None:
        """Begin with what there is in *messages*.

        Args:
            messages: Others feed it.
            deserialize: Makes of a message what the servicer reads; ``None`` leaves it as it is.
            taken: Called after each message that was taken.
            failed: Called with what ends the call.
        """
        self._messages = messages
        self._deserialize = deserialize
        self._taken = taken
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._is_ended = False

    def arrived(self) -> None:
        """Go on, if a whole message is there now."""
        if self._messages.is_ready:
            self._wake()

    def end(self) -> None:
        """Stop behind what is there now."""
        self._is_ended = True
        self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401  what the servicer's own deserializer makes
        while True:
            try:
                message = self._messages.take()
            except WireError as error:
                self._failed(error)
                raise
            if message is not None:
                self._taken()
                return message if self._deserialize is None else self._deserialize(message)
            if self._is_ended:
                raise StopAsyncIteration
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
