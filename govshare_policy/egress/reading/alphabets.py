# SPDX-License-Identifier: Apache-2.0
"""Text that is one encoding as a whole, those in rarer alphabets included."""

import base64
import re
import string
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.reading.escapes import whole_layer
from govshare_policy.egress.reading.readable import is_readable

_BASE32: Final = re.compile(r"[A-Z2-7]{40,}+={0,6}")
_BASE85: Final = re.compile(r"[0-9A-Za-z!#$%&()*+\-;<=>?@^_`{|}~]{40,}+")
_ASCII85: Final = re.compile(r"(?:<~)?[!-uz]{40,}+(?:~>)?")
_SAMPLE_CHARS: Final = 1 << 14
_MIN_LETTERS: Final = 17
_GROUP: Final = 5
_POWERS: Final = np.array([85**4, 85**3, 85**2, 85, 1], dtype=np.uint64)
_FIRST: Final = np.uint64(ord("!"))
# The alphabet of RFC 1924.
_DIGITS: Final = (
    f"{string.digits}{string.ascii_uppercase}{string.ascii_lowercase}!#$%&()*+-;<=>?@^_`{{|}}~"
)


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
        ("base85", _BASE85, _decode_base85),
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


def _decode_base85(text: str) -> bytes:
    """Return *text* decoded; the same as :func:`base64.b85decode`, five digits at a time."""
    return _from_digits(_base85()[np.frombuffer(text.encode(), dtype=np.uint8)])


def _decode_ascii85(text: str) -> bytes:
    """Return *text* decoded, with or without its brackets."""
    bare = text.removeprefix("<~").removesuffix("~>")
    if "z" in bare:
        return base64.a85decode(bare)
    return _from_digits(np.frombuffer(bare.encode(), dtype=np.uint8).astype(np.uint64) - _FIRST)


def _from_digits(digits: NDArray[np.uint64]) -> bytes:
    """Return the bytes of *digits* to the base of 85.

    Raises:
        ValueError: If five of them are more than four bytes.
    """
    missing = -digits.size % _GROUP
    digits = np.append(digits, np.full(missing, 84, dtype=np.uint64)).reshape(-1, _GROUP)
    words = digits @ _POWERS
    if (words >> np.uint64(32)).any():
        raise ValueError("five digits are more than four bytes")
    body: bytes = words.astype(">u4").tobytes()
    return body[: len(body) - missing]


@cache
def _base85() -> NDArray[np.uint64]:
    """Return the digit that each ASCII character stands for."""
    table = np.zeros(0x80, dtype=np.uint64)
    for digit, character in enumerate(_DIGITS):
        table[ord(character)] = digit
    return table
