# SPDX-License-Identifier: Apache-2.0
"""The days of a report."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

from govshare_policy.audit import format_time
from govshare_policy.identity import SHANGHAI, legal_day


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """The day at whose end a report is made: what is unfinished then is judged by it.

    Attributes:
        today: The day on which the report is made.
        stated: The day that was asked for. Records of later days are left out, so that the report
            is the one that would have been made then. ``None`` leaves nothing out.
    """

    today: date
    stated: date | None = None

    @property
    def until(self) -> str:
        """The first instant that is left out, as records write it; empty where none is."""
        if self.stated is None or self.stated == date.max:
            return ""
        return format_time(datetime.combine(self.stated + timedelta(days=1), time(), SHANGHAI))

    def day(self, latest: str) -> date:
        """Return the day to judge on, where the last record is of the instant *latest*, or none.

        A log whose clock is ahead of ours is judged on its own last day: what it knows has
        happened.
        """
        if self.stated is not None:
            return self.stated
        return max(self.today, legal_day(datetime.fromisoformat(latest))) if latest else self.today
