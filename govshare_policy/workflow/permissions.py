# SPDX-License-Identifier: Apache-2.0
"""What becomes of permissions: revoked, suspended and restored or ended, widened by consent."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from govshare_policy.errors import CallError, FactError
from govshare_policy.identity import legal_day
from govshare_policy.register import Grant
from govshare_policy.workflow.answer import Refusal, StepAnswer
from govshare_policy.workflow.machine import Inputs, Move, is_over
from govshare_policy.workflow.model import (
    Actor,
    Matter,
    MatterKind,
    RowEdit,
    Want,
    Workflow,
)
from govshare_policy.workflow.needs import ended
from govshare_policy.workflow.office import Office
from govshare_policy.workflow.sentences import refusal
from govshare_policy.workflow.wish import Moment, Plan, Wish

EVERY_RESOURCE = "*"


class ConsentKind(StrEnum):
    """What a consent lifts."""

    ONWARD = "onward"
    PURPOSE_CHANGE = "purpose_change"
    SCOPE_CHANGE = "scope_change"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentNeed:
    """A consent that a user asks the provider for.

    Attributes:
        recipients: Whom the data would be given on to; only for an onward consent.
        purposes: The purposes it would cover; empty leaves them open, save for a change of purpose.
        written: Whether the application is in writing.
    """

    kind: ConsentKind
    resource: str
    valid_from: date
    valid_to: date
    recipients: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    written: bool = False
    commercial: bool = False

    def __post_init__(self) -> None:
        if self.valid_to < self.valid_from:
            raise CallError("the period of the consent ends before it begins")
        if (self.kind is ConsentKind.ONWARD) != bool(self.recipients):
            raise CallError("an onward consent, and no other, names its recipients")
        if self.kind is ConsentKind.PURPOSE_CHANGE and not self.purposes:
            raise CallError("a consent to another purpose names it")


def revoke(
    office: Office, grant_id: str, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """End a grant: its last day is yesterday, so that no call rests on it from now on.

    Raises:
        CallError: If there is no such grant, or it is over already.
    """
    register, day = office.bundle.register, legal_day(moment.at)
    grant = register.grants.get(grant_id)
    if grant is None:
        raise CallError("the register has no such grant")
    if grant.period.valid_to < day:
        raise CallError("the grant is over already")
    matter = office.new_matter(
        MatterKind.REVOCATION,
        moment,
        texts=office.in_force(moment),
        department=grant.department,
        provider=register.resources[grant.resource].provider,
        resource=grant.resource,
        route=grant.granted_by,
        content={"grant": grant.id},
    )
    return office.take(
        Wish(
            matter=matter,
            step="revoke",
            actor=actor,
            moment=moment,
            inputs=inputs,
            opens=True,
            plan=lambda _: Plan(edits=(ended(grant, day, matter.id),), shown={"grant": grant.id}),
        )
    )


def suspend(
    office: Office,
    department: str,
    resource: str,
    actor: Actor,
    moment: Moment,
    *,
    inputs: Inputs,
) -> StepAnswer:
    """Suspend a department's right to one resource, or to all (``*``).

    Raises:
        CallError: If the department or resource is unknown, or suspended already.
    """
    register, day = office.bundle.register, legal_day(moment.at)
    if department not in register.departments:
        raise CallError("the register has no such department")
    if resource != EVERY_RESOURCE and resource not in register.resources:
        raise CallError("the catalogue has no such resource")
    for other in office.store.matters(MatterKind.SUSPENSION):
        same = (other.department, other.resource) == (department, resource)
        if same and not is_over(other, office.of(other)):
            raise CallError(f"the right is suspended already, by `{other.id}`")
    entry = register.resources.get(resource)
    matter = office.new_matter(
        MatterKind.SUSPENSION,
        moment,
        texts=office.in_force(moment),
        department=department,
        provider=entry.provider if entry is not None else "",
        resource=resource,
    )
    row = RowEdit(
        file="suspensions.tsv",
        key=matter.id,
        cells={
            "user_dept": department,
            "resource_id": resource,
            "recorded_on": day.isoformat(),
            "lifted_on": "",
            "note": "",
        },
    )
    return office.take(
        Wish(
            matter=matter,
            step="suspend",
            actor=actor,
            moment=moment,
            inputs=inputs,
            opens=True,
            plan=lambda _: Plan(edits=(row,)),
        )
    )


def conclude_suspension(
    office: Office, matter: Matter, step: str, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Take the step ``rectify``, ``lift`` or ``terminate`` in a suspension."""
    day = legal_day(moment.at)

    def plan(_: Move) -> Plan:
        match step:
            case "lift":
                cells = {"lifted_on": day.isoformat()}
                return Plan(edits=(RowEdit(file="suspensions.tsv", key=matter.id, cells=cells),))
            case "terminate":
                grants = list(_grants_under(office, matter, day))
                edits = tuple(ended(grant, day, matter.id) for grant in grants)
                return Plan(edits=edits, shown={"grants_ended": [grant.id for grant in grants]})
            case _:
                return Plan()

    return office.take(
        Wish(matter=matter, step=step, actor=actor, moment=moment, inputs=inputs, plan=plan)
    )


