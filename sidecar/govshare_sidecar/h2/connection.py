# SPDX-License-Identifier: Apache-2.0
"""One connection: between its socket, what libnghttp2 makes of the bytes, and its calls."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import Final, cast

from grpc import StatusCode

from govshare_sidecar.h2.call import Call
from govshare_sidecar.h2.events import Closed, Data, Drained, End, Event, Head, Heard, PeerError
from govshare_sidecar.h2.frames import Frames
from govshare_sidecar.h2.framing import WireError
from govshare_sidecar.h2.metadata import only, parse_head
from govshare_sidecar.h2.shared import Shared

ALPN: Final = "h2"
_PIECE_BYTES: Final = 64 << 10
# For what is still to leave when a connection is closed.
_LINGER_S: Final = 5.0
# Within this, a peer that was told so knows that we leave.
_NOTICE_S: Final = 0.5
_FULL: Final = "the gateway is full; ask again shortly"
_STOPPED: Final = "the gateway is being stopped, so ask elsewhere"
_NO_METHOD: Final = "there is no such method"
_LONG: Final = "the metadata is larger than this gateway takes"
_ENCODINGS: Final = (b"identity", b"gzip")


class Connection(asyncio.Protocol):
    """Owned by the event loop.

    Attributes:
        held: Bytes that belong to no message yet, or to one that its servicer has not taken.
    """

    frames: Frames

    def __init__(self, shared: Shared, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for the transport."""
        self.shared = shared
        self.loop = loop
        self.held = 0
        self.identity: Mapping[str, Sequence[bytes]] = {}
        self._calls: dict[int, Call] = {}
        self._is_woken = False
        self._is_paused = False
        self._is_stuck = False
        self._is_leaving = False
        self._has_spoken = False
        self._is_asked = False
        self._is_over = True
        self._called_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        # Until the peer has heard that we leave.
        self._leaving: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to speak HTTP/2, if that is what TLS has agreed on."""
        self._transport = cast("asyncio.Transport", transport)
        spoken: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if spoken is not None:
            if spoken.selected_alpn_protocol() != ALPN:
                self._transport.abort()
                return
            der = spoken.getpeercert(binary_form=True)
            if der is not None:
                pem = ssl.DER_cert_to_PEM_cert(der).encode("ascii")
                self.identity = {"x509_pem_cert": [pem]}
        self.frames = Frames(self.shared.settings)
        self._notes = self.frames.notes
        self._is_over = False
        self._called_at = self.loop.time()
        self._timer = self.loop.call_later(self.shared.settings.hello_s, self._look)
        self.shared.connections.add(self)
        self.wake()

    def data_received(self, data: bytes) -> None:
        """Read what arrived."""
        if self._is_over or self._transport.is_closing():
            return
        self._has_spoken = True
        try:
            self.frames.feed(data)
        except PeerError:
            self._break_off()
            return
        self._go_through()
        if self._is_paused and self.frames.is_flooded:
            self._transport.abort()
        self.wake()

    def pause_writing(self) -> None:
        """Let nothing out for now: the peer does not read."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Let out what waits."""
        self._is_paused = self._is_stuck = False
        self.wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's
        """End the calls, whose callers have gone."""
        for timer in (self._timer, self._leaving):
            if timer is not None:
                timer.cancel()
        if self._is_over:
            self.shared.forget(self)
            return
        self._is_over = True
        for call in self._calls.values():
            call.closed()
        self._calls.clear()
        self.frames.close()
        self.shared.forget(self)

    def wake(self) -> None:
        """Let out what waits to leave, once in a turn of the loop."""
        if not self._is_woken:
            self._is_woken = True
            self.loop.call_soon(self._flush)

    def leave(self) -> None:
        """Take no further call, and close once those under way have ended.

        Calls that are on their way now are still taken: the peer is told first, and given time.
        """
        if self._is_over or self._is_leaving or self._leaving is not None:
            return
        self._leaving = self.loop.call_later(_NOTICE_S, self._leave)
        self.frames.announce_leaving()
        self._flush()
        if not self._is_over:
            # Whoever answers this has heard the other: a ping overtakes what waits before it.
            self.frames.ping()
            self.wake()

    def give_up(self) -> None:
        """End the calls under way."""
        for call in tuple(self._calls.values()):
            call.fail(WireError(StatusCode.UNAVAILABLE, _STOPPED))

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _leave(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if not self._is_over:
            self._is_leaving = True
            self.frames.go_away()
            self.wake()

    def _go_through(self) -> None:
        """Do what the notes ask for."""
        events, self._notes.events = self._notes.events, []
        size = 0
        for event in events:
            if isinstance(event, Head):
                self._head(event)
                continue
            if isinstance(event, Data):
                size += len(event.data)
            call = self._calls.get(event.stream)
            if call is not None:
                self._tell(call, event)
            elif isinstance(event, Heard) and self._leaving is not None:
                self._leave()
        if size:
            # What is held is bounded by us, so that one stream cannot keep others waiting.
            self.frames.consume(size)

    def _tell(self, call: Call, event: Event) -> None:
        match event:
            case Data(_, data):
                call.receive(data)
            case End():
                call.receive_end()
            case Closed(stream):
                del self._calls[stream]
                call.closed()
            case Drained():
                call.drained()
            case _:
                raise AssertionError("what concerns no call was told to one")

    def _head(self, head: Head) -> None:
        """Begin a call, or end one whose caller sends trailers."""
        if (call := self._calls.get(head.stream)) is not None:
            if head.ends:
                call.receive_end()
            return
        self._called_at = self.loop.time()
        try:
            call = self._opened(head)
        except WireError as error:
            answer = only(error.code, str(error), (), status=error.status)
            self.frames.answer_only(head.stream, answer)
            if not head.ends:
                self.frames.stop_reading(head.stream)
            return
        self._calls[head.stream] = call
        if head.ends:
            call.receive_end()

    def _opened(self, head: Head) -> Call:
        """Return the call that *head* begins.

        Raises:
            WireError: If it begins none.
        """
        if not head.is_whole:
            raise WireError(StatusCode.RESOURCE_EXHAUSTED, _LONG)
        asked = parse_head(head.fields)
        handler = self.shared.find(asked)
        if handler is None:
            raise WireError(StatusCode.UNIMPLEMENTED, _NO_METHOD)
        settings = self.shared.settings
        if asked.encoding not in _ENCODINGS[: 1 + settings.gzip]:
            raise WireError(StatusCode.UNIMPLEMENTED, "messages may not be packed in this way")
        if self.shared.under_way >= settings.streams:
            raise WireError(StatusCode.RESOURCE_EXHAUSTED, _FULL)
        return Call(self, head.stream, asked, handler)

    def _flush(self) -> None:
        self._is_woken = False
        if self._is_over or self._transport.is_closing():
            return
        frames, notes = self.frames, self._notes
        try:
            while not self._is_paused:
                data = frames.take(_PIECE_BYTES)
                if data:
                    self._transport.write(data)
                if notes.events:
                    self._go_through()
                if not data and not frames.stop_answered():
                    break
        except PeerError:
            self._break_off()
            return
        if not self._calls and not self._is_paused and (self._is_leaving or frames.is_over):
            self._close()

    def _break_off(self) -> None:
        """Say why, if that can be said, and close."""
        try:
            self._transport.write(self.frames.take(_PIECE_BYTES))
        except PeerError:
            self._transport.abort()
            return
        self._close()

    def _close(self) -> None:
        self._is_leaving = True
        if not self._transport.is_closing():
            self._transport.close()
            # A peer that does not read would keep it open.
            self.loop.call_later(_LINGER_S, self._transport.abort)

    def _look(self) -> None:
        """Close what is silent, and ask whether the peer is there."""
        settings, frames = self.shared.settings, self.frames
        is_gone = self._is_asked and not self._has_spoken
        if is_gone or self._is_stuck or not self._notes.is_greeted:
            self._transport.abort()
            return
        if not self._calls and self.loop.time() - self._called_at >= settings.idle_s:
            self.leave()
        for call in tuple(self._calls.values()):
            call.look()
        # What does not read until the next look is taken to have gone, even if it writes.
        self._is_stuck = self._is_paused
        self._notes.looked()
        self._is_asked = not self._has_spoken
        self._has_spoken = False
        delay_s = settings.keepalive_s
        if self._is_asked:
            frames.ping()
            self.wake()
            delay_s = settings.keepalive_timeout_s
        self._timer = self.loop.call_later(delay_s, self._look)
