# SPDX-License-Identifier: Apache-2.0
"""Changes of the catalogue: an entry is changed by its provider only, step by step.

What a step of the text does to the entry follows from what it tells and stamps: who is told to
``file`` sets the filing date, who is told to ``review`` the date of the request, and the day on
which the entry counts as ``updated`` is the one that the clocks of the text know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from govshare_policy.deadline import Event
from govshare_policy.errors import CallError, FactError
from govshare_policy.identity import legal_day
from govshare_policy.register import CatalogueEntry
from govshare_policy.register import _columns as register_columns
from govshare_policy.workflow.answer import Refusal, StepAnswer
from govshare_policy.workflow.machine import Inputs, Move, is_over, next_steps
from govshare_policy.workflow.model import Actor, Matter, MatterKind, RowEdit, Workflow
from govshare_policy.workflow.needs import MAX_TEXT
from govshare_policy.workflow.office import Office
from govshare_policy.workflow.parties import parties_of
from govshare_policy.workflow.publish import CATALOGUE, try_edits
from govshare_policy.workflow.sentences import refusal
from govshare_policy.workflow.wish import Moment, Plan, Wish

# Where the share type rests on a legal basis that is new or changed, and where it does not.
BASIS: Final = "basis"
PLAIN: Final = "plain"
VERIFY: Final = "verify"
_RESTING: Final = ("conditional", "non_share")
_BASIS_COLUMNS: Final = ("share_type", "legal_basis_level", "legal_basis_ref")
_DATED_BY: Final = {"file": "filed_on", "review": "review_requested_on"}
_OF_STEPS: Final = frozenset(
    ("resource_id", "provider", "basis_verified_by", "updated_on", *_DATED_BY.values())
)
_SETTABLE: Final = frozenset(
    column for columns in register_columns.COLUMNS[CATALOGUE] for column in columns
) - (_OF_STEPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a provider wants an entry to say.

    Attributes:
        cells: Column to its new cell; an empty cell takes a statement back.
        is_new: Whether the entry is not in the catalogue yet.
        changed_on: When the law or the duty changed that the entry has to follow, if one did.
    """

    resource: str
    cells: Mapping[str, str]
    is_new: bool = False
    changed_on: date | None = None

    def __post_init__(self) -> None:
        for column, cell in self.cells.items():
            if column in _OF_STEPS:
                raise CallError(f"`{column}` is set by the steps themselves")
            if column not in _SETTABLE:
                raise CallError("a column is none of the catalogue")
            if len(cell) > MAX_TEXT or not cell.isprintable():
                raise CallError(f"`{column}` holds control characters, or more than {MAX_TEXT}")
        if not self.cells:
            raise CallError("a change sets at least one column")


