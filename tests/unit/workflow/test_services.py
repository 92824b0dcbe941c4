# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from govshare_policy import load_register
from govshare_policy.errors import CallError
from govshare_policy.policy import Precedence
from govshare_policy.register import Grant
from govshare_policy.workflow import Actor, Inputs, Role, StepAnswer, services
from govshare_policy.workflow.model import RowEdit
from govshare_policy.workflow.publish import publish
from govshare_policy.workflow.services import ServiceChange
from tests.unit.workflow.town import LI, REASON, WANG, Town

Make = Callable[..., Town]
QIAN = Actor(body="D-HCB", person="qian", role=Role.MANAGE)
LESS = ServiceChange(
    grant="G01", fields=("id_no",), daily_quota=50, valid_to=date(2026, 6, 30), channels=("api",)
)


def proposed(here: Town, change: ServiceChange = LESS, inputs: Inputs = REASON) -> StepAnswer:
    with here.office() as office:
        return services.propose_change(office, change, LI, here.moment(), inputs=inputs)


def grant(here: Town) -> Grant:
    return load_register(here.data).grants["G01"]


def test_a_service_changes_only_when_it_is_agreed_and_on_file(town: Make) -> None:
    here = town("national-809")
    before = grant(here)
    matter = proposed(here).matter
    early = here.take(matter, "file", WANG)
    agreed = here.take(matter, "agree", QIAN)
    unchanged = grant(here)
    filed = here.take(matter, "file", WANG)
    after = grant(here)

    assert early.refusal is not None
    assert (agreed.refusal, unchanged, filed.refusal) == (None, before, None)
    assert (after.fields, after.daily_quota, after.channels) == (("id_no",), 50, ("api",))
    assert after.period.valid_to == date(2026, 6, 30)
    assert (after.purposes, after.systems) == (before.purposes, before.systems)
    assert [told["to"] for told in filed.told] == ["competent_authority", "user"]
    assert (
        here.outcome(
            department="D-HCB", system="SYS-HCB-PRH", resource="R08", fields=["name"], grant="G01"
        ).value
        != "allow"
    )


def test_under_a_local_text_too_the_nation_wants_negotiation_and_filing(town: Make) -> None:
    here = town("hubei", Precedence.STRICTEST)
    answer = proposed(here)
    local = proposed(town("hubei"))

    assert answer.states == {"national-809": "proposed"}
    assert local.refusal is not None
    assert local.refusal.code == "no_such_step"


def test_a_change_wants_a_reason(town: Make) -> None:
    answer = proposed(town("national-809"), inputs=Inputs())

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses) == ("want_missing", ("NR-a27-03",))


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (ServiceChange(grant="G01", fields=("id_no", "reg_date")), "fields"),
        (ServiceChange(grant="G01", valid_to=date(2027, 1, 1)), "valid_to"),
    ],
)
def test_a_change_gives_no_more_than_the_grant(
    town: Make, change: ServiceChange, names: str
) -> None:
    answer = proposed(town("national-809"), change)

    assert answer.refusal is not None
    assert answer.refusal.code == "wider_than_granted"
    assert answer.refusal.text.endswith(names)


def test_a_quota_is_lowered_and_not_raised_by_a_change(town: Make) -> None:
    here = town("national-809")
    matter = proposed(here, ServiceChange(grant="G01", daily_quota=50)).matter
    here.take(matter, "agree", QIAN)
    here.take(matter, "file", WANG)
    answer = proposed(here, ServiceChange(grant="G01", daily_quota=51))

    assert answer.refusal is not None
    assert answer.refusal.text.endswith("daily_quota")


def test_a_way_that_the_catalogue_does_not_offer_is_none(town: Make) -> None:
    answer = proposed(town("national-809"), ServiceChange(grant="G01", channels=("pigeon",)))

    assert answer.refusal is not None
    assert answer.refusal.code == "cannot_be_granted"


def test_one_change_of_a_service_at_a_time(town: Make) -> None:
    here = town("national-809")
    matter = proposed(here).matter
    with pytest.raises(CallError, match=f"open already, by `{matter}`"):
        proposed(here)
    here.take(matter, "object", QIAN, REASON)

    assert proposed(here).refusal is None


def test_a_grant_that_is_over_by_the_filing_is_not_revived(town: Make) -> None:
    here = town("national-809")
    matter = proposed(here).matter
    here.take(matter, "agree", QIAN)
    here.at += timedelta(days=500)

    with pytest.raises(CallError, match="over already"):
        here.take(matter, "file", WANG)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"grant": "G99", "daily_quota": 5}, "no such grant"),
        ({"grant": "G07", "daily_quota": 5}, "over already"),
        ({"grant": "G01", "valid_to": date(2024, 1, 1)}, "ended, not changed"),
        ({"grant": "G01", "valid_to": date(2025, 9, 1)}, "ended, not changed"),
    ],
)
def test_a_change_is_of_a_service_that_goes_on(
    town: Make, change: dict[str, object], fault: str
) -> None:
    with pytest.raises(CallError, match=fault):
        proposed(town("national-809"), ServiceChange(**change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, "says what changes"),
        ({"channels": ()}, "ended, not changed"),
        ({"fields": ()}, "ended, not changed"),
        ({"daily_quota": 0}, "at least one call"),
    ],
)
def test_a_change_that_says_nothing_or_ends_the_service_is_bad_input(
    change: dict[str, object], fault: str
) -> None:
    with pytest.raises(CallError, match=fault):
        ServiceChange(grant="G01", **change)  # type: ignore[arg-type]


def test_a_grant_that_was_narrowed_meanwhile_is_not_widened_by_the_filing(town: Make) -> None:
    here = town("national-809")
    matter = proposed(here, ServiceChange(grant="G01", fields=("id_no", "name"))).matter
    here.take(matter, "agree", QIAN)
    narrowed = {"fields": "id_no"}
    publish(here.data, [RowEdit(file="grants.tsv", key="G01", cells=narrowed)])
    answer = here.take(matter, "file", WANG)

    assert answer.refusal is not None
    assert answer.refusal.code == "wider_than_granted"
    assert grant(here).fields == ("id_no",)
