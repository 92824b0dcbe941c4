# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from govshare_policy.call import Call, call_from_document
from govshare_policy.identity import (
    AssumedTrust,
    CertificateTrust,
    Evidence,
    Flaw,
    Identity,
    legal_day,
)
from govshare_policy.register import Register
from tests.county import PLAIN, county_register

GOOD, OTHER, REVOKED, LATER, GAP = (bytes([n]) * 32 for n in (1, 2, 3, 4, 5))


def certificate(
    spki: bytes,
    system: str = "SYS-HCB-PRH",
    period: str = "2025-01-01 2025-12-31",
    revoked: str = "",
) -> dict[str, str]:
    start, end = period.split()
    return {
        "system_id": system,
        "spki": spki.hex(),
        "valid_from": start,
        "valid_to": end,
        "revoked_on": revoked,
    }


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Register:
    rows = [
        certificate(GOOD),
        certificate(OTHER, "SYS-CAB-AID"),
        certificate(REVOKED, revoked="2025-09-22"),
        certificate(LATER, period="2025-09-23 2025-12-31"),
        certificate(GAP, period="2025-01-01 2025-06-30"),
        certificate(GAP, period="2025-10-01 2025-12-31"),
    ]
    return county_register(tmp_path_factory.mktemp("county"), {"certificates.tsv": rows})


NOON = datetime(2025, 9, 22, 4, tzinfo=UTC)
SHOWN = Evidence(
    spki=GOOD,
    not_before=datetime(2025, 1, 1, tzinfo=UTC),
    not_after=datetime(2026, 1, 1, tzinfo=UTC),
)


def wire_call(**claims: object) -> Call:
    document: dict[str, Any] = {
        key: value
        for key, value in PLAIN.items()
        if key not in ("id", "at", "department", "system")
    }
    return call_from_document({**document, **claims}, on_the_wire=True)


def identify(register: Register, call: Call, evidence: Evidence, at: datetime = NOON) -> Identity:
    return CertificateTrust(register=register).identify(call, evidence, at=at)


def test_a_registered_key_proves_its_system_and_department(register: Register) -> None:
    identity = identify(register, wire_call(), replace(SHOWN, network="intranet"))

    assert identity == Identity(
        department="D-HCB", system="SYS-HCB-PRH", network="intranet", spki=GOOD
    )


class Case(NamedTuple):
    evidence: Evidence
    flaw: Flaw
    at: datetime = NOON


SECOND = timedelta(seconds=1)
FLAWS: Mapping[str, Case] = {
    "nothing shown": Case(Evidence(), Flaw.NO_CERTIFICATE),
    "a validity without a key": Case(replace(SHOWN, spki=None), Flaw.NO_CERTIFICATE),
    "expired": Case(replace(SHOWN, not_after=NOON - SECOND), Flaw.CERTIFICATE_EXPIRED),
    "no end stated": Case(replace(SHOWN, not_after=None), Flaw.CERTIFICATE_EXPIRED),
    "not yet valid": Case(replace(SHOWN, not_before=NOON + SECOND), Flaw.CERTIFICATE_NOT_YET_VALID),
    "no start stated": Case(replace(SHOWN, not_before=None), Flaw.CERTIFICATE_NOT_YET_VALID),
    "a key nobody registered": Case(replace(SHOWN, spki=bytes(32)), Flaw.CERTIFICATE_UNREGISTERED),
    "an empty key": Case(replace(SHOWN, spki=b""), Flaw.CERTIFICATE_UNREGISTERED),
    "revoked today": Case(replace(SHOWN, spki=REVOKED), Flaw.CERTIFICATE_REVOKED),
    "registered from tomorrow": Case(replace(SHOWN, spki=LATER), Flaw.CERTIFICATE_NOT_YET_VALID),
    "between two registrations": Case(replace(SHOWN, spki=GAP), Flaw.CERTIFICATE_EXPIRED),
    "registration over": Case(
        replace(SHOWN, not_after=datetime(2027, 1, 1, tzinfo=UTC)),
        Flaw.CERTIFICATE_EXPIRED,
        datetime(2025, 12, 31, 16, tzinfo=UTC),  # 1 January 2026 in Shanghai
    ),
}


