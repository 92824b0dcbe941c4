# SPDX-License-Identifier: Apache-2.0
"""How large the space is that the words of a column were taken from, by how often they met.

Names, streets, suburbs, trades and bodies come from lists that are far smaller than their letters
would allow. What a release has many of tells how small: of the values that stand once in it, some
would have stood twice had the list been short.

Source:
    I. J. Good, "The population frequencies of species and the estimation of population
    parameters", Biometrika 40 (1953): of n drawn, N1 kinds once and N2 twice, a kind drawn once
    has the probability 2 N2 / (n N1).
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final, Self

LIST_BITS: Final = 11.4
"""Of a list of words of which nothing is known: streets, surnames, towns, trades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What a column says of its own space.

    Attributes:
        drawn: How many cells it has, of a subject at most one of the same value.
        once: How many values stand in it once.
        twice: How many stand in it twice.
    """

    drawn: int
    once: int
    twice: int

    @classmethod
    def of(cls, counts: Counter[str]) -> Self:
        """Return what a column with these *counts* of its values says."""
        often = Counter(counts.values())
        return cls(drawn=counts.total(), once=often[1], twice=often[2])

    def bits(self) -> float:
        """Return how rare a value is that stands once.

        A list of which nothing is known counts as 2**:data:`LIST_BITS` pairs one of which met. A
        column that does not meet itself raises that, the more so the longer it is; one that does
        lowers it.
        """
        pairs = 2**LIST_BITS + self.drawn * self.once
        return math.log2(pairs / (1 + 2 * self.twice))