def propose(
    office: Office, proposal: Proposal, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Open a change of an entry; the catalogue stays as it is until every text is content.

    Raises:
        CallError: If there is no such entry, or for a new one, if there is.
        FactError: If the catalogue would not load with the change; names line and column.
    """
    entry = office.bundle.register.resources.get(proposal.resource)
    if entry is None and not proposal.is_new:
        raise CallError("the catalogue has no such resource")
    if entry is not None and proposal.is_new:
        raise CallError("the catalogue has a resource of this id already")
    cells = dict(proposal.cells)
    if entry is None:
        cells["provider"] = actor.body
    texts = office.in_force(moment)
    route = _route(entry, cells)
    matter = office.new_matter(
        MatterKind.CATALOGUE,
        moment,
        texts=texts,
        department=actor.body,
        provider=entry.provider if entry is not None else actor.body,
        resource=proposal.resource,
        route=route,
        content={
            "cells": cells,
            "new": proposal.is_new,
            "changed": proposal.changed_on.isoformat() if proposal.changed_on else "",
        },
    )

    def plan(_: Move) -> Plan:
        try_edits(office.data, (RowEdit(file=CATALOGUE, key=proposal.resource, cells=cells),))
        return Plan(shown={"columns": sorted(proposal.cells), "new": proposal.is_new})

    return office.take(
        Wish(
            matter=matter,
            step="propose",
            actor=actor,
            moment=moment,
            inputs=inputs,
            opens=True,
            fault=_open_already(office, proposal.resource, texts),
            plan=plan,
        )
    )


def advance(
    office: Office,
    matter: Matter,
    step: str,
    actor: Actor,
    moment: Moment,
    *,
    inputs: Inputs | None = None,
) -> StepAnswer:
    """Take the next step of a change; the one that makes every text content writes the entry.

    Raises:
        FactError: If the catalogue would not load with the change.
    """
    day = legal_day(moment.at)

    def plan(moved: Move) -> Plan:
        known = dict(matter.content.get("set", {})) | _dates(moved, day)
        if step == VERIFY:
            known["basis_verified_by"] = actor.body
        if not moved.grants:
            return Plan(content={"set": known}, shown={"set": known})
        _check_unmoved(office, matter)
        known["updated_on"] = _updated(matter, moved, day).isoformat()
        cells = {**matter.content["cells"], **known}
        if cells.get("share_type") == "unconditional":
            cells["basis_verified_by"] = ""  # what was verified stands no more
        edit = RowEdit(file=CATALOGUE, key=matter.resource, cells=cells)
        return Plan(content={"set": known}, edits=(edit,), shown={"set": known})

    return office.take(
        Wish(
            matter=matter,
            step=step,
            actor=actor,
            moment=moment,
            inputs=inputs or Inputs(),
            plan=plan,
        )
    )


def publish_change(office: Office, matter: Matter, actor: Actor, moment: Moment) -> StepAnswer:
    """Take the step by which the text of *actor* publishes: the provider's, or the authority's."""
    texts = office.of(matter)
    ends = [
        (text.profile, rule)
        for text in texts
        for rule in text.rules(matter.kind, matter.route)
        if rule.grants
    ]
    own = [
        rule.step
        for profile, rule in ends
        if parties_of(matter, actor.body, profile, office.bundle.register) & set(rule.by)
    ]
    now = [step for step in own if step in next_steps(matter, texts)]
    step = next(iter((*now, *own, *(rule.step for _, rule in ends))), "publish")
    return advance(office, matter, step, actor, moment)


def _route(entry: CatalogueEntry | None, cells: Mapping[str, str]) -> str:
    before = entry.more if entry is not None else {}
    share_type = cells.get("share_type", before.get("share_type", ""))
    if share_type not in _RESTING:
        return PLAIN
    stands = before.get("basis_verified_by") and all(
        cells.get(column, before.get(column, "")) == before.get(column, "")
        for column in _BASIS_COLUMNS
    )
    return PLAIN if stands else BASIS


def _open_already(office: Office, resource: str, texts: tuple[Workflow, ...]) -> Refusal | None:
    for other in office.store.matters(MatterKind.CATALOGUE):
        if other.resource == resource and not is_over(other, office.of(other)):
            rules = (r for text in texts for r in text.rules(other.kind, other.route))
            clauses = [r.clauses[0] for r in rules if r.step == "propose"]
            return refusal("under_change", clauses, id=other.id)
    return None


def _check_unmoved(office: Office, matter: Matter) -> None:
    entry = office.bundle.register.resources.get(matter.resource)
    if (entry.provider if entry else "") != ("" if matter.content["new"] else matter.provider):
        raise FactError(f"{CATALOGUE}: the entry came, went or changed hands since the proposal")


def _dates(moved: Move, day: date) -> dict[str, str]:
    acts = {tell.act for rule in moved.rules.values() for tell in rule.tells}
    return {column: day.isoformat() for act, column in _DATED_BY.items() if act in acts}


def _updated(matter: Matter, moved: Move, day: date) -> date:
    """Return when the provider's part was done: the first day that any text counts."""
    days = [at[Event.UPDATED] for at in matter.stamps.values() if Event.UPDATED in at]
    if any(Event.UPDATED in rule.stamps for rule in moved.rules.values()):
        days.append(day)
    return min(days, default=day)
