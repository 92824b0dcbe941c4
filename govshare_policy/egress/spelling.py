# SPDX-License-Identifier: Apache-2.0
"""How many bits the spelling of a value tells, given the rest of its column.

A model of which character follows which, learnt from the column itself: what every value begins
or ends with, as the county of an address or the legal form of a company, costs nothing. Numbers
are not spelt: they are one character each, and weighed by their size elsewhere. Each value is
judged by the others, so that what stands in it alone counts in full.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Self

_EDGE: Final = "\x1f"
_NUMBER: Final = re.compile(r"\d+")
_ALPHABET: Final = 4_000
"""Characters in ordinary use, any of which may come where none has been seen."""

_UNSEEN: Final = 2.0
"""How much what has not been seen weighs against what has, in values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """The counts of a column; never shown."""

    pairs: Counter[tuple[str, str]] = field(repr=False)
    befores: Counter[str] = field(repr=False)
    singles: Counter[str] = field(repr=False)
    total: int

    @classmethod
    def of(cls, values: Iterable[str]) -> Self:
        """Learn from distinct *values*."""
        pairs: Counter[tuple[str, str]] = Counter()
        for value in values:
            pairs.update(set(_steps(value)))
        befores: Counter[str] = Counter()
        singles: Counter[str] = Counter()
        for (before, after), count in pairs.items():
            befores[before] += count
            singles[after] += count
        return cls(pairs=pairs, befores=befores, singles=singles, total=singles.total())

    def bits(self, value: str) -> float:
        """Return how many bits *value*, one of those learnt from, tells beside the others."""
        told = 0.0
        for before, after in _steps(value):
            alone = (self.singles[after] - 0.5) / (self.total + _ALPHABET)
            seen = max(0, self.pairs[before, after] - 1)
            share = (seen + _UNSEEN * max(alone, 1 / (self.total + _ALPHABET))) / (
                max(0, self.befores[before] - 1) + _UNSEEN
            )
            told -= math.log2(share)
        return told


def _steps(value: str) -> Iterable[tuple[str, str]]:
    return pairwise(f"{_EDGE}{_NUMBER.sub('0', value)}{_EDGE}")
