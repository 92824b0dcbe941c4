# SPDX-License-Identifier: Apache-2.0
"""How much finding a value says: the bits by which it singles out whom it belongs to.

Several estimates, of which the smallest counts: what the shape of a value could hold at most, how
often the value stands in its own column, for text how it is spelt beside the rest of it, and for
words from how large a list the column seems to be taken. Sex, nation, status and small numbers stay
under :data:`MIN_BITS` however few rows a release has.
"""

import math
import re
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Self

from govshare_policy.egress.kinds import PROVINCES, Kind
from govshare_policy.egress.space import Space
from govshare_policy.egress.spelling import Spelling
from govshare_policy.egress.vocabulary import (
    COMMON,
    COMPOUND_SURNAMES,
    LEGAL_FORMS,
    ORGANISATIONS,
    SURNAMES,
)
from govshare_policy.egress.words import (
    LETTER_BITS,
    is_worded,
    is_words,
    latin_bits,
    number_bits,
    words_bits,
)

MIN_BITS: Final = 10.0
"""A value of fewer bits is never kept."""

UNIQUE_BITS: Final = 40.0
"""What belongs to one person or body alone."""

_BY_KIND: Final = {
    Kind.EMPTY: 0.0,
    Kind.ID_NUMBER: UNIQUE_BITS,
    Kind.USCC: UNIQUE_BITS,
    Kind.BANK_CARD: UNIQUE_BITS,
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
_MIN_SPELT: Final = 5
"""Characters of the shortest text whose parts are looked at; a name is shorter."""

# Provinces, cities, counties and towns, one after the other: where everybody of a place lives.
_AREAS: Final = re.compile(
    r"(?:[^\d]{1,8}?(?:自治区|自治州|自治县|街道办事处|街道|[省市县区旗盟州镇乡]))+"
)
_TOWN: Final = re.compile(r"[镇乡]|街道")
_TOWN_BITS: Final = 2.0
_STEM_BITS: Final = 2.5
"""Of a character of the name of a road, a village or an estate."""

_MAX_STEM_BITS: Final = 8.0
_ORGANISATION_BITS: Final = 4.0
"""Of a character of the name of a body, its seat and its legal form aside."""
_MAX_ADDRESS_BITS: Final = 33.0
_MANY: Final = 10
"""Repeats from which on they tell how large the space is that values were taken from."""

_NAME_BITS: Final = {2: 10.5, 3: 13.0, 4: 13.0}
_SHORT_CODE: Final = 5
_MIN_COLUMN: Final = 8
_FEW: Final = 3
_MIN_ROADS: Final = 32
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
        spelling: How its longer texts are spelt; never shown.
        space: From how large a list its words seem to be taken.
    """

    subjects: int
    distinct: int
    on: date
    counts: Counter[str] = field(repr=False)
    spelling: Spelling = field(repr=False)
    space: Space

    @classmethod
    def of(cls, cells: Iterable[tuple[Hashable, str]], *, on: date) -> Self:
        """Return the statistics of a column of (subject, canonical value)."""
        pairs = set(cells)
        counts = Counter(value for _, value in pairs)
        subjects = len({subject for subject, _ in pairs})
        return cls(
            subjects=subjects,
            distinct=len(counts),
            on=on,
            counts=counts,
            spelling=Spelling.of(value for value in counts if _is_spelt(value)),
            space=Space.of(counts),
        )


def surprisal(value: str, kind: Kind, column: Column) -> float:
    """Return how many bits it tells to find canonical *value*; 0 to 40, the same every time.

    Kept is what has :data:`MIN_BITS` or more; see :func:`is_kept`.
    """
    bits = shape_bits(value, kind, on=column.on)
    if kind is Kind.TEXT and _is_spelt(value) and any(map(str.isdecimal, value)):
        bits -= _unsure_bits(value, column)
    if kind in _UNIQUE or column.subjects < _MIN_COLUMN:
        return bits
    if kind is Kind.EMAIL:
        bits = min(bits, max(MIN_BITS, _space_bits(column)))
    words = is_words(value, kind)
    if words:
        bits = words_bits(value, bits, column.space, least=MIN_BITS)
    if kind is Kind.TEXT and _is_spelt(value):
        bits = min(bits, column.spelling.bits(value) + number_bits(value))
    count = column.counts[value]
    often = math.log2(column.subjects / max(count, 1)) + 1
    if count > _FEW or 2 * column.distinct <= column.subjects:
        return min(bits, often)
    # In a column that hardly repeats itself, a value seen once says nothing of its frequency, and
    # one seen two or three times says little.
    least = min(bits, MIN_BITS) if words else 0.0
    return max(min(bits, often), bits - (count - 1), least)


def _space_bits(column: Column) -> float:
    """Return how large the space is that a column was taken from, by how often it met itself.

    A bit less, for no space is used evenly.
    """
    met = column.subjects - column.distinct
    return math.log2(column.subjects**2 / (4 * met)) if met >= _MANY else math.inf


def _unsure_bits(value: str, column: Column) -> float:
    """Return what of the bits of an address a column too small to say is not granted.

    The only road of a village is the road of everybody there.
    """
    if column.distinct >= _MIN_ROADS:
        return 0.0
    told = shape_bits(value, Kind.TEXT, on=column.on)
    return min(_MAX_STEM_BITS / 2, max(0.0, told - MIN_BITS))


def is_kept(bits: float) -> bool:
    """Return whether a value of so many bits is kept."""
    return bits >= MIN_BITS


def shape_bits(  # noqa: PLR0911 - a kind each
    value: str, kind: Kind, *, on: date
) -> float:
    """Return how many bits a value of this shape tells at most."""
    match kind:
        case Kind.DATE:
            return _date_bits(value, on)
        case Kind.MOMENT:
            return _date_bits(value[:8], on) + _DAY_BITS
        case Kind.AMOUNT:
            return _amount_bits(value)
        case Kind.CODE if is_worded(value):
            return latin_bits(value)
        case Kind.CODE:
            return min(_MAX_CODE_BITS, 2.6 * len(value)) if len(value) > _SHORT_CODE else 0.0
        case Kind.TEXT:
            return _text_bits(value)
        case Kind.EMAIL:
            return _address_bits(value)
        case _:
            return _BY_KIND[kind]


def _date_bits(ymd: str, on: date) -> float:
    """Return what a day tells: the more, the farther it is from the day of the release."""
    if ymd in _PLACEHOLDERS:
        return 0.0
    day = date(int(ymd[:4]), int(ymd[4:6]), int(ymd[6:8]))
    return min(_MAX_DATE_BITS, math.log2(abs((on - day).days) + 1))


def _amount_bits(value: str) -> float:
    digits = value.replace("-", "").replace(".", "").strip("0")
    # A code of a county or a town, which many tables carry, and a month of a year.
    whole = value.isdecimal()
    if whole and len(value) == 6 and (value[:2] in PROVINCES or value[:2] in {"19", "20"}):  # noqa: PLR2004
        return 0.0
    return min(_MAX_AMOUNT_BITS, _DIGIT_BITS * (len(digits) - 1)) if digits else 0.0


def _address_bits(value: str) -> float:
    """Return what an e-mail address tells: a name and a few digits, which several people chose."""
    local = value.partition("@")[0]
    digits = sum(map(str.isdecimal, local))
    told = LETTER_BITS * (len(local) - digits) + _DIGIT_BITS * digits
    return min(_MAX_ADDRESS_BITS, max(MIN_BITS, told))


def _text_bits(text: str) -> float:  # noqa: PLR0911 - a shape each
    size = len(text)
    if text in COMMON or size < 2:  # noqa: PLR2004 - one character names nobody
        return 0.0
    if text.isascii():
        return latin_bits(text)
    if size in _NAME_BITS and _is_name_shaped(text):
        return _NAME_BITS[size]
    if size < 5:  # noqa: PLR2004 - a word, of which a language has thousands
        return 0.0
    if any(map(str.isdecimal, text)):
        return _place_bits(text)
    if text.endswith(ORGANISATIONS):
        return _organisation_bits(text)
    # A phrase of a list, as likely as not: one alone or two together single out nobody.
    return min(_MAX_PHRASE_BITS, 2.2 * size)


def _is_spelt(text: str) -> bool:
    return len(text) >= _MIN_SPELT and not text.isascii()


def _place_bits(text: str) -> float:
    """Return what an address, or any text with numbers in it, tells by its parts.

    The area says where many live, and small numbers are in every road.
    """
    areas = _AREAS.match(text)
    rest = text[areas.end() :] if areas else text
    town = _TOWN_BITS if areas and _TOWN.search(areas.group()) else 0.0
    stem = sum(not character.isdecimal() for character in rest)
    told = town + min(_MAX_STEM_BITS, _STEM_BITS * stem) + number_bits(rest)
    # How common an address is, its column says; by its shape alone none is too common.
    return min(_MAX_TEXT_BITS, max(MIN_BITS, told) if stem > 1 else told)


def _organisation_bits(text: str) -> float:
    """Return what the name of a body tells without its seat and its legal form."""
    bare = text
    for form in LEGAL_FORMS:
        bare = bare.removesuffix(form)
    areas = _AREAS.match(bare)
    stem = len(bare) - areas.end() if areas else len(bare)
    return min(_MAX_TEXT_BITS, _ORGANISATION_BITS * stem)


def _is_name_shaped(text: str) -> bool:
    if text[:2] in COMPOUND_SURNAMES:
        return len(text) > 2  # noqa: PLR2004 - and a given name
    return text[0] in SURNAMES and len(text) < 4  # noqa: PLR2004 - and one or two more
