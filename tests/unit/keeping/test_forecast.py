# SPDX-License-Identifier: Apache-2.0
"""The forecast: rates from the log, a day on which the disk is full, and what a term takes."""

from datetime import UTC, date, datetime, timedelta

import pytest

from govshare_policy.errors import CallError
from govshare_policy.keeping import drop_segments, forecast, plan_drop, read_points
from govshare_policy.keeping.forecast import INDEX_BYTES_PER_RECORD, Point
from tests.unit.keeping.conftest import NOW, SIZE, START, TERM, Yard

DAY = timedelta(days=1)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def grown(*days: int) -> tuple[Point, ...]:
    """A log to which 100 records and 50,000 bytes come each day."""
    return tuple(
        Point(at=AT + DAY * day, records=100 * day, size_bytes=50_000 * day) for day in days
    )


def test_the_points_of_a_log_are_its_creation_its_segments_and_its_end(made: Yard) -> None:
    """What they say is what is on the disk."""
    points = read_points(made.log)
    sizes = [path.stat().st_size for path in sorted((made.log / "seg").iterdir())]

    assert [point.records for point in points] == [0, 65536, 131072, 196608, SIZE]
    assert [point.at for point in points[:2]] == [START, START + DAY - timedelta(seconds=1)]
    assert points[3].size_bytes == sum(sizes[:3])
    assert sum(sizes[:3]) < points[4].size_bytes <= sum(sizes)


def test_dropping_does_not_change_how_a_log_grew(yard: Yard) -> None:
    """The stubs remember length and time."""
    before = read_points(yard.log)
    plan = plan_drop(yard.log, yard.archives, trust=yard.trust, term=TERM, before=NOW, at=NOW)
    drop_segments(yard.log, plan, yard.append, at=NOW)

    assert read_points(yard.log)[:4] == before[:4]


def test_the_rates_are_those_of_the_last_days() -> None:
    """What came earlier at another pace does not count."""
    late = tuple(
        Point(at=AT + DAY * day, records=400 + 1000 * (day - 4), size_bytes=200_000)
        for day in (9, 14)
    )
    found = forecast((*grown(0, 4), *late), years=3, free_bytes=0, window_days=5)

    assert (found.records_per_day, found.bytes_per_day) == (1000, 0)
    assert (found.since, found.until) == (late[0].at, late[1].at)
    assert found.full_on is None


def test_the_day_on_which_the_disk_is_full() -> None:
    """Free bytes by bytes a day, from the last checkpoint on."""
    found = forecast(grown(0, 10), years=3, free_bytes=500_000, salts_bytes=1000)

    assert (found.records_per_day, found.bytes_per_day, found.salts_per_day) == (100, 50_000, 100)
    assert found.full_on == date(2026, 1, 21)
    days = 3 * 365.25
    assert found.log_bytes == round(50_000 * days)
    assert found.salts_bytes == round(100 * days)
    assert found.index_bytes == round(100 * INDEX_BYTES_PER_RECORD * days)
    assert forecast(grown(0, 10), years=3, free_bytes=10**18).full_on is None


def test_a_log_of_one_instant_foretells_nothing() -> None:
    """A rate needs time."""
    with pytest.raises(CallError, match="does not span any time"):
        forecast(grown(0), years=3, free_bytes=1)
