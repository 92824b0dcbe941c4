# SPDX-License-Identifier: Apache-2.0
"""Values that stand somewhere, joined with the records they were released in.

A value of many records is not spread over all of them: it only supports a record that a rarer
value of the same place already points at. So the work is bounded by the text, not by the index.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.score import Hits, Ints, nothing

COMMON: Final = 512
"""Records of a value from which on it only supports; two values as common identify nobody."""

_ROW_BITS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Which distinct value stands in which place; arrays of one length."""

    value: Ints
    place: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The records of each distinct value; arrays of one length, any order."""

    value: Ints
    row: Ints
    field: Ints
    bits: Ints


def join(standing: Standing, released: Released, *, values: int) -> Hits:
    """Return the hits: every standing value with every record that it says something about.

    Args:
        standing: Where the document has which value.
        released: Where the index has it.
        values: How many distinct values there are.
    """
    if not standing.value.size or not released.value.size:
        return nothing()
    order = np.lexsort((released.row, released.value))
    value = released.value[order]
    counts = np.bincount(value, minlength=values)
    begins = np.concatenate(([0], np.cumsum(counts)))
    common = counts > COMMON
    rare = ~common[standing.value]
    at, posting = _expand(
        begins[standing.value[rare]], counts[standing.value[rare]], limit=order.size
    )
    place = standing.place[rare][at]
    entry = order[posting]
    seeds = np.unique(np.stack((place, released.row[entry]), axis=1), axis=0)
    if common.any() and seeds.size:
        keys = (value << _ROW_BITS) | released.row[order]
        more, found = _support(standing, ~rare, seeds, keys)
        place, entry = np.concatenate((place, more)), np.concatenate((entry, order[found]))
    return Hits(
        place=place,
        row=released.row[entry],
        field=released.field[entry],
        value=released.value[entry],
        bits=released.bits[entry].astype(np.float64),
    )


def _expand(begins: Ints, counts: Ints, *, limit: int) -> tuple[Ints, Ints]:
    """Return, for ranges given by *begins* and *counts*, each range's number and each member."""
    which = np.repeat(np.arange(counts.size), counts)
    offset = np.arange(which.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return which, np.minimum(begins[which] + offset, max(limit - 1, 0))


def _support(
    standing: Standing, chosen: NDArray[np.bool_], seeds: Ints, keys: Ints
) -> tuple[Ints, Ints]:
    """Return the places and postings of common values whose record has a seed in that place."""
    value, place = standing.value[chosen], standing.place[chosen]
    low = np.searchsorted(seeds[:, 0], place, side="left")
    high = np.searchsorted(seeds[:, 0], place, side="right")
    which, seed = _expand(low, high - low, limit=len(seeds))
    wanted = (value[which] << _ROW_BITS) | seeds[seed, 1]
    found = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    there = keys[found] == wanted
    return place[which][there], found[there]
