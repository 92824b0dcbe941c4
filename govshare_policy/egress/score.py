# SPDX-License-Identifier: Apache-2.0
"""How strongly what stands in a document points at released records.

Two rules. By rows: several fields of one released record inside one segment, or one identifier,
weighed in bits of surprisal. By containment: a document of one column identifies nobody by rows,
but too many of its values are released ones.

Source:
    docs/adr/0014-onward-guard.md.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_NEVER_SEEN: Final = 3.0
"""Upper 95 % bound of a count that was observed as zero (the rule of three)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a record counts as recognised.

    Attributes:
        population: How many subjects a record must stand out from.
        identifier_bits: A single value of so many bits is an identifier: certain by itself.
        certain_margin_bits: Over log2 of *population*, with two fields or more: certain.
        likely_margin_bits: The same, for likely.
        chance_margin_bits: Over log2 of the pairs of a released value and a segment, which are the
            chances that two coincide; certain is never less, and likely never less than no margin.
        certain_field_bits: Fields none of which tells more, common names each, are certain only
            with so many bits besides: three of them are likely, four are certain.
        likely_rows: So many likely records in one document are acted on.
        likely_share: And so large a share of its segments; own data of the same city coincide now
            and then, the more often the longer the document.
        contained_values: So many distinct values must be released ones, for containment.
        contained_bits: Only values of so many bits count for it.
        contained_postings: Only values that stand in at most so many records count for it.
        contained_share: And so large a share of the distinct values of their kind, over chance.
    """

    population: int = 1_000_000
    identifier_bits: float = 40.0
    certain_margin_bits: float = 10.0
    likely_margin_bits: float = 3.0
    chance_margin_bits: float = 7.0
    certain_field_bits: float = 10.0
    likely_rows: int = 3
    likely_share: float = 0.002
    contained_values: int = 20
    contained_bits: float = 14.0
    contained_postings: int = 20
    contained_share: float = 0.05

    @property
    def certain_bits(self) -> float:
        """Bits over two fields or more that make a record certain."""
        return math.log2(self.population) + self.certain_margin_bits

    @property
    def likely_bits(self) -> float:
        """Bits over two fields or more that make a record likely."""
        return math.log2(self.population) + self.likely_margin_bits

    def likely_needed(self, segments: int) -> int:
        """Return how many likely records are acted on among *segments*."""
        return max(self.likely_rows, math.ceil(self.likely_share * segments))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Released values found, one entry for each value, place and record; arrays of one length.

    Attributes:
        place: The segment, or the part of a long one, in which the value stands.
        row: The released record.
        field: The field it has there.
        value: Which distinct value of the document.
        bits: Its surprisal.
    """

    place: Ints
    row: Ints
    field: Ints
    value: Ints
    bits: NDArray[np.float64]

    def only(self, chosen: Ints | NDArray[np.bool_]) -> "Hits":
        """Return the chosen entries."""
        return Hits(
            place=self.place[chosen],
            row=self.row[chosen],
            field=self.field[chosen],
            value=self.value[chosen],
            bits=self.bits[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """The released records that a document was seen to hold.

    Attributes:
        certain: Distinct records, ascending.
        likely: Distinct records that are not certain, ascending.
        fields: Distinct (record, field) pairs that showed it; shape (n, 2).
        places: In how many distinct places a certain record stands, then a likely one.
    """

    certain: Ints
    likely: Ints
    fields: Ints
    places: tuple[int, int]


def nothing() -> Hits:
    """Return no hits."""
    empty = np.empty(0, dtype=np.int64)
    return Hits(place=empty, row=empty, field=empty, value=empty, bits=np.empty(0))


def recognise(hits: Hits, limits: Thresholds, *, pairs: int = 1) -> Recognised:
    """Return the records of which enough stands in one place.

    A field counts once for a record and place, and so does a value: a name that is both owner and
    applicant says no more than a name.

    Args:
        hits: What was found.
        limits: What is enough.
        pairs: Released values times segments: the more there are, the more coincide by chance.
    """
    hits = _strongest(_strongest(hits, hits.value), None)
    if not hits.place.size:
        none = np.empty(0, dtype=np.int64)
        return Recognised(certain=none, likely=none, fields=none.reshape(0, 2), places=(0, 0))
    new = np.ones(hits.place.size, dtype=bool)
    new[1:] = (hits.place[1:] != hits.place[:-1]) | (hits.row[1:] != hits.row[:-1])
    begin = np.flatnonzero(new)
    total = np.add.reduceat(hits.bits, begin)
    most = np.maximum.reduceat(hits.bits, begin)
    several = np.diff(np.append(begin, hits.place.size)) > 1
    chances = math.log2(max(1, pairs))
    certain_bits = max(limits.certain_bits, chances + limits.chance_margin_bits)
    needed = certain_bits + np.where(most > limits.certain_field_bits, 0, limits.certain_field_bits)
    sure = (most >= limits.identifier_bits) | (several & (total >= needed))
    may = several & (total >= max(limits.likely_bits, chances)) & ~sure
    row, place = hits.row[begin], hits.place[begin]
    certain = np.unique(row[sure])
    shown = (sure | may)[np.cumsum(new) - 1]
    told = np.stack((hits.row[shown], hits.field[shown]), axis=1)
    return Recognised(
        certain=certain,
        likely=np.setdiff1d(row[may], certain),
        fields=np.unique(told, axis=0),
        places=(np.unique(place[sure]).size, np.unique(place[may]).size),
    )


def _strongest(hits: Hits, value: Ints | None) -> Hits:
    """Return, of each place and record, the strongest entry of each *value*, or of each field."""
    what = hits.field if value is None else value
    order = np.lexsort((-hits.bits, what, hits.row, hits.place))
    hits, what = hits.only(order), what[order]
    first = np.ones(order.size, dtype=bool)
    first[1:] = (
        (hits.place[1:] != hits.place[:-1])
        | (hits.row[1:] != hits.row[:-1])
        | (what[1:] != what[:-1])
    )
    return hits.only(first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The distinct values of one kind in a document.

    Attributes:
        values: How many there are.
        released: How many of them are released ones that may count for containment.
        postings: In how many records those stand, altogether.
    """

    values: int
    released: int
    postings: int


def is_contained(column: Column, limits: Thresholds, *, identifying: bool) -> bool:
    """Return whether so many values of one kind are released ones that chance does not explain it.

    Values that do not identify (amounts, addresses) meet by chance. How often is read off the
    released side itself: were the released values dense in their space, those found would stand in
    several records each. From the surplus of postings over values follows a Poisson rate, with its
    upper bound the share of unrelated values that would be found as well.
    """
    if column.released < limits.contained_values:
        return False
    share = min(1.0, column.released / max(1, column.values))
    if identifying:
        return share >= limits.contained_share
    surplus = max(0, column.postings - column.released)
    rate = 2 * (surplus + _NEVER_SEEN) / column.released
    return share >= limits.contained_share + 2 * -math.expm1(-rate)
