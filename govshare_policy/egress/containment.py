# SPDX-License-Identifier: Apache-2.0
"""Which values of a document count for containment, kind by kind."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from govshare_policy.egress.accumulator import Seen
from govshare_policy.egress.scan import Scan
from govshare_policy.egress.score import Column, Thresholds, is_contained
from govshare_policy.egress.values import Kind

IDENTIFYING: Final = frozenset({Kind.ID_NUMBER, Kind.USCC, Kind.PHONE, Kind.BANK_CARD, Kind.PLATE})
"""Kinds of which two subjects do not have the same value by chance."""


def countable(scan: Scan, limits: Thresholds) -> dict[int, Seen]:
    """Return, by number of value, the released values that count for containment.

    A date never does: in a city every day is somebody's birthday.
    """
    hits = scan.hits
    order = np.lexsort((hits.place, hits.row, hits.value))
    value, row = hits.value[order], hits.row[order]
    new = np.ones(value.size, dtype=bool)
    new[1:] = (value[1:] != value[:-1]) | (row[1:] != row[:-1])
    postings = np.bincount(value[new], minlength=len(scan.kinds))
    strongest = np.zeros(len(scan.kinds))
    np.maximum.at(strongest, hits.value, hits.bits)
    chosen = (postings > 0) & (postings <= limits.contained_postings)
    chosen &= strongest >= limits.contained_bits
    one = np.zeros(len(scan.kinds), dtype=np.int64)
    one[value] = row
    return {
        number: Seen(
            kind=scan.kinds[number].value, postings=int(postings[number]), row=int(one[number])
        )
        for number in np.flatnonzero(chosen).tolist()
        if scan.kinds[number] is not Kind.DATE
    }


def by_kind(seen: Mapping[int, Seen]) -> dict[Kind, list[int]]:
    """Return the numbers of the values of each kind."""
    kinds: dict[Kind, list[int]] = {}
    for number, one in seen.items():
        kinds.setdefault(Kind(one.kind), []).append(number)
    return kinds


def is_released_column(
    kind: Kind, seen: Iterable[Seen], *, values: int, limits: Thresholds
) -> bool:
    """Return whether released values of one *kind* are a released column among *values* of it."""
    postings = [one.postings for one in seen]
    column = Column(
        values=max(values, len(postings)), released=len(postings), postings=sum(postings)
    )
    return is_contained(column, limits, identifying=kind in IDENTIFYING)
