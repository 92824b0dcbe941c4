# SPDX-License-Identifier: Apache-2.0
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from govshare_policy.crypto import Signer
from govshare_policy.deadline import Calendar, Status
from govshare_policy.errors import VerificationError
from govshare_policy.identity import SHANGHAI
from govshare_policy.policy import Precedence
from govshare_policy.register import load_register
from govshare_policy.report import AsOf, Figures, Span, gather, open_sources
from govshare_policy.report.figures import procedure_of
from govshare_policy.report.handling import Handled, Handling
from govshare_policy.report.tally import Place
from govshare_policy.workflow import Inputs, Want, corrections
from tests.unit.workflow.town import CYCLES, FINDING, HE, LI, SUN, XU, ZHAO, Town

SEPTEMBER = Span(first=date(2025, 9, 1), last=date(2025, 9, 30))
YEAR = Span.of_year(2025)
PLACE = Place("D-CAB", "R12")


def figures(
    town: Town,
    span: Span = YEAR,
    *,
    profile: str = "",
    named: bool = True,
    today: date | None = None,
    as_of: date | None = None,
) -> Figures:
    return gather(
        open_sources([town.log]),
        span,
        as_of=AsOf(today=today or town.at.date(), stated=as_of),
        profile=profile,
        register=load_register(town.data) if named else None,
        calendar=Calendar(),
    )


def handled(town: Town, span: Span = YEAR, **how: Any) -> Handled:  # noqa: ANN401
    return figures(town, span, **how).handled[PLACE]


def stages(done: Handled) -> dict[str, str]:
    return {timing.stage: timing.status.value for timing in done.timings}


@pytest.mark.parametrize("profile", CYCLES)
def test_an_application_that_ran_through_was_received_and_granted_in_time(
    profile: str, tmp_path: Path, signer: Signer
) -> None:
    """The records of real procedures are counted, under every text."""
    town = Town(tmp_path, signer, profile)
    town.run(CYCLES[profile])
    done = handled(town)

    assert (done.received, done.granted, done.refused) == (1, 1, 0)
    assert done.due(Status.LATE) == done.due(Status.OPEN) == 0


class Case(NamedTuple):
    """Days between the steps of an application in Hubei, and how its stages stood."""

    days: tuple[int, ...]
    stood: dict[str, str]


# Applied on Monday 22 September 2025; 1 to 8 October are holidays, 28 September and 11 October
# are worked. Form check within 3 working days, the answer within 10, the notice within 1.
HUBEI = {
    "all in time": Case(
        (3, 0, 1), {"form_check": "on_time", "provider_answer": "on_time", "notice": "on_time"}
    ),
    "the form check a day late": Case(
        (4, 0, 0), {"form_check": "late", "provider_answer": "on_time", "notice": "on_time"}
    ),
    "the answer on its last day": Case(
        (0, 19, 1), {"form_check": "on_time", "provider_answer": "on_time", "notice": "on_time"}
    ),
    "the answer a day late": Case(
        (0, 20, 1), {"form_check": "on_time", "provider_answer": "late", "notice": "on_time"}
    ),
    "the notice a day late": Case(
        (0, 0, 2), {"form_check": "on_time", "provider_answer": "on_time", "notice": "late"}
    ),
    "no answer": Case((0,), {"form_check": "on_time", "provider_answer": "late"}),
    "nothing at all": Case((), {"form_check": "late"}),
}


@pytest.mark.parametrize("case", HUBEI.values(), ids=HUBEI)
def test_each_step_is_judged_by_its_own_clock(case: Case, tmp_path: Path, signer: Signer) -> None:
    """Hubei's three clocks have three actors, and each is on time or late by itself."""
    town = Town(tmp_path, signer, "hubei")
    town.apply()
    for days, (step, who) in zip(case.days, CYCLES["hubei"], strict=False):
        town.at += timedelta(days=days, hours=-1)
        town.take("APP-2025-0001", step, who)
    town.at = datetime(2025, 12, 31, 9, tzinfo=SHANGHAI)
    town.apply()  # a later record: the log is known up to its day

    assert stages(handled(town, Span(first=YEAR.first, last=date(2025, 12, 30)))) == case.stood


