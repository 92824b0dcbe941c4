# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from govshare_policy import load_register
from govshare_policy.errors import CallError, FactError
from govshare_policy.legal import Outcome
from govshare_policy.policy import Precedence
from govshare_policy.workflow import Actor, Inputs, Role, StepAnswer, Want, permissions
from govshare_policy.workflow.permissions import ConsentKind, ConsentNeed
from tests.unit.workflow.town import CYCLES, FINDING, LI, REASON, WANG, XU, ZHOU, Town

Make = Callable[..., Town]
HCB = Actor(body="D-HCB", person="qian", role=Role.OPERATE)
# Marriage registration, of D-CAB, under G01.
CALL: dict[str, Any] = {
    "department": "D-HCB",
    "system": "SYS-HCB-PRH",
    "resource": "R08",
    "fields": ["marital_status"],
}
ONWARD: dict[str, Any] = {
    **CALL,
    "action": "onward",
    "grant": "G01",
    "recipient": {"kind": "company", "id": "O-UTL"},
}
GIVE_ON = ConsentNeed(
    kind=ConsentKind.ONWARD,
    resource="R08",
    valid_from=date(2025, 9, 1),
    valid_to=date(2026, 8, 31),
    recipients=("O-UTL",),
    written=True,
)
CHANGE = replace(
    GIVE_ON,
    kind=ConsentKind.PURPOSE_CHANGE,
    recipients=(),
    purposes=("work_reference",),
)


def revoke(here: Town, grant: str, who: Actor, inputs: Inputs = REASON) -> StepAnswer:
    with here.office() as office:
        return permissions.revoke(office, grant, who, here.moment(), inputs=inputs)


def suspend(
    here: Town, who: Actor = XU, resource: str = "R08", inputs: Inputs = REASON
) -> StepAnswer:
    with here.office() as office:
        return permissions.suspend(office, "D-HCB", resource, who, here.moment(), inputs=inputs)


def request(here: Town, need: ConsentNeed, who: Actor = HCB) -> StepAnswer:
    with here.office() as office:
        return permissions.request_consent(office, need, who, here.moment(), inputs=REASON)


@pytest.mark.parametrize("profile", CYCLES)
def test_a_revoked_grant_carries_no_call_from_that_day_on(town: Make, profile: str) -> None:
    here = town(profile)
    assert here.outcome(**CALL, at=here.at) is Outcome.ALLOW
    inputs = replace(REASON, flags=frozenset((Want.NEGOTIATED,)))
    answer = revoke(here, "G01", WANG, inputs)

    assert answer.refusal is None
    assert here.outcome(**CALL, at=here.at) is Outcome.NEEDS_GRANT
    assert load_register(here.data).grants["G01"].period.valid_to == date(2025, 9, 21)


def test_a_grant_that_begins_today_is_taken_out(town: Make) -> None:
    here = town("henan-fengqiu")
    row = here.run(CYCLES["henan-fengqiu"])
    sun = Actor(body="D-NRB", person="sun", role=Role.MANAGE)
    assert revoke(here, f"G-{row}", sun).refusal is None

    assert f"G-{row}" not in load_register(here.data).grants


def test_the_operator_takes_back_what_it_authorised_and_nothing_else(town: Make) -> None:
    here = town("hubei")
    of_provider = revoke(here, "G01", ZHOU)
    own = revoke(here, "G06", ZHOU)

    assert of_provider.refusal is not None
    assert of_provider.clauses == ("HU-a11-02",)
    assert (own.refusal, own.clauses) == (None, ("HU-a12-03",))


def test_a_national_service_ends_only_after_negotiation(town: Make) -> None:
    answer = revoke(town("national-809"), "G01", WANG)

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses) == ("want_missing", ("NR-a27-03",))


@pytest.mark.parametrize(("grant", "fault"), [("G99", "no such grant"), ("G07", "over already")])
def test_a_grant_that_is_not_there_or_over_is_not_revoked(
    town: Make, grant: str, fault: str
) -> None:
    with pytest.raises(CallError, match=fault):
        revoke(town("hubei"), grant, WANG)


def test_a_suspended_right_is_lifted_only_after_rectification(town: Make) -> None:
    here = town("national-809")
    matter = suspend(here).matter
    assert here.outcome(**CALL) is Outcome.SUSPENDED
    early = here.take(matter, "lift", XU)
    by_self = here.take(matter, "lift", replace(HCB, role=Role.MANAGE))
    here.take(matter, "rectify", HCB, FINDING)
    assert here.take(matter, "lift", XU).refusal is None

    assert [a.refusal.code for a in (early, by_self) if a.refusal] == ["not_now", "not_now"]
    assert here.outcome(**CALL) is Outcome.ALLOW


def test_a_terminated_right_takes_its_grants_with_it(town: Make) -> None:
    here = town("national-809")
    matter = suspend(here, resource="*").matter
    answer = here.take(matter, "terminate", XU, REASON)

    assert answer.more["grants_ended"] == ["G01"]
    assert load_register(here.data).grants["G01"].period.valid_to == date(2025, 9, 21)
    assert here.outcome(**CALL) is Outcome.SUSPENDED


