# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from govshare_policy.entitlements import ANY, Entitlement, State, entitlements
from govshare_policy.errors import CallError
from govshare_policy.gate import Basis
from govshare_policy.identity import SHANGHAI
from govshare_policy.policy import Precedence, profiles
from govshare_policy.register import load_register
from tests.county import COUNTY, Change, basis_over, county_register
from tests.unit.gathered import CONSENT, SECOND_GRANT, SUSPENSION

AT = datetime(2025, 9, 22, 10, tzinfo=SHANGHAI)
OTHER_USE = CONSENT | {"consent_id": "C2", "kind": "purpose_change", "purposes": "audit"}


@pytest.mark.parametrize("profile", profiles())
def test_every_resource_is_answered_for(profile: str) -> None:
    """Each resource has scopes, or what is missing with a clause; never both, never neither."""
    chosen = basis_over(load_register(COUNTY), profile)
    answered = list(entitlements(chosen, department="D-CAB", at=AT))

    assert {one.entry.id for one in answered} == set(chosen.bundle.register.resources)
    for one in answered:
        assert bool(one.scopes) is (one.missing is None)
        assert one.missing is None or one.missing.reasons[0].clause


class Standing(NamedTuple):
    """How a grant stands on a day."""

    change: Change
    day: str
    state: State


def _until(last: str, first: str = "2025-01-01") -> Change:
    return {"grants.tsv": [{"grant_id": "G01", "valid_from": first, "valid_to": last}]}


STATES = {
    "more than thirty days are left": Standing(_until("2025-10-23"), "2025-09-22", State.ACTIVE),
    "thirty days are left": Standing(_until("2025-10-22"), "2025-09-22", State.EXPIRING),
    "it is the last day": Standing(_until("2025-09-22"), "2025-09-22", State.EXPIRING),
    "the last day was yesterday": Standing(_until("2025-09-21"), "2025-09-22", State.EXPIRED),
    "it begins tomorrow": Standing(
        _until("2025-12-31", "2025-09-23"), "2025-09-22", State.NOT_YET_ACTIVE
    ),
}


@pytest.mark.parametrize("case", STATES.values(), ids=STATES)
def test_a_grant_says_how_it_stands(case: Standing, tmp_path: Path) -> None:
    """The state is that of the day in Asia/Shanghai, and only two of them allow anything."""
    chosen = basis_over(county_register(tmp_path, case.change), "hubei")
    at = datetime.fromisoformat(f"{case.day}T00:00:00+08:00")
    (one,) = _of("R08", chosen, at)

    assert one.state is case.state
    assert bool(one.scopes) is (case.state in (State.ACTIVE, State.EXPIRING))


def test_a_suspension_shows_where_the_text_suspends(tmp_path: Path) -> None:
    """Order 809 suspends until the suspension is lifted; Hubei's measures know no suspension."""
    register = county_register(tmp_path, {"suspensions.tsv": [SUSPENSION]})
    national, hubei = basis_over(register, "national-809"), basis_over(register, "hubei")
    (suspended,) = _of("R08", national, AT)
    (lifted,) = _of("R08", national, AT + timedelta(days=1))
    (unknown,) = _of("R08", hubei, AT)

    assert (suspended.state, suspended.scopes) == (State.SUSPENDED, ())
    assert (lifted.state, unknown.state) == (State.ACTIVE, State.ACTIVE)


def test_an_entry_asked_one_by_one_is_answered_as_about_a_person(tmp_path: Path) -> None:
    """What may be used is not refused for want of a subject, which only a call has."""
    by_subject = {"resources.tsv": [{"resource_id": "R08", "subject": "id_no"}]}
    (plain,) = _of("R08", basis_over(county_register(tmp_path / "plain", {}), "hubei"), AT)
    (asked,) = _of("R08", basis_over(county_register(tmp_path / "asked", by_subject), "hubei"), AT)

    assert asked.scopes == plain.scopes
    assert asked.scopes


