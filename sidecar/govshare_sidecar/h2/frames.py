# SPDX-License-Identifier: Apache-2.0
"""One connection of HTTP/2, without its socket: bytes in, events out; orders in, bytes out.

What happened stands in its notes, and whoever owns the connection goes through them after each
:meth:`Frames.feed` and :meth:`Frames.take`.
"""

import ctypes
from ctypes import c_void_p, string_at
from typing import Any, Final

from govshare_policy.errors import ConfigError
from govshare_sidecar.h2 import _nghttp2 as ng
from govshare_sidecar.h2.events import PeerError
from govshare_sidecar.h2.leaving import Leaving
from govshare_sidecar.h2.notes import PROVIDER_AT, Notes, wiring
from govshare_sidecar.h2.settings import Settings

_CONNECTION_WINDOW_BYTES: Final = 1 << 20
# Frames that ask for nothing, such as pings, in a row.
_IDLE_FRAMES: Final = 1000
# What a peer may let leave beyond all that has left: when calls begin, and ahead of their answers.
_UPDATES: Final = 10_000
# What waits to leave, none of it an answer, while the peer does not read.
_QUEUED_FRAMES: Final = 10_000


class Frames:
    """The server side of one connection; owned by the event loop. Close it, or it stays."""

    def __init__(self, settings: Settings) -> None:
        """Begin a connection; its first frames wait to be taken.

        Raises:
            ConfigError: If libnghttp2 is not there.
        """
        self._settings = settings
        library = self._library = ng.library()
        self._mem_recv: Any = library.nghttp2_session_mem_recv
        self._mem_send: Any = library.nghttp2_session_mem_send
        opened, at = c_void_p(), c_void_p()
        callbacks, options = wiring()
        notes = self.notes = Notes(settings)
        if library.nghttp2_session_server_new2(
            ctypes.byref(opened), callbacks, notes.token, options
        ):
            raise ConfigError(f"`{ng.SONAME}` could not begin a connection")
        self._native = opened.value
        self._at, self._at_reference = at, ctypes.byref(at)
        entries = (ng.Setting * 3)(
            ng.Setting(ng.MAX_CONCURRENT_STREAMS, settings.streams),
            ng.Setting(ng.INITIAL_WINDOW_SIZE, settings.window_bytes),
            ng.Setting(ng.MAX_HEADER_LIST_SIZE, settings.metadata_bytes),
        )
        library.nghttp2_submit_settings(self._native, 0, entries, len(entries))
        library.nghttp2_session_set_local_window_size(
            self._native, 0, 0, max(_CONNECTION_WINDOW_BYTES, settings.window_bytes)
        )

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be read or written."""
        library, native = self._library, self._native
        return not (
            library.nghttp2_session_want_read(native) or library.nghttp2_session_want_write(native)
        )

    @property
    def is_flooded(self) -> bool:
        """Whether more waits to leave than any honest peer lets wait."""
        waiting = self._library.nghttp2_session_get_outbound_queue_size(self._native)
        return bool(waiting > _QUEUED_FRAMES)

    def feed(self, data: bytes) -> None:
        """Read what arrived.

        Raises:
            PeerError: If the connection cannot go on; what is to be said about that can be taken.
        """
        if self._mem_recv(self._native, data, len(data)) < 0:
            raise PeerError("a peer does not keep to HTTP/2")
        if self.notes.idle_frames > _IDLE_FRAMES or self.notes.updates > _UPDATES:
            self._library.nghttp2_session_terminate_session(self._native, ng.ENHANCE_YOUR_CALM)
            raise PeerError("a peer sends frames that ask for nothing")

    def take(self, most: int) -> bytes:
        """Return what is to leave now, not much more than *most* bytes; empty for nothing.

        Raises:
            PeerError: If the connection cannot go on.
        """
        parts: list[bytes] = []
        size = 0
        while size < most:
            count = self._mem_send(self._native, self._at_reference)
            if count <= 0:
                if count < 0:
                    raise PeerError("a connection of HTTP/2 has come to its end")
                break
            parts.append(string_at(self._at.value or 0, count))
            size += count
        return b"".join(parts)

    def consume(self, size: int, *, stream: int = 0) -> None:
        """Let the peer send *size* bytes more, on *stream* or on the connection as a whole."""
        if stream:
            self._library.nghttp2_session_consume_stream(self._native, stream, size)
        else:
            self._library.nghttp2_session_consume_connection(self._native, size)

    def answer(self, stream: int, head: ng.Pairs) -> None:
        """Begin an answer; :meth:`put` and :meth:`end` go on with it."""
        self.notes.leaving[stream] = Leaving()
        self._library.nghttp2_submit_response(
            self._native, stream, head.at, head.count, PROVIDER_AT
        )

    def answer_only(self, stream: int, head: ng.Pairs) -> None:
        """Answer with *head* and nothing behind it."""
        self._library.nghttp2_submit_response(self._native, stream, head.at, head.count, None)

    def put(self, stream: int, data: bytes) -> bool:
        """Put *data* on *stream*; tell whether to wait for :class:`Drained` before the next."""
        leaving = self.notes.leaving.get(stream)
        if leaving is None:
            return False
        leaving.chunks.append(data)
        leaving.size += len(data)
        self._resume(stream, leaving)
        leaving.is_full = leaving.size > self._settings.queued_bytes
        return leaving.is_full

    def end(self, stream: int, trailers: ng.Pairs) -> None:
        """End *stream* with *trailers*, behind all that was put on it."""
        leaving = self.notes.leaving.get(stream)
        if leaving is not None:
            leaving.trailers = trailers
            self._resume(stream, leaving)

    def waiting(self, stream: int) -> int:
        """Return how many bytes wait to leave on *stream*."""
        leaving = self.notes.leaving.get(stream)
        return 0 if leaving is None else leaving.size

    def reset(self, stream: int) -> None:
        """Break *stream* off."""
        self._library.nghttp2_submit_rst_stream(self._native, 0, stream, ng.CANCEL)

    def stop_reading(self, stream: int) -> None:
        """Tell the peer, once the answer has left, that nothing more of its call is read."""
        self.notes.early.add(stream)

    def stop_answered(self) -> bool:
        """Do what :meth:`stop_reading` said where the answer has left; tell whether any has."""
        done = [stream for stream in self.notes.early if self._has_left(stream)]
        for stream in done:
            self.notes.early.discard(stream)
            self._library.nghttp2_submit_rst_stream(self._native, 0, stream, ng.NO_ERROR)
        return bool(done)

    def ping(self) -> None:
        """Ask the peer whether it is there."""
        self._library.nghttp2_submit_ping(self._native, 0, None)

    def announce_leaving(self) -> None:
        """Tell the peer that soon no call can be begun."""
        self._library.nghttp2_submit_shutdown_notice(self._native)

    def go_away(self) -> None:
        """Tell the peer to begin no call any more; what it began goes on.

        A call that it sends before it reads this was not begun, and it knows that.
        """
        last = self._library.nghttp2_session_get_last_proc_stream_id(self._native)
        self._library.nghttp2_submit_goaway(self._native, 0, last, ng.NO_ERROR, None, 0)

    def close(self) -> None:
        """Forget the connection; does nothing the second time."""
        if self._native is not None:
            self._library.nghttp2_session_del(self._native)
            self._native = None
            self.notes.close()

    def _resume(self, stream: int, leaving: Leaving) -> None:
        if leaving.is_deferred:
            leaving.is_deferred = False
            self._library.nghttp2_session_resume_data(self._native, stream)

    def _has_left(self, stream: int) -> bool:
        # -1, for a stream that is no more, is as good: resetting it does nothing.
        closed = self._library.nghttp2_session_get_stream_local_close(self._native, stream)
        return bool(closed)
