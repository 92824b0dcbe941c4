# SPDX-License-Identifier: Apache-2.0
"""What libnghttp2 calls back: it is noted here, and nothing is done about it.

An error that left a callback would be lost in the library, so whoever owns the connection goes
through the notes once the library has returned.
"""

import ctypes
import itertools
import struct
from ctypes import c_uint32, c_void_p, string_at
from functools import cache
from typing import Final

from govshare_policy.errors import ConfigError
from govshare_sidecar.h2 import _nghttp2 as ng
from govshare_sidecar.h2.events import Closed, Data, Drained, End, Event, Head, Heard
from govshare_sidecar.h2.leaving import Leaving
from govshare_sidecar.h2.settings import Settings

_HEAD: Final = struct.Struct(ng.FRAME_HEAD)
# By RFC 9113 §6.5.2, a header field counts for so much more than its bytes.
_FIELD_BYTES: Final = 32
# A block of header fields this much over its limit is not read to its end.
_LIMIT_FACTOR: Final = 4
_ACKS: Final = 1000
_RESETS, _RESETS_A_SECOND = 1000, 33
_SETTINGS_ENTRIES: Final = 32
_CONTINUATIONS: Final = 8
# A part of a body with fewer bytes asks for nothing: no message of ours has so few, and a peer that
# cuts them so costs us a hundred times what it costs itself.
_LEAST_BYTES: Final = 32
# A peer may tell of each part of an answer that it has read it, twice, and be late with it.
_UPDATES_A_PART: Final = 2
_MOST_UPDATES_OWED: Final = 20_000


class Notes:
    """What happened on one connection, and what is to leave on it.

    Attributes:
        events: In order; whoever owns the connection takes them from here.
        leaving: By stream; an answer is taken out when its last byte is.
        early: Streams that are answered before their caller has sent everything.
        idle_frames: How many frames came, in a row, that ask for nothing.
        updates: How many times the peer has let more leave than it was sent parts of answers for.
        is_greeted: Whether the peer has begun to speak HTTP/2.
        token: By which the library calls back.
    """

    def __init__(self, settings: Settings) -> None:
        """Begin with nothing; :meth:`close` it, or it stays."""
        self.events: list[Event] = []
        self.leaving: dict[int, Leaving] = {}
        self.early: set[int] = set()
        self.idle_frames = 0
        self.updates = 0
        self.is_greeted = False
        # Of the part of a body that is arriving.
        self._part_bytes = 0
        self._library = ng.library()
        self._queued_bytes = settings.queued_bytes
        self._most_header_bytes = settings.metadata_bytes
        self._limit_bytes = _LIMIT_FACTOR * settings.metadata_bytes
        self._fields: list[tuple[bytes, bytes]] = []
        self._field_bytes = 0
        self.token = next(_tokens)
        _open[self.token] = self

    def close(self) -> None:
        """Note nothing any more."""
        del _open[self.token]

    def begun(self) -> int:
        """Begin a block of header fields."""
        self._fields, self._field_bytes = [], 0
        return ng.OK

    def field(self, name: bytes, value: bytes) -> int:
        """Note a header field; a block that is too long is not kept, one far too long not read."""
        self._field_bytes += len(name) + len(value) + _FIELD_BYTES
        if self._field_bytes > self._limit_bytes:
            return ng.FAILED_HERE
        if self._field_bytes <= self._most_header_bytes:
            self._fields.append((name, value))
        return ng.OK

    def frame(self, frame: int) -> int:
        """Note the whole frame at the address *frame*."""
        _, stream, kind, flags = _HEAD.unpack(string_at(frame, ng.FRAME_HEAD_BYTES))
        self.is_greeted = True
        if kind == ng.HEADERS:
            is_whole = self._field_bytes <= self._most_header_bytes
            ends = bool(flags & ng.END_STREAM)
            self.events.append(Head(stream, self._fields, is_whole, ends))
        elif kind == ng.DATA:
            size, self._part_bytes = self._part_bytes, 0
            if flags & ng.END_STREAM:
                self.events.append(End(stream))
            elif size < _LEAST_BYTES:
                self.idle_frames += 1
        elif kind == ng.WINDOW_UPDATE:
            self.updates += 1
        else:
            self.idle_frames += 1
            if kind == ng.PING and flags & ng.ACK:
                self.events.append(Heard(stream))
        return ng.OK

    def looked(self) -> None:
        """Forget what came now and then, and was never much at once."""
        self.idle_frames = 0
        self.updates = min(self.updates, 0)

    def arrived(self, stream: int, data: bytes) -> int:
        """Note a part of a body."""
        # What a frame is filled up with does not come by here, and is nothing.
        self._part_bytes += len(data)
        self.events.append(Data(stream, data))
        return ng.OK

    def closed(self, stream: int) -> int:
        """Note that *stream* is over."""
        self.leaving.pop(stream, None)
        self.early.discard(stream)
        self.events.append(Closed(stream))
        return ng.OK

    def read(self, native: int, stream: int, target: int, room: int, flags: int) -> int:
        """Copy up to *room* bytes of what leaves next on *stream* to the address *target*."""
        leaving = self.leaving.get(stream)
        if leaving is None:
            return ng.FAILED_HERE
        self.idle_frames = 0
        self.updates = max(self.updates - _UPDATES_A_PART, -_MOST_UPDATES_OWED)
        count = leaving.copy(target, room)
        if leaving.size == 0 and leaving.trailers is not None:
            c_uint32.from_address(flags).value = ng.LAST_DATA
            trailers = leaving.trailers
            self._library.nghttp2_submit_trailer(native, stream, trailers.at, trailers.count)
            del self.leaving[stream]
            return count
        if count == 0:
            leaving.is_deferred = True
            return ng.DEFERRED
        if leaving.is_full and leaving.size <= self._queued_bytes:
            leaving.is_full = False
            self.events.append(Drained(stream))
        return count


