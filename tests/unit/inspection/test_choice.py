# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from govshare_policy.errors import CallError
from govshare_policy.inspection.choice import Choice, parse_since, parse_until
from govshare_policy.inspection.traits import Traits, instant_us

TRAITS = Traits(
    at_us=1000,
    phase="decision",
    department="D-HCB",
    system="SYS-A",
    resource="R08",
    outcome="deny",
    effect="deny",
    clauses=("HU-a24-02", "NR-a20-01"),
    grants=("G01",),
    persons=("operator",),
)
YES = {
    "nothing asked": Choice(),
    "the department": Choice(department=("D-HCB",)),
    "one of two": Choice(department=("D-TRA", "D-HCB")),
    "a clause that is not the first": Choice(clause=("NR-a20-01",)),
    "a grant": Choice(grant=("G01", "G02")),
    "a commitment to an operator": Choice(person=("operator",)),
    "the very instant": Choice(since_us=1000, until_us=1000),
    "behind the one before": Choice(after=6),
    "several at once": Choice(system=("SYS-A",), resource=("R08",), outcome=("deny",)),
    "the empty word is a word": Choice(phase=("decision", "")),
}
NO = {
    "another department": Choice(department=("D-TRA",)),
    "one of several is wrong": Choice(department=("D-HCB",), effect=("allow",)),
    "a clause it does not cite": Choice(clause=("HU-a24",)),
    "a person it does not name": Choice(person=("recipient",)),
    "too early": Choice(since_us=1001),
    "too late": Choice(until_us=999),
    "not behind itself": Choice(after=7),
}


@pytest.mark.parametrize("choice", YES.values(), ids=YES)
def test_a_record_is_asked_for_if_it_has_one_value_of_each_trait(choice: Choice) -> None:
    assert choice.takes(7, TRAITS)


@pytest.mark.parametrize("choice", NO.values(), ids=NO)
def test_one_trait_that_differs_is_enough_to_leave_a_record_out(choice: Choice) -> None:
    assert not choice.takes(7, TRAITS)


def test_a_record_without_an_instant_is_in_no_time() -> None:
    timeless = replace(TRAITS, at_us=None)

    assert Choice().takes(0, timeless)
    assert not Choice(since_us=-(10**18)).takes(0, timeless)
    assert not Choice(until_us=10**18).takes(0, timeless)


def test_a_day_is_the_legal_day_from_its_first_to_its_last_microsecond() -> None:
    first = instant_us(datetime(2026, 1, 30, 16, tzinfo=UTC))

    assert parse_since("2026-01-31", "--from") == first
    assert parse_until("2026-01-31", "--to") == first + 24 * 3600 * 10**6 - 1


def test_an_instant_is_itself_at_both_ends() -> None:
    text = "2026-01-31T00:00:00.5+08:00"
    at = instant_us(datetime(2026, 1, 30, 16, 0, 0, 500_000, tzinfo=UTC))

    assert (parse_since(text, "--from"), parse_until(text, "--to")) == (at, at)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-02-30", "2026-01-31T09:00:00", "20260131", "9999-12-31x"]
)
def test_what_is_neither_day_nor_instant_with_a_zone_is_refused(text: str) -> None:
    with pytest.raises(CallError, match="--from takes a day"):
        parse_since(text, "--from")


def test_the_last_day_of_the_calendar_has_no_end() -> None:
    with pytest.raises(CallError):
        parse_until("9999-12-31", "--to")