@pytest.mark.parametrize(
    ("today", "span", "status"),
    [
        (date(2025, 9, 25), YEAR, "open"),
        (date(2025, 9, 26), YEAR, "late"),
        (date(2026, 11, 23), SEPTEMBER, "late"),
    ],
)
def test_an_application_that_nobody_answers_becomes_late_though_the_log_stands_still(
    today: date, span: Span, status: str, tmp_path: Path, signer: Signer
) -> None:
    """It is due on 25 September; neither the last record nor the period's end keeps it open."""
    town = Town(tmp_path, signer, "hubei")
    town.apply()
    found = figures(town, span, today=today)

    assert found.as_of == today
    assert stages(found.handled[PLACE]) == {"form_check": status}


def test_a_log_whose_clock_is_ahead_is_judged_on_its_own_last_day(
    tmp_path: Path, signer: Signer
) -> None:
    """What it knows has happened; nothing is left out of a report of today."""
    town = Town(tmp_path, signer, "hubei")
    town.apply()
    found = figures(town, today=date(2025, 1, 1))

    assert (found.as_of, found.later) == (date(2025, 9, 22), 0)
    assert found.handled[PLACE].received == 1


def test_a_report_as_of_a_day_is_the_one_that_was_made_on_it(
    tmp_path: Path, signer: Signer
) -> None:
    """The log goes on, and the report does not change: later records are left out, and counted."""
    town = Town(tmp_path, signer, "hubei")
    town.apply()
    day = town.at.date()
    then = figures(town, today=day)
    town.at = datetime(2025, 9, 23, 0, 0, tzinfo=SHANGHAI)
    for step, who in CYCLES["hubei"][:2]:
        town.take("APP-2025-0001", step, who)
    town.at += timedelta(days=40)
    town.apply()
    again = figures(town, today=town.at.date(), as_of=day)
    eve = figures(town, today=town.at.date(), as_of=day - timedelta(days=1))

    assert (again.as_of, again.handled) == (then.as_of, then.handled)
    assert again.later > then.later == 0
    assert eve.handled == {}
    assert eve.later > again.later


def test_what_was_declined_is_awaited_no_more(tmp_path: Path, signer: Signer) -> None:
    """An application that the platform did not accept has no late answer."""
    town = Town(tmp_path, signer, "hubei")
    town.run([("decline", ZHAO)])
    town.at += timedelta(days=60)
    town.apply()
    done = handled(town)

    assert done.received == 2
    assert (done.due(Status.LATE), done.due(Status.OPEN)) == (0, 1), "only the second waits"


def test_a_refusal_is_an_answer(tmp_path: Path, signer: Signer) -> None:
    """Refused is counted apart from granted, and once however many texts were asked."""
    town = Town(tmp_path, signer, "hubei", Precedence.STRICTEST)
    answer = town.apply()
    assert answer.refusal is None
    done = handled(town)
    assert (done.received, done.granted, done.refused) == (1, 0, 0)

    other = Town(tmp_path / "other", signer, "hubei")
    other.refused()
    done = handled(other)
    assert (done.received, done.granted, done.refused) == (1, 0, 1)


def test_an_extension_moves_the_due_day(tmp_path: Path, signer: Signer) -> None:
    """Order 809 lets the authority give up to ten working days more."""
    town = Town(tmp_path, signer, "national-809")
    matter = town.run(CYCLES["national-809"][:1])
    before = {timing.stage for timing in handled(town, SEPTEMBER).timings}
    (due_before,) = (t for t in handled(town).timings if t.stage == "provider_answer")
    assert due_before.status is Status.OPEN

    reason = Inputs(texts={Want.REASON: "需核对"}, days=10)
    assert town.take(matter, "extend", XU, reason).refusal is None
    town.at += timedelta(days=25)  # past the first due day, before the extended one
    assert town.take(matter, "clear_approval", SUN).refusal is None
    assert town.take(matter, "approve", SUN).refusal is None

    assert stages(handled(town))["provider_answer"] == "on_time"
    assert before <= {"provider_answer"}


