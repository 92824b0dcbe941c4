# SPDX-License-Identifier: Apache-2.0
"""Other platforms: applications passed on to an upper one, and pressing for an answer.

What a lower platform hands in is an application like any other, so it has the same steps and
clocks (:func:`govshare_policy.workflow.applications.apply`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from govshare_policy.deadline import Calendar, Clock, Kind, Question, Share, due_stages
from govshare_policy.deadline.model import Stage, StageName
from govshare_policy.errors import CallError
from govshare_policy.identity import legal_day
from govshare_policy.workflow.answer import StepAnswer
from govshare_policy.workflow.applications import answer_stage
from govshare_policy.workflow.machine import Inputs, Move
from govshare_policy.workflow.model import Actor, Matter, MatterKind, Party
from govshare_policy.workflow.needs import CODE, Need, unstated
from govshare_policy.workflow.office import Office
from govshare_policy.workflow.parties import holders_of
from govshare_policy.workflow.wish import Moment, Plan, Wish


class Upper(StrEnum):
    """The platform that an application is passed on to; its name is the route of the referral."""

    PROVINCIAL = Party.PROVINCIAL_PLATFORM.value
    NATIONAL = Party.NATIONAL_PLATFORM.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """What the time of an answer is measured by.

    Attributes:
        clocks: The clocks of each text, by profile.
    """

    clocks: Mapping[str, Sequence[Clock]]
    calendar: Calendar


def refer(
    office: Office, need: Need, upper: Upper, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Apply for data of an upper platform; the operator of this one passes the application on.

    What the texts want stated is wanted here too. No grant is written: the other platform gives it.

    Args:
        office: Takes the step.
        need: What is applied for; its resource is one of the other catalogue, so nothing is
            looked up here.
        upper: Which platform has the data.
        actor: The department that needs them.
        moment: When.
        inputs: Nothing is wanted of it.

    Raises:
        CallError: If the resource is no code.
    """
    if not CODE.fullmatch(need.resource):
        raise CallError("a resource of another catalogue is named by its code there")
    texts = office.in_force(moment)
    profiles = [t.profile for t in texts if t.rules(MatterKind.REFERRAL, upper.value)]
    register = office.bundle.register
    bodies = [b for p in profiles for b in holders_of(Party(upper.value), p, register)]
    asked = {
        "resource": need.resource,
        "fields": list(need.fields),
        "purposes": list(need.purposes),
        "platform": upper.value,
    }
    matter = office.new_matter(
        MatterKind.REFERRAL,
        moment,
        texts=texts,
        department=actor.body,
        provider=next(iter(bodies), ""),
        resource=need.resource,
        route=upper.value,
        content={"request": asked, "texts": dict(need.texts)},
    )
    return office.take(
        Wish(
            matter=matter,
            step="apply",
            actor=actor,
            moment=moment,
            inputs=inputs,
            opens=True,
            fault=unstated(need, [t for t in texts if t.profile in profiles]),
            plan=lambda _: Plan(shown={"request": asked}, texts=need.texts),
        )
    )


def press(
    office: Office, matter: Matter, actor: Actor, moment: Moment, *, yardstick: Yardstick
) -> StepAnswer:
    """Press for the answer of a provider or an upper platform; says whether it is late.

    The text has the operator track and press, whether or not the time is over.
    """
    day = legal_day(moment.at)

    def plan(moved: Move) -> Plan:
        dues = [_due(office, matter, profile, yardstick) for profile in moved.rules]
        due = min((day for day in dues if day is not None), default=None)
        late = due is not None and day > due
        return Plan(shown={"due": due.isoformat() if due else "", "late": late})

    return office.take(Wish(matter=matter, step="press", actor=actor, moment=moment, plan=plan))


def answer_referral(
    office: Office, matter: Matter, actor: Actor, moment: Moment, *, inputs: Inputs, granted: bool
) -> StepAnswer:
    """Record what the upper platform answered."""
    result = {"granted": granted}
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


def referral_question(matter: Matter, profile: str) -> Question:
    """Return what the clocks of *profile* are asked about a referral.

    Nobody here knows the share type, so the clocks are those of conditional data; that of the
    provider's answer is what pressing goes by.
    """
    at = dict(matter.stamps.get(profile, {}))
    return Question(kind=Kind.APPLICATION, share=Share.CONDITIONAL, at=at)


def _due(office: Office, matter: Matter, profile: str, yardstick: Yardstick) -> date | None:
    clocks, calendar = yardstick.clocks[profile], yardstick.calendar
    stage: Stage | None
    if matter.kind is MatterKind.REFERRAL:
        stages = due_stages(referral_question(matter, profile), clocks=clocks, calendar=calendar)
        stage = next((s for s in stages if s.stage is StageName.PROVIDER_ANSWER), None)
    else:
        extra = int(matter.content.get("extension_days", 0))
        stage = answer_stage(office, matter, clocks, profile, calendar, extra=extra)
    return stage.due if stage is not None else None
