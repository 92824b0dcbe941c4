# SPDX-License-Identifier: Apache-2.0
"""A client that sends whatever frames a test likes, and reads what comes back."""

import asyncio
import contextlib
import ctypes
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Self

from govshare_sidecar.h2._nghttp2 import SONAME
from govshare_sidecar.h2.framing import framed
from tests.unit.sidecar_h2.served import SERVICE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10)
)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
ENHANCE_YOUR_CALM = 11
Fields = tuple[tuple[bytes, bytes], ...]


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes


class Pair(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("value", ctypes.c_void_p),
        ("name_size", ctypes.c_size_t),
        ("value_size", ctypes.c_size_t),
        ("flags", ctypes.c_uint8),
    )


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def block(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return *fields*, each written out and none remembered."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)


def _text(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, out = len(text) - 127, b"\x7f"
    while rest >= 128:
        out, rest = out + bytes([rest % 128 + 128]), rest // 128
    return out + bytes([rest]) + text


def call_fields(method: str = "Echo", **other: str) -> Fields:
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": f"/{SERVICE}/{method}",
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    } | {name.replace("_", "-"): value for name, value in other.items()}
    return tuple((name.encode(), value.encode()) for name, value in fields.items())


def headers(stream: int, fields: Fields | None = None, *, flags: int = END_HEADERS) -> bytes:
    return frame(HEADERS, block(fields or call_fields()), flags=flags, stream=stream)


def data(stream: int, payload: bytes, *, ends: bool = True) -> bytes:
    return frame(DATA, payload, flags=END_STREAM if ends else 0, stream=stream)


def call(stream: int, message: bytes = b"", method: str = "Echo") -> bytes:
    return headers(stream, call_fields(method)) + data(stream, framed(message))


class Raw:
    """One connection, its preface sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._library: Any = ctypes.CDLL(SONAME)
        self._inflater = ctypes.c_void_p()
        self._library.nghttp2_hd_inflate_new(ctypes.byref(self._inflater))

    @classmethod
    @asynccontextmanager
    async def to(
        cls, port: int, hello: bytes | None = None, *, room: int = 0
    ) -> AsyncIterator[Self]:
        """Connect; with *room*, take no more than so many bytes ahead of whoever reads."""
        plain = socket.socket()
        if room:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        plain.setblocking(False)  # noqa: FBT003  the signature is the library's
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=plain, limit=room or 1 << 16)
        raw = cls(reader, writer)
        raw.send(PREFACE + frame(SETTINGS) if hello is None else hello)
        try:
            yield raw
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            raw._library.nghttp2_hd_inflate_del(raw._inflater)

    def send(self, sent: bytes) -> None:
        """Send, unless the peer has gone."""
        if not self._writer.transport.is_closing():
            self._writer.write(sent)

    async def sent(self, sent: bytes) -> None:
        """Send, and wait until the system has taken it."""
        self.send(sent)
        with contextlib.suppress(OSError):
            await self._writer.drain()

    async def frame(self) -> Frame | None:
        """Return the next frame; ``None`` when the connection is over."""
        try:
            head = await self._reader.readexactly(9)
            payload = await self._reader.readexactly(int.from_bytes(head[:3]))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return Frame(head[3], head[4], int.from_bytes(head[5:]), payload)

    async def frames(self, *kinds: int) -> AsyncIterator[Frame]:
        """Yield the frames of *kinds* until the connection is over."""
        while (found := await self.frame()) is not None:
            if found.kind in kinds:
                yield found

    async def first(self, *kinds: int) -> Frame | None:
        async for found in self.frames(*kinds):
            return found
        return None

    async def fields(self, stream: int) -> dict[str, str]:
        """Return all header fields of the answer on *stream*, up to its end."""
        fields: dict[str, str] = {}
        async for found in self.frames(HEADERS):
            more = self._inflated(found.payload)
            if found.stream == stream:
                fields |= more
                if found.flags & END_STREAM:
                    return fields
        raise AssertionError("the connection is over")

    async def is_over(self) -> bool:
        """Return once the peer has closed the connection."""
        while await self.frame() is not None:
            pass
        return True

    def _inflated(self, payload: bytes) -> dict[str, str]:
        fields = {}
        at, flags = 0, ctypes.c_int()
        pair = Pair()
        while True:
            used = self._library.nghttp2_hd_inflate_hd(
                self._inflater, ctypes.byref(pair), ctypes.byref(flags),
                ctypes.c_char_p(payload[at:]), ctypes.c_size_t(len(payload) - at), 1,
            )  # fmt: skip
            assert used >= 0
            at += used
            if flags.value & 2:
                name = ctypes.string_at(pair.name or 0, pair.name_size).decode()
                fields[name] = ctypes.string_at(pair.value or 0, pair.value_size).decode()
            elif flags.value & 1:
                self._library.nghttp2_hd_inflate_end_headers(self._inflater)
                return fields
