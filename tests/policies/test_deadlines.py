# SPDX-License-Identifier: Apache-2.0
"""Every text gives the due dates of its cases, and no part of a clock is idle."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import pytest
import yaml

from govshare_policy.deadline import (
    Calendar,
    Clock,
    Event,
    Kind,
    Question,
    Share,
    Stage,
    due_stages,
    load_clocks,
)
from govshare_policy.deadline.model import (
    CalendarDay,
    Limit,
    Party,
    SameDay,
    Unnumbered,
    WorkingDays,
)
from govshare_policy.policy import packs_directory, profiles
from tests.county import ROOT

PROFILES = profiles()
SCENARIOS = ROOT / "tests" / "vectors" / "scenarios" / "scenarios.examples.tsv"
PREFIXES = {
    "FQ": "henan-fengqiu",
    "YJ": "henan-yanjin",
    "PX": "jiangxi-pingxiang",
    "HB": "henan-hebi",
    "HU": "hubei",
    "NR": "national-809",
}
CALENDAR = Calendar()


@cache
def cases(profile: str) -> Mapping[str, Any]:
    path = packs_directory() / profile / "cases" / "deadlines.yaml"
    loaded: Mapping[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return loaded


def question_of(case: Mapping[str, Any]) -> Question:
    return Question(
        kind=Kind(case["kind"]),
        share=Share(case["share"]),
        at={Event(key): day for key, day in case["at"].items()},
        year=case.get("year"),
        extension_days=case.get("extension", 0),
        as_of=case.get("as_of"),
    )


def wanted(row: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        row["stage"],
        row["due"],
        row["status"],
        tuple(row["clauses"]),
        row.get("actor"),
        row.get("recipient"),
    )


def told(stage: Stage) -> tuple[object, ...]:
    return stage.stage, stage.due, stage.status, stage.clauses, stage.actor, stage.recipient


def answers(profile: str, clocks: Sequence[Clock]) -> dict[str, list[tuple[object, ...]]]:
    return {
        name: [
            told(stage) for stage in due_stages(question_of(case), clocks=clocks, calendar=CALENDAR)
        ]
        for name, case in cases(profile).items()
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_the_text_gives_the_due_dates_of_its_cases(profile: str) -> None:
    """Stages, due days, how they stand, clauses, who acts and to whom."""
    want = {name: [wanted(row) for row in case["stages"]] for name, case in cases(profile).items()}

    assert answers(profile, load_clocks(profile)) == want


@pytest.mark.parametrize("profile", PROFILES)
def test_the_cases_ask_for_every_kind(profile: str) -> None:
    assert {Kind(case["kind"]) for case in cases(profile).values()} == set(Kind)


@pytest.mark.parametrize("profile", PROFILES)
def test_no_part_of_a_clock_can_change_without_a_case_that_notices(profile: str) -> None:
    """Take out or change each part of each clock: some case must come out differently."""
    clocks = load_clocks(profile)
    right = answers(profile, clocks)
    unnoticed = [
        f"{clock.kind} {clock.stage} {clock.clauses[0]}: {what}"
        for number, clock in enumerate(clocks)
        for what, changed in mutations(clock)
        if answers(profile, [*clocks[:number], *changed, *clocks[number + 1 :]]) == right
    ]

    assert unnoticed == []


def mutations(clock: Clock) -> Iterator[tuple[str, list[Clock]]]:
    yield "taken out", []
    for limit in other_limits(clock.limit):
        yield f"limit {limit}", [replace(clock, limit=limit)]
    for clause in clock.clauses:
        left = tuple(other for other in clock.clauses if other != clause)
        yield f"without {clause}", [replace(clock, clauses=left)]
    for share in clock.shares:
        yield f"not for {share}", [replace(clock, shares=clock.shares - {share})]
    for key in ("starts", "ends"):
        events: tuple[Event, ...] = getattr(clock, key)
        for event in events:
            left_events = tuple(other for other in events if other is not event)
            yield f"{key} without {event}", [change(clock, key, left_events)]
        if len(events) > 1:
            yield f"{key} turned round", [change(clock, key, events[::-1])]
    if clock.extension:
        yield "no extension", [replace(clock, extension=None)]
        for days in (-1, 1):
            extension = replace(clock.extension, working_days=clock.extension.working_days + days)
            yield f"extension {days:+}", [replace(clock, extension=extension)]
    yield "another actor", [replace(clock, actor=Party.GOVERNMENT)]
    other = Party.PROVIDER if clock.recipient is Party.USER else Party.USER
    yield "another recipient", [replace(clock, recipient=other)]


def change(clock: Clock, key: str, events: tuple[Event, ...]) -> Clock:
    return replace(clock, starts=events) if key == "starts" else replace(clock, ends=events)


def other_limits(limit: Limit) -> Iterator[Limit]:
    match limit:
        case WorkingDays(count=count):
            yield WorkingDays(count=count + 1)
            yield WorkingDays(count=count - 1)
        case SameDay():
            yield Unnumbered.NONE
        case CalendarDay(day=day, inclusive=inclusive):
            yield replace(limit, day=day - 1)
            yield replace(limit, inclusive=not inclusive)
        case Unnumbered():
            yield SameDay()


def scenarios() -> Iterator[tuple[str, str, Question, str, str, str]]:
    """Scenario, profile, what is asked, the stage, what is expected, the clauses it may cite."""
    with SCENARIOS.open(encoding="utf-8", newline="") as file:
        rows = {row["scenario_id"]: row for row in csv.DictReader(file, delimiter="\t")}
    for scenario, (stage, ask) in ASKED.items():
        for prefix, profile in PREFIXES.items():
            expected = rows[scenario][f"expected_{prefix}"]
            if expected not in ("", "EXCLUDED", "NO_RULE"):
                clauses = rows[scenario][f"clause_{prefix}"]
                yield scenario, profile, ask(profile), stage, expected, clauses


def submitted_in_september(profile: str, **more: Any) -> Question:  # noqa: ANN401
    received = date(2025, 9, 25) if profile == "hubei" else date(2025, 9, 22)
    at = {Event.SUBMITTED: date(2025, 9, 22), Event.RECEIVED: received}
    return Question(
        kind=Kind.APPLICATION,
        share=Share.CONDITIONAL,
        at=at | more.pop("at", {}),
        **more,
    )


ASKED: Mapping[str, tuple[str, Callable[[str], Question]]] = {
    "S36": ("provider_answer", submitted_in_september),
    "S66": (
        "annual_report",
        lambda _: Question(
            kind=Kind.ANNUAL_REPORT,
            share=Share.CONDITIONAL,
            at={Event.SUBMITTED: date(2026, 1, 20)},
            year=2025,
        ),
    ),
    "S73": (
        "provider_answer",
        lambda profile: submitted_in_september(
            profile, at={Event.ANSWERED: date(2025, 10, 20)}, extension_days=10
        ),
    ),
}


@pytest.mark.parametrize("cell", list(scenarios()), ids=lambda cell: f"{cell[0]}-{cell[1]}")
def test_a_worked_scenario_comes_out_as_expected(
    cell: tuple[str, str, Question, str, str, str],
) -> None:
    _, profile, asked, name, expected, clauses = cell
    stages = due_stages(asked, clocks=load_clocks(profile), calendar=CALENDAR)
    stage = next(stage for stage in stages if stage.stage == name)

    assert expected.lower() in (str(stage.due), stage.status)
    assert stage.clauses[0] in clauses.split(",")


def test_hubei_runs_three_clocks_one_after_another() -> None:
    """Scenario S38: form check, provider, notice."""
    asked = submitted_in_september(
        "hubei",
        at={Event.FORWARDED: date(2025, 9, 25), Event.ANSWERED: date(2025, 10, 15)},
    )
    stages = due_stages(asked, clocks=load_clocks("hubei"), calendar=CALENDAR)

    assert [(s.stage, str(s.due), s.clauses[0], s.actor) for s in stages] == [
        ("form_check", "2025-09-25", "HU-a19-01", "platform_operator"),
        ("provider_answer", "2025-10-15", "HU-a20-01", "provider"),
        ("notice", "2025-10-16", "HU-a20-03", "platform_operator"),
    ]


def test_the_texts_number_different_days() -> None:
    """The one table of the matrix: working days for a conditional application."""
    asked = Question(
        kind=Kind.APPLICATION,
        share=Share.CONDITIONAL,
        at={Event.SUBMITTED: date(2025, 9, 22), Event.RECEIVED: date(2025, 9, 22)},
    )
    due = {
        profile: {
            stage.stage.value: stage.due
            for stage in due_stages(asked, clocks=load_clocks(profile), calendar=CALENDAR)
        }
        for profile in PROFILES
    }

    assert due == {
        "henan-fengqiu": {"provider_answer": date(2025, 9, 28), "release_authorization": None},
        "henan-yanjin": {"provider_answer": date(2025, 9, 28), "release_authorization": None},
        "henan-hebi": {"provider_answer": date(2025, 10, 11)},
        "jiangxi-pingxiang": {"provider_answer": date(2025, 10, 11)},
        "hubei": {
            "form_check": date(2025, 9, 25),
            "provider_answer": date(2025, 10, 11),
            "notice": None,
        },
        "national-809": {"provider_answer": date(2025, 10, 11)},
    }
