# SPDX-License-Identifier: Apache-2.0
"""Dates, sums and long numbers in cells: where one may begin is found in all cells at once.

A pattern is tried only there. Most long numbers stand alone and need no pattern at all.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.kinds import is_id_number
from govshare_policy.egress.pieces import LONG_NUMBER, Bools, Ints

_DATE: Final = re.compile(
    r"(?:(?:1[89]|20)\d\d(?:年\d{1,2}月\d{1,2}日?"
    r"|[-/.]\d{1,2}[-/.]\d{1,2}|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
    r"|\d{1,2}[-/.]\d{1,2}[-/.](?:1[89]|20)\d\d)(?!\d)"
)
_AMOUNT: Final = re.compile(
    r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\d.]*\d)(?:[万亿]?元|[万亿])?"
)
_GROUPS: Final = re.compile(r"\d+(?:[ \-.]{1,3}\d+){0,24}x?")
_GROUP: Final = re.compile(r"\d+x?")
_IDENTITY: Final = re.compile(
    r"(?=([1-9]\d{5}(?:1[89]|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dx]))"
)
_LEAST: Final = 5
"""Characters below which no sum says enough to be kept."""

_SPAN_GROUPS: Final = 8
_IDENTITY_DIGITS: Final = 18
_YEAR, _COMPACT, _DAY = 4, 8, 2
_DIGIT, _SUM, _GROUPED, _LINK, _PART, _UNIT, _POINT, _WRITTEN = 1, 2, 4, 8, 16, 32, 64, 128
_SUM_REACH: Final = 4
_GROUP_REACH: Final = 6

_Marks = NDArray[np.uint8]
_Found = list[tuple[str, int]]


def figures(text: str) -> tuple[Ints, Ints, _Found]:
    """Return what has the shape of a date, a sum or a number in *text*, as it is written.

    Args:
        text: Folded cells, each followed by a separator.

    Returns:
        Where the long numbers that stand alone begin and end; and everything else with its place.
    """
    marks = _table()[np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")]
    digit = (marks & _DIGIT) != 0
    # The last character is a separator: before the first, too, there is one.
    change = np.flatnonzero(digit != np.append(False, digit[:-1]))
    begins, ends = change[::2], change[1::2]
    size, after, before = ends - begins, marks[ends], marks[begins - 1]
    found = _matched(_DATE, text, begins[_may_be_day(size, after)])
    may = ~((size >= LONG_NUMBER.start) & (size < LONG_NUMBER.stop) & ((after & _UNIT) == 0))
    may &= ((before & _POINT) == 0) & _reaches(marks, begins, _SUM, _SUM_REACH)
    found += [
        (value, at)
        for value, at in _matched(_AMOUNT, text, begins[may])
        # Most long numbers are left out above: they are found once more below.
        if len(value) >= _LEAST and not (len(value) in LONG_NUMBER and value.isdecimal())
    ]
    long = _reaches(marks, begins, _GROUPED, _GROUP_REACH)
    linked = long & ((after & _LINK) != 0)
    groups = _matched(_GROUPS, text, begins[linked])
    alone = np.flatnonzero(long & ~linked)
    alone = alone[~_inside(begins[alone], groups)]
    huge = alone[size[alone] > _IDENTITY_DIGITS]
    spans = zip(begins[huge].tolist(), ends[huge].tolist(), strict=True)
    groups += [(text[begin:end], begin) for begin, end in spans]
    found += [(number, at) for run, at in groups for number in _numbers(run)]
    alone = alone[size[alone] <= _IDENTITY_DIGITS]
    return begins[alone], ends[alone], found


def _may_be_day(size: Ints, after: _Marks) -> Bools:
    """Return at which runs of digits a day may begin: with its year, or with its day or month."""
    year = (size == _YEAR) & ((after & (_PART | _WRITTEN)) != 0)
    day: Bools = year | (size == _COMPACT) | ((size <= _DAY) & ((after & _PART) != 0))
    return day


def _reaches(marks: _Marks, begins: Ints, kind: int, reach: int) -> Bools:
    """Return after which of *begins* so many characters are all of *kind*."""
    united = np.full(begins.size, kind, dtype=np.uint8)
    for offset in range(1, reach + 1):
        united &= marks[np.minimum(begins + offset, marks.size - 1)]
    reached: Bools = united != 0
    return reached


def _matched(pattern: re.Pattern[str], text: str, begins: Ints) -> _Found:
    """Return what *pattern* matches at *begins*, ascending, but nothing inside of a match."""
    found: _Found = []
    last = 0
    for at in begins.tolist():
        if at >= last and (match := pattern.match(text, at)):
            found.append((match.group(), at))
            last = match.end()
    return found


def _inside(begins: Ints, matches: _Found) -> Bools:
    """Return which of *begins* lie in one of *matches*."""
    starts = np.array([at for _, at in matches], dtype=np.int64)
    ends = np.array([0, *(at + len(run) for run, at in matches)], dtype=np.int64)
    inside: Bools = begins < ends[np.searchsorted(starts, begins, side="right")]
    return inside


def _numbers(run: str) -> tuple[str, ...]:
    """Return the numbers that a run of digit groups may be meant as.

    A number is a span of whole groups. Only an identity number, which carries a date and a check
    digit, is also looked for across their bounds; what it leaves over is a number again.
    """
    if len(run) <= _IDENTITY_DIGITS and run.isalnum():
        return (run,) if run.isdecimal() else (run, run[:-1])
    return tuple(_split(run))


def _split(run: str) -> Iterator[str]:
    groups = _GROUP.findall(run)
    digits = "".join(groups)
    left = len(digits) - min(len(groups[0]), len(groups[-1]))
    if left < LONG_NUMBER.start <= len(digits) < _IDENTITY_DIGITS and len(groups) <= _SPAN_GROUPS:
        # Without its first or last group too little is left, as of a day.
        yield digits
        return
    for first in range(len(groups)):
        spans = accumulate(groups[first : first + _SPAN_GROUPS])
        yield from (span for span in spans if len(span) in LONG_NUMBER)
    begin = 0
    for match in _IDENTITY.finditer(digits):
        if match.start() >= begin and is_id_number(match.group(1)):
            yield match.group(1)
            if match.start() > begin:
                yield digits[begin : match.start()]
            begin = match.end(1)
    if 0 < begin < len(digits):
        yield digits[begin:]


@cache
def _table() -> _Marks:
    """Return where each character may stand."""
    table = np.zeros(sys.maxunicode + 1, dtype=np.uint8)
    for characters, mark in (
        ("0123456789", _DIGIT | _SUM | _GROUPED),
        (".,万亿元", _SUM),
        (" -.x", _GROUPED | _LINK),
        ("-/.", _PART),
        (".万亿元", _UNIT),
        (".,", _POINT),
        ("年", _WRITTEN),
    ):
        for character in characters:
            table[ord(character)] |= mark
    return table
