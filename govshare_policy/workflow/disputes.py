# SPDX-License-Identifier: Apache-2.0
"""Disputes about an application: instance by instance, as the text orders them."""

from govshare_policy.deadline import Event
from govshare_policy.errors import CallError
from govshare_policy.workflow.answer import Refusal, StepAnswer
from govshare_policy.workflow.machine import Inputs, Move, is_over, move
from govshare_policy.workflow.model import (
    Actor,
    Matter,
    MatterKind,
    Workflow,
)
from govshare_policy.workflow.office import Office
from govshare_policy.workflow.sentences import refusal
from govshare_policy.workflow.wish import Moment, Plan, Wish


def chain_text(text: Workflow, between: str) -> str:
    """Return the instances of *text* in order, joined by ``>``."""
    return ">".join(level.id for level in text.chain(between))


def dispute(
    office: Office,
    application: Matter,
    actor: Actor,
    moment: Moment,
    *,
    about: str,
    between: str,
    inputs: Inputs,
) -> StepAnswer:
    """Open a dispute about *application* at the first instance.

    Where two texts are asked, the local one says the instances.

    Args:
        office: Takes the step.
        application: What the dispute is about.
        actor: One side of it.
        moment: When.
        about: ``conditions``, ``reasons`` or ``result``.
        between: ``same_level`` or ``cross_level``: whether the two sides are of one level.
        inputs: With the reason.
    """
    text = office.of(application)[0]
    chain = chain_text(text, between)
    matter = office.new_matter(
        MatterKind.DISPUTE,
        moment,
        texts=(text,),
        department=application.department,
        provider=application.provider,
        resource=application.resource,
        route=between,
        parent=application.id,
        content={"about": about, "chain": chain},
    )
    shown = {"about": about, "chain": chain, "level": text.chain(between)[0].id}
    return office.take(
        Wish(
            matter=matter,
            step="raise",
            actor=actor,
            moment=moment,
            inputs=inputs,
            opens=True,
            fault=_unfounded(office, application, text, about),
            plan=lambda _: Plan(shown=shown),
        )
    )


def escalate(
    office: Office, matter: Matter, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Bring a dispute that was not settled to the next instance."""

    def plan(moved: Move) -> Plan:
        level = next(iter(moved.states.values()))
        return Plan(shown={"chain": matter.content["chain"], "level": level})

    return office.take(
        Wish(
            matter=matter,
            step="escalate",
            actor=actor,
            moment=moment,
            inputs=inputs,
            plan=plan,
        )
    )


def settle(
    office: Office,
    matter: Matter,
    actor: Actor,
    moment: Moment,
    *,
    inputs: Inputs,
    reopens: bool,
) -> StepAnswer:
    """Record how a dispute ended: the application is decided anew, or its result stands."""
    application = office.store.matter(matter.parent)

    def plan(_: Move) -> Plan | Refusal:
        result = {"result": "reopened" if reopens else "stands"}
        if not reopens:
            return Plan(content=result, shown=result)
        again = move(
            application,
            "reopen",
            None,
            texts=office.of(application),
            register=office.bundle.register,
            inputs=Inputs(),
        )
        if isinstance(again, Refusal):
            return again
        return Plan(
            content=result,
            shown={**result, "reopened": list(again.clauses)},
            others=((application, again),),
        )

    return office.take(
        Wish(
            matter=matter,
            step="settle",
            actor=actor,
            moment=moment,
            inputs=inputs,
            plan=plan,
        )
    )


def _unfounded(office: Office, application: Matter, text: Workflow, about: str) -> Refusal | None:
    if application.kind is not MatterKind.APPLICATION:
        raise CallError("a dispute is about an application")
    subject = next((cited for cited in text.subjects if cited.id == about), None)
    if subject is None:
        clauses = [clause for cited in text.subjects for clause in cited.clauses]
        names = ", ".join(cited.id for cited in text.subjects)
        return refusal("not_a_subject", clauses, names=names)
    answered = Event.ANSWERED in application.stamps.get(text.profile, {})
    negotiating = application.route == "negotiated_agreement"
    if about == "result" and not answered and not negotiating:
        return refusal("not_answered", subject.clauses)
    for other in office.store.matters(MatterKind.DISPUTE):
        if other.parent == application.id and not is_over(other, office.of(other)):
            return refusal("under_dispute", subject.clauses, id=other.id)
    return None
