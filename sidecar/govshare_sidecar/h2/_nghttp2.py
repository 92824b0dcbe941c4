# SPDX-License-Identifier: Apache-2.0
"""What is used of libnghttp2, declared for ctypes; nothing here decides anything.

Every call keeps the interpreter lock: each takes microseconds, and getting the lock back from a
busy thread takes a thousand times as long.

Source:
    nghttp2.h of libnghttp2 1.52; the declarations below have not changed up to 1.68.
"""

import ctypes
from collections.abc import Iterable
from ctypes import POINTER, c_char_p, c_int, c_int32, c_size_t, c_ssize_t, c_uint8, c_uint32
from ctypes import c_void_p as pointer
from functools import cache
from typing import Any, Final, TypeAlias

from govshare_policy.errors import ConfigError

SONAME: Final = "libnghttp2.so.14"
PACKAGE: Final = "libnghttp2-14"

# Frames: nghttp2_frame_type and the flags that are looked at.
DATA, HEADERS, PING, WINDOW_UPDATE = 0, 1, 6, 8
END_STREAM = ACK = 1
# nghttp2_error_code, as peers say it to each other.
NO_ERROR, CANCEL, ENHANCE_YOUR_CALM = 0, 8, 11
# nghttp2_error, as callbacks answer.
OK, DEFERRED, FAILED_HERE = 0, -508, -521
# nghttp2_data_flag
LAST_DATA: Final = 1 | 2  # NGHTTP2_DATA_FLAG_EOF, and NGHTTP2_DATA_FLAG_NO_END_STREAM
# nghttp2_settings_id
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_HEADER_LIST_SIZE = 3, 4, 6

Outgoing: TypeAlias = tuple[bytes, bytes]
# length, stream, type, flags: how every frame begins in memory.
FRAME_HEAD: Final = "=QiBB"
FRAME_HEAD_BYTES: Final = 14
STREAM_AT: Final = 8

OnBegin = ctypes.CFUNCTYPE(c_int, pointer, pointer, pointer)
OnHeader = ctypes.CFUNCTYPE(
    c_int, pointer, pointer, pointer, c_size_t, pointer, c_size_t, c_uint8, pointer
)
OnFrame = ctypes.CFUNCTYPE(c_int, pointer, pointer, pointer)
OnData = ctypes.CFUNCTYPE(c_int, pointer, c_uint8, c_int32, pointer, c_size_t, pointer)
OnClose = ctypes.CFUNCTYPE(c_int, pointer, c_int32, c_uint32, pointer)
Read = ctypes.CFUNCTYPE(c_ssize_t, pointer, c_int32, pointer, c_size_t, pointer, pointer, pointer)


class _Pair(ctypes.Structure):
    """nghttp2_nv."""

    _fields_ = (
        ("name", c_char_p),
        ("value", c_char_p),
        ("name_size", c_size_t),
        ("value_size", c_size_t),
        ("flags", c_uint8),
    )


class Setting(ctypes.Structure):
    """nghttp2_settings_entry."""

    _fields_ = (("id", c_int32), ("value", c_uint32))


class Provider(ctypes.Structure):
    """nghttp2_data_provider."""

    _fields_ = (("source", pointer), ("read", Read))


class Pairs:
    """Header fields as the library takes them; it copies them whenever it does.

    Attributes:
        at: Where they stand in memory, for as long as this object lives.
    """

    __slots__ = ("_fields", "at", "count")

    def __init__(self, fields: Iterable[Outgoing]) -> None:
        """Begin with *fields*, whose names are in lower case."""
        pairs = [_Pair(name, value, len(name), len(value), 0) for name, value in fields]
        self._fields = (_Pair * len(pairs))(*pairs)
        self.at = ctypes.addressof(self._fields)
        self.count = len(pairs)