def request_consent(
    office: Office, need: ConsentNeed, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Ask the provider for a consent, or say by which clause there is none.

    Raises:
        CallError: If the resource is unknown.
    """
    entry = office.bundle.register.resources.get(need.resource)
    if entry is None:
        raise CallError("the catalogue has no such resource")
    texts = office.in_force(moment)
    document = {
        "kind": need.kind.value,
        "recipients": list(need.recipients),
        "purposes": list(need.purposes),
        "written": need.written,
        "commercial": need.commercial,
        "valid_from": need.valid_from.isoformat(),
        "valid_to": need.valid_to.isoformat(),
    }
    matter = office.new_matter(
        MatterKind.CONSENT,
        moment,
        texts=texts,
        department=actor.body,
        provider=entry.provider,
        resource=entry.id,
        route=need.kind.value,
        content={"request": document},
    )
    if need.written:
        inputs = Inputs(texts=inputs.texts, flags=inputs.flags | {Want.WRITTEN})
    # Who the recipients are is personal where they are persons, so the record does not say.
    shown = {key: value for key, value in document.items() if key != "recipients"}
    return office.take(
        Wish(
            matter=matter,
            step="request",
            actor=actor,
            moment=moment,
            inputs=inputs,
            opens=True,
            fault=_closed(texts, need.kind),
            plan=lambda _: Plan(shown=shown, texts={"recipients": "|".join(need.recipients)}),
        )
    )


def answer_consent(
    office: Office, matter: Matter, step: str, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Take the step ``give`` or ``decline``; what is given stands in ``consents.tsv``.

    Raises:
        FactError: If the register has another consent under the id that this one would get.
    """

    def plan(moved: Move) -> Plan:
        if not moved.grants:
            return Plan()
        if matter.id in office.bundle.register.consents:
            raise FactError(f"consents.tsv: `{matter.id}` is there already")
        row = RowEdit(file="consents.tsv", key=matter.id, cells=_consent_cells(matter))
        return Plan(edits=(row,), shown={"consent": matter.id})

    return office.take(
        Wish(matter=matter, step=step, actor=actor, moment=moment, inputs=inputs, plan=plan)
    )


def _closed(texts: Iterable[Workflow], kind: ConsentKind) -> Refusal | None:
    """A ban of one text stands, whatever another one allows."""
    clauses = [
        clause
        for text in texts
        for cited in text.closed
        if (cited.matter, cited.route) == (MatterKind.CONSENT, kind.value)
        for clause in cited.clauses
    ]
    return refusal("closed", clauses) if clauses else None


def _consent_cells(matter: Matter) -> dict[str, str]:
    asked = matter.content["request"]
    return {
        "kind": asked["kind"],
        "resource_id": matter.resource,
        "provider": matter.provider,
        "user_dept": matter.department,
        "recipients": "|".join(asked["recipients"]),
        "purposes": "|".join(asked["purposes"]),
        "written": "Y" if asked["written"] else "N",
        "commercial": "Y" if asked["commercial"] else "N",
        "valid_from": asked["valid_from"],
        "valid_to": asked["valid_to"],
        "note": "",
    }


def _grants_under(office: Office, matter: Matter, day: date) -> Iterable[Grant]:
    for grant in office.bundle.register.grants.values():
        covered = matter.resource in (EVERY_RESOURCE, grant.resource)
        if grant.department == matter.department and covered and grant.period.valid_to >= day:
            yield grant
