# SPDX-License-Identifier: Apache-2.0
"""The path of a release, from its application to what followed, is told from records alone."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from govshare_policy.egress.provenance import Path, trace_path
from govshare_policy.errors import CallError

CALL = {"action": "read", "resource": "R08", "purpose": 'a "quoted" \\ purpose'}
DECISION: dict[str, Any] = {
    "phase": "decision",
    "id": "dec-1",
    "t": "2026-01-05T01:00:00.000000Z",
    "call": CALL,
    "department": "D-HCB",
    "system": "SYS-HCB-PRH",
    "effect": "allow",
    "clauses": ["HU-a24-02"],
    "grants": ["G01"],
    "facts": {"entry": {"provider": "D-CAB"}},
}


def step(matter: str, name: str, **more: object) -> dict[str, Any]:
    return {
        "phase": "workflow",
        "kind": "application",
        "matter": matter,
        "step": name,
        "t": "2026-01-01T01:00:00.000000Z",
        "department": "D-HCB",
        "outcome": "taken",
        **more,
    }


def onward(**more: object) -> dict[str, Any]:
    call = {**CALL, "action": "onward", "recipient": {"kind": "company", "id": "C 1"}}
    return {**DECISION, "id": "dec-2", "call": call, "effect": "deny", **more}


GRANTED = [{"file": "grants.tsv", "key": "G01", "act": "set", "cells": "sm3:00"}]
OUTCOME = {
    "phase": "outcome",
    "id": "out-1",
    "t": "2026-01-05T01:00:01.000000Z",
    "decision": "dec-1",
    "status": "released",
    "rows": 2,
    "release": {"root": "ab", "fields": ["id_no", "name"]},
}
RECORDS: list[Mapping[str, Any]] = [
    {"phase": "key"},
    step("APP-1", "submit"),
    step("APP-2", "submit"),
    step("APP-1", "approve", department="D-CAB", edits=GRANTED),
    DECISION,
    OUTCOME,
    onward(),
    onward(id="dec-3", department="D-OTHER"),
    step("APP-1", "extend", edits=GRANTED),
]


def path_of(decision: str = "dec-1") -> Path:
    def records() -> Iterator[tuple[int, Mapping[str, Any]]]:
        return enumerate(RECORDS)

    return trace_path(records, decision)


def test_a_release_goes_back_to_its_application() -> None:
    path = path_of()

    for relation in (
        ("wasGeneratedBy", "govshare:release-out-1", "govshare:record-5"),
        ("used", "govshare:record-5", "govshare:decision-dec-1"),
        ("wasDerivedFrom", "govshare:decision-dec-1", "govshare:grant-G01"),
        ("wasGeneratedBy", "govshare:grant-G01", "govshare:record-3"),
        ("wasDerivedFrom", "govshare:grant-G01", "govshare:application-APP-1"),
        ("wasAssociatedWith", "govshare:record-3", "govshare:department-D-CAB"),
        ("used", "govshare:record-1", "govshare:application-APP-1"),
        ("actedOnBehalfOf", "govshare:system-SYS-HCB-PRH", "govshare:department-D-HCB"),
    ):
        assert relation in path.relations


def test_other_applications_departments_and_later_steps_are_no_part_of_it() -> None:
    path = path_of()

    assert "govshare:application-APP-2" not in path.entities
    assert "govshare:onward-dec-3" not in path.entities
    assert "govshare:record-8" not in path.activities


def test_what_was_asked_to_be_passed_on_afterwards_is() -> None:
    said = path_of().entities["govshare:onward-dec-2"]

    assert (said["govshare:effect"], said["govshare:recipient"]) == ("deny", "company C 1")


def test_prov_json_names_only_what_it_describes() -> None:
    document = path_of().to_json()
    named = {*document["entity"], *document["activity"], *document["agent"]}
    kinds = set(document) - {"prefix", "entity", "activity", "agent"}

    assert kinds == {
        "used",
        "wasGeneratedBy",
        "wasDerivedFrom",
        "wasAssociatedWith",
        "wasAttributedTo",
        "actedOnBehalfOf",
    }
    for kind in kinds:
        for statement in document[kind].values():
            assert set(statement.values()) <= named
    assert json.loads(json.dumps(document)) == document


def test_prov_n_has_one_statement_a_line_and_is_escaped() -> None:
    first, *lines, last = path_of().to_provn().splitlines()

    assert (first, last) == ("document", "endDocument")
    for line in lines:
        assert re.fullmatch(r"  (prefix govshare <urn:govshare:>|[a-zA-Z]+\(.+\))", line)
    assert any(r'govshare:purpose="a \"quoted\" \\ purpose"' in line for line in lines)


def test_an_id_that_prov_n_cannot_spell_is_spelt_out() -> None:
    path = Path()
    path.agents["govshare:x"] = {}
    assert "  agent(govshare:x)\n" in path.to_provn()
    [decision] = [name for name in path_of().entities if "decision" in name]
    assert re.fullmatch(r"govshare:[A-Za-z0-9_%-]+", decision)


@pytest.mark.parametrize("decision", ["dec-9", "out-1", "dec-2"])
def test_only_a_decision_that_allowed_has_a_path(decision: str) -> None:
    with pytest.raises(CallError, match="no decision of that id"):
        path_of(decision)
