# SPDX-License-Identifier: Apache-2.0
"""What the steps of real procedures show: answers that are late, steps without right, doubts."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.crypto import Signer
from govshare_policy.deadline import Calendar
from govshare_policy.identity import SHANGHAI
from govshare_policy.report import AsOf, Span, open_sources
from govshare_policy.report.finding import Finding
from govshare_policy.report.listing import list_violations
from govshare_policy.workflow import Inputs, Want, corrections, permissions
from tests.unit.report.listed import YEAR
from tests.unit.workflow.town import CYCLES, FINDING, HE, LI, ORIGIN, SUN, ZHAO, Town


def found(town: Town, *, span: Span = YEAR, profile: str = "") -> list[Finding]:
    """Return what the log of steps shows, without what the catalogue does."""
    listed = list_violations(
        open_sources([town.log]),
        profile=profile or town.profile,
        data=town.data,
        span=span,
        as_of=AsOf(today=town.at.date()),
        calendar=Calendar(),
    )
    return [one for one in listed.findings if not one.evidence[0].place.startswith("resources.")]


def later(town: Town, days: int) -> None:
    """Let days go by in which nothing happens."""
    town.at += timedelta(days=days)


LATE = {
    "henan-hebi": ("hb-other", "HB-a15-03", "D-NRB"),
    "jiangxi-pingxiang": ("px-other", "PX-a16-03", "D-NRB"),
    "national-809": ("nr-39-4", "NR-a21-02", "D-NRB"),
}


@pytest.mark.parametrize("profile", LATE)
def test_an_answer_that_is_late_is_listed_with_the_application(
    profile: str, tmp_path: Path, signer: Signer
) -> None:
    """Under the item of the text, by the clause of the clock, for whoever had to answer."""
    violation, clause, body = LATE[profile]
    town = Town(tmp_path, signer, profile)
    town.run(CYCLES[profile][: 1 if profile == "national-809" else 0])
    later(town, 60)
    (one,) = found(town)

    assert (one.violation, one.code, one.department) == (violation, "late_provider_answer", body)
    assert clause in one.clauses
    assert one.evidence[0].place == "APP-2025-0001"
    assert one.evidence[1].place == f"{ORIGIN}#1"
    assert "至今未完成" in one.text.zh


def test_each_of_hubeis_three_clocks_is_somebodys(tmp_path: Path, signer: Signer) -> None:
    """The platform checks the form, the provider answers, the platform tells the user."""
    town = Town(tmp_path, signer, "hubei")
    ident = town.apply().matter
    for step, who in (("accept", ZHAO), ("approve", SUN), ("notify", ZHAO)):
        town.at += timedelta(days=40)
        town.take(ident, step, who)
    stages = {one.code: (one.violation, one.department, one.clauses[0]) for one in found(town)}

    assert stages == {
        "late_form_check": ("hu-interruption", "O-OPS", "HU-a26-02"),
        "late_provider_answer": ("hu-interruption", "D-NRB", "HU-a26-02"),
        "late_notice": ("hu-interruption", "O-OPS", "HU-a26-02"),
    }
    assert all("已逾期完成" in one.text.zh for one in found(town))


def test_what_is_in_time_is_not_listed(tmp_path: Path, signer: Signer) -> None:
    town = Town(tmp_path, signer, "hubei")
    town.run(CYCLES["hubei"])

    assert found(town) == []


def test_what_still_waits_is_listed_whenever_it_was_due(tmp_path: Path, signer: Signer) -> None:
    """What was finished late is listed only in the period in which it was due."""
    town = Town(tmp_path, signer, "henan-hebi")
    town.apply()
    later(town, 90)
    december = Span(first=town.at.date(), last=town.at.date())
    assert [one.code for one in found(town, span=december)] == ["late_provider_answer"]

    town.take("APP-2025-0001", "approve", SUN)
    assert found(town, span=december) == []
    assert [one.code for one in found(town)] == ["late_provider_answer"]


def test_supply_after_the_agreed_days_is_listed(tmp_path: Path, signer: Signer) -> None:
    """Order 809 gives twenty working days after the answer."""
    town = Town(tmp_path, signer, "national-809")
    town.run(CYCLES["national-809"][:3])
    later(town, 60)
    late = [one for one in found(town) if one.code == "late_supply"]

    assert [(one.violation, one.clauses[-1]) for one in late] == [("nr-39-4", "NR-a22-01")]


def test_a_doubt_is_a_sign_and_a_late_correction_is_shown(tmp_path: Path, signer: Signer) -> None:
    town = Town(tmp_path, signer, "national-809")
    with town.office() as office:
        doubt = corrections.Doubt(resource="R12", fields=("owner_name",))
        corrections.raise_doubt(office, doubt, LI, town.moment(), inputs=FINDING)
    (early,) = found(town)
    later(town, 40)
    codes = {one.code: one.grade.value for one in found(town) if one.resource == "R12"}

    assert (early.code, early.violation, early.department) == ("doubted", "nr-39-6", "D-NRB")
    assert early.evidence[0].place == "COR-2025-0001"
    assert codes["doubted"] == "sign"
    assert codes["late_correction_answer"] == "shown"


REFUSED = {
    "hubei, for want of paper": ("hubei", "no_paper_application", "hu-other", "HU-a22-02"),
    "Order 809, for material that was not asked for": (
        "national-809",
        "incomplete_material",
        "nr-39-2",
        "NR-a21-04",
    ),
}


@pytest.mark.parametrize(("profile", "code", "violation", "clause"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_on_a_forbidden_ground_is_an_attempt(
    profile: str, code: str, violation: str, clause: str, tmp_path: Path, signer: Signer
) -> None:
    """The step was not taken, and its record says who tried."""
    town = Town(tmp_path, signer, profile)
    before = {"hubei": [("accept", ZHAO)], "national-809": CYCLES["national-809"][:1]}[profile]
    ident = town.run(before)
    step = "refuse" if profile == "hubei" else "clear_refusal"
    reason = Inputs(texts={Want.REASON: "因故"}, reason_code=code)
    answer = town.take(ident, step, SUN, reason)
    assert answer.refusal is not None
    (one,) = found(town)

    assert (one.violation, one.grade.value, one.department) == (violation, "attempt", "D-NRB")
    assert one.code == f"application_{step}_invalid_refusal"
    assert clause in one.clauses
    assert one.evidence[0].place == f"{ORIGIN}#{answer.record}"


def test_a_right_suspended_without_right_is_an_attempt(tmp_path: Path, signer: Signer) -> None:
    """Pingxiang knows no suspension, so nobody may suspend anything there."""
    town = Town(tmp_path, signer, "jiangxi-pingxiang")
    with town.office() as office:
        for _ in range(2):
            permissions.suspend(
                office,
                "D-HCB",
                "R08",
                SUN,
                town.moment(),
                inputs=Inputs(texts={Want.REASON: "因故"}),
            )
    (one,) = found(town)

    assert (one.violation, one.code) == ("px-other", "suspension_suspend_no_such_step")
    assert (one.department, one.count) == ("D-NRB", 2)
    assert [evidence.place for evidence in one.evidence] == [f"{ORIGIN}#1", f"{ORIGIN}#2"]


def test_a_slip_is_no_violation(tmp_path: Path, signer: Signer) -> None:
    """A step that comes too early is refused and listed nowhere."""
    town = Town(tmp_path, signer, "hubei")
    ident = town.apply().matter
    answer = town.take(ident, "supply", HE)

    assert answer.refusal is not None
    assert found(town) == []


def test_the_list_of_one_text_leaves_out_the_procedures_of_another(
    tmp_path: Path, signer: Signer
) -> None:
    town = Town(tmp_path, signer, "hubei")
    town.apply()
    later(town, 60)
    town.at = datetime(2025, 12, 30, 9, tzinfo=SHANGHAI)

    assert [one for one in found(town) if one.code.startswith("late")]
    assert [one for one in found(town, profile="henan-hebi") if one.code.startswith("late")] == []
