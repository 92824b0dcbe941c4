# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from govshare_policy.facts import ConsentState, GrantState, RegisterFacts
from govshare_policy.identity import Identity
from tests.unit.gathered import (
    AGREEMENT,
    APPROVAL,
    CONSENT,
    PERIOD,
    SECOND_GRANT,
    SUSPENSION,
    gather,
    load,
    plain_call,
)

KEY, ANOTHER_KEY = bytes([1]) * 32, bytes([2]) * 32


def test_facts_are_looked_up_once_as_of_one_instant(tmp_path: Path) -> None:
    facts = gather(load(tmp_path))

    assert facts.as_of == datetime(2025, 9, 22, 2, tzinfo=UTC)
    assert facts.day == date(2025, 9, 22)
    assert facts.department is not None
    assert facts.system is not None
    assert facts.entry is not None
    assert (facts.department.id, facts.system.id, facts.entry.id) == ("D-HCB", "SYS-HCB-PRH", "R08")
    assert (facts.consent, facts.consent_state) == (None, ConsentState.NONE)
    assert (facts.suspended, facts.offline_approved) == (False, False)
    assert facts.operator_of == frozenset()


def test_what_no_register_knows_is_none_and_not_made_up(tmp_path: Path) -> None:
    facts = gather(load(tmp_path), department="D-X", system="SYS-X", resource="R99")

    assert (facts.department, facts.system, facts.entry) == (None, None, None)


def test_the_platform_operator_is_known_by_profile(tmp_path: Path) -> None:
    facts = gather(load(tmp_path), department="O-OPS", system="SYS-OPS-MNT")

    assert {"hubei", "national-809"} <= facts.operator_of
    assert gather(load(tmp_path), department="D-DATA").operator_of == frozenset()


LAST_MINUTE = "2025-09-22T15:59:59Z"
NEXT_DAY = "2025-09-22T16:00:00Z"  # still the 22nd in UTC
FIRST_MINUTE = "2025-02-28T16:00:00Z"  # still February in UTC
DAY_BEFORE = "2025-02-28T15:59:59Z"
DAYS = pytest.mark.parametrize(
    ("at", "inside"),
    [(DAY_BEFORE, False), (FIRST_MINUTE, True), (LAST_MINUTE, True), (NEXT_DAY, False)],
)


@DAYS
def test_a_grant_is_active_on_both_its_last_and_first_day_in_shanghai(
    at: str, *, inside: bool, tmp_path: Path
) -> None:
    register = load(tmp_path, grants={"grant_id": "G01", **PERIOD})
    states = {True: {GrantState.ACTIVE}, False: {GrantState.NOT_YET, GrantState.EXPIRED}}

    [candidate] = gather(register, at=at).candidates

    assert candidate.state in states[inside]


@DAYS
def test_a_consent_is_in_force_on_both_its_last_and_first_day(
    at: str, *, inside: bool, tmp_path: Path
) -> None:
    register = load(tmp_path, consents=CONSENT)
    recipient = {"kind": "company", "id": "O-BNK"}

    facts = gather(register, at=at, action="onward", recipient=recipient, consent="C1")

    assert facts.consent_state is (ConsentState.COVERING if inside else ConsentState.LAPSED)
    assert facts.consent is not None


@DAYS
def test_an_approval_is_in_force_on_both_its_last_and_first_day(
    at: str, *, inside: bool, tmp_path: Path
) -> None:
    assert gather(load(tmp_path, approvals=APPROVAL), at=at).offline_approved is inside


@DAYS
def test_an_agreement_is_in_force_on_both_its_last_and_first_day(
    at: str, *, inside: bool, tmp_path: Path
) -> None:
    [candidate] = gather(load(tmp_path, agreements=AGREEMENT), at=at).candidates

    assert candidate.agreed is inside
    assert (candidate.agreement is not None) is inside


@DAYS
def test_a_suspension_holds_from_its_day_until_the_day_it_is_lifted(
    at: str, *, inside: bool, tmp_path: Path
) -> None:
    assert gather(load(tmp_path, suspensions=SUSPENSION), at=at).suspended is inside


SUSPENSIONS: Mapping[str, tuple[dict[str, str], bool]] = {
    "of this resource": ({}, True),
    "of all resources": ({"resource_id": "*"}, True),
    "of another resource": ({"resource_id": "R09"}, False),
    "of another department": ({"user_dept": "D-CAB"}, False),
    "never lifted": ({"lifted_on": ""}, True),
    "lifted today": ({"lifted_on": "2025-09-22"}, False),
    "from tomorrow": ({"recorded_on": "2025-09-23"}, False),
}


@pytest.mark.parametrize(("change", "suspended"), SUSPENSIONS.values(), ids=list(SUSPENSIONS))
def test_a_right_is_suspended_for_whom_and_what_the_row_says(
    change: dict[str, str], *, suspended: bool, tmp_path: Path
) -> None:
    assert gather(load(tmp_path, suspensions=SUSPENSION | change)).suspended is suspended


APPROVALS: Mapping[str, tuple[dict[str, str], bool]] = {
    "by the provincial agency": ({}, True),
    "by somebody else": ({"approved_by": "county_bureau"}, False),
    "of another resource": ({"resource_id": "R09"}, False),
    "for another department": ({"user_dept": "D-CAB"}, False),
}


