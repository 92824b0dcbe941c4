# SPDX-License-Identifier: Apache-2.0
"""Text that is one encoding as a whole, those in rarer alphabets included."""

import base64
import re
from typing import Final

from govshare_policy.egress.reading.escapes import is_readable, whole_layer

_BASE32: Final = re.compile(r"[A-Z2-7]{40,}+={0,6}")
_BASE85: Final = re.compile(r"[0-9A-Za-z!#$%&()*+\-;<=>?@^_`{|}~]{40,}+")
_ASCII85: Final = re.compile(r"(?:<~)?[!-uz]{40,}+(?:~>)?")
_SAMPLE_CHARS: Final = 1 << 14
_MIN_LETTERS: Final = 17


def layer_of(text: str, *, opaque_bytes: int) -> tuple[str, bytes] | None:
    """Return what *text* is an encoding of as a whole, and the name of the encoding.

    Raises:
        UnscannableError: If it is an encoding of *opaque_bytes* or more that are no known form.
    """
    return rare_layer(text) or whole_layer(text, opaque_bytes=opaque_bytes)


def rare_layer(text: str) -> tuple[str, bytes] | None:
    """Return *text* decoded from base32, base85 or ASCII85, if that is all it is."""
    head = text[:_SAMPLE_CHARS].split()
    if not head or not text.isascii() or len(set(map(len, head[:-1]))) > 1:
        return None
    packed = "".join(text.split())
    for name, pattern, decode in (
        ("base32", _BASE32, base64.b32decode),
        ("base85", _BASE85, base64.b85decode),
        ("ascii85", _ASCII85, _decode_ascii85),
    ):
        if pattern.fullmatch(packed) and len(set(packed)) >= _MIN_LETTERS:
            try:
                body = decode(packed)
            except ValueError:
                continue
            if is_readable(body):
                return name, body
    return None


def _decode_ascii85(text: str) -> bytes:
    """Return *text* decoded, with or without its brackets."""
    return base64.a85decode(text.removeprefix("<~").removesuffix("~>"))