def test_a_provider_suspends_its_own_resource_and_not_everything(town: Make) -> None:
    here = town("national-809")
    everything = suspend(here, WANG, "*")

    assert everything.refusal is not None
    assert suspend(here, WANG).refusal is None
    with pytest.raises(CallError, match="suspended already"):
        suspend(here)


@pytest.mark.parametrize(
    ("profile", "clause"),
    [
        ("henan-fengqiu", "FQ-4.2-03"),
        ("henan-yanjin", "YJ-4.2-03"),
        ("jiangxi-pingxiang", "PX-a24-04"),
        ("henan-hebi", "HB-a28-05"),
        ("hubei", "HU-a31-05"),
    ],
)
def test_a_local_text_suspends_no_right(town: Make, profile: str, clause: str) -> None:
    answer = suspend(town(profile))

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses) == ("no_such_step", (clause,))


def test_under_two_texts_the_one_that_suspends_does(town: Make) -> None:
    here = town("henan-fengqiu", Precedence.STRICTEST)
    assert suspend(here).refusal is None

    assert here.outcome(**CALL) is Outcome.SUSPENDED


@pytest.mark.parametrize("profile", ["jiangxi-pingxiang", "national-809"])
def test_data_are_given_on_once_the_provider_consents(town: Make, profile: str) -> None:
    here = town(profile)
    matter = request(here, GIVE_ON).matter
    call = ONWARD | {"consent": matter}
    assert here.outcome(**call) is Outcome.DENY
    assert here.take(matter, "give", WANG).refusal is None

    assert here.outcome(**call) is Outcome.ALLOW
    assert "O-UTL" not in str(here.records()), "who receives is committed to, not recorded"


def test_pingxiang_wants_the_application_in_writing(town: Make) -> None:
    answer = request(town("jiangxi-pingxiang"), replace(GIVE_ON, written=False))

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses) == ("want_missing", ("PX-a17-04",))


def test_another_purpose_is_lawful_with_the_national_consent(town: Make) -> None:
    here = town("national-809")
    matter = request(here, CHANGE).matter
    here.take(matter, "give", WANG)
    call = CALL | {"grant": "G01", "purpose": "work_reference", "consent": matter}

    assert here.outcome(**call) is Outcome.ALLOW


def test_a_declined_consent_is_none(town: Make) -> None:
    here = town("national-809")
    matter = request(here, GIVE_ON).matter
    here.take(matter, "decline", WANG, REASON)

    assert here.take(matter, "give", WANG).refusal is not None
    assert not (here.data / "consents.tsv").exists()


@pytest.mark.parametrize(
    ("profile", "need", "clause"),
    [
        ("henan-fengqiu", GIVE_ON, "FQ-4.1-06"),
        ("henan-yanjin", CHANGE, "YJ-4.1-07"),
        ("jiangxi-pingxiang", CHANGE, "PX-a16-04"),
        ("henan-hebi", GIVE_ON, "HB-a18-03"),
        ("hubei", GIVE_ON, "HU-a24-03"),
        ("hubei", CHANGE, "HU-a24-04"),
        ("hubei", replace(CHANGE, kind=ConsentKind.SCOPE_CHANGE), "HU-a24-01"),
    ],
)
def test_where_a_text_has_no_consent_its_ban_is_cited(
    town: Make, profile: str, need: ConsentNeed, clause: str
) -> None:
    answer = request(town(profile), need)

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses[0]) == ("closed", clause)


def test_a_local_ban_stands_beside_the_national_consent(town: Make) -> None:
    answer = request(town("henan-hebi", Precedence.STRICTEST), GIVE_ON)

    assert answer.refusal is not None
    assert answer.clauses == ("HB-a18-03",)


def test_a_consent_id_from_elsewhere_is_not_overwritten(town: Make) -> None:
    here = town("national-809")
    matter = request(here, GIVE_ON).matter
    other = request(here, CHANGE).matter
    here.take(other, "give", WANG)
    path = here.data / "consents.tsv"
    path.write_text(path.read_text(encoding="utf-8").replace(other, matter), encoding="utf-8")

    with pytest.raises(FactError, match="there already"):
        here.take(matter, "give", WANG)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"recipients": ()}, "names its recipients"),
        ({"kind": ConsentKind.SCOPE_CHANGE}, "names its recipients"),
        ({"kind": ConsentKind.PURPOSE_CHANGE, "recipients": ()}, "names it"),
        ({"valid_to": date(2020, 1, 1)}, "ends before"),
    ],
)
def test_a_consent_says_what_it_is_for(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(CallError, match=fault):
        replace(GIVE_ON, **change)


@pytest.mark.parametrize(
    ("department", "resource"), [("D-XXX", "R08"), ("D-HCB", "R99")], ids=["department", "resource"]
)
def test_nothing_unknown_is_suspended_or_consented_to(
    town: Make, department: str, resource: str
) -> None:
    here = town("national-809")
    with here.office() as office, pytest.raises(CallError, match="no such"):
        permissions.suspend(office, department, resource, XU, here.moment(), inputs=REASON)
    with pytest.raises(CallError, match="no such"):
        request(here, replace(GIVE_ON, resource="R99"), LI)
