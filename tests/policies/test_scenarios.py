# SPDX-License-Identifier: Apache-2.0
"""The worked scenarios of the rules: the calls and onward provisions, by each text we have."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from govshare_policy import check
from govshare_policy.call import Call, call_from_document
from govshare_policy.policy import profiles
from tests.county import ROOT, basis_over, county_register

SCENARIOS = ROOT / "tests" / "vectors" / "scenarios" / "scenarios.examples.tsv"
PREFIXES = {
    "FQ": "henan-fengqiu",
    "YJ": "henan-yanjin",
    "PX": "jiangxi-pingxiang",
    "HB": "henan-hebi",
    "HU": "hubei",
    "NR": "national-809",
}
OUTCOMES = {
    "DENY_SUSPENDED": "suspended",
    "NEEDS_PLATFORM_AUTH": "needs_platform_authorization",
    "DENY_NEGOTIATE": "deny_negotiable",
}
CONSENT = {
    "consent_id": "CON-02",
    "kind": "onward",
    "resource_id": "R08",
    "provider": "D-CAB",
    "user_dept": "D-HCB",
    "recipients": "O-UTL",
    "purposes": "",
    "written": "Y",
    "commercial": "N",
    "valid_from": "2025-01-01",
    "valid_to": "2026-12-31",
}


def asserted_cells() -> Iterator[tuple[dict[str, str], str]]:
    with SCENARIOS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        for prefix, profile in PREFIXES.items():
            asserted = row[f"expected_{prefix}"] not in ("", "EXCLUDED", "NO_RULE")
            if row["kind"] in ("call", "onward") and asserted and profile in profiles():
                yield row, prefix


SCENARIO_CELLS = list(asserted_cells())


def scenario_call(row: dict[str, str]) -> Call:
    document: dict[str, object] = {
        "id": row["scenario_id"],
        "at": f"{row['as_of']}T10:00:00+08:00",
        "action": "onward" if row["kind"] == "onward" else "read",
        "department": row["requester"],
        "system": row["system"],
        "resource": row["resource"],
        "fields": row["fields"].split(","),
        "purpose": row["purpose"],
        "network": row["network"],
    }
    document |= {key: row[key] for key in ("channel", "grant") if row[key]}
    if match := re.search(r"recipient=([\w-]+)", row["context"]):
        kind = "company" if match[1].startswith("O-") else "department"
        document["recipient"] = {"kind": kind, "id": match[1]}
    if match := re.search(r"(CON-\d+)", row["context"]):
        document["consent"] = match[1]
    return call_from_document(document)


@pytest.mark.parametrize(
    ("row", "prefix"), SCENARIO_CELLS, ids=lambda v: v if isinstance(v, str) else v["scenario_id"]
)
def test_the_worked_scenario_answers_as_the_rules_say(
    row: dict[str, str], prefix: str, tmp_path: Path
) -> None:
    register = county_register(tmp_path / "county", {"consents.tsv": [CONSENT]})
    answer = check(scenario_call(row), basis_over(register, PREFIXES[prefix]))
    want = row[f"expected_{prefix}"]

    assert answer.decision.outcome.value == OUTCOMES.get(want, want.lower())
    assert set(row[f"clause_{prefix}"].split(",")) & set(answer.decision.clauses)


def test_every_asserted_cell_of_the_texts_we_have_is_run() -> None:
    assert len(SCENARIO_CELLS) >= 9 * len(profiles())
