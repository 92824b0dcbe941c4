# SPDX-License-Identifier: Apache-2.0
"""The one engine: which steps a matter may take, under one text or several at once. Pure.

Every text runs its own table of steps. A step that several of them know is taken in all of
them or in none; a step that one text knows alone is taken there alone. So whatever one text
requires is done, whichever other text is asked as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from govshare_policy.deadline import Event
from govshare_policy.register import Register
from govshare_policy.workflow.answer import Refusal
from govshare_policy.workflow.grounds import is_forbidden
from govshare_policy.workflow.model import (
    Actor,
    Matter,
    MatterKind,
    Party,
    Role,
    StepRule,
    Want,
    Workflow,
)
from govshare_policy.workflow.parties import bodies_of, parties_of, person_key
from govshare_policy.workflow.rules import NEW
from govshare_policy.workflow.sentences import refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A step that may be taken, and what it leads to.

    Attributes:
        rules: Profile to the rule that it follows there; never empty.
        states: The states of all texts after it.
        clauses: Of all those rules, those of the local text first.
        told: Who has to be told, in the words of the record.
        grants: Whether with this step every text lets the permission take effect.
    """

    rules: Mapping[str, StepRule]
    states: Mapping[str, str]
    clauses: tuple[str, ...]
    told: tuple[Mapping[str, str], ...]
    grants: bool

    def stamps(self, profile: str) -> tuple[Event, ...]:
        """Return the events that happen with it for the clocks of *profile*."""
        return self.rules[profile].stamps if profile in self.rules else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a step comes with.

    Attributes:
        texts: Free texts by what they are, such as ``reason``; committed to, never recorded.
        reason_code: The reason as a code, such as ``outside_duties``.
        days: Working days of an extension; 0 means not stated.
        flags: What is affirmed, such as ``written``.
    """

    texts: Mapping[Want, str] = field(default_factory=dict)
    reason_code: str = ""
    days: int = 0
    flags: frozenset[Want] = frozenset()

    def states(self, want: Want) -> bool:
        """Whether *want* is there."""
        if want is Want.DAYS:
            return self.days > 0
        if want is Want.REASON_CODE:
            return bool(self.reason_code)
        return want in self.flags or bool(self.texts.get(want, "").strip())


def move(
    matter: Matter,
    step: str,
    actor: Actor | None,
    *,
    texts: Sequence[Workflow],
    register: Register,
    inputs: Inputs,
) -> Move | Refusal:
    """Return what *step* leads to, or why it may not be taken.

    1. Some text knows the step for matters of this kind.
    2. Every text that knows it allows it now.
    3. The actor is one whose step it is, in its role, under every one of them.
    4. The actor is not the applicant deciding on itself, and not a person who acted otherwise.
    5. The step comes with what the texts want, and not with a reason that they forbid.

    Args:
        matter: As it stands.
        step: What is to be done.
        actor: Who wants to; ``None`` for a step that follows from a settlement.
        texts: The texts that were in force when the matter was opened, the local one first.
        register: Says which bodies have which role.
        inputs: What the step comes with.
    """
    # 1.
    known = {text.profile: _named(text, matter, step) for text in texts}
    knowing = [text for text in texts if known[text.profile]]
    if not knowing:
        return refusal("no_such_step", _silence(texts, matter, step), step=step)
    # 2.
    rules: dict[str, StepRule] = {}
    for text in knowing:
        state = matter.states[text.profile]
        rule = next((rule for rule in known[text.profile] if state in rule.sources), None)
        if rule is None:
            clauses = known[text.profile][0].clauses
            following = ", ".join(next_steps(matter, texts))
            return refusal("not_now", clauses, step=step, state=state, next=following)
        rules[text.profile] = rule
    # 3. to 5.
    fault = (
        _not_theirs(matter, actor, rules, knowing, register)
        or _not_separate(matter, actor, rules)
        or _not_complete(matter, rules, knowing, inputs)
    )
    return fault if fault is not None else _moved(matter, rules, texts, register)


def next_steps(matter: Matter, texts: Sequence[Workflow]) -> tuple[str, ...]:
    """Return the steps that the tables allow now, whoever may take them.

    Those that only follow from a dispute are left out.
    """
    steps = dict.fromkeys(
        rule.step
        for text in texts
        for rule in text.rules(matter.kind, matter.route)
        if rule.by != (Party.SETTLEMENT,)
    )
    return tuple(step for step in steps if _is_open(matter, step, texts))


def is_over(matter: Matter, texts: Sequence[Workflow]) -> bool:
    """Whether nobody has a step to take any more, short of a dispute."""
    return not next_steps(matter, texts)


def _named(text: Workflow, matter: Matter, step: str) -> tuple[StepRule, ...]:
    if text.profile not in matter.states:
        return ()
    return tuple(r for r in text.rules(matter.kind, matter.route) if r.step == step)


def _is_open(matter: Matter, step: str, texts: Sequence[Workflow]) -> bool:
    named = [(text, _named(text, matter, step)) for text in texts]
    return all(
        any(matter.states[text.profile] in rule.sources for rule in rules)
        for text, rules in named
        if rules
    )


def _silence(texts: Sequence[Workflow], matter: Matter, step: str) -> tuple[str, ...]:
    return tuple(
        clause
        for text in texts
        for cited in text.silent
        if cited.matter is matter.kind and (not cited.steps or step in cited.steps)
        for clause in cited.clauses
    )


def _not_theirs(
    matter: Matter,
    actor: Actor | None,
    rules: Mapping[str, StepRule],
    knowing: Sequence[Workflow],
    register: Register,
) -> Refusal | None:
    for text in knowing:
        rule = rules[text.profile]
        if rule.by == (Party.SETTLEMENT,) and actor is None:
            continue
        body, role = (actor.body, actor.role) if actor else ("", Role.AUDIT)
        own = body == matter.department and matter.has_applicant
        if own and Party.USER not in rule.by:
            return refusal("own_application", rule.clauses)
        parties = parties_of(matter, body, text.profile, register)
        if role is not rule.role or not parties & set(rule.by):
            clauses = (*rule.clauses, *text.naming(rule.by))
            names = ", ".join(rule.by)
            return refusal("not_your_step", clauses, step=rule.step, parties=names, role=rule.role)
    return None


def _not_separate(
    matter: Matter, actor: Actor | None, rules: Mapping[str, StepRule]
) -> Refusal | None:
    if actor is None:
        return None
    key = person_key(matter, actor.person)
    for taken in matter.steps:
        if taken.person == key and (taken.body, taken.role) != (actor.body, actor.role):
            clauses = [clause for rule in rules.values() for clause in rule.clauses]
            return refusal("same_person", clauses)
    return None


def _not_complete(
    matter: Matter,
    rules: Mapping[str, StepRule],
    knowing: Sequence[Workflow],
    inputs: Inputs,
) -> Refusal | None:
    for text in knowing:
        rule = rules[text.profile]
        missing = [want for want in rule.wants if not inputs.states(want)]
        if missing:
            names = ", ".join(missing)
            return refusal("want_missing", rule.clauses, step=rule.step, names=names)
        if matter.kind is not MatterKind.APPLICATION or Want.REASON not in rule.wants:
            continue
        code, said = inputs.reason_code, inputs.texts[Want.REASON]
        for ground in text.forbidden_reasons:
            if is_forbidden(ground, matter, code=code, text=said):
                return refusal("invalid_refusal", ground.clauses, reason=ground.id)
    return None


def _moved(
    matter: Matter,
    rules: Mapping[str, StepRule],
    texts: Sequence[Workflow],
    register: Register,
) -> Move:
    states = dict(matter.states) | {profile: rule.target for profile, rule in rules.items()}
    told: list[Mapping[str, str]] = []
    for profile, rule in rules.items():
        for tell in rule.tells:
            row = {"to": tell.called or tell.to.value, "act": tell.act, "clause": tell.clause}
            row["bodies"] = "|".join(bodies_of(matter, tell.to, profile, register))
            if tell.via is not None:
                row["via"] = tell.via.value
            told.append(row)
    return Move(
        rules=rules,
        states=states,
        clauses=tuple(dict.fromkeys(c for rule in rules.values() for c in rule.clauses)),
        told=tuple(told),
        grants=_takes_effect(matter, rules, states, texts),
    )


def _takes_effect(
    matter: Matter,
    rules: Mapping[str, StepRule],
    states: Mapping[str, str],
    texts: Sequence[Workflow],
) -> bool:
    """Whether *rules* complete what all texts want before a permission.

    A text is content in a state that a granting step leads to.
    """
    if not any(rule.grants for rule in rules.values()):
        return False
    return all(
        any(
            rule.grants and rule.target == states[text.profile]
            for rule in text.rules(matter.kind, matter.route)
        )
        for text in texts
        if text.profile in states and states[text.profile] != NEW
    )
