# SPDX-License-Identifier: Apache-2.0
"""Changes of a service that goes on: negotiated with its user and filed before they take effect."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from govshare_policy.errors import CallError
from govshare_policy.identity import legal_day
from govshare_policy.register import Grant
from govshare_policy.register.model import Period
from govshare_policy.workflow.answer import Refusal, StepAnswer
from govshare_policy.workflow.lawful import Request, fault_of, served_by
from govshare_policy.workflow.machine import Inputs, Move, is_over
from govshare_policy.workflow.model import Actor, Matter, MatterKind, RowEdit
from govshare_policy.workflow.office import Office
from govshare_policy.workflow.sentences import refusal
from govshare_policy.workflow.wish import Moment, Plan, Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceChange:
    """How a service under a grant is to go on; ``None`` leaves it as it is.

    Attributes:
        channels: May be others than before, as far as the catalogue offers them.
        daily_quota: Calls a day.
    """

    grant: str
    channels: tuple[str, ...] | None = None
    fields: tuple[str, ...] | None = None
    daily_quota: int | None = None
    valid_to: date | None = None

    def __post_init__(self) -> None:
        stated = (self.channels, self.fields, self.daily_quota, self.valid_to)
        if all(value is None for value in stated):
            raise CallError("a change of a service says what changes")
        if self.channels == () or self.fields == ():
            raise CallError("a service without a channel or an item is ended, not changed")
        if self.daily_quota is not None and self.daily_quota < 1:
            raise CallError("a quota is at least one call a day")


def propose_change(
    office: Office, change: ServiceChange, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Tell the user how the service is to change; nothing changes with it.

    Raises:
        CallError: If there is no such grant, it is over, or a change of it is open already.
    """
    grant = _in_force(office, change.grant, legal_day(moment.at))
    document = _document(change)
    matter = office.new_matter(
        MatterKind.SERVICE_CHANGE,
        moment,
        texts=office.in_force(moment),
        department=grant.department,
        provider=office.bundle.register.resources[grant.resource].provider,
        resource=grant.resource,
        content={"grant": grant.id, "change": document},
    )
    for other in office.store.matters(MatterKind.SERVICE_CHANGE):
        same = other.content["grant"] == grant.id
        if same and not is_over(other, office.of(other)):
            raise CallError(f"a change of this service is open already, by `{other.id}`")

    def plan(moved: Move) -> Plan | Refusal:
        fault = _fault(office, matter, moved, moment)
        return fault or Plan(shown={"grant": grant.id, "change": document})

    return office.take(
        Wish(
            matter=matter,
            step="propose",
            actor=actor,
            moment=moment,
            inputs=inputs,
            opens=True,
            plan=plan,
        )
    )


def advance_change(
    office: Office, matter: Matter, step: str, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Take the step ``agree``, ``object`` or ``file``; with the filing the grant changes.

    Raises:
        CallError: If the grant is over by then.
    """

    def plan(moved: Move) -> Plan | Refusal:
        if not moved.grants:
            return Plan()
        fault = _fault(office, matter, moved, moment)
        if fault is not None:
            return fault
        grant = matter.content["grant"]
        cells = {**matter.content["change"], "note": matter.id}
        return Plan(
            edits=(RowEdit(file="grants.tsv", key=grant, cells=cells),), shown={"grant": grant}
        )

    return office.take(
        Wish(matter=matter, step=step, actor=actor, moment=moment, inputs=inputs, plan=plan)
    )


def _fault(office: Office, matter: Matter, moved: Move, moment: Moment) -> Refusal | None:
    """Return in what the service would be wider than the grant, or why it would be unlawful."""
    day = legal_day(moment.at)
    grant = _in_force(office, matter.content["grant"], day)
    changed = _changed(grant, matter.content["change"])
    wider = [
        *(("fields",) if not set(changed.fields) <= set(grant.fields) else ()),
        *(("valid_to",) if changed.period.valid_to > grant.period.valid_to else ()),
        *(("daily_quota",) if _is_more(changed.daily_quota, grant.daily_quota) else ()),
    ]
    if wider:
        return refusal("wider_than_granted", moved.clauses, names=", ".join(wider))
    start = max(day, changed.period.valid_from)
    if start > changed.period.valid_to:
        raise CallError("a service that ends before today is ended, not changed")
    by, bundle = grant.granted_by, office.bundle
    # Of two grants that two texts want, each goes on for the text that it was given under.
    served = served_by(_request(grant), bundle, day=start, granted_by=by) or matter.states
    return fault_of(_request(changed), bundle, day=start, granted_by=by, profiles=served)


def _request(grant: Grant) -> Request:
    return Request(
        department=grant.department,
        resource=grant.resource,
        fields=grant.fields,
        purposes=grant.purposes,
        channels=grant.channels,
        systems=grant.systems,
        period=grant.period,
    )


def _in_force(office: Office, ident: str, day: date) -> Grant:
    grant = office.bundle.register.grants.get(ident)
    if grant is None:
        raise CallError("the register has no such grant")
    if grant.period.valid_to < day:
        raise CallError("the grant is over already")
    return grant


def _document(change: ServiceChange) -> dict[str, str]:
    """Return the cells of the grant that *change* sets."""
    cells: dict[str, str] = {}
    if change.channels is not None:
        cells["channels"] = "|".join(change.channels)
    if change.fields is not None:
        cells["fields"] = ",".join(change.fields)
    if change.daily_quota is not None:
        cells["daily_quota"] = str(change.daily_quota)
    if change.valid_to is not None:
        cells["valid_to"] = change.valid_to.isoformat()
    return cells


def _changed(grant: Grant, cells: dict[str, str]) -> Grant:
    """Return *grant* as it would be."""
    more: dict[str, Any] = {}
    if "channels" in cells:
        more["channels"] = tuple(cells["channels"].split("|"))
    if "fields" in cells:
        more["fields"] = tuple(cells["fields"].split(","))
    if "daily_quota" in cells:
        more["daily_quota"] = int(cells["daily_quota"])
    if "valid_to" in cells:
        last = date.fromisoformat(cells["valid_to"])
        if last < grant.period.valid_from:
            raise CallError("a service that ends before it began is ended, not changed")
        more["period"] = Period(valid_from=grant.period.valid_from, valid_to=last)
    return replace(grant, **more)


def _is_more(asked: int | None, granted: int | None) -> bool:
    return asked is not None and granted is not None and asked > granted
