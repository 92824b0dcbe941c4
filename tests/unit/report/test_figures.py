# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.audit import encode_record
from govshare_policy.crypto import Signer
from govshare_policy.deadline import Calendar
from govshare_policy.errors import CallError
from govshare_policy.identity import SHANGHAI
from govshare_policy.legal import Effect, Outcome
from govshare_policy.policy import Precedence
from govshare_policy.report import AsOf, Figures, Span, gather, open_sources, views
from govshare_policy.report.events import Ending
from govshare_policy.report.tally import Count
from tests.unit.report.logs import Diary, county, diary, noon

JUNE = Span(first=date(2025, 6, 1), last=date(2025, 6, 30))
STATUSES = {
    "released": Ending.RELEASED,
    "no_such_record": Ending.NOT_FOUND,
    "upstream_timeout": Ending.FAILED,
    "upstream_error": Ending.FAILED,
    "egress_blocked": Ending.OTHER,
}
CALLS: list[dict[str, Any]] = [
    {},
    {"purpose": "statistics"},
    {"system": "SYS-HCB-WEB"},
    {"resource": "R99"},
    {"department": "D-CAB", "system": "SYS-CAB-AID", "resource": "R16", "grant": "G12"}
    | {"fields": ["id_no"], "purpose": "business_collaboration"},
    {"department": "D-TRA", "system": "SYS-TRA-LIC", "resource": "R03", "grant": ""},
]
MADE = st.lists(
    st.tuples(
        st.sampled_from(CALLS),
        st.integers(0, 90 * 24 * 60),  # minutes from 1 May
        st.none() | st.sampled_from(sorted(STATUSES)),
        st.integers(0, 3 * 24 * 3600),  # seconds until the end
    ),
    max_size=25,
)


def read(directory: Path, span: Span = JUNE, **how: Any) -> Figures:  # noqa: ANN401
    how.setdefault("register", county())
    how.setdefault("as_of", AsOf(today=span.last))
    return gather(open_sources([directory]), span, calendar=Calendar(), **how)


def total(figures: Figures) -> Count:
    return views(figures).total.count


