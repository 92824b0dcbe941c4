# SPDX-License-Identifier: Apache-2.0
"""As much of ASN.1 as signatures and key files need: definite lengths, one-byte tags.

The reader takes any definite length and any INTEGER. Where only DER may pass, the caller encodes
again what it read and compares.

Source:
    ITU-T X.690 §8, §10.
"""

from typing import Final

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OBJECT_ID: Final = 0x06
SEQUENCE: Final = 0x30
CONTEXT_0: Final = 0xA0
CONTEXT_1: Final = 0xA1

_SHORT_LENGTH: Final = 0x80


class DerError(Exception):
    """The bytes are not the ASN.1 value that was expected; never leaves this package."""


class Reader:
    """Takes values off the front of a byte string.

    Attributes:
        rest: What has not been taken; shrinks with every call.
    """

    __slots__ = ("rest",)

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def next_is(self, tag: int) -> bool:
        """Return whether the next value carries *tag*."""
        return self.rest[:1] == bytes((tag,))

    def take(self, tag: int) -> bytes:
        """Take the next value and return its contents.

        Raises:
            DerError: If it carries another tag, or is cut short.
        """
        if not self.next_is(tag) or len(self.rest) < 2:  # noqa: PLR2004 - a tag and a length
            raise DerError
        length, start = self.rest[1], 2
        if length >= _SHORT_LENGTH:
            start += length - _SHORT_LENGTH
            length = int.from_bytes(self.rest[2:start], "big")
        if len(self.rest) < start + length:
            raise DerError
        value, self.rest = self.rest[start : start + length], self.rest[start + length :]
        return value

    def take_integer(self) -> int:
        """Take an INTEGER, of either sign."""
        return int.from_bytes(self.take(INTEGER), "big", signed=True)

    def enter(self, tag: int) -> "Reader":
        """Take the next value and return a reader of its contents."""
        return Reader(self.take(tag))

    def end(self) -> None:
        """Raise :exc:`DerError` if anything is left."""
        if self.rest:
            raise DerError


def encode(tag: int, *parts: bytes) -> bytes:
    """Return one value: *tag*, the shortest length, and the parts."""
    contents = b"".join(parts)
    size = len(contents)
    if size < _SHORT_LENGTH:
        return bytes((tag, size)) + contents
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT_LENGTH | len(length))) + length + contents


def encode_integer(value: int) -> bytes:
    """Return the shortest INTEGER of a value that is not negative."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))
