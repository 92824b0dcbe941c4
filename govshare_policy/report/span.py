# SPDX-License-Identifier: Apache-2.0
"""The days of a report."""

from dataclasses import dataclass
from datetime import date
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days from *first* to *last*, both included, in Asia/Shanghai."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("a period ends on the day it begins or later")

    @classmethod
    def of_year(cls, year: int) -> Self:
        """Return the days of *year*."""
        return cls(first=date(year, 1, 1), last=date(year, 12, 31))

    def covers(self, day: date) -> bool:
        """Whether *day* lies in it."""
        return self.first <= day <= self.last