def test_another_systems_grant_says_what_is_missing() -> None:
    """Hubei binds a grant to its system, so the same department's web site is told so."""
    chosen = basis_over(load_register(COUNTY), "hubei")
    (one,) = entitlements(chosen, department="D-HCB", system="SYS-HCB-WEB", resource="R08", at=AT)

    assert one.scopes == ()
    assert one.missing is not None
    assert (one.missing.reasons[0].code, one.missing.clauses[0]) == (
        "system_outside_grant",
        "HU-a24-02",
    )


def test_what_is_open_is_open_to_any_purpose() -> None:
    """Fengqiu's unconditional resources need a purpose, but none in particular, and no grant."""
    chosen = basis_over(load_register(COUNTY), "henan-fengqiu")
    (one,) = _of("R03", chosen, AT)

    assert one.state is State.NONE
    assert [scope.purposes for scope in one.scopes] == [(ANY,)]
    assert one.scopes[0].fields == one.entry.items


def test_a_consent_is_listed_with_what_it_adds(tmp_path: Path) -> None:
    """The provider's consent to another purpose shows as a line that has to be named."""
    chosen = basis_over(county_register(tmp_path, {"consents.tsv": [OTHER_USE]}), "national-809")
    plain, more = _of("R08", chosen, AT)

    assert plain.consent is None
    assert plain.scopes[0].purposes == ("data_verification",)
    assert more.consent is not None
    assert (more.consent.id, more.scopes[0].purposes) == ("C2", ("data_verification", "audit"))


def test_a_department_without_a_system_is_told_so(tmp_path: Path) -> None:
    """Data flow between registered systems: without one, nothing is lawful."""
    unsystematic = {"dept_id": "D-NEW", "name_zh": "新", "name_en": "N"}
    change: Change = {"departments.tsv": [unsystematic | {"subject_type": "gov_department"}]}
    chosen = basis_over(county_register(tmp_path, change), "henan-fengqiu")

    for one in entitlements(chosen, department="D-NEW", at=AT):
        assert one.missing is not None
        assert one.missing.reasons[0].code == "unknown_system"


@pytest.mark.parametrize(
    ("department", "system", "resource", "file"),
    [
        ("D-NONE", "", "", "departments.tsv"),
        ("D-HCB", "SYS-NONE", "", "systems.tsv"),
        ("D-HCB", "", "R99", "resources.tsv"),
    ],
)
def test_what_is_not_registered_is_refused(
    department: str, system: str, resource: str, file: str
) -> None:
    """A slip of the pen must not read as "you may use nothing"."""
    chosen = basis_over(load_register(COUNTY), "hubei")

    with pytest.raises(CallError, match=f"is not in `{file}`"):
        list(entitlements(chosen, department=department, system=system, resource=resource, at=AT))


def _of(resource: str, chosen: Basis, at: datetime) -> Iterator[Entitlement]:
    return entitlements(chosen, department="D-HCB", resource=resource, at=at)


def test_grants_that_serve_only_together_are_listed_together(tmp_path: Path) -> None:
    """Hubei wants the platform's authorisation of R03, Order 809 the provider's answer."""
    provided = SECOND_GRANT | {
        "grant_id": "G06P",
        "resource_id": "R03",
        "user_dept": "D-HRS",
        "systems": "SYS-HRS-JOB",
        "fields": "uscc,legal_rep",
        "valid_to": "2025-10-01",
    }
    register = county_register(tmp_path, {"grants.tsv": [provided]})
    chosen = basis_over(register, "hubei", Precedence.STRICTEST)

    listed = list(entitlements(chosen, department="D-HRS", resource="R03", at=AT))
    alone, together = listed[:-1], listed[-1]

    assert [(one.grant and one.grant.id, one.scopes) for one in alone] == [
        ("G06", ()),
        ("G06P", ()),
    ]
    assert [grant.id for grant in together.grants] == ["G06", "G06P"]
    assert (together.grant, together.state) == (None, State.EXPIRING)
    assert [scope.fields for scope in together.scopes] == [("uscc",)]
