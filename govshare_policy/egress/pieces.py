# SPDX-License-Identifier: Apache-2.0
"""What stands between delimiters in cells, and the ASCII words in them: in all cells at once.

A character is looked up in a table; where the kind of character changes, a piece begins or ends.
"""

import sys
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.shapes import GAP

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_CUT, _SPACE, _WORD, _EDGE, _DIGIT, _BOUND = 1, 2, 4, 8, 16, 32
CUTS: Final = frozenset(f"{GAP},;:=|\"'<>(){{}}[]\t\n，。；：、！？「」《》【】")
"""The delimiters between parts of a cell."""

_EDGES: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_LINKS: Final = "_.@%+-"
_LEAST_WORD: Final = 5
_LEAST_PART: Final = 2
LONG_NUMBER: Final = range(7, 25)
"""Digits of the numbers that are looked for by themselves, whole or in groups."""


def pieces(text: str) -> tuple[Ints, Ints, Ints]:
    """Return the pieces of *text*, folded cells each followed by a separator.

    Returns:
        Where a piece begins, where it ends, and where the delimiter before it ended: one entry
        for each part between delimiters, without blanks around it, and for each ASCII word. None
        is a whole cell, none stands twice.
    """
    marks = _table()[np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")]
    ends = np.flatnonzero(marks & _CUT)
    begins = np.append(0, ends[:-1] + 1)
    parts = _within(begins, ends, (marks & _SPACE) == 0, least=_LEAST_PART)
    words = _words(marks)
    # Most words are all that stands between two delimiters.
    at = np.minimum(np.searchsorted(parts[0], words[0]), max(0, parts[0].size - 1))
    if parts[0].size:
        new = (parts[0][at] != words[0]) | (parts[1][at] != words[1])
        words = words[0][new], words[1][new], words[2][new]
    begin, end, start = (np.concatenate(both) for both in zip(parts, words, strict=True))
    # Shifted by one: before the first cell there is a bound as well.
    bounds = np.append(True, (marks & _BOUND) != 0)
    inside = ~(bounds[begin] & bounds[end + 1])
    return begin[inside], end[inside], start[inside]


def _words(marks: NDArray[np.uint8]) -> tuple[Ints, Ints, Ints]:
    """Return the ASCII words that are long enough, without the long numbers among them."""
    inside = (marks & _WORD) != 0
    change = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    if inside[0]:
        change = np.append(0, change)
    # The last character is a separator, so every run that begins has an end.
    begins, ends = change[::2], change[1::2]
    long = ends - begins >= _LEAST_WORD
    found = _within(begins[long], ends[long], (marks & _EDGE) != 0, least=_LEAST_WORD)
    begin, end, _ = found
    others = np.append(0, np.cumsum((marks & _DIGIT) == 0))
    size = end - begin
    number = (size >= LONG_NUMBER.start) & (size < LONG_NUMBER.stop)
    keep = ~(number & (others[end] == others[begin]))
    return begin[keep], end[keep], begin[keep]


def _within(begins: Ints, ends: Ints, solid: Bools, *, least: int) -> tuple[Ints, Ints, Ints]:
    """Return what lies between *begins* and *ends* from its first to its last *solid* character."""
    places = np.flatnonzero(solid)
    if not places.size:
        none = np.empty(0, dtype=np.int64)
        return none, none, none
    first, last = begins.copy(), ends.copy()
    loose = np.flatnonzero((ends > begins) & ~(solid[begins] & solid[ends - 1]))
    nth = np.searchsorted(places, begins[loose])
    first[loose] = places[np.minimum(nth, places.size - 1)]
    nth = np.searchsorted(places, ends[loose])
    last[loose] = np.where(nth > 0, places[nth - 1] + 1, 0)
    keep = (last - first >= least) & (first >= begins)
    return first[keep], last[keep], begins[keep]


@cache
def _table() -> NDArray[np.uint8]:
    """Return what each character is."""
    table = np.zeros(sys.maxunicode + 1, dtype=np.uint8)
    for characters, mark in (
        (GAP, _BOUND),
        (CUTS, _CUT),
        (filter(str.isspace, map(chr, range(sys.maxunicode + 1))), _SPACE),
        (_EDGES + _LINKS, _WORD),
        (_EDGES, _EDGE),
        ("0123456789", _DIGIT),
    ):
        for character in characters:
            table[ord(character)] |= mark
    return table
