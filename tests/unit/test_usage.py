# SPDX-License-Identifier: Apache-2.0
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from govshare_policy.usage import Usage

SUNDAY, MONDAY, TUESDAY = date(2026, 1, 4), date(2026, 1, 5), date(2026, 1, 6)


def test_a_grant_that_was_never_used_has_carried_nothing() -> None:
    assert Usage().of("G01", MONDAY) == 0


def test_the_quota_is_taken_one_by_one_and_then_no_more() -> None:
    usage = Usage()

    assert [usage.take("G01", MONDAY, quota=2) for _ in range(4)] == [True, True, False, False]
    assert usage.of("G01", MONDAY) == 2


def test_grants_and_days_are_counted_apart() -> None:
    usage = Usage()
    usage.take("G01", MONDAY, quota=1)

    assert usage.take("G02", MONDAY, quota=1)
    assert usage.take("G01", TUESDAY, quota=1)
    assert not usage.take("G01", TUESDAY, quota=1)


def test_counting_starts_from_the_calls_in_the_log() -> None:
    usage = Usage([("G01", MONDAY), ("G01", MONDAY), ("G02", MONDAY)])

    assert (usage.of("G01", MONDAY), usage.of("G02", MONDAY)) == (2, 1)
    assert not usage.take("G01", MONDAY, quota=2)


def test_a_call_under_several_grants_counts_under_all_or_none() -> None:
    usage = Usage([("G01", MONDAY)])

    assert not usage.take_all({"G02": 5, "G01": 1}, MONDAY)
    assert (usage.of("G01", MONDAY), usage.of("G02", MONDAY)) == (1, 0)
    assert usage.take_all({"G02": 5, "G01": 2}, MONDAY)
    assert (usage.of("G01", MONDAY), usage.of("G02", MONDAY)) == (2, 1)


def test_a_call_under_no_grant_always_has_room() -> None:
    assert Usage().take_all({}, MONDAY)


def test_a_quota_of_nothing_is_never_taken() -> None:
    assert not Usage().take("G01", MONDAY, quota=0)


def test_a_call_of_the_old_day_finds_its_quota_spent_just_after_midnight() -> None:
    """Two calls that straddle midnight may be counted in either order."""
    usage = Usage()
    usage.take("G01", MONDAY, quota=1)
    usage.take("G01", TUESDAY, quota=1)

    assert not usage.take("G01", MONDAY, quota=1)


def test_days_long_past_are_forgotten() -> None:
    usage = Usage([("G01", SUNDAY), ("G01", MONDAY)])
    usage.take("G02", TUESDAY, quota=1)

    assert (usage.of("G01", SUNDAY), usage.of("G01", MONDAY)) == (0, 1)


def test_sixteen_threads_never_take_more_than_the_quota() -> None:
    usage = Usage()

    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(lambda _: usage.take("G01", MONDAY, quota=1000), range(4000)))

    assert sum(taken) == 1000
    assert usage.of("G01", MONDAY) == 1000
