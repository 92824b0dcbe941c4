# SPDX-License-Identifier: Apache-2.0
"""Applications: from the need of a department to a grant written as policy, and supply."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from govshare_policy.deadline import (
    Calendar,
    Clock,
    Kind,
    Question,
    ShareType,
    due_stages,
    share_of,
)
from govshare_policy.deadline.model import Stage, StageName
from govshare_policy.errors import CallError, FactError
from govshare_policy.identity import legal_day
from govshare_policy.register import CatalogueEntry
from govshare_policy.register.model import Period
from govshare_policy.workflow.answer import Refusal, StepAnswer
from govshare_policy.workflow.lawful import Request, fault_of, route_of
from govshare_policy.workflow.machine import Inputs, Move
from govshare_policy.workflow.model import (
    Actor,
    Matter,
    MatterKind,
    Workflow,
)
from govshare_policy.workflow.needs import (
    Narrowed,
    Need,
    ended,
    grant_rows,
    narrow,
    request_document,
    request_of,
    unstated,
)
from govshare_policy.workflow.office import Office
from govshare_policy.workflow.sentences import refusal
from govshare_policy.workflow.wish import Moment, Plan, Wish


def apply(
    office: Office, need: Need, actor: Actor, moment: Moment, *, department: str = ""
) -> StepAnswer:
    """Open an application, or say why none is needed, or none would help.

    Everything that is missing is said at once.

    Args:
        office: Takes the step.
        need: What is applied for.
        actor: Who applies.
        moment: When.
        department: For whom, where a lower platform hands in what a department of it applies for.

    Raises:
        CallError: If it names something that no register knows, or no period, field, purpose
            or channel although no text asks for it: a grant cannot be written without.
    """
    entry, user = _entry(office, need.resource), department or actor.body
    if department and department not in office.bundle.register.departments:
        raise CallError("the register has no such department")
    texts = office.in_force(moment)
    matter = office.new_matter(
        MatterKind.APPLICATION,
        moment,
        texts=texts,
        department=user,
        provider=entry.provider,
        resource=entry.id,
        route="provider",
    )
    wish = Wish(matter=matter, step="apply", actor=actor, moment=moment, opens=True)
    if user == entry.provider:
        return office.take(replace(wish, fault=refusal("own_resource", _first_clauses(texts))))
    fault = unstated(need, texts)
    whole = not need.grantor  # an application to one of two grantors states what that text wants
    if fault is not None and whole and not _is_open_to_all(office, need, entry, user, moment):
        return office.take(replace(wish, fault=fault))
    request = request_of(need, entry, user, office.bundle.register)
    day = max(legal_day(moment.at), request.period.valid_from)
    if day > request.period.valid_to:
        raise CallError("the period applied for is over already")
    route = route_of(request, office.bundle, day=day, grantor=need.grantor)
    if isinstance(route, Refusal):
        return office.take(replace(wish, fault=route))
    wanting = [text for text in texts if text.profile in route.profiles]
    if (fault := unstated(need, wanting)) is not None:
        return office.take(replace(wish, fault=fault))
    matter = office.new_matter(
        MatterKind.APPLICATION,
        moment,
        texts=wanting,
        department=user,
        provider=entry.provider,
        resource=entry.id,
        route=route.grantor,
        content={"request": request_document(request), "texts": dict(need.texts)},
    )
    shown = {"route": route.grantor, "request": request_document(request)}
    if user != actor.body:
        shown["handed_in_by"] = actor.body
    plan = Plan(shown=shown, texts=need.texts)
    return office.take(replace(wish, matter=matter, plan=lambda _: plan))


def decide(
    office: Office,
    matter: Matter,
    step: str,
    actor: Actor,
    moment: Moment,
    *,
    narrowed: Narrowed | None = None,
    inputs: Inputs | None = None,
) -> StepAnswer:
    """Take a step that may make the grant: ``approve``, or ``sign`` of what was negotiated.

    Raises:
        FactError: If the register has another grant under the id that this one would get.
    """

    def plan(moved: Move) -> Plan | Refusal:
        granted = narrow(matter, narrowed or Narrowed(), legal_day(moment.at))
        if isinstance(granted, tuple):
            return refusal("wider_than_applied", moved.clauses, names=", ".join(granted))
        fault = fault_of(
            granted,
            office.bundle,
            day=granted.period.valid_from,
            granted_by=matter.route,
            profiles=matter.states,
        )
        if fault is not None:
            return fault
        content = {"granted": request_document(granted)}
        if not moved.grants:
            return Plan(content=content, shown=content)
        grant = f"G-{matter.id}"
        _check_free(office, matter, grant)
        edits = grant_rows(matter, grant, granted, office.bundle.register)
        return Plan(
            content={**content, "grant": grant},
            edits=edits,
            shown={**content, "grant": grant},
        )

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


def refuse(
    office: Office, matter: Matter, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Refuse an application; one that was granted before and is decided anew loses the grant."""
    grant = office.bundle.register.grants.get(str(matter.content.get("grant", "")))
    day = legal_day(moment.at)
    in_force = grant is not None and grant.period.valid_to >= day
    edits = (ended(grant, day, matter.id),) if grant is not None and in_force else ()
    return office.take(
        Wish(
            matter=matter,
            step="refuse",
            actor=actor,
            moment=moment,
            inputs=inputs,
            plan=lambda _: Plan(edits=edits),
        )
    )


