# SPDX-License-Identifier: Apache-2.0
"""Where the data of a call would end, and what a consent has to do with it."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

from govshare_policy.decision import decide
from govshare_policy.facts import ConsentState, Destination, lacks_only_a_purpose
from govshare_policy.legal import Outcome
from govshare_policy.policy import load_bundle
from tests.unit.gathered import CONSENT, gather, load, plain_call

BANK = {"kind": "company", "id": "O-BNK"}
ONWARD: dict[str, object] = {"action": "onward", "recipient": BANK, "consent": "C1"}
READ: dict[str, object] = {"consent": "C1"}


class Consented(NamedTuple):
    row: dict[str, str]
    call: Mapping[str, object]
    state: ConsentState


CONSENTS: Mapping[str, Consented] = {
    "all as consented": Consented({}, ONWARD, ConsentState.COVERING),
    "no such consent": Consented({}, ONWARD | {"consent": "C9"}, ConsentState.UNKNOWN),
    "the second recipient": Consented(
        {}, ONWARD | {"recipient": {"kind": "company", "id": "O-UTL"}}, ConsentState.COVERING
    ),
    "another recipient": Consented(
        {}, ONWARD | {"recipient": {"kind": "company", "id": "O-X"}}, ConsentState.NOT_COVERING
    ),
    "the public, unnamed": Consented(
        {"recipients": ""}, ONWARD | {"recipient": {"kind": "public"}}, ConsentState.NOT_COVERING
    ),
    "the public, consented to": Consented(
        {"recipients": "O-UTL|public"},
        ONWARD | {"recipient": {"kind": "public"}},
        ConsentState.COVERING,
    ),
    "the public on a portal, consented to": Consented(
        {"recipients": "public"},
        ONWARD | {"recipient": {"kind": "public", "id": "county-portal"}},
        ConsentState.COVERING,
    ),
    "a company, where publishing is consented to": Consented(
        {"recipients": "public"}, ONWARD, ConsentState.NOT_COVERING
    ),
    "for another purpose": Consented(
        {}, ONWARD | {"purpose": "marketing"}, ConsentState.NOT_COVERING
    ),
    "for any purpose": Consented(
        {"purposes": ""}, ONWARD | {"purpose": "marketing"}, ConsentState.COVERING
    ),
    "for no purpose stated": Consented({}, ONWARD | {"purpose": ""}, ConsentState.NOT_COVERING),
    "commercial, not consented": Consented(
        {}, ONWARD | {"commercial": True}, ConsentState.NOT_COVERING
    ),
    "commercial, consented": Consented(
        {"commercial": "Y"}, ONWARD | {"commercial": True}, ConsentState.COVERING
    ),
    "of another resource": Consented({"resource_id": "R09"}, ONWARD, ConsentState.NOT_COVERING),
    "for another department": Consented({"user_dept": "D-HRS"}, ONWARD, ConsentState.NOT_COVERING),
    "by one who is not the provider": Consented(
        {"provider": "D-PSB"}, ONWARD, ConsentState.NOT_COVERING
    ),
    "for a resource that does not exist": Consented(
        {}, ONWARD | {"resource": "R99"}, ConsentState.NOT_COVERING
    ),
    "to read, by an onward consent": Consented({}, READ, ConsentState.NOT_COVERING),
    "onward, by a consent to read": Consented(
        {"kind": "scope_change"}, ONWARD, ConsentState.NOT_COVERING
    ),
    "a changed purpose": Consented(
        {"kind": "purpose_change", "purposes": "audit"},
        READ | {"purpose": "audit"},
        ConsentState.COVERING,
    ),
    "changed to another purpose still": Consented(
        {"kind": "purpose_change", "purposes": "audit"},
        READ | {"purpose": "marketing"},
        ConsentState.NOT_COVERING,
    ),
    "a change to no purpose in particular": Consented(
        {"kind": "purpose_change", "purposes": ""}, READ, ConsentState.NOT_COVERING
    ),
    "a wider scope for any purpose": Consented(
        {"kind": "scope_change", "purposes": ""}, READ, ConsentState.COVERING
    ),
    "a wider scope for this purpose": Consented(
        {"kind": "scope_change"}, READ, ConsentState.COVERING
    ),
    "a wider scope for another purpose": Consented(
        {"kind": "scope_change", "purposes": "audit"}, READ, ConsentState.NOT_COVERING
    ),
}


@pytest.mark.parametrize("case", CONSENTS.values(), ids=list(CONSENTS))
def test_a_consent_covers_what_it_says_and_no_more(case: Consented, tmp_path: Path) -> None:
    facts = gather(load(tmp_path, consents=CONSENT | case.row), **case.call)

    assert facts.consent_state is case.state


PURPOSES: Mapping[str, tuple[dict[str, str], Mapping[str, object], bool]] = {
    "a purpose is all that lacks": ({}, {"purpose": ""}, True),
    "another purpose is stated": ({}, {"purpose": "marketing"}, False),
    "the recipient is another one too": (
        {},
        {"purpose": "", "recipient": {"kind": "company", "id": "O-X"}},
        False,
    ),
    "the consent is for another department": ({"user_dept": "D-HRS"}, {"purpose": ""}, False),
    "the consent has lapsed": (
        {"valid_from": "2024-01-01", "valid_to": "2024-12-31"},
        {"purpose": ""},
        False,
    ),
    "the consent leaves the purpose open": ({"purposes": ""}, {"purpose": ""}, False),
}


@pytest.mark.parametrize(("row", "change", "only"), PURPOSES.values(), ids=list(PURPOSES))
def test_a_purpose_is_all_that_lacks_where_one_of_the_consents_would_do(
    row: dict[str, str], change: Mapping[str, object], *, only: bool, tmp_path: Path
) -> None:
    call = {**ONWARD, **change}
    facts = gather(load(tmp_path, consents=CONSENT | row), **call)

    assert lacks_only_a_purpose(plain_call(**call), facts) is only


@pytest.mark.parametrize("profile", ["jiangxi-pingxiang", "national-809"])
def test_who_states_no_purpose_is_told_the_purposes_of_the_consent(
    profile: str, tmp_path: Path
) -> None:
    register = load(tmp_path, consents=CONSENT)
    call = ONWARD | {"purpose": ""}
    decision = decide(plain_call(**call), gather(register, **call), load_bundle(profile, register))
    said = {reason.code: reason.remedy for reason in decision.reasons}

    assert decision.outcome is Outcome.DENY
    assert said["consent_purpose_unstated"] == (
        f"state one of the consent's purposes: {CONSENT['purposes']}"
    )
    assert "consent_not_covering" not in said


class To(NamedTuple):
    recipient: dict[str, str] | None
    destination: Destination
    known: str
    change: Mapping[str, object] = MappingProxyType({})


DESTINATIONS: Mapping[str, To] = {
    "nobody named": To(None, Destination.NOT_NAMED, ""),
    "the caller itself": To({"kind": "department", "id": "D-HCB"}, Destination.OWN, "D-HCB"),
    "the provider": To({"kind": "department", "id": "D-CAB"}, Destination.PROVIDER, "D-CAB"),
    "another department": To(
        {"kind": "department", "id": "D-TRA"}, Destination.DEPARTMENT, "D-TRA"
    ),
    "a department nobody knows": To(
        {"kind": "department", "id": "D-XXX"}, Destination.DEPARTMENT, ""
    ),
    "a department without a name": To({"kind": "department", "id": ""}, Destination.DEPARTMENT, ""),
    "a company": To({"kind": "company", "id": "O-BNK"}, Destination.OUTSIDE, "O-BNK"),
    "the caller under the name of a company": To(
        {"kind": "company", "id": "D-HCB"}, Destination.OUTSIDE, "D-HCB"
    ),
    "a person": To({"kind": "person", "id": "王小明"}, Destination.OUTSIDE, ""),
    "the public": To({"kind": "public"}, Destination.OUTSIDE, ""),
    "the provider of nothing": To(
        {"kind": "department", "id": "D-CAB"}, Destination.DEPARTMENT, "D-CAB", {"resource": "R99"}
    ),
    "an unknown caller without a name": To(
        {"kind": "department", "id": ""}, Destination.DEPARTMENT, "", {"department": ""}
    ),
}


@pytest.mark.parametrize("case", DESTINATIONS.values(), ids=list(DESTINATIONS))
def test_the_destination_is_seen_from_the_caller(case: To, tmp_path: Path) -> None:
    named = {"recipient": case.recipient} if case.recipient is not None else {}

    facts = gather(load(tmp_path), **named, **case.change)

    assert (facts.destination, facts.recipient) == (case.destination, case.known)


def test_a_recipient_that_only_the_consent_names_is_known(tmp_path: Path) -> None:
    facts = gather(
        load(tmp_path, consents=CONSENT | {"recipients": "O-NEW"}),
        **(ONWARD | {"recipient": {"kind": "company", "id": "O-NEW"}}),
    )

    assert facts.recipient == "O-NEW"


def test_an_intermediary_has_to_say_for_whom_it_fetches(tmp_path: Path) -> None:
    register = load(tmp_path, systems={"system_id": "SYS-HCB-PRH", "intermediary": "Y"})

    assert gather(register).destination is Destination.UNSTATED
    own = {"kind": "department", "id": "D-HCB"}
    assert gather(register, recipient=own).destination is Destination.OWN