# Every function we call, with its result and its arguments.
_FUNCTIONS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "nghttp2_option_new": (c_int, [POINTER(pointer)]),
    "nghttp2_option_set_no_auto_window_update": (None, [pointer, c_int]),
    "nghttp2_option_set_no_closed_streams": (None, [pointer, c_int]),
    "nghttp2_option_set_max_outbound_ack": (None, [pointer, c_size_t]),
    "nghttp2_option_set_max_settings": (None, [pointer, c_size_t]),
    # These two came with the repair of two attacks; a library without them has not been repaired.
    "nghttp2_option_set_stream_reset_rate_limit": (
        None,
        [pointer, ctypes.c_uint64, ctypes.c_uint64],
    ),
    "nghttp2_option_set_max_continuations": (None, [pointer, c_size_t]),
    "nghttp2_session_callbacks_new": (c_int, [POINTER(pointer)]),
    "nghttp2_session_callbacks_set_on_begin_headers_callback": (None, [pointer, OnBegin]),
    "nghttp2_session_callbacks_set_on_header_callback": (None, [pointer, OnHeader]),
    "nghttp2_session_callbacks_set_on_frame_recv_callback": (None, [pointer, OnFrame]),
    "nghttp2_session_callbacks_set_on_data_chunk_recv_callback": (None, [pointer, OnData]),
    "nghttp2_session_callbacks_set_on_stream_close_callback": (None, [pointer, OnClose]),
    "nghttp2_session_server_new2": (c_int, [POINTER(pointer), pointer, pointer, pointer]),
    "nghttp2_session_del": (None, [pointer]),
    "nghttp2_session_mem_recv": (c_ssize_t, [pointer, c_char_p, c_size_t]),
    "nghttp2_session_mem_send": (c_ssize_t, [pointer, POINTER(pointer)]),
    "nghttp2_session_want_read": (c_int, [pointer]),
    "nghttp2_session_want_write": (c_int, [pointer]),
    "nghttp2_session_consume_connection": (c_int, [pointer, c_size_t]),
    "nghttp2_session_consume_stream": (c_int, [pointer, c_int32, c_size_t]),
    "nghttp2_session_resume_data": (c_int, [pointer, c_int32]),
    "nghttp2_session_get_last_proc_stream_id": (c_int32, [pointer]),
    "nghttp2_session_get_outbound_queue_size": (c_size_t, [pointer]),
    "nghttp2_session_get_stream_local_close": (c_int, [pointer, c_int32]),
    "nghttp2_session_set_local_window_size": (c_int, [pointer, c_uint8, c_int32, c_int32]),
    "nghttp2_session_terminate_session": (c_int, [pointer, c_uint32]),
    "nghttp2_submit_settings": (c_int, [pointer, c_uint8, pointer, c_size_t]),
    "nghttp2_submit_response": (c_int, [pointer, c_int32, pointer, c_size_t, pointer]),
    "nghttp2_submit_trailer": (c_int, [pointer, c_int32, pointer, c_size_t]),
    "nghttp2_submit_rst_stream": (c_int, [pointer, c_uint8, c_int32, c_uint32]),
    "nghttp2_submit_shutdown_notice": (c_int, [pointer]),
    "nghttp2_submit_ping": (c_int, [pointer, c_uint8, pointer]),
    "nghttp2_submit_goaway": (
        c_int,
        [pointer, c_uint8, c_int32, c_uint32, pointer, c_size_t],
    ),
}


@cache
def library() -> ctypes.PyDLL:
    """Return libnghttp2, loaded once.

    Raises:
        ConfigError: If it is not there, or lacks the repairs that we rely on.
    """
    return load(SONAME)


def load(name: str) -> ctypes.PyDLL:
    """Return the shared library *name*, with the functions that are used declared.

    Raises:
        ConfigError: As :func:`library`.
    """
    try:
        loaded = ctypes.PyDLL(name)
    except OSError:
        raise ConfigError(f"`{name}` is not there; install the package `{PACKAGE}`") from None
    for function, (result, arguments) in _FUNCTIONS.items():
        if not hasattr(loaded, function):
            raise ConfigError(f"`{name}` has no `{function}`; update the package `{PACKAGE}`")
        found = getattr(loaded, function)
        found.restype, found.argtypes = result, arguments
    return loaded
