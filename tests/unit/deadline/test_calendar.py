# SPDX-License-Identifier: Apache-2.0
"""Working days: published, overridden, and counted."""

import csv
from bisect import bisect_right
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govshare_policy.deadline import Calendar, load_calendar
from govshare_policy.errors import FactError
from tests.county import ROOT

PUBLISHED = ROOT / "tests" / "vectors" / "calendar" / "calendar.tsv"
FIRST, LAST = date(2025, 1, 1), date(2026, 12, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


def announced() -> dict[date, str]:
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {date.fromisoformat(row["date"]): row["kind"] for row in rows}


def announced_working_days() -> list[date]:
    """Every working day of the two years, by the announcement alone."""
    kinds = announced()
    return [
        day
        for day in DAYS
        if kinds.get(day) == "makeup_workday" or (day.weekday() < 5 and day not in kinds)
    ]


WORKING = announced_working_days()


def test_the_published_calendar_agrees_with_the_announcement_on_every_day() -> None:
    assert [day for day in DAYS if Calendar().works(day)] == WORKING


def test_the_announcement_as_a_file_changes_nothing() -> None:
    calendar = load_calendar(PUBLISHED)

    assert [day for day in DAYS if calendar.works(day)] == WORKING


@given(start=st.sampled_from(DAYS[:-90]), count=st.integers(min_value=1, max_value=40))
def test_counting_agrees_with_a_list_of_all_working_days(start: date, count: int) -> None:
    """The slow way: list every working day, and take the one *count* places after the start."""
    assert Calendar().count(start, count) == WORKING[bisect_right(WORKING, start) + count - 1]


@given(start=st.sampled_from(DAYS[:-90]), first=st.integers(1, 20), then=st.integers(1, 20))
def test_two_counts_in_a_row_are_one_count(start: date, first: int, then: int) -> None:
    calendar = Calendar()

    assert calendar.count(calendar.count(start, first), then) == calendar.count(start, first + then)


COUNTS = {
    "the day of receipt is not counted": ("2025-09-22", 1, "2025-09-23"),
    "a weekend is skipped": ("2025-11-07", 1, "2025-11-10"),
    "received on a Saturday, Monday is the first day": ("2025-11-08", 1, "2025-11-10"),
    "a make-up Sunday counts": ("2025-09-22", 5, "2025-09-28"),
    "a make-up Saturday counts": ("2025-10-10", 1, "2025-10-11"),
    "the National Day week is skipped": ("2025-09-30", 1, "2025-10-09"),
    "received in the middle of a holiday": ("2025-10-03", 2, "2025-10-10"),
    "over New Year with its make-up Sunday": ("2025-12-31", 1, "2026-01-04"),
    "over Spring Festival": ("2026-02-13", 2, "2026-02-24"),
    "over the end of February": ("2026-02-27", 1, "2026-02-28"),
    "a leap day is a day": ("2024-02-28", 1, "2024-02-29"),
}


@pytest.mark.parametrize(("start", "count", "due"), COUNTS.values(), ids=COUNTS)
def test_counts_working_days(start: str, count: int, due: str) -> None:
    assert Calendar().count(date.fromisoformat(start), count) == date.fromisoformat(due)


def test_beyond_the_published_years_weekdays_count() -> None:
    """2027-01-01 is a Friday, and certainly a holiday; no list says so yet."""
    calendar = Calendar()

    assert not calendar.publishes(2027)
    assert calendar.works(date(2027, 1, 1))
    assert not calendar.works(date(2027, 1, 2))
    assert calendar.publishes(2026)
    assert not calendar.publishes(2003)
    assert calendar.works(date(2003, 10, 1))


def test_a_file_publishes_a_year_and_overrides_single_days(tmp_path: Path) -> None:
    path = tmp_path / "calendar.tsv"
    path.write_text(
        "date\tkind\n2027-01-01\tholiday\n2027-01-02\tmakeup_workday\n2025-09-23\tholiday\n"
        "2025-10-01\tmakeup_workday\n",
        encoding="utf-8",
    )
    calendar = load_calendar(path)

    assert calendar.publishes(2027)
    assert not calendar.publishes(2028)
    assert not calendar.works(date(2027, 1, 1))
    assert calendar.works(date(2027, 1, 2))
    assert not calendar.works(date(2025, 9, 23))
    assert calendar.works(date(2025, 10, 1))
    assert not calendar.works(date(2025, 10, 2))


BAD_FILES = {
    "no header": ("", "line 1"),
    "another column": ("date\tkind\tname\n", "line 1 column 3"),
    "a column is missing": ("date\n", "line 1: the column `kind`"),
    "another kind": ("date\tkind\n2027-01-01\tfeast\n", "line 2 column `kind`"),
    "the wrong case": ("date\tkind\n2027-01-01\tHoliday\n", "line 2 column `kind`"),
    "no kind": ("date\tkind\n2027-01-01\t\n", "line 2 column `kind`"),
    "no such day": ("date\tkind\n2027-02-29\tholiday\n", "line 2 column `date`"),
    "not a date": ("date\tkind\n1 May\tholiday\n", "line 2 column `date`"),
    "a day twice": (
        "date\tkind\n2027-01-01\tholiday\n2027-01-01\tmakeup_workday\n",
        "line 3 column `date`: the day stands twice",
    ),
    "a cell too many": ("date\tkind\n2027-01-01\tholiday\tx\n", "line 2 column 3"),
}


@pytest.mark.parametrize(("text", "fault"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_wrong_file_is_refused_with_line_and_column(
    tmp_path: Path, text: str, fault: str
) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(FactError) as caught:
        load_calendar(path)

    assert str(caught.value).startswith("mine.tsv ")
    assert fault in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"none\.tsv: cannot be read"):
        load_calendar(tmp_path / "none.tsv")
