# SPDX-License-Identifier: Apache-2.0
"""Unpacking what a department's API packed, up to a size and no further."""

import zlib
from typing import Final

from govshare_sidecar.upstream import Fault, UpstreamError

_PLAIN: Final = ("", "identity")
_GZIP: Final = ("gzip", "x-gzip")
_GZIP_ONLY: Final = zlib.MAX_WBITS | 16


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
