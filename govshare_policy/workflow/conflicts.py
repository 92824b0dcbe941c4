# SPDX-License-Identifier: Apache-2.0
"""Joint verification: data of several providers that conflict, verified by all of them together.

What stands is recorded as a reference to an entry. No value is ever kept, shown or recorded.
"""

from dataclasses import dataclass
from typing import Final

from govshare_policy.errors import CallError
from govshare_policy.workflow.answer import Refusal, StepAnswer
from govshare_policy.workflow.machine import Inputs, Move
from govshare_policy.workflow.model import Actor, Matter, MatterKind, Party
from govshare_policy.workflow.office import Office
from govshare_policy.workflow.parties import holders_of
from govshare_policy.workflow.sentences import refusal
from govshare_policy.workflow.wish import Moment, Plan, Wish

_VERIFY: Final = "verify"
_FEWEST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Entries whose data do not agree.

    Attributes:
        resources: At least two, of at least two providers.
        fields: The items that differ, as the entries call them; empty leaves it open.
    """

    resources: tuple[str, ...]
    fields: tuple[str, ...] = ()


def raise_conflict(
    office: Office, conflict: Conflict, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Open a joint verification; anybody may who has seen that data conflict.

    Raises:
        CallError: If an entry or an item is unknown, or all entries are of one provider, who is
            then asked for a correction.
    """
    known = office.bundle.register.resources
    if not set(conflict.resources) <= set(known):
        raise CallError("the catalogue has no such resource")
    entries = [known[name] for name in dict.fromkeys(conflict.resources)]
    providers = tuple(dict.fromkeys(entry.provider for entry in entries))
    if len(providers) < _FEWEST:
        raise CallError("a conflict is between data of two providers at least")
    if not set(conflict.fields) <= {item for entry in entries for item in entry.items}:
        raise CallError("a field is in none of the catalogue entries")
    shown = {"resources": [entry.id for entry in entries], "fields": list(conflict.fields)}
    matter = office.new_matter(
        MatterKind.JOINT_VERIFICATION,
        moment,
        texts=office.in_force(moment),
        department=actor.body,
        provider="|".join(providers),
        resource="|".join(entry.id for entry in entries),
        content=shown,
    )
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


def verify_conflict(
    office: Office, matter: Matter, actor: Actor, moment: Moment, *, inputs: Inputs
) -> StepAnswer:
    """Record what one side found in its own data: a provider, or the operator for the platform."""

    def plan(_: Move) -> Plan:
        verified = [*matter.content.get("verified", []), actor.body]
        return Plan(content={"verified": list(dict.fromkeys(verified))})

    return office.take(
        Wish(matter=matter, step=_VERIFY, actor=actor, moment=moment, inputs=inputs, plan=plan)
    )


def conclude_conflict(
    office: Office, matter: Matter, actor: Actor, moment: Moment, *, inputs: Inputs, stands: str
) -> StepAnswer:
    """Record whose data stand, once the platform and every provider have verified.

    Args:
        office: Takes the step.
        matter: The joint verification.
        actor: Who concludes it.
        moment: When.
        inputs: With what was found.
        stands: The entry whose data stand; empty where those of none do.

    Raises:
        CallError: If the entry is none of those that conflict.
    """
    if stands and stands not in matter.content["resources"]:
        raise CallError("the entry that stands is none of those that conflict")
    result = {"stands": stands}

    def plan(moved: Move) -> Plan | Refusal:
        waiting = _waiting(office, matter, moved)
        if waiting:
            return refusal("not_all_verified", moved.clauses, names=", ".join(waiting))
        return Plan(content=result, shown=result)

    return office.take(
        Wish(matter=matter, step="conclude", actor=actor, moment=moment, inputs=inputs, plan=plan)
    )


def _waiting(office: Office, matter: Matter, moved: Move) -> list[str]:
    """Return who has not verified yet: providers by their ids, the platform by its role."""
    verified = set(matter.content.get("verified", []))
    waiting = [body for body in matter.providers if body not in verified]
    for profile in moved.rules:
        operators = holders_of(Party.PLATFORM_OPERATOR, profile, office.bundle.register)
        if not verified & set(operators):
            waiting.append(Party.PLATFORM_OPERATOR.value)
    return waiting
