# SPDX-License-Identifier: Apache-2.0
"""Values that nobody has, in the shape of those that are there; check digits are right."""

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from govshare_policy.crypto import hmac_sm3

_ID: Final = re.compile(r"\d{6}(?:18|19|20)\d{9}[\dX]", re.ASCII)
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK: Final = "10X98765432"
_USCC: Final = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}", re.ASCII)
_USCC_DIGITS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_DAY: Final = re.compile(r"(\d{4})(\D?)(0[1-9]|1[0-2])(\D?)(0[1-9]|[12]\d|3[01])", re.ASCII)
_BIRTH: Final = slice(6, 14)
# Days that every month has.
_DAYS: Final = 28
_TRIES: Final = 64
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")


@dataclass(slots=True)
class Draw:
    """Numbers that look drawn by lot, and are the same for the same seed (32 bytes)."""

    seed: bytes
    # Owned by whoever draws.
    drawn: int = 0

    def below(self, limit: int) -> int:
        """Return a number from 0 to *limit* - 1."""
        self.drawn += 1
        return int.from_bytes(hmac_sm3(self.seed, self.drawn.to_bytes(8))[:16]) % limit

    def one_of(self, values: Sequence[str]) -> str:
        """Return one of *values*."""
        return values[self.below(len(values))]


def id_check(digits: str) -> str:
    """Return the check digit of a citizen's number of 17 *digits*.

    Source:
        GB 11643-1999 §4 (ISO 7064 MOD 11-2).
    """
    return _ID_CHECK[sum(w * int(d) for w, d in zip(_ID_WEIGHTS, digits, strict=True)) % 11]


def uscc_check(code: str) -> str:
    """Return the check digit of a unified social credit code of 17 characters.

    Source:
        GB 32100-2015, annex A (ISO 7064 MOD 31-3).
    """
    total = sum(_USCC_DIGITS.index(c) * pow(3, place, 31) for place, c in enumerate(code))
    return _USCC_DIGITS[-total % 31]


def invent(columns: Mapping[str, Sequence[str]], draw: Draw) -> dict[str, str]:
    """Return a row that fits *columns* and whose telling values none of their rows has.

    A value that several rows share is taken as it is; any other is made in the shape of one.
    """
    row = {}
    for name, texts in columns.items():
        shared = [text for text, times in Counter(texts).items() if times > 1]
        row[name] = draw.one_of(shared) if shared else _new(texts, draw)
    for name, person in _births(columns).items():
        row[name] = _dated(row[name], row[person][_BIRTH])
    return row


def _new(texts: Sequence[str], draw: Draw) -> str:
    taken = frozenset(texts)
    made = ""
    for _ in range(_TRIES):
        made = _like(draw.one_of(texts), texts, draw)
        if made not in taken:
            return made
    return made


def _like(text: str, texts: Sequence[str], draw: Draw) -> str:
    if _ID.fullmatch(text) and text[-1] == id_check(text[:17]):
        return _person(text, draw)
    if _USCC.fullmatch(text) and text[-1] == uscc_check(text[:17]):
        code = text[:8] + "".join(draw.one_of(string.digits) for _ in range(9))
        return code + uscc_check(code)
    if (day := _DAY.fullmatch(text)) is not None:
        year, one, _, other, _ = day.groups()
        return f"{year}{one}{draw.below(12) + 1:02}{other}{draw.below(_DAYS) + 1:02}"
    if _HAN.search(text):
        return _spliced(text, texts, draw)
    # The first digits say what kind of number it is: a phone, a card.
    return text[:3] + "".join(_another(each, draw) for each in text[3:])


def _person(text: str, draw: Draw) -> str:
    """Return a number of nobody: of the same prefecture, in a county that there is not.

    Counties of a prefecture are numbered upwards from 21, districts from 01; 70 to 79 is far
    beyond the last of any.
    """
    birth = f"{text[6:10]}{draw.below(12) + 1:02}{draw.below(_DAYS) + 1:02}"
    digits = f"{text[:4]}7{draw.below(10)}{birth}{draw.below(1000):03}"
    return digits + id_check(digits)


def _spliced(text: str, texts: Sequence[str], draw: Draw) -> str:
    """Return the beginning of one value with the end of others of the column, digits anew."""
    half = max(1, len(text) // 2)
    end = draw.one_of([other for other in texts if _HAN.search(other)] or [text])
    spliced = text[:half] + end[len(end) // 2 or 1 :]
    return "".join(_another(each, draw) if each in string.digits else each for each in spliced)


def _another(each: str, draw: Draw) -> str:
    for kind in (string.digits, string.ascii_lowercase, string.ascii_uppercase):
        if each in kind:
            return draw.one_of(kind)
    return each


def _births(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the columns that repeat a citizen's date of birth, each with that of the number."""
    persons = [
        name for name, texts in columns.items() if all(_ID.fullmatch(text) for text in texts)
    ]
    return {
        name: person
        for person in persons
        for name, texts in columns.items()
        if all(
            _digits(text) == number[_BIRTH]
            for text, number in zip(texts, columns[person], strict=True)
        )
    }


def _digits(text: str) -> str:
    day = _DAY.fullmatch(text)
    return "" if day is None else f"{day[1]}{day[3]}{day[5]}"


def _dated(text: str, birth: str) -> str:
    """Return the date *birth* in the shape of *text*."""
    day = _DAY.fullmatch(text)
    return text if day is None else f"{birth[:4]}{day[2]}{birth[4:6]}{day[4]}{birth[6:]}"
