# SPDX-License-Identifier: Apache-2.0
"""Takes the steps of the cases of procedures, as ``policies/*/cases/workflow.yaml`` give them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from govshare_policy import load_register
from govshare_policy.crypto import Signer
from govshare_policy.legal import Outcome
from govshare_policy.policy import packs_directory, profiles
from govshare_policy.workflow import (
    Actor,
    Inputs,
    MatterKind,
    Moment,
    Office,
    Role,
    StepAnswer,
    Want,
    Workflow,
    applications,
    conflicts,
    corrections,
    demand,
    disputes,
    entries,
    permissions,
    receipts,
    referrals,
    services,
)
from govshare_policy.workflow.corrections import Doubt
from govshare_policy.workflow.delivery import Defect, Finding
from govshare_policy.workflow.needs import Need
from govshare_policy.workflow.permissions import ConsentKind, ConsentNeed
from tests.unit.workflow.town import NEED, Town

BODIES = {
    "user": "D-CAB",
    "provider": "D-NRB",
    "operator": "O-OPS",
    "authority": "D-DATA",
    "housing": "D-HCB",
    "emergency": "D-EMG",
    "projects": "D-DRC",
    "police": "D-PSB",
    "lower": "P-LOW",
}
RESOURCES = {
    "R12": NEED,
    "R01": replace(NEED, resource="R01", fields=("id_no", "name")),
    "R03": replace(NEED, resource="R03", fields=("uscc", "entity_name")),
    "R31": replace(
        NEED, resource="R31", fields=("project_code",), systems=("SYS-EMG-CMD",), channels=("api",)
    ),
}
# The matters that the steps of these names belong to, where a step does not say; all others are
# steps of applications.
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
MORE: Mapping[tuple[MatterKind, str], Mapping[str, Any]] = {
    (MatterKind.CORRECTION, "answer"): {"corrected": True},
    (MatterKind.REFERRAL, "answer"): {"granted": True},
    (MatterKind.NEED, "list"): {"provider": "D-EDU"},
}
WORDS = dict.fromkeys((Want.REASON, Want.MISSING, Want.MATERIAL, Want.FINDING), "如文书所述")


@cache
def cases(profile: str) -> Mapping[str, Any]:
    path = packs_directory() / profile / "cases" / "workflow.yaml"
    table: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return table


CASES = [(profile, name) for profile in profiles() for name in cases(profile)]


def said_steps(profile: str) -> Iterator[Mapping[str, Any]]:
    """Yield every step of every case."""
    for case in cases(profile).values():
        yield from case["steps"]


def actor(name: str, profile: str) -> Actor:
    if name == "auditor":
        return Actor(body="D-NRB", person=name, role=Role.AUDIT)
    body, _, post = name.partition(".")
    role = Role.OPERATE if post == "clerk" else Role.MANAGE
    bodies = BODIES | ({"authority": "D-DRC"} if profile == "jiangxi-pingxiang" else {})
    return Actor(body=bodies[body], person=name, role=role)


def need(step: Mapping[str, Any]) -> Need:
    stated = RESOURCES[step.get("resource", "R12")]
    if not step.get("unstated"):
        return stated
    nothing = replace(stated, texts={}, purposes=(), fields=(), channels=())
    return replace(nothing, valid_from=None, valid_to=None)


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
        texts={} if step.get("bare") else WORDS | {Want.REASON: step.get("words", "如文书所述")},
        reason_code=step.get("reason", ""),
        days=step.get("days", 0),
        flags=frozenset((Want.NEGOTIATED,)) if step.get("negotiated") else frozenset(),
    )


def opening(  # noqa: PLR0911  one way a kind of matter
    office: Office, step: Mapping[str, Any], who: Actor, moment: Moment, application: str
) -> StepAnswer | None:
    """Take a step that opens a matter; none if *step* opens none."""
    inputs = given(step)
    match step["do"]:
        case "apply":
            return applications.apply(
                office, need(step), who, moment, department=step.get("for", "")
            )
        case "refer":
            upper = referrals.Upper(step["to"])
            return referrals.refer(office, need(step), upper, who, moment, inputs=inputs)
        case "dispute":
            return disputes.dispute(
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
            return corrections.raise_doubt(office, doubt, who, moment, inputs=inputs)
        case "request":
            asked = consent(step)
            return permissions.request_consent(office, asked, who, moment, inputs=Inputs())
        case "suspend":
            return permissions.suspend(office, "D-HCB", "R08", who, moment, inputs=inputs)
        case "revoke":
            grant = step.get("grant", "G01")
            return permissions.revoke(office, grant, who, moment, inputs=inputs)
        case _:
            return opening_more(office, step, who, moment)


def opening_more(
    office: Office, step: Mapping[str, Any], who: Actor, moment: Moment
) -> StepAnswer | None:
    inputs = given(step)
    match step["do"]:
        case "propose":
            proposal = entries.Proposal(resource="R12", cells=step["set"])
            return entries.propose(office, proposal, who, moment, inputs=inputs)
        case "state":
            stated = demand.StatedNeed(data="学区划分", purposes=("admin_basis",))
            return demand.state_need(office, stated, who, moment)
        case "change":
            change = services.ServiceChange(grant="G01", fields=("id_no",), daily_quota=50)
            return services.propose_change(office, change, who, moment, inputs=inputs)
        case "conflict":
            conflict = conflicts.Conflict(resources=("R12", "R36"), fields=("owner_name",))
            return conflicts.raise_conflict(office, conflict, who, moment, inputs=inputs)
        case "tell_defects":
            finding = Finding(kind=Defect.BAD_FORMAT, item="id_no", count=2, rows=(3, 8))
            return receipts.tell_defects(office, "R12", (finding,), who, moment)
        case _:
            return None


def taken(here: Town, step: Mapping[str, Any], open_: dict[MatterKind, str]) -> StepAnswer:
    """Take one step of a case, in the matter of its kind that was opened last."""
    who = actor(step["by"], here.profile)
    with here.office() as office:
        application = open_.get(MatterKind.APPLICATION, "")
        answer = opening(office, step, who, here.moment(), application)
    if answer is not None:
        return answer
    kind = KINDS.get(step["do"], MatterKind.APPLICATION)
    if "in" in step:
        kind = MatterKind(step["in"])
    elif kind is MatterKind.CONSENT and kind not in open_:
        kind = MatterKind.APPLICATION
    more = dict(MORE.get((kind, step["do"]), {}))
    if step["do"] == "settle":
        more = {"reopens": step.get("reopens", False)}
    if step["do"] == "conclude":
        more = {"stands": step.get("stands", "R12")}
    return here.take(open_[kind], step["do"], who, given(step), **more)


def seen(answer: StepAnswer, step: Mapping[str, Any]) -> dict[str, Any]:
    """Return of *answer* what *step* says something about."""
    said: dict[str, Any] = {
        "says": "taken" if answer.refusal is None else answer.refusal.code,
        "clauses": list(answer.clauses[:1] if step.get("first") else answer.clauses),
        "told": [[told["to"], told["act"], told["clause"]] for told in answer.told],
        "state": next(iter(answer.states.values()), ""),
        "citizen": answer.more.get("citizen", {}).get("clauses", []),
        "names": answer.refusal.text.rpartition(": ")[2].split(", ") if answer.refusal else [],
    }
    if answer.refusal is None and step["do"] == "conclude":
        said["stands"] = answer.more["stands"]
    said |= {key: answer.more.get(key) for key in ("chain", "level", "parties", "reopened", "late")}
    return {key: said[key] for key in step if key in said}


def differences(
    directory: Path,
    signer: Signer,
    profile: str,
    name: str,
    *,
    text: Workflow | None = None,
) -> Iterator[tuple[object, object]]:
    """Yield what comes out of a case and what it says, where the two differ.

    Args:
        directory: Where the county is written.
        signer: Signs its log.
        profile: Whose case.
        name: Its name.
        text: Procedures to go by instead of those of the pack.
    """
    case = cases(profile)[name]
    here = Town(directory, signer, profile, change=case.get("change"), text=text)
    open_: dict[MatterKind, str] = {}
    with here.office():
        for step in case["steps"]:
            answer = taken(here, step, open_)
            if answer.matter:
                open_[answer.kind] = answer.matter
            out = seen(answer, step)
            if out != (wanted := {key: step[key] for key in out}):
                yield out, wanted
                return
    yield from _left(here, case)


def _left(here: Town, case: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    """Yield what differs in the calls and the registers that the steps leave."""
    if "call" in case and here.outcome() is not Outcome(case["call"]):
        yield here.outcome(), case["call"]
    register = load_register(here.data)
    entry = register.resources["R12"].more
    out = {column: entry.get(column, "") for column in case.get("entry", {})}
    if out != case.get("entry", {}):
        yield out, case["entry"]
    grant = register.grants.get("G01")
    rows = {
        "fields": ",".join(grant.fields) if grant else "",
        "daily_quota": str(grant.daily_quota or "") if grant else "",
    }
    out = {key: rows[key] for key in case.get("grant", {})}
    if out != case.get("grant", {}):
        yield out, case["grant"]