def extend(
    office: Office,
    matter: Matter,
    actor: Actor,
    moment: Moment,
    *,
    inputs: Inputs,
    clocks: Mapping[str, Sequence[Clock]],
    calendar: Calendar,
) -> StepAnswer:
    """Give the provider more time: while there is some left, and no more than the text allows."""

    def plan(moved: Move) -> Plan | Refusal:
        for profile, rule in moved.rules.items():
            stage = answer_stage(office, matter, clocks[profile], profile, calendar, extra=0)
            most = max(
                (c.extension.working_days for c in clocks[profile] if c.extension), default=0
            )
            if inputs.days > most:
                return refusal("too_long", rule.clauses, most=str(most))
            if stage is not None and stage.due and legal_day(moment.at) > stage.due:
                return refusal("already_late", rule.clauses, due=stage.due.isoformat())
        return Plan(content={"extension_days": inputs.days}, shown={"extension_days": inputs.days})

    return office.take(
        Wish(matter=matter, step="extend", actor=actor, moment=moment, inputs=inputs, plan=plan)
    )


def step(
    office: Office,
    matter: Matter,
    name: str,
    actor: Actor,
    moment: Moment,
    *,
    inputs: Inputs | None = None,
) -> StepAnswer:
    """Take a step that does nothing but move the application."""
    return office.take(
        Wish(matter=matter, step=name, actor=actor, moment=moment, inputs=inputs or Inputs())
    )


def answer_stage(
    office: Office,
    matter: Matter,
    clocks: Sequence[Clock],
    profile: str,
    calendar: Calendar,
    *,
    extra: int,
) -> Stage | None:
    """Return the clock of the provider's answer under one text; none where it has none."""
    entry = office.bundle.register.resources.get(matter.resource)
    if entry is None or not entry.share_type:
        return None
    question = Question(
        kind=Kind.APPLICATION,
        share=share_of(
            ShareType(entry.share_type), parameter_controlled=entry.parameter_controlled
        ),
        at=dict(matter.stamps.get(profile, {})),
        extension_days=extra,
    )
    stages = due_stages(question, clocks=clocks, calendar=calendar)
    return next((s for s in stages if s.stage is StageName.PROVIDER_ANSWER), None)


def _entry(office: Office, resource: str) -> CatalogueEntry:
    entry = office.bundle.register.resources.get(resource)
    if entry is None:
        raise CallError("the catalogue has no such resource")
    return entry


def _first_clauses(texts: Sequence[Workflow]) -> list[str]:
    rules = (rule for text in texts for rule in text.rules(MatterKind.APPLICATION, "provider"))
    return [rule.clauses[0] for rule in rules if rule.step == "apply"]


def _is_open_to_all(
    office: Office, need: Need, entry: CatalogueEntry, user: str, moment: Moment
) -> bool:
    """Whether the calls would pass without a grant, whatever the application forgot to state."""
    day = legal_day(moment.at)
    request = Request(
        department=user,
        resource=entry.id,
        fields=need.fields or entry.items,
        purposes=need.purposes or ("unstated",),
        channels=need.channels or entry.share_method[:1],
        systems=need.systems,
        period=Period(valid_from=day, valid_to=day),
    )
    route = route_of(request, office.bundle, day=day)
    return isinstance(route, Refusal) and route.code == "no_application_needed"


def _check_free(office: Office, matter: Matter, grant: str) -> None:
    if grant in office.bundle.register.grants and matter.content.get("grant") != grant:
        raise FactError(f"grants.tsv: `{grant}` is there already, and not of this application")
