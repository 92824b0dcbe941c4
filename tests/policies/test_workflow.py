# SPDX-License-Identifier: Apache-2.0
"""The cases of procedures that every text has an answer for, taken step by step."""

import csv
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.legal import Outcome
from govshare_policy.policy import load_pack, packs_directory, profiles
from govshare_policy.workflow import (
    Actor,
    Inputs,
    MatterKind,
    Moment,
    Office,
    Role,
    StepAnswer,
    Want,
    applications,
    corrections,
    disputes,
    load_workflow,
    permissions,
)
from govshare_policy.workflow.corrections import Doubt, parties_text
from govshare_policy.workflow.needs import Need
from govshare_policy.workflow.permissions import ConsentKind, ConsentNeed
from tests.county import ROOT
from tests.unit.workflow.town import NEED, Town

SCENARIOS = ROOT / "tests" / "vectors" / "scenarios" / "scenarios.examples.tsv"
PREFIXES = {
    "henan-fengqiu": "FQ",
    "henan-yanjin": "YJ",
    "jiangxi-pingxiang": "PX",
    "henan-hebi": "HB",
    "hubei": "HU",
    "national-809": "NR",
}
BODIES = {
    "user": "D-CAB",
    "provider": "D-NRB",
    "operator": "O-OPS",
    "authority": "D-DATA",
    "housing": "D-HCB",
    "emergency": "D-EMG",
    "projects": "D-DRC",
    "police": "D-PSB",
}
RESOURCES = {
    "R12": NEED,
    "R01": replace(NEED, resource="R01", fields=("id_no", "name")),
    "R03": replace(NEED, resource="R03", fields=("uscc", "entity_name")),
    "R31": replace(
        NEED, resource="R31", fields=("project_code",), systems=("SYS-EMG-CMD",), channels=("api",)
    ),
}
# The matters that the steps of these names belong to; all others are steps of applications.
KINDS = {
    "escalate": MatterKind.DISPUTE,
    "settle": MatterKind.DISPUTE,
    "answer": MatterKind.CORRECTION,
    "give": MatterKind.CONSENT,
    "decline": MatterKind.CONSENT,
    "rectify": MatterKind.SUSPENSION,
    "lift": MatterKind.SUSPENSION,
    "terminate": MatterKind.SUSPENSION,
}
WORDS = dict.fromkeys((Want.REASON, Want.MISSING, Want.MATERIAL, Want.FINDING), "如文书所述")


def cases(profile: str) -> Mapping[str, Any]:
    path = packs_directory() / profile / "cases" / "workflow.yaml"
    table: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return table


CASES = [(profile, name) for profile in profiles() for name in cases(profile)]


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    path = tmp_path_factory.mktemp("key") / "key.pem"
    generate_key(path, b"correct horse")
    return open_signer(f"file:{path}", b"correct horse")


def actor(name: str, profile: str) -> Actor:
    if name == "auditor":
        return Actor(body="D-NRB", person=name, role=Role.AUDIT)
    body, _, post = name.partition(".")
    role = Role.OPERATE if post == "clerk" else Role.MANAGE
    bodies = BODIES | ({"authority": "D-DRC"} if profile == "jiangxi-pingxiang" else {})
    return Actor(body=bodies[body], person=name, role=role)


def need(step: Mapping[str, Any]) -> Need:
    stated = RESOURCES[step.get("resource", "R12")]
    return replace(stated, texts={}, purposes=()) if step.get("unstated") else stated


def consent(step: Mapping[str, Any]) -> ConsentNeed:
    kind = ConsentKind(step["kind"])
    return ConsentNeed(
        kind=kind,
        resource="R08",
        valid_from=date(2025, 9, 1),
        valid_to=date(2026, 8, 31),
        recipients=("O-UTL",) if kind is ConsentKind.ONWARD else (),
        purposes=() if kind is ConsentKind.ONWARD else ("work_reference",),
        written=step.get("written", False),
    )


def given(step: Mapping[str, Any]) -> Inputs:
    return Inputs(
        texts={} if step.get("bare") else WORDS,
        reason_code=step.get("reason", ""),
        days=step.get("days", 0),
        flags=frozenset((Want.NEGOTIATED,)) if step.get("negotiated") else frozenset(),
    )


