# SPDX-License-Identifier: Apache-2.0
"""A mark in the order of the records of a batch file; no value is ever changed.

Every recipient gets the records sorted by a keyed digest of each. Whoever has the key sees in what
is left of the file, however much was deleted, whether it still rises. An order that
was made without the key rises as a shuffled one does. Sorting the file removes the mark.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from govshare_policy.crypto import hmac_sm3
from govshare_policy.egress.batchfile import Batch, Row, canonical_row
from govshare_policy.errors import CallError

KEY_BYTES: Final = 32
# Fewer rows have too few orders for any of them to say much.
LEAST_ROWS: Final = 8
_MOST_ROWS: Final = 50_000
# Two looks are taken at one file.
_LOOKS: Final = math.log10(2)
_LN10: Final = math.log(10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How much the order of some rows looks like one that a key made.

    Attributes:
        rows: How many different ones were looked at.
        rising: How many neighbours rise.
        concordant: Share of all pairs that stand as the key has them; 1/2 by chance.
        surprise: -log10 of the chance that an order made without the key rises as much.
    """

    rows: int
    rising: int
    concordant: float
    surprise: float


def mark_key(master: bytes, release: str) -> bytes:
    """Return the key of the mark in the file of *release*; 32 bytes."""
    if len(master) != KEY_BYTES:
        raise ValueError("the key of marks has 32 bytes")
    return hmac_sm3(master, b"order\x00" + release.encode())


def mark(batch: Batch, key: bytes, *, fields: Sequence[str]) -> bytes:
    """Return the file of *batch* with its rows in the order of *key*, byte for byte the same rows.

    Args:
        batch: As it would leave.
        key: From :func:`mark_key`.
        fields: What tells rows apart; only these are looked at, so that the mark is there as long
            as they are.

    Raises:
        CallError: If a row has none of *fields*.
    """
    placed = sorted(((_place(row, key, fields), n) for n, row in enumerate(batch.rows)))
    return batch.with_rows([batch.rows[n] for _, n in placed])


def detect(rows: Sequence[Row], key: bytes, *, fields: Sequence[str]) -> Order:
    """Return how much *rows*, in the order in which they were found, look marked by *key*.

    1. Rows without the fields are passed over, and of equal rows all but the first.
    2. All pairs are looked at: a mark under deletions and small shuffles still has most of them.
    3. Neighbours are looked at: where blocks changed places they still rise.
    4. The more telling look counts, at the price of having taken two.
    """
    # 1.
    named = [row for row in rows[:_MOST_ROWS] if any(row.cells.get(name) for name in fields)]
    places = list(dict.fromkeys(_place(row, key, fields) for row in named))
    count = len(places)
    if count < LEAST_ROWS:
        return Order(rows=count, rising=0, concordant=0.5, surprise=0.0)
    # 2.
    pairs = count * (count - 1) / 2
    concordant = pairs - _inversions(places)
    spread = math.sqrt(count * (count - 1) * (2 * count + 5) / 72)
    of_pairs = _surprise((concordant - pairs / 2 - 0.5) / spread)
    # 3.
    rising = sum(one < other for one, other in pairwise(places))
    of_neighbours = _surprise((rising - (count - 1) / 2 - 0.5) / math.sqrt((count + 1) / 12))
    # 4.
    surprise = max(0.0, max(of_pairs, of_neighbours) - _LOOKS)
    return Order(rows=count, rising=rising, concordant=concordant / pairs, surprise=surprise)


def _place(row: Row, key: bytes, fields: Sequence[str]) -> bytes:
    named = {name: row.cells[name] for name in fields if row.cells.get(name)}
    if not named:
        raise CallError("a row has none of the fields that tell rows apart")
    return hmac_sm3(key, canonical_row(named))


def _surprise(z: float) -> float:
    """Return -log10 of the chance that a normal number is larger than *z*."""
    chance = math.erfc(z / math.sqrt(2)) / 2
    if chance > 0:
        return -math.log10(chance)
    # Beyond what a float holds, by the first term of the asymptotic series.
    return (z * z / 2 + math.log(z * math.sqrt(2 * math.pi))) / _LN10


def _inversions(places: Sequence[bytes]) -> int:
    """Return how many pairs fall, counted while sorting by merging."""
    found, runs = 0, [[place] for place in places]
    while len(runs) > 1:
        merged = []
        for at in range(0, len(runs) - 1, 2):
            run, falls = _merge(runs[at], runs[at + 1])
            merged.append(run)
            found += falls
        runs = merged + (runs[-1:] if len(runs) % 2 else [])
    return found


def _merge(left: Sequence[bytes], right: Sequence[bytes]) -> tuple[list[bytes], int]:
    merged, falls, at = [], 0, 0
    for place in right:
        while at < len(left) and left[at] < place:
            merged.append(left[at])
            at += 1
        falls += len(left) - at
        merged.append(place)
    return [*merged, *left[at:]], falls