# By what the library hands back to a callback.
_open: Final[dict[int, Notes]] = {}
_tokens: Final = itertools.count(1)


def _on_begin(_native: int, _frame: int, token: int) -> int:
    return _open[token].begun()


def _on_header(
    _native: int,
    _frame: int,
    name: int,
    name_size: int,
    value: int,
    value_size: int,
    _flags: int,
    token: int,
) -> int:
    return _open[token].field(string_at(name, name_size), string_at(value, value_size))


def _on_frame(_native: int, frame: int, token: int) -> int:
    return _open[token].frame(frame)


def _on_data(_native: int, _flags: int, stream: int, data: int, size: int, token: int) -> int:
    return _open[token].arrived(stream, string_at(data, size))


def _on_close(_native: int, stream: int, _code: int, token: int) -> int:
    return _open[token].closed(stream)


def _on_read(
    native: int, stream: int, target: int, room: int, flags: int, _source: int, token: int
) -> int:
    return _open[token].read(native, stream, target, room, flags)


# INVARIANT: never freed, since the library calls back through them.
_CALLBACKS: Final = {
    "begin_headers": ng.OnBegin(_on_begin),
    "header": ng.OnHeader(_on_header),
    "frame_recv": ng.OnFrame(_on_frame),
    "data_chunk_recv": ng.OnData(_on_data),
    "stream_close": ng.OnClose(_on_close),
}
_PROVIDER: Final = ng.Provider(None, ng.Read(_on_read))
PROVIDER_AT: Final = ctypes.addressof(_PROVIDER)


@cache
def wiring() -> tuple[c_void_p, c_void_p]:
    """Return the callbacks and the options of every connection; made once, and never freed."""
    library = ng.library()
    callbacks, options = c_void_p(), c_void_p()
    if library.nghttp2_session_callbacks_new(ctypes.byref(callbacks)) or (
        library.nghttp2_option_new(ctypes.byref(options))
    ):
        raise ConfigError(f"`{ng.SONAME}` could not be set up")
    prefix = "nghttp2_session_callbacks_set_on"
    for name, callback in _CALLBACKS.items():
        getattr(library, f"{prefix}_{name}_callback")(callbacks, callback)
    library.nghttp2_option_set_no_auto_window_update(options, 1)
    library.nghttp2_option_set_no_closed_streams(options, 1)
    library.nghttp2_option_set_max_outbound_ack(options, _ACKS)
    library.nghttp2_option_set_max_settings(options, _SETTINGS_ENTRIES)
    library.nghttp2_option_set_stream_reset_rate_limit(options, _RESETS, _RESETS_A_SECOND)
    library.nghttp2_option_set_max_continuations(options, _CONTINUATIONS)
    return callbacks, options
