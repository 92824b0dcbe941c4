# SPDX-License-Identifier: Apache-2.0
"""Compute due dates from the clocks of a text. No clock is read and nothing is looked up."""

from collections.abc import Sequence
from datetime import date, timedelta

from govshare_policy.deadline.calendar import Calendar
from govshare_policy.deadline.model import (
    STAGES_OF,
    CalendarDay,
    Clock,
    Event,
    Question,
    SameDay,
    Stage,
    StageName,
    Status,
    Unnumbered,
    WorkingDays,
)
from govshare_policy.errors import CallError


def due_stages(
    question: Question, *, clocks: Sequence[Clock], calendar: Calendar
) -> tuple[Stage, ...]:
    """Return the stages of *question* under the *clocks* of one text, in the text's order.

    Where the text has no rule, the answer is one stage without a limit. A stage whose clock has
    not started is open and due on no day yet.

    Raises:
        CallError: If a step is said to be done before the event that it answers.
    """
    found = [
        _stage(clock, question, calendar)
        for clock in clocks
        if clock.kind is question.kind and question.share in clock.shares
    ]
    if not found:
        name = STAGES_OF[question.kind][0]
        return (Stage(stage=name, due=None, status=Status.NO_LIMIT, clauses=()),)
    return tuple(found)


def _stage(clock: Clock, question: Question, calendar: Calendar) -> Stage:
    start, end = _first(clock.starts, question), _first(clock.ends, question)
    if start and end:
        _check_order(clock.stage, start, end, question)
    from_day = question.at[start] if start else None
    extended_by = 0
    due: date | None = None
    provisional = False
    match clock.limit:
        case WorkingDays(count=count):
            extended_by = _extension(clock, question)
            if from_day:
                due = calendar.count(from_day, count + extended_by)
                provisional = not _is_published(from_day, due, calendar)
        case SameDay():
            due = from_day
        case CalendarDay():
            due = _day_after_year(clock.limit, question.year)
        case _:  # the text gives no number, so nothing is due on a day
            pass
    clauses = clock.clauses
    if clock.extension and extended_by:
        clauses = tuple(dict.fromkeys((clock.extension.clause, *clauses)))
    return Stage(
        stage=clock.stage,
        due=due,
        status=_status(clock, due, question.at[end] if end else None, question.as_of),
        clauses=clauses,
        actor=clock.actor,
        recipient=clock.recipient,
        limit=clock.limit,
        extended_by=extended_by,
        counted_from=from_day,
        provisional=provisional,
    )


def _first(events: tuple[Event, ...], question: Question) -> Event | None:
    return next((event for event in events if event in question.at), None)


def _check_order(stage: StageName, start: Event, end: Event, question: Question) -> None:
    # An entry may be brought up to date ahead of the change; everything else answers something.
    if stage is not StageName.CATALOGUE_UPDATE and question.at[end] < question.at[start]:
        raise CallError(f"`{end}` is earlier than `{start}`, so `{stage}` cannot be judged")


def _extension(clock: Clock, question: Question) -> int:
    """Return the working days by which the text lets the clock be extended, of those asked."""
    return min(question.extension_days, clock.extension.working_days) if clock.extension else 0


def _is_published(start: date, due: date, calendar: Calendar) -> bool:
    first = start + timedelta(days=1)  # the day of the event is not counted
    return all(calendar.publishes(year) for year in range(first.year, due.year + 1))


def _day_after_year(limit: CalendarDay, year: int | None) -> date | None:
    if year is None:
        return None
    day = date(year + 1, limit.month, limit.day)
    return day if limit.inclusive else day - timedelta(days=1)


def _status(clock: Clock, due: date | None, end: date | None, as_of: date | None) -> Status:
    if isinstance(clock.limit, Unnumbered):
        return Status.NO_LIMIT
    if due is None:
        return Status.OPEN
    if end is not None:
        return Status.ON_TIME if end <= due else Status.LATE
    return Status.LATE if as_of is not None and as_of > due else Status.OPEN