@pytest.mark.parametrize(("change", "approved"), APPROVALS.values(), ids=list(APPROVALS))
def test_only_the_provincial_agency_approves_offline_exchange(
    change: dict[str, str], *, approved: bool, tmp_path: Path
) -> None:
    assert gather(load(tmp_path, approvals=APPROVAL | change)).offline_approved is approved


def test_without_an_agreements_file_a_grant_is_its_own_agreement(tmp_path: Path) -> None:
    [candidate] = gather(load(tmp_path)).candidates

    assert (candidate.agreed, candidate.agreement) == (True, None)


AGREEMENTS: Mapping[str, tuple[dict[str, str], bool]] = {
    "in force": ({}, True),
    "of another kind": ({"kind": "negotiated"}, False),
    "about another resource": ({"resource_id": "R09"}, False),
    "with another user": ({"user_dept": "D-HRS"}, False),
    "of another provider": ({"provider": "D-PSB"}, False),
}


@pytest.mark.parametrize(("change", "agreed"), AGREEMENTS.values(), ids=list(AGREEMENTS))
def test_with_an_agreements_file_a_row_of_it_has_to_be_in_force(
    change: dict[str, str], *, agreed: bool, tmp_path: Path
) -> None:
    [candidate] = gather(load(tmp_path, agreements=AGREEMENT | change)).candidates

    assert candidate.agreed is agreed


def test_a_negotiated_grant_rests_on_a_negotiated_agreement(tmp_path: Path) -> None:
    emg = {"department": "D-EMG", "system": "SYS-EMG-CMD", "resource": "R31", "grant": "G09"}
    row = AGREEMENT | {"resource_id": "R31", "provider": "D-DRC", "user_dept": "D-EMG"}

    [secret] = gather(load(tmp_path, agreements=row), **emg).candidates
    [negotiated] = gather(load(tmp_path, agreements=row | {"kind": "negotiated"}), **emg).candidates

    assert (secret.agreed, negotiated.agreed) == (False, True)


def test_a_call_that_names_a_grant_is_held_to_it_alone(tmp_path: Path) -> None:
    register = load(tmp_path, grants=SECOND_GRANT)

    [candidate] = gather(register, grant="G01B").candidates

    assert candidate.grant is register.grants["G01B"]


def test_a_call_that_names_no_grant_may_rest_on_each(tmp_path: Path) -> None:
    candidates = gather(load(tmp_path, grants=SECOND_GRANT), grant="").candidates

    assert [c.grant.id for c in candidates if c.grant] == ["G01", "G01B"]


def test_the_absence_of_a_grant_is_a_candidate_too(tmp_path: Path) -> None:
    [unknown] = gather(load(tmp_path), grant="G99").candidates
    [none] = gather(load(tmp_path), grant="", resource="R12").candidates

    assert (unknown.grant, unknown.state) == (None, GrantState.UNKNOWN)
    assert (none.grant, none.state) == (None, GrantState.NONE)


@pytest.mark.parametrize("change", [{"grant": "G02"}, {"resource": "R12"}], ids=str)
def test_a_grant_of_another_department_or_resource_is_misplaced(
    change: dict[str, str], tmp_path: Path
) -> None:
    [candidate] = gather(load(tmp_path), **change).candidates

    assert candidate.state is GrantState.MISPLACED


@pytest.mark.parametrize(
    ("spki", "state"),
    [(KEY, GrantState.ACTIVE), (ANOTHER_KEY, GrantState.MISPLACED), (None, GrantState.MISPLACED)],
    ids=["the key", "another key", "no key"],
)
def test_a_grant_to_one_certificate_is_for_no_other(
    spki: bytes | None, state: GrantState, tmp_path: Path
) -> None:
    register = load(tmp_path, grants={"grant_id": "G01", "cert_spki": KEY.hex()})
    identity = Identity(department="D-HCB", system="SYS-HCB-PRH", spki=spki)
    call = plain_call()
    assert call.at is not None

    [candidate] = RegisterFacts(register=register).gather(call, identity, at=call.at).candidates

    assert candidate.state is state


def test_offline_a_grant_to_one_certificate_is_checked_without_it(tmp_path: Path) -> None:
    [candidate] = gather(
        load(tmp_path, grants={"grant_id": "G01", "cert_spki": KEY.hex()})
    ).candidates

    assert candidate.state is GrantState.ACTIVE


def test_usage_is_counted_only_for_a_grant_with_a_quota(tmp_path: Path) -> None:
    asked: list[tuple[str, date]] = []

    def used(grant: str, day: date) -> int:
        asked.append((grant, day))
        return 7

    register = load(tmp_path, grants={"grant_id": "G02", "daily_quota": "10"})
    source = RegisterFacts(register=register, used=used)
    at = datetime(2025, 9, 22, 16, tzinfo=UTC)
    cab = Identity(department="D-CAB", system="SYS-CAB-AID", assumed=True)
    [counted] = source.gather(plain_call(resource="R10", grant="G02"), cab, at=at).candidates
    [uncounted] = source.gather(plain_call(), cab, at=at).candidates

    assert (counted.used_today, uncounted.used_today) == (7, 0)
    assert asked == [("G02", date(2025, 9, 23))]
