# SPDX-License-Identifier: Apache-2.0
"""Corrections: doubts about shared data. No ticket has any effect on a call, or on a citizen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from govshare_policy.errors import CallError
from govshare_policy.workflow.answer import StepAnswer
from govshare_policy.workflow.machine import Inputs
from govshare_policy.workflow.model import (
    Actor,
    Matter,
    MatterKind,
    Party,
    Tell,
    Workflow,
)
from govshare_policy.workflow.office import Office
from govshare_policy.workflow.wish import Moment, Plan, Wish

_NAMES: Final = {Party.COMPETENT_AUTHORITY: "competent_dept"}
_CITIZEN: Final = (
    "whoever shows valid proof is served as usual while this is open: not refused, not sent on,"
    " not told to have the record corrected first"
)
_CITIZEN_ZH: Final = (
    "校核期间，办事人已提供合法有效证明材料的，照常办理，不得拒绝、推诿或要求其办理信息更正手续"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What a user doubts.

    Attributes:
        grant: The grant under which the data were received, if it is named.
    """

    resource: str
    fields: tuple[str, ...] = ()
    grant: str = ""


def parties_text(text: Workflow) -> str:
    """Return who has to be told of a doubt under *text*, such as ``provider+competent_dept``."""
    rules = (rule for rule in text.rules(MatterKind.CORRECTION, "") if rule.step == "raise")
    return "+".join(_party(tell) for rule in rules for tell in rule.tells)


def raise_doubt(
    office: Office, doubt: Doubt, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Open a ticket and say who has to be told, and that nobody is turned away meanwhile.

    Raises:
        CallError: If the resource, a field or the grant is unknown, or the grant is another's.
    """
    register = office.bundle.register
    entry = register.resources.get(doubt.resource)
    if entry is None:
        raise CallError("the catalogue has no such resource")
    if not set(doubt.fields) <= set(entry.items):
        raise CallError("a field is not in the catalogue entry")
    grant = register.grants.get(doubt.grant) if doubt.grant else None
    if doubt.grant and (
        grant is None or (grant.department, grant.resource) != (actor.body, entry.id)
    ):
        raise CallError("the grant is not one of this department for this resource")
    texts = office.in_force(moment)
    matter = office.new_matter(
        MatterKind.CORRECTION,
        moment,
        texts=texts,
        department=actor.body,
        provider=entry.provider,
        resource=entry.id,
        content={"fields": list(doubt.fields), "grant": doubt.grant},
    )
    shown = {
        "parties": " ".join(dict.fromkeys(parties_text(text) for text in texts)),
        "citizen": citizen_document(texts),
        "fields": list(doubt.fields),
        "grant": doubt.grant,
    }
    return office.take(
        Wish(
            matter=matter,
            step="raise",
            actor=actor,
            moment=moment,
            inputs=inputs,
            opens=True,
            plan=lambda _: Plan(shown=shown),
        )
    )


def answer_doubt(
    office: Office,
    matter: Matter,
    actor: Actor,
    moment: Moment,
    *,
    inputs: Inputs,
    corrected: bool,
) -> StepAnswer:
    """Answer a ticket: what was found, and whether the data were corrected."""
    result = {"corrected": corrected}
    return office.take(
        Wish(
            matter=matter,
            step="answer",
            actor=actor,
            moment=moment,
            inputs=inputs,
            plan=lambda _: Plan(content=result, shown=result),
        )
    )


def citizen_document(texts: Iterable[Workflow]) -> dict[str, object]:
    """Return what *texts* say of a citizen who is served meanwhile; empty where they are silent."""
    clauses = [
        clause
        for text in texts
        for note in text.notes
        if note.matter is MatterKind.CORRECTION
        for clause in note.clauses
    ]
    if not clauses:
        return {}
    return {"clauses": clauses, "text": _CITIZEN, "text_zh": _CITIZEN_ZH}


def _party(tell: Tell) -> str:
    name = _NAMES.get(tell.to, tell.to.value)
    if tell.act == "file":
        name += "(file)"
    return name if tell.via is None else f"{name}_via_platform"
