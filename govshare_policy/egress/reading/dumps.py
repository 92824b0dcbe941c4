# SPDX-License-Identifier: Apache-2.0
"""Bytes that are written out as numbers: dumps with offsets beside them, and lists of bytes."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from govshare_policy.egress.reading.readable import is_readable

_SAMPLE_CHARS: Final = 1 << 14
_DUMP_LINES: Final = 16
_MIN_DUMP: Final = 24
_MIN_BYTES: Final = 16
_MIN_WIDTH: Final = 4
_MAX_WIDTH: Final = 64
_LINE: Final = re.compile(r"((?:0x)?([0-9A-Fa-f]{4,16})[:h]?[ \t]{1,4})(?=[0-9A-Fa-f]{2})")
_PAIR: Final = re.compile(r"[ \t-]*([0-9A-Fa-f]{2})")
_TAIL: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){1,8}+(?: {1,2}(?:[0-9A-Fa-f]{2}){1,8}+(?=\s|\Z))*+")
_WORDS: Final = re.compile(r"\s*(?:[0-9A-Fa-f]{4}\s+){2}")
_BASES: Final = (16, 10, 8)
# Of lists: what may stand in all of it, what one of its numbers is, what is none, and the base.
_LISTS: Final[tuple[tuple[str, re.Pattern[str], re.Pattern[str], int], ...]] = (
    ("01 ,;\t\r\n", re.compile("[01]{8}"), re.compile("[01]{9}"), 2),
    ("0123456789-+ ,;\t\r\n[](){}", re.compile(r"-?\d{1,3}"), re.compile(r"\d{4}"), 10),
    (
        "0123456789abcdefABCDEF:-, \t\r\n",
        re.compile("[0-9A-Fa-f]{2}"),
        re.compile("[0-9A-Fa-f]{3}|(?<![0-9A-Fa-f])[0-9A-Fa-f](?![0-9A-Fa-f])"),
        16,
    ),
)
_NUMBER: Final = re.compile(r"-?[0-9]{1,3}")
_LAST: Final = re.compile("[0-9A-Za-z]+\\Z")
_PREFIXED: Final = re.compile(r"(?:0x[0-9A-Fa-f]{2}(?:[\s,;]++|(?![0-9A-Fa-f]))){16,}+")
_PREFIX: Final = re.compile(r"0x([0-9A-Fa-f]{2})")


def dumped(text: str) -> bytes | None:
    """Return the bytes that *text* as a whole writes out, or ``None`` if it is something else."""
    if (body := _dump(text)) is not None:
        return body
    sample = text[:_SAMPLE_CHARS]
    for alphabet, number, other, base in _LISTS:
        if sample and not sample.strip(alphabet):
            whole = sample if len(text) == len(sample) else _LAST.sub("", sample)
            if other.search(whole) is None:
                return bytes_of([int(digits, base) for digits in number.findall(text)])
    return None


def bytes_of(numbers: Sequence[int]) -> bytes | None:
    """Return what *numbers* write out as bytes, with or without a sign; ``None`` of any others.

    Marks and ages are letters of ASCII by chance: what has no line, no object and nothing beyond
    ASCII is taken for numbers.
    """
    if len(numbers) < _MIN_BYTES or not -0x80 <= min(numbers) <= max(numbers) <= 0xFF:  # noqa: PLR2004
        return None
    body = bytes(number & 0xFF for number in numbers)
    is_meant = not body.isascii() or b"\n" in body or body[:1] in {b"{", b"[", b"<"}
    return body if is_meant and is_readable(body) else None


def listed_bytes(cells: Sequence[str]) -> bytes | None:
    """Return the bytes that the numbers in *cells* are, or ``None`` if they are something else."""
    head = cells[:_MIN_BYTES]
    if len(head) < _MIN_BYTES or not all(map(_NUMBER.fullmatch, head)):
        return None
    return bytes_of(list(map(int, cells))) if all(map(_NUMBER.fullmatch, cells)) else None


def prefixed_runs(text: str) -> list[tuple[int, int, bytes]]:
    """Return start, end and content of the runs of bytes in *text* that are written as ``0x41``."""
    if "0x" not in text:
        return []
    runs = (
        (match.start(), match.end(), bytes.fromhex("".join(_PREFIX.findall(match.group()))))
        for match in _PREFIXED.finditer(text)
    )
    return [run for run in runs if is_readable(run[2])]


def _dump(text: str) -> bytes | None:
    """Return the content of numbered lines of bytes, whatever stands at their end."""
    lines = text[:_SAMPLE_CHARS].strip().split("\n")[:_DUMP_LINES]
    if len(lines) < 2 or len(lines[0]) < _MIN_DUMP:  # noqa: PLR2004 - one line is no dump
        return None
    heads = list(map(_LINE.match, lines))
    whole = heads[:-1] if len(lines) < _DUMP_LINES else heads
    if not all(whole) or whole[0] is None:
        return None
    begin = len(whole[0][1])
    end = _end_of_bytes(lines[0], begin, [head[2] for head in heads if head])
    if end is None:
        return None
    rows = [row[begin:end].replace("-", " ") for row in text.split("\n") if _LINE.match(row)]
    if (last := _TAIL.match(rows[-1])) is not None:
        # Not every tool fills up the last line, and then letters stand where bytes did above.
        rows[-1] = last[0]
    readings = (bytes.fromhex, _swapped) if _WORDS.match(rows[0]) else (bytes.fromhex,)
    try:
        bodies = [b"".join(map(reading, rows)) for reading in readings]
    except ValueError:
        return None
    return next(filter(is_readable, bodies), bodies[0])


def _end_of_bytes(line: str, begin: int, offsets: Sequence[str]) -> int | None:
    """Return where the bytes of *line* end and what they look like begins.

    That may be digits too, so the offsets say how many bytes there are.
    """
    ends: list[int] = []
    at = begin
    while (match := _PAIR.match(line, at)) and len(ends) < _MAX_WIDTH:
        at = match.end()
        ends.append(at)
    for base in _BASES:
        step = _step(offsets, base)
        if _MIN_WIDTH <= step <= len(ends):
            return ends[step - 1]
    return None


def _step(offsets: Sequence[str], base: int) -> int:
    """Return by how much *offsets* grow from each to the next, or 0 if they do not grow evenly."""
    try:
        numbers = [int(offset, base) for offset in offsets]
    except ValueError:
        return 0
    steps = {after - before for before, after in pairwise(numbers)}
    return steps.pop() if len(steps) == 1 else 0


def _swapped(row: str) -> bytes:
    """Return the bytes of a row of words, the low byte of each last."""
    body = bytes.fromhex(row)
    return bytes(body[at ^ 1] for at in range(len(body) & ~1))
