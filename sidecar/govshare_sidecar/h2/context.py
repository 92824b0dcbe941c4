# SPDX-License-Identifier: Apache-2.0
"""What a servicer gets as its context."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import grpc
from grpc import StatusCode

from govshare_sidecar.h2._nghttp2 import Outgoing
from govshare_sidecar.h2.framing import framed
from govshare_sidecar.h2.metadata import Asked, Metadata, initial, outgoing
from govshare_sidecar.h2.shared import Handler, Link


class Context:
    """What a servicer may ask of the call that it answers, as grpcio's asyncio server names it.

    Nothing of it may be used once the servicer has returned.
    """

    __slots__ = (
        "_aborted", "_asked", "_ends_at", "_handler", "_is_answered", "_is_headed", "_link",
        "_room", "_stream", "_trailing",
    )  # fmt: skip

    def __init__(self, link: Link, stream: int, asked: Asked, handler: Handler) -> None:
        self._link = link
        self._stream = stream
        self._asked = asked
        self._handler = handler
        self._ends_at: float | None = None
        self._is_headed = False
        self._is_answered = False
        self._trailing: Sequence[Outgoing] = ()
        self._aborted: tuple[StatusCode, str, Sequence[Outgoing]] | None = None
        self._room: asyncio.Event | None = None

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """Return what the peer has shown: ``x509_pem_cert``, where there is TLS."""
        return self._link.identity

    def invocation_metadata(self) -> Metadata:
        """Return what the caller sent along."""
        return self._asked.metadata

    def time_remaining(self) -> float | None:
        """Return for how many seconds the caller still waits; ``None`` for ever."""
        return None if self._ends_at is None else max(0.0, self._ends_at - self._link.loop.time())

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        """Send *metadata* behind the answer."""
        self._trailing = outgoing(metadata)

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        """Send *metadata* now, before any message."""
        self._verify_open()
        if self._is_headed:
            raise grpc.aio.UsageError("the initial metadata has been sent")
        self._announce(outgoing(metadata))

    async def write(self, response: Any) -> None:  # noqa: ANN401  what the servicer's serializer takes
        """Send one message of a stream, and wait while the caller does not read."""
        serialize = self._handler.response_serializer
        message = response if serialize is None else serialize(response)
        self._verify_open()
        if not self._is_headed:
            self._announce(())
        is_full = self._link.frames.put(self._stream, framed(message))
        self._link.wake()
        if is_full:
            room = self._room = self._room or asyncio.Event()
            room.clear()
            await room.wait()

    async def abort(
        self, code: StatusCode, details: str = "", trailing_metadata: Metadata = ()
    ) -> NoReturn:
        """End the call with *code*, whatever the servicer does afterwards."""
        metadata = outgoing(trailing_metadata) if trailing_metadata else self._trailing
        # An error is none of the ways to say that all is well.
        actual = StatusCode.UNKNOWN if code is StatusCode.OK else code
        self._aborted = self._aborted or (actual, details, metadata)
        raise grpc.aio.AbortError(details)

    def _announce(self, metadata: Sequence[Outgoing]) -> None:
        self._is_headed = True
        self._link.frames.answer(self._stream, initial(metadata))
        self._link.wake()

    def _verify_open(self) -> None:
        if self._is_answered:
            raise grpc.aio.UsageError("the call has ended")
