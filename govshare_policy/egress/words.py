# SPDX-License-Identifier: Apache-2.0
"""What words and the numbers among them tell: names, streets, suburbs, trades, in Latin letters.

They are as long as codes and come from lists far shorter than their letters would allow.
"""

import math
import re
from typing import Final

from govshare_policy.egress.kinds import Kind
from govshare_policy.egress.space import LIST_BITS, Space
from govshare_policy.egress.vocabulary import COMMON

LETTER_BITS: Final = 2.2
"""Of a letter of a name in Latin script."""

_MAX_WORDS_BITS: Final = 13.9
"""Of words in Latin letters: two of them together single out nobody, three do."""

_MAX_LINE_BITS: Final = 30.0
_MAX_NUMBER_BITS: Final = 14.0
_MAX_DIGITS: Final = 9
_SHORT: Final = 5
_MIN_RUN: Final = 4
"""Letters that the runs of a code have on average if they are words."""

_NUMBER: Final = re.compile(r"\d+")
_LETTERS: Final = re.compile(r"[a-z]+")


def number_bits(text: str) -> float:
    """Return what the numbers in *text* tell by their size."""
    return sum(
        min(_MAX_NUMBER_BITS, math.log2(int(digits[:_MAX_DIGITS]) + 1) + 0.5)
        for digits in _NUMBER.findall(text)
    )


def latin_bits(text: str) -> float:
    """Return what words in Latin letters tell at most, and the numbers among them.

    A list that nobody knows is behind them: the name of a street is as long as a sentence.
    """
    if text in COMMON or len(text) <= _SHORT:
        return 0.0
    letters = len(text) - sum(map(str.isdecimal, text))
    return min(_MAX_LINE_BITS, min(LIST_BITS, LETTER_BITS * letters) + number_bits(text))


def is_worded(code: str) -> bool:
    """Return whether the letters of *code* stand together as those of words do."""
    runs = _LETTERS.findall(code)
    return sum(map(len, runs)) >= _MIN_RUN * len(runs) > 0


def is_words(value: str, kind: Kind) -> bool:
    """Return whether *value* is nothing but words, of whatever script."""
    if kind not in {Kind.TEXT, Kind.CODE} or any(map(str.isdecimal, value)):
        return False
    return kind is Kind.TEXT or is_worded(value)


def words_bits(value: str, bits: float, space: Space, *, least: float) -> float:
    """Return what words tell, which alone tell *bits*, beside the others of their column.

    In Latin letters the column raises what is told, or lowers it. In Chinese the characters say
    more, and only a column that meets itself lowers it. What is told at all is *least* or more.
    """
    if value in COMMON or not (value.isascii() or space.twice):
        return bits
    most = min(_MAX_WORDS_BITS, LETTER_BITS * len(value)) if value.isascii() else bits
    return min(most, max(least, space.bits()))
