# SPDX-License-Identifier: Apache-2.0
"""The cases of procedures that every text has an answer for, taken step by step."""

import csv
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.policy import load_pack, profiles
from govshare_policy.workflow import MatterKind, disputes, load_workflow
from govshare_policy.workflow.corrections import parties_text
from tests.county import ROOT
from tests.policies.procedures import CASES, differences, said_steps

SCENARIOS = ROOT / "tests" / "vectors" / "scenarios" / "scenarios.examples.tsv"
PREFIXES = {
    "henan-fengqiu": "FQ",
    "henan-yanjin": "YJ",
    "jiangxi-pingxiang": "PX",
    "henan-hebi": "HB",
    "hubei": "HU",
    "national-809": "NR",
}


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    path = tmp_path_factory.mktemp("key") / "key.pem"
    generate_key(path, b"correct horse")
    return open_signer(f"file:{path}", b"correct horse")


@pytest.mark.parametrize(("profile", "name"), CASES, ids=lambda value: value)
def test_a_procedure_goes_as_the_text_says(
    profile: str, name: str, tmp_path: Path, signer: Signer
) -> None:
    for out, wanted in differences(tmp_path / "town", signer, profile, name):
        assert out == wanted


@pytest.mark.parametrize("profile", profiles())
def test_every_clause_that_a_table_cites_is_one_that_a_case_cites(profile: str) -> None:
    """So a clause taken out of the tables is missed."""
    text = load_workflow(load_pack(profile))
    rows: list[Any] = [*text.statements, *text.steps, *text.forbidden_reasons, *text.subjects]
    rows += [*text.levels, *text.closed, *text.silent, *text.notes, *text.roles]
    cited = {clause for row in rows for clause in row.clauses}
    cited |= {tell.clause for rule in text.steps for tell in rule.tells}
    said = {
        clause
        for step in said_steps(profile)
        for key in ("clauses", "citizen", "reopened")
        for clause in step.get(key, ())
    }
    said |= {told[-1] for step in said_steps(profile) for told in step.get("told", ())}

    assert cited - said == set()


@pytest.mark.parametrize("profile", profiles())
def test_every_step_of_a_table_is_taken_in_a_case_that_says_all_its_clauses(profile: str) -> None:
    """One clause more or less at any step is missed."""
    said = {
        tuple(step[key])
        for step in said_steps(profile)
        for key in ("clauses", "reopened")
        if key in step and not step.get("first")
    }

    assert {rule.clauses for rule in load_workflow(load_pack(profile)).steps} - said == set()


def scenario(ident: str) -> dict[str, str]:
    with SCENARIOS.open(encoding="utf-8", newline="") as file:
        return next(
            row for row in csv.DictReader(file, delimiter="\t") if row["scenario_id"] == ident
        )


@pytest.mark.parametrize("profile", profiles())
def test_the_worked_scenarios_of_procedures_come_out_as_the_rules_say(profile: str) -> None:
    """S43, S45 and S63, from the same tables that the cases go through."""
    text, prefix = load_workflow(load_pack(profile)), PREFIXES[profile]
    paper, chain, told = (scenario(ident)[f"expected_{prefix}"] for ident in ("S43", "S45", "S63"))
    clause = {ident: scenario(ident)[f"clause_{prefix}"] for ident in ("S43", "S45", "S63")}
    forbidden = {cited.id: cited.clauses for cited in text.forbidden_reasons}

    assert ("no_paper_application" in forbidden) is (paper == "INVALID_REFUSAL")
    assert paper == "NO_RULE" or clause["S43"] in forbidden["no_paper_application"]
    assert disputes.chain_text(text, "same_level") == chain
    assert clause["S45"] in {c for level in text.levels for c in level.clauses}
    assert parties_text(text) == told
    rules = text.rules(MatterKind.CORRECTION, "")
    assert clause["S63"] in next(rule.clauses for rule in rules if rule.step == "raise")
