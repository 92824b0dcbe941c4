# SPDX-License-Identifier: Apache-2.0
"""What a call says is compared, never interpreted."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from govshare_policy.decision import Decision, decide
from govshare_policy.legal import Outcome
from govshare_policy.policy import Bundle, fields_asked, load_bundle
from govshare_policy.register import Register
from tests.county import county_register
from tests.unit.gathered import gather, load, plain_call


@pytest.fixture(scope="module")
def hubei(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle("hubei", county_register(tmp_path_factory.mktemp("county")))


def decided(bundle: Bundle, **change: object) -> Decision:
    return decide(plain_call(**change), gather(bundle.register, **change), bundle)


SMUGGLED = [
    "*",
    "data_verification*",
    "DATA_VERIFICATION",
    "data_verification|business_collaboration",
    "data_verification, deny",
    'x" || "1" == "1',
    "p.value",
    "p_value",
    "r.dimension",
    ".*",
    "(data_verification",
    "{purposes}",
]


@pytest.mark.parametrize("purpose", SMUGGLED)
def test_a_purpose_is_the_granted_one_or_it_is_not(purpose: str, hubei: Bundle) -> None:
    """A wildcard in a call is a purpose of that name, which no grant allows."""
    decision = decided(hubei, purpose=purpose)

    assert decision.outcome is Outcome.DENY
    # One without a letter or a digit says nothing at all.
    mute = ["purpose_missing"] if not any(map(str.isalnum, purpose)) else []
    assert [reason.code for reason in decision.reasons] == [*mute, "purpose_outside_grant"]


@pytest.mark.parametrize("key", ["channel", "system", "department", "resource", "grant", "consent"])
@pytest.mark.parametrize("value", ["*", "ALL", ".*"])
def test_a_wildcard_in_a_call_is_a_name_that_nothing_has(
    key: str, value: str, hubei: Bundle
) -> None:
    assert decided(hubei, **{key: value}).outcome is Outcome.DENY


def test_the_star_asks_for_nothing_of_what_does_not_exist(hubei: Bundle) -> None:
    facts = gather(hubei.register, resource="R99")
    [candidate] = facts.candidates
    call = plain_call(resource="R99", fields=["*"])

    assert fields_asked(call, facts, candidate, hubei.texts[0].pack) == ()
    assert decide(call, facts, hubei).fields == ()


def test_a_grant_that_names_no_value_of_a_bound_dimension_covers_none(tmp_path: Path) -> None:
    """An empty cell is "not stated", and what is not stated is not granted."""
    codes: Mapping[str, str] = {
        "systems": "system_outside_grant",
        "purposes": "purpose_outside_grant",
        "channels": "channel_outside_grant",
        "fields": "fields_beyond_grant",
    }
    for column, code in codes.items():
        register = load(tmp_path, grants={"grant_id": "G01", column: ""})
        decision = decided(load_bundle("hubei", register))
        assert [reason.code for reason in decision.reasons] == [code]


def test_the_lines_of_a_grant_say_whose_it_is_and_until_when(hubei: Bundle) -> None:
    grant = hubei.register.grants["G01"]
    [text] = hubei.texts

    lines = text.scope.lines(grant)

    assert {tuple(line[:5]) for line in lines} == {
        ("G01", "D-HCB", "R08", "2025-01-01", "2026-12-31")
    }
    assert {(line[5], line[6]) for line in lines} == {
        ("field", "id_no"),
        ("field", "name"),
        ("field", "marital_status"),
        ("purpose", "data_verification"),
        ("channel", "api"),
        ("system", "SYS-HCB-PRH"),
        ("certificate", "*"),
    }


def test_a_dimension_that_a_text_does_not_bind_is_covered_whole(tmp_path: Path) -> None:
    """The national text has no rule about information systems."""
    register = load(tmp_path, grants={"grant_id": "G01", "systems": ""})
    [text] = load_bundle("national-809", register).texts

    lines = text.scope.lines(register.grants["G01"])

    assert [line[6] for line in lines if line[5] == "system"] == ["*"]


@pytest.mark.parametrize(
    ("grant_change", "covered"),
    [
        ({}, True),
        ({"user_dept": "D-HRS", "systems": "SYS-HRS-JOB"}, False),
        ({"resource_id": "R09"}, False),
    ],
    ids=["its own", "another department", "another resource"],
)
def test_a_grant_covers_its_own_department_and_days_only(
    grant_change: dict[str, str], *, covered: bool, tmp_path: Path
) -> None:
    change = grant_change | ({"fields": "id_no,name"} if grant_change else {})
    register: Register = load(tmp_path, grants={"grant_id": "G01", **change})
    decision = decided(load_bundle("hubei", register))

    assert (decision.outcome is Outcome.ALLOW) is covered


def test_the_scope_itself_keeps_to_the_days_of_the_grant(hubei: Bundle) -> None:
    [text] = hubei.texts
    grant = hubei.register.grants["G01"]
    inside = gather(hubei.register, at="2026-12-31T23:59:59+08:00")
    outside = gather(hubei.register, at="2027-01-01T00:00:00+08:00")

    assert (inside.day, outside.day) == (date(2026, 12, 31), date(2027, 1, 1))
    assert text.scope.covers(grant, inside, "purpose", "data_verification")
    assert not text.scope.covers(grant, outside, "purpose", "data_verification")
    assert not text.scope.covers(grant, inside, "certificate", "*")
