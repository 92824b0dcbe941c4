# SPDX-License-Identifier: Apache-2.0
"""Unpacking what a department's API packed, up to a size and no further."""

import zlib
from collections.abc import Iterator
from typing import Final

from govshare_sidecar.upstream import Fault, UpstreamError

_PLAIN: Final = ("", "identity")
_GZIP: Final = ("gzip", "x-gzip")
_GZIP_ONLY: Final = zlib.MAX_WBITS | 16
_PART_BYTES: Final = 64 * 1024


def unpack(body: bytes, content_encoding: str, *, most: int) -> bytes:
    """Return *body* as it was before *content_encoding*; at most *most* bytes are ever made of it.

    Raises:
        UpstreamError: If it is packed otherwise than once with gzip, is not one whole stream of
            it, or is larger than *most*.
    """
    encoding = content_encoding.strip().lower()
    if encoding in _PLAIN:
        return body
    if encoding not in _GZIP:
        raise UpstreamError(
            Fault.UNREADABLE, "the department's answer is packed, and not once with gzip"
        )
    stream = zlib.decompressobj(_GZIP_ONLY)
    try:
        plain = stream.decompress(body, most + 1)
    except zlib.error:
        raise UpstreamError(Fault.UNREADABLE, "the department's answer is no gzip") from None
    if len(plain) > most:
        raise UpstreamError(
            Fault.TOO_LARGE, f"the department's answer is larger than {most} bytes unpacked"
        )
    # A second stream behind the first is read by some and not by others.
    if not stream.eof or stream.unused_data:
        raise UpstreamError(
            Fault.UNREADABLE, "the department's answer is not one whole stream of gzip"
        )
    return plain


class Unpacker:
    """Unpacks what comes in parts, into parts of which none is large."""

    def __init__(self, content_encoding: str) -> None:
        """Begin.

        Raises:
            UpstreamError: If *content_encoding* is anything but once gzip, or nothing.
        """
        encoding = content_encoding.strip().lower()
        if encoding not in (*_PLAIN, *_GZIP):
            raise _unreadable("is packed, and not once with gzip")
        self._stream = None if encoding in _PLAIN else zlib.decompressobj(_GZIP_ONLY)

    def parts(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* add to what was unpacked.

        Raises:
            UpstreamError: If they are no gzip, or go on behind its end.
        """
        if self._stream is None:
            yield data
            return
        more = True
        while more:
            try:
                part = self._stream.decompress(data, _PART_BYTES)
            except zlib.error:
                raise _unreadable("is no gzip") from None
            if self._stream.unused_data:
                raise _unreadable("is not one whole stream of gzip")
            data = self._stream.unconsumed_tail
            # What fills a part may have left more inside, though all that came was taken.
            more = bool(data) or len(part) == _PART_BYTES
            yield part

    def verify_ended(self) -> None:
        """Return only if what came was whole.

        Raises:
            UpstreamError: If it was cut off.
        """
        if self._stream is not None and not self._stream.eof:
            raise _unreadable("is not one whole stream of gzip")


def _unreadable(complaint: str) -> UpstreamError:
    return UpstreamError(Fault.UNREADABLE, f"the department's answer {complaint}")