def test_steps_count_in_the_period_of_their_own_day(tmp_path: Path, signer: Signer) -> None:
    """Received in September and granted in October is one of each, in its month."""
    town = Town(tmp_path, signer, "henan-hebi")
    town.apply()
    town.at = datetime(2025, 10, 9, 9, tzinfo=SHANGHAI)
    town.take("APP-2025-0001", "approve", SUN)
    september = handled(town, SEPTEMBER)
    october = handled(town, Span(first=date(2025, 10, 1), last=date(2025, 10, 31)))

    assert (september.received, september.granted) == (1, 0)
    assert (october.received, october.granted) == (0, 1)
    assert september.timings.total() + october.timings.total() == handled(town).timings.total()


def test_without_a_register_no_step_is_judged(tmp_path: Path, signer: Signer) -> None:
    """Clocks depend on the share type, which stands in the catalogue."""
    town = Town(tmp_path, signer, "hubei")
    town.run(CYCLES["hubei"])
    done = handled(town, named=False)

    assert (done.received, done.granted, dict(done.timings)) == (1, 1, {})


def test_the_report_of_a_text_follows_its_own_applications(tmp_path: Path, signer: Signer) -> None:
    """What another text's procedures did is not its business."""
    town = Town(tmp_path, signer, "hubei")
    town.run(CYCLES["hubei"])

    assert figures(town, profile="national-809").handled == {}
    assert handled(town, profile="hubei").received == 1


def test_corrections_are_counted_by_resource(tmp_path: Path, signer: Signer) -> None:
    """Raised and answered, each in the period of its day."""
    town = Town(tmp_path, signer, "national-809")
    with town.office() as office:
        doubt = corrections.Doubt(resource="R12", fields=("owner_name",))
        raised = corrections.raise_doubt(office, doubt, LI, town.moment(), inputs=FINDING)
    assert raised.refusal is None
    done = handled(town)
    assert (done.corrections, done.corrected, done.received) == (1, 0, 0)

    answered = town.take(raised.matter, "answer", HE, FINDING, corrected=True)
    assert answered.refusal is None
    done = handled(town)
    assert (done.corrections, done.corrected) == (1, 1)
    assert stages(done) == {"correction_answer": "on_time"}


GOOD: dict[str, Any] = {
    "phase": "workflow",
    "outcome": "taken",
    "kind": "application",
    "t": "2025-09-22T02:00:00.000000Z",
    "step": "apply",
    "applicant": "D-CAB",
    "resource": "R12",
    "matter": "APP-2025-0001",
    "moves": [{"matter": "APP-2025-0001", "profile": "hubei", "from": "new", "to": "submitted"}],
    "stated": {},
}
BROKEN: dict[str, dict[str, Any]] = {
    "no matter": {"matter": 1},
    "no moves": {"moves": {}},
    "a move that is no object": {"moves": ["x"]},
    "a move from nowhere": {"moves": [{"matter": "APP-2025-0001", "profile": "hubei"}]},
    "an extension that is no number": {"stated": {"extension_days": "ten"}},
    "no instant": {"t": "yesterday"},
    "an instant without a zone": {"t": "2025-09-22T02:00:00"},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_record_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    """A figure must not come from a record that was not understood."""
    with Handling(procedure_of) as handling:
        handling.take(GOOD)
        with pytest.raises(VerificationError):
            handling.take({**GOOD, **change})


def test_refused_steps_and_other_matters_count_nothing() -> None:
    """Only steps that were taken move an application."""
    with Handling(procedure_of) as handling:
        handling.take({**GOOD, "outcome": "refused"})
        handling.take({**GOOD, "kind": "dispute"})
        handling.take({"phase": "decision"})

        assert handling.count(YEAR, {}, calendar=Calendar(), as_of=YEAR.last) == {}