@pytest.mark.parametrize("case", FLAWS.values(), ids=list(FLAWS))
def test_evidence_with_a_flaw_proves_nobody(case: Case, register: Register) -> None:
    """Whatever the call claims; and the claim never takes the place of the proof."""
    call = wire_call(department="D-HCB", system="SYS-HCB-PRH")

    identity = identify(register, call, case.evidence, case.at)

    assert identity.flaw is case.flaw
    assert (identity.department, identity.system, identity.assumed) == ("", "", False)
    assert identity.spki == case.evidence.spki


@pytest.mark.parametrize(
    ("spki", "at"),
    [
        pytest.param(GOOD, datetime(2025, 12, 31, 15, 59, tzinfo=UTC), id="its last minute"),
        pytest.param(GOOD, datetime(2025, 1, 1, tzinfo=UTC), id="its first second"),
        pytest.param(REVOKED, datetime(2025, 9, 21, 15, 59, tzinfo=UTC), id="the day before"),
        pytest.param(LATER, datetime(2025, 9, 22, 16, tzinfo=UTC), id="midnight in Shanghai"),
        pytest.param(GAP, datetime(2025, 10, 1, 4, tzinfo=UTC), id="the second registration"),
    ],
)
def test_registrations_hold_on_their_days_in_shanghai(
    spki: bytes, at: datetime, register: Register
) -> None:
    assert identify(register, wire_call(), replace(SHOWN, spki=spki), at).flaw is None


def test_a_certificate_is_valid_at_both_its_ends(register: Register) -> None:
    last, first = replace(SHOWN, not_after=NOON), replace(SHOWN, not_before=NOON)

    assert identify(register, wire_call(), last).flaw is None
    assert identify(register, wire_call(), first).flaw is None


@pytest.mark.parametrize(
    "claims",
    [
        {"department": "D-CAB"},
        {"system": "SYS-HCB-WEB"},  # of the same department
        {"system": "sys-hcb-prh"},
        {"network": "intranet"},
        {"department": "D-HCB", "system": "SYS-CAB-AID"},
    ],
    ids=str,
)
def test_a_claim_that_differs_from_the_proof_proves_nobody(
    claims: dict[str, str], register: Register
) -> None:
    identity = identify(register, wire_call(**claims), SHOWN)

    assert identity.flaw is Flaw.CLAIM_DIFFERS
    assert identity.department == ""


def test_the_key_of_another_system_is_not_enough_for_the_claim(register: Register) -> None:
    call = wire_call(department="D-HCB", system="SYS-HCB-PRH")

    assert identify(register, call, replace(SHOWN, spki=OTHER)).flaw is Flaw.CLAIM_DIFFERS
    assert identify(register, wire_call(), replace(SHOWN, spki=OTHER)).department == "D-CAB"


@pytest.mark.parametrize(
    ("seconds", "flaw"),
    [
        (0, None),
        (300, None),
        (-300, None),
        (301, Flaw.CLOCK_DIFFERS),
        (-301, Flaw.CLOCK_DIFFERS),
        (86400, Flaw.CLOCK_DIFFERS),
    ],
)
def test_the_callers_clock_may_be_five_minutes_out(
    seconds: int, flaw: Flaw | None, register: Register
) -> None:
    call = wire_call(at=(NOON + timedelta(seconds=seconds)).isoformat())

    assert identify(register, call, SHOWN).flaw is flaw


def test_the_offline_check_takes_the_claims_as_they_are() -> None:
    call = call_from_document({**PLAIN, "department": "D-XXX", "network": "intranet"})

    identity = AssumedTrust().identify(call, Evidence(network="extranet"), at=NOON)

    assert identity == Identity(
        department="D-XXX", system="SYS-HCB-PRH", network="intranet", assumed=True
    )


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2025, 9, 22, 15, 59, 59, 999999, tzinfo=UTC), date(2025, 9, 22)),
        (datetime(2025, 9, 22, 16, tzinfo=UTC), date(2025, 9, 23)),
        (datetime(2025, 12, 31, 16, tzinfo=UTC), date(2026, 1, 1)),
        (datetime.fromisoformat("2025-09-22T23:30:00-05:00"), date(2025, 9, 23)),
        (datetime.fromisoformat("2025-09-22T00:30:00+14:00"), date(2025, 9, 21)),
    ],
)
def test_the_law_counts_days_in_shanghai(at: datetime, day: date) -> None:
    assert legal_day(at) == day