def opening(
    office: Office, step: Mapping[str, Any], who: Actor, moment: Moment, application: str
) -> StepAnswer | None:
    """Take a step that opens a matter; none if *step* opens none."""
    inputs = given(step)
    match step["do"]:
        case "apply":
            answer = applications.apply(office, need(step), who, moment)
        case "dispute":
            answer = disputes.dispute(
                office,
                office.store.matter(application),
                who,
                moment,
                about=step["about"],
                between=step.get("between", "same_level"),
                inputs=inputs,
            )
        case "raise":
            doubt = Doubt(resource="R08", grant="G01")
            answer = corrections.raise_doubt(office, doubt, who, moment, inputs=inputs)
        case "request":
            asked = consent(step)
            answer = permissions.request_consent(office, asked, who, moment, inputs=Inputs())
        case "suspend":
            answer = permissions.suspend(office, "D-HCB", "R08", who, moment, inputs=inputs)
        case "revoke":
            answer = permissions.revoke(office, "G01", who, moment, inputs=inputs)
        case _:
            return None
    return answer


def taken(here: Town, step: Mapping[str, Any], open_: dict[MatterKind, str]) -> StepAnswer:
    """Take one step of a case, in the matter of its kind that was opened last."""
    who = actor(step["by"], here.profile)
    with here.office() as office:
        application = open_.get(MatterKind.APPLICATION, "")
        answer = opening(office, step, who, here.moment(), application)
    if answer is not None:
        return answer
    kind = KINDS.get(step["do"], MatterKind.APPLICATION)
    if kind is MatterKind.CONSENT and kind not in open_:
        kind = MatterKind.APPLICATION
    more: dict[str, dict[str, Any]] = {
        "settle": {"reopens": step.get("reopens")},
        "answer": {"corrected": True},
    }
    return here.take(open_[kind], step["do"], who, given(step), **more.get(step["do"], {}))


def seen(answer: StepAnswer, step: Mapping[str, Any]) -> dict[str, Any]:
    """Return of *answer* what *step* says something about."""
    said: dict[str, Any] = {
        "says": "taken" if answer.refusal is None else answer.refusal.code,
        "clauses": list(answer.clauses[:1] if step.get("first") else answer.clauses),
        "told": [[told["to"], told["act"], told["clause"]] for told in answer.told],
        "state": next(iter(answer.states.values()), ""),
        "citizen": answer.more.get("citizen", {}).get("clauses", []),
    }
    said |= {key: answer.more.get(key) for key in ("chain", "level", "parties")}
    return {key: said[key] for key in step if key in said}


@pytest.mark.parametrize(("profile", "name"), CASES, ids=lambda value: value)
def test_a_procedure_goes_as_the_text_says(
    profile: str, name: str, tmp_path: Path, signer: Signer
) -> None:
    here, case = Town(tmp_path / "town", signer, profile), cases(profile)[name]
    open_: dict[MatterKind, str] = {}
    with here.office():
        for step in case["steps"]:
            answer = taken(here, step, open_)
            if answer.matter:
                open_[answer.kind] = answer.matter
            assert seen(answer, step) == {key: step[key] for key in seen(answer, step)}, step

    if "call" in case:
        assert here.outcome() is Outcome(case["call"])


@pytest.mark.parametrize("profile", profiles())
def test_every_clause_that_a_table_cites_is_one_that_a_case_cites(profile: str) -> None:
    """So a clause taken out of the tables is missed."""
    text = load_workflow(load_pack(profile))
    rows: list[Any] = [*text.statements, *text.steps, *text.forbidden_reasons, *text.subjects]
    cited = {
        clause
        for row in (*rows, *text.levels, *text.closed, *text.silent, *text.notes)
        for clause in row.clauses
    } | {tell.clause for rule in text.steps for tell in rule.tells}
    said = {
        clause
        for case in cases(profile).values()
        for step in case["steps"]
        for clause in (*step["clauses"], *step.get("citizen", ()))
    } | {
        told[-1]
        for case in cases(profile).values()
        for step in case["steps"]
        for told in step.get("told", ())
    }

    assert cited - said == set()


@pytest.mark.parametrize("profile", profiles())
def test_every_step_of_the_tables_is_taken_in_a_case(profile: str) -> None:
    text = load_workflow(load_pack(profile))
    done = {step["do"] for case in cases(profile).values() for step in case["steps"]}

    assert {rule.step for rule in text.steps} - done == {"reopen"}


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
