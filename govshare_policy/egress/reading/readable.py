# SPDX-License-Identifier: Apache-2.0
"""Whether decoded bytes mean anything: random bytes decode too, now and then."""

import zlib
from typing import Final

from govshare_policy.egress.reading.charset import is_text, is_utf8
from govshare_policy.egress.reading.forms import is_known
from govshare_policy.egress.reading.packed import is_zlib

# Fewer bytes than these may be text, or an escape, by chance.
_FEW_BYTES: Final = 16
_SAMPLE_BYTES: Final = 1 << 14


def is_readable(body: bytes) -> bool:
    """Tell whether *body* is text or a known form, and not merely bytes that decode by chance."""
    if body.isascii() and len(body) < _FEW_BYTES:
        return body.decode().isprintable()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        if is_known(body) or (is_zlib(body) and _inflates(body)):
            return True
        return len(body) >= _FEW_BYTES and is_text(body)
    if text.isprintable():
        return True
    return len(body) >= _FEW_BYTES and (is_known(body) or is_text(body))


def _inflates(body: bytes) -> bool:
    """Tell whether *body*, which begins like a zlib stream, goes on like one."""
    try:
        return bool(zlib.decompressobj().decompress(body, _SAMPLE_BYTES))
    except zlib.error:
        return False


def is_meant(body: bytes) -> bool:
    """Tell whether *body* is of a known form, or UTF-8, and too long to be so by chance."""
    return len(body) >= _FEW_BYTES and (is_known(body) or is_utf8(body))
