# SPDX-License-Identifier: Apache-2.0
"""The facts of a decision stand in its record, in ids that the registers resolve."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.audit import MAX_RECORD_BYTES
from govshare_policy.identity import CertificateTrust, Evidence
from govshare_policy.policy import Precedence, load_bundle
from tests.county import Change, county_register
from tests.unit.gathered import AGREEMENT, APPROVAL, CONSENT, SECOND_GRANT, SUSPENSION, plain_call
from tests.unit.recording import room

PLAIN_FACTS: Mapping[str, Any] = {
    "day": "2025-09-22",
    "flaw": "",
    "assumed": True,
    "system_department": "D-HCB",
    "operator_of": [],
    "entry": {
        "provider": "D-CAB",
        "source": "own",
        "upstream": "",
        "share_type": "conditional",
        "classification": "sensitive",
        "secret": False,
    },
    "grants": [
        {
            "id": "G01",
            "state": "active",
            "granted_by": "provider",
            "valid_from": "2025-01-01",
            "valid_to": "2026-12-31",
            "agreement": "",
            "agreed": True,
        }
    ],
    "grants_tried": 1,
    "used": [],
    "consent": "none",
    "suspensions": [],
    "approvals": [],
    "destination": "none",
}


def recorded(directory: Path, change: Change | None = None, **call: object) -> dict[str, Any]:
    """Return the record of the plain call, changed, in the county, changed."""
    register = county_register(directory / "county", change)
    here = room(load_bundle("hubei", register, precedence=Precedence.STRICTEST))
    here.gate.answer(plain_call(**call), Evidence())
    [record] = here.log.documents()
    return record


def test_the_facts_of_a_plain_call_are_those_it_was_decided_on(tmp_path: Path) -> None:
    assert recorded(tmp_path)["facts"] == PLAIN_FACTS


CASES: Mapping[str, tuple[Change, dict[str, object], dict[str, Any]]] = {
    "the copy names its source": (
        {"resources.tsv": [{"resource_id": "R08", "upstream": "R02", "source": "collected"}]},
        {},
        {"entry": {**PLAIN_FACTS["entry"], "upstream": "R02", "source": "collected"}},
    ),
    "the classification of a secret": (
        {"resources.tsv": [{"resource_id": "R08", "is_secret": "Y", "classification": "secret"}]},
        {},
        {"entry": {**PLAIN_FACTS["entry"], "secret": True, "classification": "secret"}},
    ),
    "the suspension that refuses": (
        {"suspensions.tsv": [SUSPENSION]},
        {},
        {"suspensions": ["S1"]},
    ),
    "the approval of an offline exchange": (
        {"approvals.tsv": [APPROVAL, {**APPROVAL, "approval_id": "P2", "user_dept": "D-TAX"}]},
        {"channel": "offline_exchange"},
        {"approvals": ["P1"]},
    ),
    "the agreement in force": (
        {"agreements.tsv": [AGREEMENT]},
        {},
        {"grants": [{**PLAIN_FACTS["grants"][0], "agreement": "A1"}]},
    ),
    "the consent that covers": (
        {"consents.tsv": [CONSENT]},
        {"action": "onward", "consent": "C1", "recipient": {"kind": "company", "id": "O-BNK"}},
        {"consent": "covering", "destination": "outside"},
    ),
    "a grant that there is none of": (
        {},
        {"grant": "ZZ"},
        {
            "grants": [
                {
                    "id": "",
                    "state": "unknown",
                    "granted_by": "",
                    "valid_from": "",
                    "valid_to": "",
                    "agreement": "",
                    "agreed": False,
                }
            ]
        },
    ),
    "the grants that were tried besides": (
        {"grants.tsv": [SECOND_GRANT]},
        {"grant": ""},
        {"grants_tried": 2},
    ),
    "the platform's operator": (
        {"roles.tsv": [{"profile": "hubei", "role": "platform_operator", "dept_id": "D-HCB"}]},
        {},
        {"operator_of": ["hubei"]},
    ),
}


@pytest.mark.parametrize(("change", "call", "expected"), CASES.values(), ids=list(CASES))
def test_what_the_decision_rested_on_is_recorded(
    change: Change, call: dict[str, object], expected: dict[str, Any], tmp_path: Path
) -> None:
    facts = recorded(tmp_path, change, **call)["facts"]

    assert facts == {**PLAIN_FACTS, **expected}


def test_each_text_says_what_it_found_and_on_which_grant(tmp_path: Path) -> None:
    texts = recorded(tmp_path)["texts"]

    assert [(text["profile"], text["grant"]) for text in texts] == [
        ("hubei", "G01"),
        ("national-809", "G01"),
    ]
    assert {"party=gov_department", "share=conditional", "quota=left"} <= set(texts[0]["findings"])


def test_calls_already_carried_are_recorded_so_that_no_history_is_needed(tmp_path: Path) -> None:
    quota = {"grants.tsv": [{"grant_id": "G01", "daily_quota": "2"}]}
    here = room(load_bundle("hubei", county_register(tmp_path, quota)))

    for _ in range(3):
        here.gate.answer(plain_call(), Evidence())

    used = [record["facts"]["used"] for record in here.log.documents()]
    assert used == [[], [{"grant": "G01", "calls": 1}], [{"grant": "G01", "calls": 2}]]


def test_evidence_that_proves_nobody_leaves_its_flaw(tmp_path: Path) -> None:
    register = county_register(tmp_path)
    here = room(load_bundle("hubei", register), trust=CertificateTrust(register=register))

    here.gate.answer(plain_call(), Evidence())

    [record] = here.log.documents()
    assert (record["facts"]["flaw"], record["facts"]["assumed"]) == ("no_certificate", False)
    assert record["facts"]["system_department"] == ""


def test_the_grant_that_a_call_names_is_told_from_the_one_it_was_given(tmp_path: Path) -> None:
    named, chosen = (recorded(tmp_path / name, grant=name) for name in ("G01", ""))

    assert (named["call"]["grant"], named["grant"]) == ("G01", "G01")
    assert (chosen["call"]["grant"], chosen["grant"]) == ("", "G01")


def test_a_source_that_no_record_could_hold_is_cut_and_the_call_is_answered(
    tmp_path: Path,
) -> None:
    endless = {"resource_id": "R08", "source": "x" * MAX_RECORD_BYTES}

    record = recorded(tmp_path, {"resources.tsv": [endless]})

    assert record["effect"] == "allow"
    assert record["facts"]["entry"]["source"] == "x" * 256


def test_the_record_of_a_failure_has_no_facts(tmp_path: Path) -> None:
    endless = {"resource_id": "R08", "usage_requirements": "x" * MAX_RECORD_BYTES}

    record = recorded(tmp_path, {"resources.tsv": [endless]})

    assert (record["facts"], record["reasons"]) == ({}, ["internal_error"])
