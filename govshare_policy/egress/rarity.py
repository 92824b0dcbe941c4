# SPDX-License-Identifier: Apache-2.0
"""How much finding a value says: the bits by which it singles out whom it belongs to.

Two estimates, of which the smaller counts: what the shape of a value could hold at most, and how
often the value stands in its own column. Sex, nation, status and small numbers stay under
:data:`MIN_BITS` by either, however few rows a release has.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Self

from govshare_policy.egress.kinds import PROVINCES, Kind
from govshare_policy.egress.vocabulary import COMMON, COMPOUND_SURNAMES, ORGANISATIONS, SURNAMES

MIN_BITS: Final = 10.0
"""A value of fewer bits is never kept."""

UNIQUE_BITS: Final = 40.0
"""What belongs to one person or body alone."""

_BY_KIND: Final = {
    Kind.EMPTY: 0.0,
    Kind.ID_NUMBER: UNIQUE_BITS,
    Kind.USCC: UNIQUE_BITS,
    Kind.BANK_CARD: UNIQUE_BITS,
    Kind.EMAIL: UNIQUE_BITS,
    # Telephones and plates change hands.
    Kind.PHONE: 33.0,
    Kind.PLATE: 26.0,
}
_UNIQUE: Final = frozenset(kind for kind, bits in _BY_KIND.items() if bits == UNIQUE_BITS)
_DIGIT_BITS: Final = math.log2(10)
_MAX_DATE_BITS: Final = 15.0
_DAY_BITS: Final = 10.0
_MAX_AMOUNT_BITS: Final = 24.0
_MAX_CODE_BITS: Final = 36.0
_MAX_PHRASE_BITS: Final = 13.0
_MAX_TEXT_BITS: Final = 30.0
_NAME_BITS: Final = {2: 11.0, 3: 13.0, 4: 13.0}
_SHORT_CODE: Final = 5
_MIN_COLUMN: Final = 8
_PLACEHOLDERS: Final = frozenset({"19000101", "19700101", "99991231", "20991231"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """How often each value stands in one column of a release.

    Attributes:
        subjects: How many persons or bodies the column tells of; rows about the same one count
            once.
        distinct: How many different values it has.
        on: The day of the release: a date near it says little.
        counts: Of each canonical value, for how many subjects it stands; never shown.
    """

    subjects: int
    distinct: int
    on: date
    counts: Counter[str] = field(repr=False)

    @classmethod
    def of(cls, cells: Iterable[tuple[Hashable, str]], *, on: date) -> Self:
        """Return the statistics of a column of (subject, canonical value)."""
        pairs = set(cells)
        counts = Counter(value for _, value in pairs)
        subjects = len({subject for subject, _ in pairs})
        return cls(subjects=subjects, distinct=len(counts), on=on, counts=counts)


def surprisal(value: str, kind: Kind, column: Column) -> float:
    """Return how many bits it tells to find canonical *value*; 0 to 40, the same every time.

    Kept is what has :data:`MIN_BITS` or more; see :func:`is_kept`.
    """
    bits = shape_bits(value, kind, on=column.on)
    if kind in _UNIQUE or column.subjects < _MIN_COLUMN:
        return bits
    count = column.counts[value]
    # A value seen once says nothing of its frequency, unless most of the column repeats itself.
    if count <= 1 and 2 * column.distinct > column.subjects:
        return bits
    return min(bits, math.log2(column.subjects / max(count, 1)) + 1)


def is_kept(bits: float) -> bool:
    """Return whether a value of so many bits is kept."""
    return bits >= MIN_BITS


def shape_bits(value: str, kind: Kind, *, on: date) -> float:
    """Return how many bits a value of this shape tells at most."""
    match kind:
        case Kind.DATE:
            return _date_bits(value, on)
        case Kind.MOMENT:
            return _date_bits(value[:8], on) + _DAY_BITS
        case Kind.AMOUNT:
            return _amount_bits(value)
        case Kind.CODE:
            return min(_MAX_CODE_BITS, 2.6 * len(value)) if len(value) > _SHORT_CODE else 0.0
        case Kind.TEXT:
            return _text_bits(value)
        case _:
            return _BY_KIND[kind]


def _date_bits(ymd: str, on: date) -> float:
    """Return what a day tells: the more, the farther it is from the day of the release."""
    if ymd in _PLACEHOLDERS:
        return 0.0
    day = date(int(ymd[:4]), int(ymd[4:6]), int(ymd[6:8]))
    return min(_MAX_DATE_BITS, math.log2(2 * abs((on - day).days) + 1))


def _amount_bits(value: str) -> float:
    digits = value.replace("-", "").replace(".", "").strip("0")
    # A code of a county or a town, which many tables carry, and a month of a year.
    whole = value.isdecimal()
    if whole and len(value) == 6 and (value[:2] in PROVINCES or value[:2] in {"19", "20"}):  # noqa: PLR2004
        return 0.0
    return min(_MAX_AMOUNT_BITS, _DIGIT_BITS * (len(digits) - 1)) if digits else 0.0


def _text_bits(text: str) -> float:
    size = len(text)
    if text in COMMON or size < 2:  # noqa: PLR2004 - one character names nobody
        return 0.0
    if text.isascii():
        return min(_MAX_TEXT_BITS, 2.0 * size)
    if size in _NAME_BITS and _is_name_shaped(text):
        return _NAME_BITS[size]
    if size < 5:  # noqa: PLR2004 - a word, of which a language has thousands
        return 0.0
    if "·" in text or any(map(str.isdecimal, text)) or text.endswith(ORGANISATIONS):
        return min(_MAX_TEXT_BITS, 3.0 * size)
    # A phrase of a list, as likely as not: one alone or two together single out nobody.
    return min(_MAX_PHRASE_BITS, 2.2 * size)


def _is_name_shaped(text: str) -> bool:
    if text[:2] in COMPOUND_SURNAMES:
        return len(text) > 2  # noqa: PLR2004 - and a given name
    return text[0] in SURNAMES and len(text) < 4  # noqa: PLR2004 - and one or two more
