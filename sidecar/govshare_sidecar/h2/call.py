# SPDX-License-Identifier: Apache-2.0
"""One call of gRPC, from its first byte to its last."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final

from grpc import StatusCode

from govshare_sidecar.h2._nghttp2 import Outgoing
from govshare_sidecar.h2.context import Context
from govshare_sidecar.h2.framing import Messages, WireError, framed
from govshare_sidecar.h2.incoming import Incoming
from govshare_sidecar.h2.metadata import Asked, only, trailing
from govshare_sidecar.h2.shared import Handler, Link

_log: Final = logging.getLogger(__name__)
_GZIP: Final = b"gzip"
_EXPIRED: Final = "the deadline of the call has passed"
_HELD: Final = "too much has arrived on this connection that belongs to no whole message"
_TWO: Final = "a call with one message came with more than one"
_NONE: Final = "a call with one message came without it"
_FAILED: Final = "the gateway failed"
_SLOW: Final = "the message of the call does not arrive"
# From one look to the next, what arrives or leaves has to move by so much.
_LEAST_BYTES: Final = 64 << 10


class Call(Context):
    """One call, as its connection drives it. Owned by the event loop."""

    __slots__ = (
        "_held", "_incoming", "_is_counted", "_is_gone", "_is_whole", "_messages", "_owed",
        "_response", "_seen", "_task", "_timer",
    )  # fmt: skip

    def __init__(self, link: Link, stream: int, asked: Asked, handler: Handler) -> None:
        """Begin; a servicer that reads messages as they come begins now."""
        super().__init__(link, stream, asked, handler)
        settings = link.shared.settings
        self._messages = Messages(most=settings.message_bytes, packed=asked.encoding == _GZIP)
        self._held = self._owed = 0
        self._is_whole = False
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._incoming: Incoming | None = None
        self._response: bytes | None = None
        self._is_gone = False
        self._is_counted = True
        self._seen: tuple[bool, int] | None = None
        link.shared.under_way += 1
        if asked.timeout_s is not None:
            self._ends_at = link.loop.time() + asked.timeout_s
            self._timer = link.loop.call_at(self._ends_at, self._expire)
        if handler.request_streaming:
            self._incoming = Incoming(
                self._messages,
                deserialize=handler.request_deserializer,
                taken=self._consume,
                failed=self.fail,
            )
            self._begin(self._incoming)

    def receive(self, data: bytes) -> None:
        """Take what arrived of the messages."""
        if self._is_answered:
            return
        self._messages.feed(data)
        self._owed += len(data)
        if self._incoming is not None:
            self._incoming.arrived()
        elif self._messages.has_more:
            self.fail(WireError(StatusCode.INTERNAL, _TWO))
        self._consume()

    def receive_end(self) -> None:
        """Know that nothing more will arrive."""
        self._is_whole = True
        if self._is_answered:
            return
        try:
            self._messages.verify_ended()
            message = None if self._incoming is not None else self._messages.take()
        except WireError as error:
            self.fail(error)
            return
        if self._incoming is not None:
            self._incoming.end()
        elif message is None:
            self.fail(WireError(StatusCode.INTERNAL, _NONE))
        else:
            self._hold(0)
            self._begin(message)

    def drained(self) -> None:
        """Let the servicer write on."""
        if self._room is not None:
            self._room.set()

    def closed(self) -> None:
        """End the servicer, whose caller has gone, unless it has ended."""
        self._is_answered = self._is_gone = True
        self._end()

    def fail(self, error: WireError) -> None:
        """End the call with *error*, and its servicer with it."""
        if not self._is_answered:
            self._finish(error.code, str(error), self._trailing)
            self._end()

    def look(self) -> None:
        """Break the call off if its caller neither sends nor reads; called from time to time."""
        seen, self._seen = self._seen, None
        if self._task is not None and not self._task.done():
            return
        frames = self._link.frames
        size = frames.waiting(self._stream) if self._is_answered else len(self._messages)
        self._seen = (self._is_answered, size)
        if seen is None or seen[0] != self._is_answered or abs(size - seen[1]) >= _LEAST_BYTES:
            return
        if self._is_answered:
            frames.reset(self._stream)
            self._link.wake()
        else:
            self.fail(WireError(StatusCode.DEADLINE_EXCEEDED, _SLOW))

    def _expire(self) -> None:
        self.fail(WireError(StatusCode.DEADLINE_EXCEEDED, _EXPIRED))

    def _begin(self, argument: Any) -> None:  # noqa: ANN401  bytes, or what yields messages
        link = self._link
        task = self._task = link.loop.create_task(self._run(argument))
        link.shared.tasks.add(task)
        task.add_done_callback(self._done)

    async def _run(self, argument: Any) -> None:  # noqa: ANN401  as above
        handler = self._handler
        if not handler.request_streaming and handler.request_deserializer is not None:
            argument = handler.request_deserializer(argument)
        if handler.response_streaming:
            behaviour: Any = handler.stream_stream or handler.unary_stream
            answers = behaviour(argument, self)
            if not isinstance(answers, AsyncGenerator):
                await answers
                return
            async with aclosing(answers):
                async for response in answers:
                    await self.write(response)
            return
        behaviour = handler.stream_unary or handler.unary_unary
        response = await behaviour(argument, self)
        serialize = handler.response_serializer
        self._response = response if serialize is None else serialize(response)
        if self._response is None:
            raise TypeError("a servicer gave no answer")

    def _done(self, task: asyncio.Task[None]) -> None:
        """Say how the servicer has ended."""
        self._link.shared.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if not self._is_answered:
            if self._aborted is not None:
                self._finish(*self._aborted)
            elif task.cancelled():
                self._finish(StatusCode.CANCELLED, "", self._trailing)
            elif error is not None:
                # Its text may quote anything, so it goes no further than our own log.
                _log.error("a servicer ended in an unforeseen error", exc_info=error)
                self._finish(StatusCode.INTERNAL, _FAILED, ())
            else:
                self._succeed()
        self._end()

    def _succeed(self) -> None:
        if self._response is not None:
            if not self._is_headed:
                self._announce(())
            self._link.frames.put(self._stream, framed(self._response))
        self._finish(StatusCode.OK, "", self._trailing)

    def _finish(self, code: StatusCode, message: str, metadata: Sequence[Outgoing]) -> None:
        self._is_answered = True
        frames = self._link.frames
        if self._is_headed:
            frames.end(self._stream, trailing(code, message, metadata))
        else:
            frames.answer_only(self._stream, only(code, message, metadata))
        if not self._is_whole:
            frames.stop_reading(self._stream)
        self._link.wake()

    def _end(self) -> None:
        """Let go of everything; of its place only when the servicer and the stream have ended."""
        self._hold(0)
        if self._timer is not None:
            self._timer.cancel()
        self.drained()
        if self._task is not None and not self._task.done():
            self._task.cancel()
        elif self._is_gone and self._is_counted:
            self._is_counted = False
            self._link.shared.under_way -= 1

    def _consume(self) -> None:
        """Let the caller send as much as was taken, and know how much is held."""
        if self._is_answered:
            return
        link, messages = self._link, self._messages
        if messages.fault is not None:
            self.fail(messages.fault)
            return
        self._hold(len(messages))
        settings = link.shared.settings
        if link.held > settings.held_bytes:
            self.fail(WireError(StatusCode.RESOURCE_EXHAUSTED, _HELD))
        elif 4 * self._owed >= settings.window_bytes and not messages.is_ready:
            # Whoever does not read is not read from; but a message may be larger than the window.
            owed, self._owed = self._owed, 0
            link.frames.consume(owed, stream=self._stream)
            link.wake()

    def _hold(self, size: int) -> None:
        self._link.held += size - self._held
        self._held = size
