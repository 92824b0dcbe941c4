# SPDX-License-Identifier: Apache-2.0
"""What the cells of a text are made of, all of them at once.

A character is looked up in a table, a cell is the union of its characters. From that it follows,
for most cells, that they are their own one form, or that nothing else can stand in them.
"""

import sys
from dataclasses import dataclass
from functools import cache
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]

GAP: Final = "\x1f"
_GAP_CODE: Final = ord(GAP)
_TYPED: Final = frozenset(
    "年月日号时点分秒元圆块角整正人民币百千万亿〇零一二三四五六七八九十两壹贰叁肆伍陆柒捌玖拾佰仟"
    "¥€£￥"
)
# Of these are written currencies, a month as a word at its end, and the T of a moment.
_MEANING: Final = frozenset("abcdmnrstuyz")
# Nor does any of these stand in a date, a sum or a number, whatever stands around it.
_FINAL: Final = frozenset("kqwx")
_CUTS: Final = frozenset(",;:=|\"'<>(){}[]\t\n，。；：、！？「」《》【】 ")
_SIMPLE: Final = frozenset("_.@%+-/:")
_DENSE: Final = frozenset("_.@%+-/, ")
_UNITS: Final = frozenset("万亿元年")
_SHAPED: Final = (13, 14, 15)
_MAX_DIGITS: Final = 256
_LAST_LETTER: Final = 0x32400
_MAX_SIMPLE: Final = 64
_MAX_WORD: Final = 4
_LONG_NUMBER: Final = 19
_RUN: Final = 5
"""Characters of the shortest number, date, sum or ASCII word that is looked for inside a cell."""


class Made:
    """Of what a cell is made: bits."""

    DIGIT: Final = 1
    PLAIN_LETTER: Final = 2
    LETTER: Final = 4
    WORD: Final = 8
    TYPED: Final = 16
    MARK: Final = 32
    OTHER_MARK: Final = 64
    CUT: Final = 128
    DENSE: Final = 256
    UNIT: Final = 512
    RUN: Final = 1024
    ASCII: Final = 2048
    FINAL: Final = 4096
    AT: Final = 8192


_CODE: Final = Made.DIGIT | Made.PLAIN_LETTER | Made.LETTER
_ALNUM: Final = _CODE | Made.WORD | Made.TYPED
_BESIDES: Final = Made.CUT | Made.DENSE | Made.UNIT | Made.RUN | Made.ASCII | Made.FINAL | Made.AT
_BITS: Final = (
    (_CUTS, Made.CUT),
    (_DENSE, Made.DENSE),
    (_UNITS, Made.UNIT),
    (_FINAL, Made.FINAL),
    ("@", Made.AT),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """Of each cell, what it is made of and how long it is.

    Attributes:
        made: A union of :class:`Made` each.
        size: Characters of each.
    """

    made: NDArray[np.uint16]
    size: NDArray[np.int64]

    @classmethod
    def of(cls, cells: list[str]) -> Self:
        """Return the shapes of folded *cells*, none of which has a separator in it."""
        size = np.fromiter(map(len, cells), dtype=np.int64, count=len(cells))
        if not cells:
            return cls(made=np.empty(0, dtype=np.uint16), size=size)
        text = GAP.join([*cells, ""])
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        made = _table()[codes]
        ends = np.cumsum(size + 1)
        _mark_runs(made)
        return cls(made=np.bitwise_or.reduceat(made, ends - size - 1), size=size)

    def only(self, allowed: int) -> Bools:
        """Return which cells are made of nothing but *allowed*."""
        found: Bools = (self.made & np.uint16(0xFFFF & ~(allowed | _BESIDES))) == 0
        found &= self.size > 0
        return found

    def some(self, wanted: int) -> Bools:
        """Return which cells have any of *wanted*."""
        found: Bools = (self.made & np.uint16(wanted)) != 0
        return found

    def own_form(self) -> Bools:
        """Return which cells are surely their own one form.

        Letters and digits without any separator are, if one of them occurs in no date, sum or
        number; so are digits, except where they may be an old identity number, a telephone with
        its country or a moment.
        """
        digits = self.only(Made.DIGIT) & ~np.isin(self.size, _SHAPED)
        words = self.only(_ALNUM) & self.some(Made.WORD)
        codes = self.only(_CODE) & self.some(Made.PLAIN_LETTER)
        own: Bools = (digits | words | codes) & (self.size <= _MAX_DIGITS)
        return own

    def bare_form(self) -> Bools:
        """Return which cells are text for sure: their form is what is left of them without gaps."""
        form: Bools = self.some(Made.FINAL) & ~self.some(Made.AT)
        return form

    def simple(self) -> Bools:
        """Return which cells can hold nothing but the one value that they are."""
        short = self.only(_CODE | Made.MARK) & (self.size < _LONG_NUMBER)
        words: Bools = (self.size <= _MAX_WORD) & ~self.some(Made.ASCII)
        words |= short | (self.size == 0)
        return words

    def unsure(self) -> Bools:
        """Return which cells are simple unless they have a long number in them."""
        long: Bools = (self.size >= _LONG_NUMBER) & (self.size <= _MAX_SIMPLE)
        return long & self.only(_CODE | Made.MARK)

    def divisible(self) -> Bools:
        """Return which cells may have something of a known shape inside, or several parts."""
        return self.some(Made.CUT | Made.RUN)


def _mark_runs(made: NDArray[np.uint16]) -> None:
    """Add :attr:`Made.RUN` where a run of a number or an ASCII word begins that is long enough."""
    dense = (made & np.uint16(Made.DENSE)) != 0
    run = dense.copy()
    for offset in range(1, _RUN):
        run[:-offset] &= dense[offset:]
        run[-offset:] = False
    digit = (made & np.uint16(Made.DIGIT)) != 0
    unit = (made & np.uint16(Made.UNIT)) != 0
    run[:-1] |= digit[:-1] & unit[1:]
    made[run] |= np.uint16(Made.RUN)


@cache
def _table() -> NDArray[np.uint16]:
    """Return of what each character makes a cell; the separator of nothing."""
    table = np.zeros(sys.maxunicode + 1, dtype=np.uint16)
    table[:] = Made.OTHER_MARK
    for code in range(_LAST_LETTER):
        table[code] = _made_of(chr(code))
    table[_GAP_CODE] = 0
    return table


def _made_of(character: str) -> int:
    """Return of what *character* makes a cell."""
    if character.isascii() and character.isdecimal():
        made = Made.DIGIT | Made.DENSE
    elif "a" <= character <= "z":
        made = (Made.LETTER if character in _MEANING else Made.PLAIN_LETTER) | Made.DENSE
    elif character in _SIMPLE:
        made = Made.MARK
    elif not character.isalnum():
        made = Made.OTHER_MARK
    elif character in _TYPED or character.isdecimal():
        made = Made.TYPED
    else:
        made = Made.WORD
    if character.isspace():
        made |= Made.CUT
    if made & Made.WORD:
        made |= Made.FINAL
    for characters, mark in _BITS:
        if character in characters:
            made |= mark
    return made | Made.ASCII if character.isascii() else made
