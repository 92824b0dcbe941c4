# SPDX-License-Identifier: Apache-2.0
"""Encoded blocks that stand among other text: lines of base64 or hexadecimal, uuencoded files.

A line of such a block says nothing by itself: it begins inside a character, or inside a stream.
"""

import binascii
import re
from collections.abc import Iterator
from typing import Final

from govshare_policy.egress.reading.dumps import prefixed_runs
from govshare_policy.egress.reading.escapes import (
    BLOCK_LINES,
    decode_base64,
    decode_hex,
)
from govshare_policy.egress.reading.model import Budget, Code, UnscannableError
from govshare_policy.egress.reading.rare_blocks import rare_blocks_of
from govshare_policy.egress.reading.readable import is_readable

_LINES: Final = re.compile(
    r"(?:^[ \t>]*+[A-Za-z0-9+/_-]{32,}+[ \t]*+\r?\n)++"
    r"(?:[ \t>]*+[A-Za-z0-9+/_-]++={0,2}[ \t]*+\r?$)?",
    re.MULTILINE,
)
_MARGIN: Final = re.compile(r"[ \t\r>]+", re.MULTILINE)
_FILE: Final = re.compile(
    r"^begin [0-7]{3,4} [^\n]*+\n((?:[ -`]{1,62}+\r?\n)++)end\b", re.MULTILINE
)
_ENCRYPTED: Final = re.compile(r"-----BEGIN (?:PGP MESSAGE|PKCS7|CMS|AGE ENCRYPTED FILE)-----")
_HEX: Final = re.compile(r"[0-9a-fA-F]++")
_HEX_DIGITS: Final = 16

Block = tuple[int, int, str, bytes]


def blocks_of(text: str, *, budget: Budget) -> Iterator[Block]:
    """Yield start, end, encoding and content of the blocks in *text*.

    Raises:
        UnscannableError: If a block is enciphered, or so much of it is no known form that it might
            be anything.
    """
    if _ENCRYPTED.search(text):
        raise UnscannableError(Code.ENCRYPTED)
    for match in _FILE.finditer(text):
        body = _uudecoded(match.group(1))
        if body is not None:
            yield match.start(), match.end(), "uuencode", body
    yield from rare_blocks_of(text, budget=budget)
    for start, end, body in prefixed_runs(text):
        yield start, end, "bytes", body
    for match in _LINES.finditer(text):
        budget.tick()
        if (found := _decoded(match.group(), budget=budget)) is not None:
            length, name, body = found
            yield match.start(), match.start() + length, name, body


def _decoded(block: str, *, budget: Budget) -> tuple[int, str, bytes] | None:
    """Return how much of *block* is one encoding, which, and of what; ``None`` if none is."""
    lines = _MARGIN.sub("", block).rstrip("\n").split("\n")
    width = len(lines[0])
    whole = block if len(lines[-1]) <= width else block[: block.rstrip("\n").rfind("\n")]
    if len(lines) > 1 and len(lines[-1]) > width:
        lines.pop()
    if len(lines) == 1 or any(len(line) != width for line in lines[:-1]):
        return None
    packed = "".join(lines)
    # The word after a block may look like its last line.
    for kept, length in ((packed, len(whole)), ("".join(lines[:-1]), whole.rstrip().rfind("\n"))):
        name, body = _unpacked(kept)
        if body is not None and is_readable(body):
            return length, name, body
    is_opaque = width in BLOCK_LINES and len(set(packed)) > _HEX_DIGITS
    if is_opaque and len(packed) >= budget.limits.opaque_bytes:
        raise UnscannableError(Code.UNKNOWN_FORM)
    return None


def _unpacked(packed: str) -> tuple[str, bytes | None]:
    """Return the encoding of *packed*, and its content if it is whole."""
    if _HEX.fullmatch(packed):
        return "hex", decode_hex(packed)
    return "base64", decode_base64(packed)


def _uudecoded(lines: str) -> bytes | None:
    """Return the content of a uuencoded file, or ``None`` if it is none."""
    try:
        return b"".join(binascii.a2b_uu(line) for line in lines.split("\n") if line)
    except binascii.Error:
        return None
