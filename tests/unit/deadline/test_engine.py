# SPDX-License-Identifier: Apache-2.0
"""Due dates and how a stage stands, from clocks made up here."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govshare_policy.deadline import (
    Calendar,
    Clock,
    Event,
    Kind,
    Question,
    Share,
    ShareType,
    Stage,
    Status,
    due_stages,
    share_of,
)
from govshare_policy.deadline.model import (
    EARLIEST,
    LATEST,
    STAGES_OF,
    CalendarDay,
    Extension,
    Limit,
    SameDay,
    StageName,
    Unnumbered,
    WorkingDays,
    limit_document,
)
from govshare_policy.errors import CallError

MONDAY = date(2025, 11, 3)
CALENDAR = Calendar()
DAYS = st.dates(min_value=date(2025, 1, 1), max_value=date(2026, 9, 30))


def clock(limit: Limit, extension: Extension | None = None) -> Clock:
    return Clock(
        kind=Kind.APPLICATION,
        stage=StageName.PROVIDER_ANSWER,
        clauses=("XX-1",),
        shares=frozenset(Share),
        limit=limit,
        starts=(Event.RECEIVED,),
        ends=(Event.ANSWERED,),
        actor=None,
        recipient=None,
        extension=extension,
    )


def asked(
    at: dict[Event, date],
    *,
    year: int | None = None,
    extension_days: int = 0,
    as_of: date | None = None,
) -> Question:
    return Question(
        kind=Kind.APPLICATION,
        share=Share.CONDITIONAL,
        at=at,
        year=year,
        extension_days=extension_days,
        as_of=as_of,
    )


def only(question: Question, *clocks: Clock, calendar: Calendar = CALENDAR) -> Stage:
    (stage,) = due_stages(question, clocks=clocks, calendar=calendar)
    return stage


FIVE = clock(WorkingDays(count=5))


@given(received=DAYS, answered=DAYS, count=st.integers(min_value=1, max_value=30))
def test_an_answer_is_late_exactly_when_too_many_working_days_lie_before_it(
    received: date, answered: date, count: int
) -> None:
    """The slow way: walk from the day of receipt to the answer and count the working days."""
    if answered < received:
        received, answered = answered, received
    walked = (received + timedelta(days=n) for n in range(1, (answered - received).days + 1))
    worked = [day for day in walked if CALENDAR.works(day)]
    # On a day off after the last working day the time is already up.
    too_many = len(worked) > count or (len(worked) == count and answered != worked[-1])
    stage = only(
        asked({Event.RECEIVED: received, Event.ANSWERED: answered}),
        clock(WorkingDays(count=count)),
    )

    assert stage.status is (Status.LATE if too_many else Status.ON_TIME)


@given(received=DAYS, as_of=DAYS)
def test_what_is_unfinished_is_late_only_after_its_due_day(received: date, as_of: date) -> None:
    stage = only(asked({Event.RECEIVED: received}, as_of=as_of), FIVE)

    assert stage.due is not None
    assert stage.status is (Status.LATE if as_of > stage.due else Status.OPEN)
    assert only(asked({Event.RECEIVED: received}), FIVE).status is Status.OPEN


@given(
    received=DAYS,
    asked_for=st.integers(min_value=0, max_value=40),
    most=st.integers(min_value=1, max_value=20),
)
def test_an_extension_reaches_as_far_as_the_text_lets_it(
    received: date, asked_for: int, most: int
) -> None:
    extended = clock(WorkingDays(count=5), Extension(working_days=most, clause="XX-2"))
    stage = only(asked({Event.RECEIVED: received}, extension_days=asked_for), extended)
    by = min(asked_for, most)

    assert stage.due == CALENDAR.count(received, 5 + by)
    assert stage.extended_by == by
    assert stage.clauses == (("XX-2", "XX-1") if by else ("XX-1",))


def test_an_extension_is_ignored_where_the_text_has_none() -> None:
    stage = only(asked({Event.RECEIVED: MONDAY}, extension_days=10), FIVE)

    assert (stage.due, stage.extended_by) == (date(2025, 11, 10), 0)


def test_an_answer_counts_over_the_day_it_is_judged_on() -> None:
    question = asked(
        {Event.RECEIVED: MONDAY, Event.ANSWERED: date(2025, 11, 10)}, as_of=date(2025, 12, 1)
    )

    assert only(question, FIVE).status is Status.ON_TIME


def test_a_clock_that_has_not_started_is_open_whatever_else_is_known() -> None:
    question = asked({Event.ANSWERED: MONDAY, Event.SUBMITTED: MONDAY}, as_of=date(2026, 1, 1))
    stage = only(question, FIVE)

    assert (stage.due, stage.counted_from, stage.status) == (None, None, Status.OPEN)


@pytest.mark.parametrize("limit", Unnumbered)
def test_a_duty_without_a_number_has_no_limit_even_when_done(limit: Unnumbered) -> None:
    question = asked({Event.RECEIVED: MONDAY, Event.ANSWERED: MONDAY}, as_of=date(2026, 1, 1))
    stage = only(question, clock(limit))

    assert (stage.due, stage.status, stage.clauses) == (None, Status.NO_LIMIT, ("XX-1",))


def test_a_kind_without_a_rule_gives_one_stage_without_a_limit() -> None:
    for kind in Kind:
        question = Question(kind=kind, share=Share.CONDITIONAL, at={})
        stage = only(question)

        assert stage == Stage(
            stage=STAGES_OF[kind][0], due=None, status=Status.NO_LIMIT, clauses=()
        )
        assert stage.to_document()["clause"] == ""


def test_real_time_means_the_day_itself_though_nobody_works() -> None:
    holiday = date(2025, 10, 1)
    question = asked({Event.RECEIVED: holiday, Event.ANSWERED: date(2025, 10, 2)})
    stage = only(question, clock(SameDay()))

    assert (stage.due, stage.status) == (holiday, Status.LATE)


YEARLY = {
    "before 5 January is the 4th": (1, 5, False, 2025, date(2026, 1, 4)),
    "by the end of January is the 31st": (1, 31, True, 2025, date(2026, 1, 31)),
    "before 1 January is New Year's Eve": (1, 1, False, 2025, date(2025, 12, 31)),
    "before March of a leap year is the 29th": (3, 1, False, 2027, date(2028, 2, 29)),
}


@pytest.mark.parametrize(("month", "day", "inclusive", "year", "due"), YEARLY.values(), ids=YEARLY)
def test_a_calendar_day_is_in_the_year_after_the_one_reported_on(
    month: int, day: int, inclusive: object, year: int, due: date
) -> None:
    """Weekends and holidays do not move it."""
    limit = CalendarDay(month=month, day=day, inclusive=bool(inclusive))
    stage = only(asked({}, year=year), clock(limit))

    assert (stage.due, stage.status, stage.provisional) == (due, Status.OPEN, False)
    assert only(asked({}), clock(limit)).due is None


PROVISIONAL = {
    "all in a published year": ("2026-11-02", False),
    "due on the last published working day": ("2026-12-24", False),
    "one day reaches into the next year": ("2026-12-25", True),
    "received on the last published day": ("2026-12-31", True),
    "all beyond": ("2027-06-01", True),
    "before the first published year": ("2003-06-02", True),
    "the day of receipt is not counted, so its year does not matter": ("2003-12-31", False),
}


@pytest.mark.parametrize(("received", "provisional"), PROVISIONAL.values(), ids=PROVISIONAL)
def test_a_count_through_an_unpublished_year_is_provisional(
    received: str, provisional: object
) -> None:
    stage = only(asked({Event.RECEIVED: date.fromisoformat(received)}), FIVE)

    assert stage.provisional is provisional
    assert stage.to_document()["provisional"] is provisional


def test_a_file_that_publishes_the_year_makes_the_count_final() -> None:
    calendar = Calendar(overrides={date(2027, 1, 1): False})
    stage = only(asked({Event.RECEIVED: date(2026, 12, 31)}), FIVE, calendar=calendar)

    assert (stage.due, stage.provisional) == (date(2027, 1, 8), False)


def test_a_step_done_before_its_cause_is_refused() -> None:
    question = asked({Event.RECEIVED: MONDAY, Event.ANSWERED: MONDAY - timedelta(days=1)})

    with pytest.raises(CallError, match="`answered` is earlier than `received`"):
        due_stages(question, clocks=[FIVE], calendar=CALENDAR)


def test_a_share_type_and_its_parameters_make_one_kind_of_share() -> None:
    assert share_of(ShareType.UNCONDITIONAL, parameter_controlled=True) is Share.CONTROLLED
    assert share_of(ShareType.UNCONDITIONAL, parameter_controlled=False) is Share.UNCONDITIONAL
    assert share_of(ShareType.CONDITIONAL, parameter_controlled=True) is Share.CONDITIONAL
    assert share_of(ShareType.NON_SHARE, parameter_controlled=True) is Share.NON_SHARE


LIMITS: dict[str, tuple[Limit, object]] = {
    "working days": (WorkingDays(count=5), {"working_days": 5}),
    "the same day": (SameDay(), "same_day"),
    "by": (CalendarDay(month=1, day=31, inclusive=True), {"by": "01-31"}),
    "before": (CalendarDay(month=1, day=5, inclusive=False), {"before": "01-05"}),
    "promptly": (Unnumbered.PROMPTLY, "promptly"),
}


@pytest.mark.parametrize(("limit", "document"), LIMITS.values(), ids=LIMITS)
def test_a_limit_is_shown_as_the_file_writes_it(limit: Limit, document: object) -> None:
    assert limit_document(limit) == document


def test_a_question_outside_the_days_of_this_library_is_our_own_fault() -> None:
    with pytest.raises(ValueError, match="outside the days"):
        asked({Event.RECEIVED: EARLIEST - timedelta(days=1)})
    with pytest.raises(ValueError, match="outside the years"):
        asked({}, year=LATEST.year)
    with pytest.raises(ValueError, match="no negative number"):
        asked({}, extension_days=-1)


def test_the_last_day_that_may_be_asked_about_can_be_counted_from() -> None:
    stage = only(asked({Event.RECEIVED: LATEST}), clock(WorkingDays(count=250)))

    assert stage.due is not None
    assert stage.due.year == LATEST.year + 1
