# SPDX-License-Identifier: Apache-2.0
"""Which days are working days: the published holidays, and a file that overrides them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import chinese_calendar

from govshare_policy.register._table import read_bytes, read_rows

_KINDS: Final = frozenset(("holiday", "makeup_workday"))
_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_YEARS: Final = range(
    min(chinese_calendar.holidays).year,
    max(chinese_calendar.holidays).year + 1,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The working days of China, as far as they are published.

    Attributes:
        overrides: Day to whether it is a working day, over what the published calendar says.
    """

    overrides: Mapping[date, bool] = field(default_factory=dict)

    def works(self, day: date) -> bool:
        """Whether *day* is a working day; in an unpublished year, whether it is a weekday."""
        if day in self.overrides:
            return self.overrides[day]
        if day.year in _YEARS:
            return bool(chinese_calendar.is_workday(day))
        return day.weekday() < _SATURDAY

    def publishes(self, year: int) -> bool:
        """Whether the holidays of *year* are known: by the library, or by a row of the file."""
        return year in _YEARS or any(day.year == year for day in self.overrides)

    def count(self, start: date, working_days: int) -> date:
        """Return the *working_days*-th working day after *start*, which is not counted itself.

        Source:
            None of the texts says how to count. Leaving out the day of the event follows
            article 201 of the Civil Code, by analogy.
        """
        day = start
        while working_days:
            day += _DAY
            working_days -= self.works(day)
        return day


def load_calendar(path: Path | None = None) -> Calendar:
    """Return the published calendar, with the days of the TSV file *path* over it.

    The file has the columns ``date`` and ``kind`` (``holiday`` or ``makeup_workday``), one row a
    day. A year of which it names any day counts as published.

    Raises:
        FactError: If the file cannot be read or a row is wrong; names file, line and column.
    """
    if path is None:
        return Calendar()
    overrides: dict[date, bool] = {}
    for row in read_rows(path.name, read_bytes(path), required=("date", "kind")):
        day = row.day("date")
        if day in overrides:
            row.refuse("date", "the day stands twice")
        overrides[day] = row.one_of("kind", _KINDS) == "makeup_workday"
    return Calendar(overrides=overrides)