@given(made=MADE, first=st.integers(0, 60), days=st.integers(0, 60))
@settings(max_examples=15, deadline=None)
def test_figures_are_those_of_counting_by_hand(
    made: list[tuple[dict[str, Any], int, str | None, int]],
    first: int,
    days: int,
    signer: Signer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """One pass over the log gives what the answers themselves add up to."""
    start = datetime(2025, 5, 1, tzinfo=SHANGHAI)
    span = Span(
        first=(start + timedelta(days=first)).date(),
        last=(start + timedelta(days=first + days)).date(),
    )
    log = tmp_path_factory.mktemp("by-hand") / "log"
    outcomes: Counter[Outcome] = Counter()
    endings: Counter[Ending] = Counter()
    with diary(log, signer) as book:
        late: list[tuple[Any, str, datetime]] = []
        for change, minutes, status, after_s in sorted(made, key=lambda one: one[1]):
            at = start + timedelta(minutes=minutes)
            answer = book.call(at, **change)
            if span.first <= at.date() <= span.last:
                outcomes[answer.decision.outcome] += 1
                if answer.decision.effect is Effect.ALLOW:
                    endings[STATUSES[status] if status else Ending.OPEN] += 1
            if answer.decision.effect is Effect.ALLOW and status:
                late.append((answer, status, at + timedelta(seconds=after_s)))
        for answer, status, at in sorted(late, key=lambda one: one[2]):
            book.clock["now"] = max(at, book.clock["now"])
            book.conclude(answer, status)
    figures = read(log, span)

    assert total(figures).outcomes == outcomes
    assert total(figures).endings == endings
    assert sum((Counter(day) for day in figures.days.values()), Counter()) == Counter(
        {
            effect: n
            for effect in Effect
            if (n := sum(outcomes[o] for o in Outcome if o.effect is effect))
        }
    )


def test_a_day_is_one_of_asia_shanghai(tmp_path: Path, signer: Signer) -> None:
    """The law's day begins at midnight there, eight hours before it does in UTC."""
    with diary(tmp_path / "log", signer) as book:
        midnight = datetime(2025, 6, 1, tzinfo=SHANGHAI)
        for at in (
            midnight - timedelta(microseconds=1),
            midnight,
            midnight + timedelta(days=30) - timedelta(microseconds=1),
            midnight + timedelta(days=30),
        ):
            book.call(at)
    figures = read(tmp_path / "log")

    assert total(figures).calls == 2
    assert list(figures.days) == [date(2025, 6, 1), date(2025, 6, 30)]


def test_a_call_counts_on_the_day_of_its_decision(tmp_path: Path, signer: Signer) -> None:
    """A call decided in June and ended in July is one of June, with its end."""
    with diary(tmp_path / "log", signer) as book:
        answer = book.call(datetime(2025, 6, 30, 23, 59, tzinfo=SHANGHAI))
        book.conclude(answer, "upstream_timeout", after_s=120)
    july = Span(first=date(2025, 7, 1), last=date(2025, 7, 31))

    assert total(read(tmp_path / "log")).statuses == Counter({"upstream_timeout": 1})
    assert total(read(tmp_path / "log", july)) == Count()


@pytest.mark.parametrize(
    ("statuses", "availability"),
    [
        ([], None),
        ([None], None),
        (["egress_blocked"], None),
        (["released", "no_such_record"], 1.0),
        (["upstream_error"], 0.0),
        (["released", "released", "no_such_record", "upstream_timeout", None], 0.75),
    ],
)
def test_availability_is_what_the_provider_answered_of_what_it_was_asked(
    statuses: list[str | None], availability: float | None, tmp_path: Path, signer: Signer
) -> None:
    """No such record is an answer; what was only decided was never asked."""
    with diary(tmp_path / "log", signer) as book:
        for number, status in enumerate(statuses):
            answer = book.call(noon(JUNE.first) + timedelta(minutes=number))
            if status is not None:
                book.conclude(answer, status, rows=2)
    count = total(read(tmp_path / "log"))

    assert count.availability == availability
    assert count.allowed == len(statuses)
    assert (count.rows, count.size_bytes) == (
        2 * sum(s is not None for s in statuses),
        20 * sum(s is not None for s in statuses),
    )


def test_used_and_provided_are_two_sides_of_the_same_calls(tmp_path: Path, signer: Signer) -> None:
    """The caller used what the provider of the resource provided."""
    with diary(tmp_path / "log", signer) as book:
        book.call(noon(JUNE.first))
        book.call(noon(JUNE.first), **CALLS[4])
        book.call(noon(JUNE.first), resource="R99")
    lines = views(read(tmp_path / "log"))

    assert {line.id: line.count.calls for line in lines.used} == {"D-HCB": 2, "D-CAB": 1}
    assert {line.id: line.count.calls for line in lines.provided} == {"": 1, "D-CAB": 1, "D-EDU": 1}
    assert {line.id: line.provider for line in lines.resources} == {
        "": "",
        "R08": "D-CAB",
        "R16": "D-EDU",
    }


def test_a_departments_own_report_holds_both_its_sides_and_nobody_elses(
    tmp_path: Path, signer: Signer
) -> None:
    """A department reports what it provided and used; the other party reports for itself."""
    with diary(tmp_path / "log", signer) as book:
        book.call(noon(JUNE.first))  # D-HCB uses R08 of D-CAB
        book.call(noon(JUNE.first), **CALLS[4])  # D-CAB uses R16 of D-EDU
        book.call(noon(JUNE.first), **CALLS[5])  # D-TRA asks for R03 of D-MSA
    lines = views(read(tmp_path / "log").about("D-CAB"))

    assert [(line.id, line.count.calls) for line in lines.used] == [("D-CAB", 1)]
    assert [(line.id, line.count.calls) for line in lines.provided] == [("D-CAB", 1)]
    assert [line.id for line in lines.resources] == ["R08", "R16"]
    assert lines.total.count.calls == 2
    assert set(lines.silent_systems) == {"SYS-CAB-STAT"}


@pytest.mark.parametrize("register", [None, county()], ids=["no register", "unknown"])
def test_a_report_about_an_unknown_department_is_refused(
    register: object, tmp_path: Path, signer: Signer
) -> None:
    """An empty report would read as "it used nothing"."""
    with diary(tmp_path / "log", signer):
        pass
    with pytest.raises(CallError, match=r"departments\.tsv"):
        read(tmp_path / "log", register=register).about("D-NONE")


def test_systems_that_did_not_call_are_listed(tmp_path: Path, signer: Signer) -> None:
    """Registered, but silent in the period."""
    with diary(tmp_path / "log", signer) as book:
        book.call(noon(JUNE.first))
        book.call(noon(date(2025, 7, 2)), **CALLS[4])
    silent = views(read(tmp_path / "log")).silent_systems

    assert "SYS-HCB-PRH" not in silent
    assert "SYS-CAB-AID" in silent


def test_a_text_is_reported_by_what_it_was_asked(tmp_path: Path, signer: Signer) -> None:
    """Under "strictest" two texts are asked of every call; of a single text only that one."""
    for number, precedence in enumerate((Precedence.STRICTEST, Precedence.LOCAL)):
        directory = tmp_path / precedence
        with diary(directory, signer, precedence=precedence, origin=f"o/{number}") as book:
            book.call(noon(date(2025, 9, 1)))
    autumn = Span(first=date(2025, 9, 1), last=date(2025, 9, 30))
    sources = open_sources([tmp_path / "strictest", tmp_path / "local"])

    def calls(profile: str) -> int:
        figures = gather(
            sources, autumn, as_of=AsOf(today=autumn.last), profile=profile, calendar=Calendar()
        )
        return total(figures).calls

    assert [calls(profile) for profile in ("", "hubei", "national-809", "henan-hebi")] == [
        2,
        2,
        1,
        0,
    ]


def test_the_deciding_provision_is_counted(tmp_path: Path, signer: Signer) -> None:
    """Every call has one provision that decided it."""
    with diary(tmp_path / "log", signer) as book:
        for change in ({}, {"system": "SYS-HCB-WEB"}, {"system": "SYS-HCB-WEB"}):
            book.call(noon(JUNE.first), **change)
    rulings = total(read(tmp_path / "log")).rulings

    assert rulings.most_common(1) == [(("HU-a24-02", Effect.DENY), 2)]
    assert rulings.total() == 3


def test_records_of_other_phases_count_nothing(tmp_path: Path, signer: Signer) -> None:
    """Keys, recoveries and administration are in every log."""
    with diary(tmp_path / "log", signer) as book:
        book.log.append(
            encode_record({"v": 1, "phase": "admin", "t": "2025-06-02T02:00:00.000000Z"})
        )
    figures = read(tmp_path / "log")

    assert (figures.counts, figures.handled) == ({}, {})


def test_progress_is_told(tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Now and then, and never more done than there is."""
    monkeypatch.setattr("govshare_policy.report.reading._REPORT_EVERY", 2)
    with diary(tmp_path / "log", signer) as book:
        fill(book, 5)
    told: list[tuple[int, int]] = []
    read(tmp_path / "log", progress=lambda done, known: told.append((done, known)))

    assert told == [(2, 2), (4, 4), (6, 6)]


def fill(book: Diary, calls: int) -> None:
    for number in range(calls):
        book.call(noon(JUNE.first) + timedelta(minutes=number))


def test_a_period_does_not_end_before_it_begins() -> None:
    """Ours to prevent, so it is no message for a user."""
    with pytest.raises(ValueError, match="a period ends"):
        Span(first=date(2025, 6, 2), last=date(2025, 6, 1))
