# SPDX-License-Identifier: Apache-2.0
"""Compressed bytes, unpacked piece by piece and counted before they are kept."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Final, Protocol

from govshare_policy.egress.reading.model import Budget, Code, UnscannableError

_CHUNK: Final = 1 << 20
_LZMA_MEMORY: Final = 64 << 20
_FAULTS: Final = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


class _Unpacker(Protocol):
    """What the three libraries have in common, once zlib is adapted."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What follows the stream."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more to return without more bytes."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most *max_length* bytes."""
        ...


class _Zlib:
    """A zlib stream with the interface of bz2 and lzma."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        """What follows the stream."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most *max_length* bytes."""
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = not self._inner.unconsumed_tail
        return piece


def _lzma(form: int) -> _Unpacker:
    return lzma.LZMADecompressor(form, memlimit=_LZMA_MEMORY)


_MAGIC: Final[tuple[tuple[bytes, str, Callable[[], _Unpacker]], ...]] = (
    (b"\x1f\x8b\x08", "gzip", lambda: _Zlib(31)),
    (b"BZh", "bzip2", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\x00", "xz", lambda: _lzma(lzma.FORMAT_XZ)),
)
_BARE: Final[tuple[tuple[str, Callable[[], _Unpacker]], ...]] = (
    ("zlib", lambda: _Zlib(15)),
    ("deflate", lambda: _Zlib(-15)),
    ("lzma", lambda: _lzma(lzma.FORMAT_ALONE)),
)


def packing_of(body: bytes) -> str | None:
    """Return how *body* says it is compressed, or ``None``."""
    return next((name for magic, name, _ in _MAGIC if body.startswith(magic)), None)


def unpack(body: bytes, *, budget: Budget) -> bytes:
    """Return what *body*, which begins like a compressed form, holds.

    Raises:
        UnscannableError: If it is broken, too large, or something else follows it.
    """
    make = next(make for magic, _, make in _MAGIC if body.startswith(magic))
    pieces = []
    rest = body
    while rest.strip(b"\x00"):
        try:
            piece, rest = _unpack_one(rest, make(), budget=budget, packed=len(body))
        except _FAULTS:
            raise UnscannableError(Code.MALFORMED) from None
        pieces.append(piece)
        budget.add_member()
    return b"".join(pieces)


def unpack_bare(body: bytes, *, budget: Budget) -> tuple[str, bytes] | None:
    """Return the form and the content of compressed bytes without a clear beginning, or ``None``.

    Raises:
        UnscannableError: If it is too large.
    """
    for name, make in _BARE:
        try:
            piece, rest = _unpack_one(body, make(), budget=budget, packed=len(body))
        except _FAULTS:
            continue
        if piece and not rest:
            return name, piece
    return None


def is_zlib(body: bytes) -> bool:
    """Tell whether *body* begins like a zlib stream."""
    # Source: RFC 1950 §2.2.
    return body[:1] == b"\x78" and int.from_bytes(body[:2]) % 31 == 0


def _unpack_one(
    body: bytes, unpacker: _Unpacker, *, budget: Budget, packed: int
) -> tuple[bytes, bytes]:
    """Return the content of one stream, and what follows it."""
    pieces: list[bytes] = []
    size = 0
    start = 0
    view = memoryview(body)
    while not unpacker.eof:
        data = b""
        if unpacker.needs_input:
            if start >= len(body):
                raise EOFError
            data = bytes(view[start : start + _CHUNK])
            start += _CHUNK
        piece = unpacker.decompress(data, _CHUNK)
        pieces.append(piece)
        size += len(piece)
        budget.expand(len(piece))
        budget.check_ratio(packed, expanded=size)
    return b"".join(pieces), unpacker.unused_data + bytes(view[start:])
