# SPDX-License-Identifier: Apache-2.0
"""The decision: a pure function of the call, the facts and the bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from govshare_policy.call import Action, Call
from govshare_policy.errors import EvaluationError
from govshare_policy.facts import Candidate, Facts
from govshare_policy.legal import Effect, Outcome, Reason
from govshare_policy.policy import Bundle, Rule, Text, fields_asked, findings
from govshare_policy.register import Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What one text says of a call that rests on one grant, or on none.

    Attributes:
        rules: Every rule that bore on the outcome, the deciding one first; empty where the text
            is silent, which refuses.
        clauses: The clauses of those rules, without repetition; never empty.
        reasons: One a rule; never empty.
    """

    profile: str
    outcome: Outcome
    rules: tuple[Rule, ...]
    clauses: tuple[str, ...]
    reasons: tuple[Reason, ...]
    findings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of one call: what, why, under which law, by which policy.

    Attributes:
        outcome: One of seven; the effect follows from it.
        reasons: Never empty; the deciding one first.
        clauses: Never empty; the deciding one first.
        fields: The fields released, in the order asked; empty unless allowed.
        grant: The grant looked at, where there was one.
        rulings: What each text said, the deciding one first.
        revision: SM3 of the bundle that decided; 32 bytes.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    clauses: tuple[str, ...]
    fields: tuple[str, ...]
    grant: Grant | None
    rulings: tuple[Ruling, ...]
    revision: bytes

    @property
    def effect(self) -> Effect:
        """Whether data may flow."""
        return self.outcome.effect

    def __post_init__(self) -> None:
        if not self.reasons or not self.clauses:
            raise ValueError("a decision gives at least one reason and one clause")
        if self.fields and self.effect is Effect.DENY:
            raise ValueError("a denial releases nothing")


def decide(call: Call, facts: Facts, bundle: Bundle) -> Decision:
    """Decide *call* from its arguments alone: no clock, no I/O, no global state.

    Within a text, a rule that refuses outweighs any number that allow, and silence refuses.
    Between texts the most restrictive outcome wins; between the grants that a call might rest
    on, the least restrictive.

    Raises:
        EvaluationError: If a rule cannot be evaluated. The caller must deny.
    """
    texts = bundle.in_force(facts.day)
    if not texts:
        return _no_text(facts, bundle)
    decisions = [_on(call, facts, candidate, texts, bundle) for candidate in facts.candidates]
    return min(decisions, key=lambda decision: decision.outcome.restriction)


def refuse(code: str, facts: Facts | None, bundle: Bundle) -> Decision:
    """Return the denial for a call that could not be decided; *code* says whose fault it is."""
    pack = bundle.texts[0].pack
    values = _mentions(facts, None)
    return Decision(
        outcome=Outcome.DENY,
        reasons=(bundle.reasons.reason(code, pack.silence, values),),
        clauses=(pack.silence,),
        fields=(),
        grant=None,
        rulings=(),
        revision=bundle.revision,
    )


def _no_text(facts: Facts, bundle: Bundle) -> Decision:
    return refuse("not_in_force", facts, bundle)


def _on(
    call: Call, facts: Facts, candidate: Candidate, texts: Sequence[Text], bundle: Bundle
) -> Decision:
    """Decide *call* as resting on one candidate, by all *texts*."""
    rulings = [_ruling(call, facts, candidate, text, bundle) for text in texts]
    # The sort is stable, so among equals the local text, which comes first, is cited first.
    rulings.sort(key=lambda ruling: -ruling.outcome.restriction)
    deciding = [ruling for ruling in rulings if ruling.outcome is rulings[0].outcome]
    outcome = rulings[0].outcome
    released: tuple[str, ...] = ()
    if outcome is Outcome.ALLOW:
        asked = [fields_asked(call, facts, candidate, text.pack) for text in texts]
        released = tuple(name for name in asked[0] if all(name in more for more in asked))
        if not released and call.action is Action.READ:
            return refuse("fields_missing", facts, bundle)
    return Decision(
        outcome=outcome,
        reasons=tuple(reason for ruling in deciding for reason in ruling.reasons),
        clauses=_unique(clause for ruling in deciding for clause in ruling.clauses),
        fields=released,
        grant=candidate.grant,
        rulings=tuple(rulings),
        revision=bundle.revision,
    )


def _ruling(call: Call, facts: Facts, candidate: Candidate, text: Text, bundle: Bundle) -> Ruling:
    pack = text.pack
    found = findings(call, facts, candidate, pack=pack, scope=text.scope)
    for column, value in found.items():
        if value not in bundle.findings[column]:
            raise EvaluationError(f"`{column}` has a finding outside its closed list")
    hits = pack.policy.ask(tuple(found[column] for column in bundle.columns))
    matched = [pack.rules[number] for number in hits.lines]
    wanted = Effect.ALLOW if hits.allowed else Effect.DENY
    rules = tuple(rule for rule in matched if rule.outcome.effect is wanted)
    values = _mentions(facts, candidate)
    if not rules:
        reason = bundle.reasons.reason("no_rule", pack.silence, values)
        return Ruling(
            profile=pack.profile,
            outcome=Outcome.DENY,
            rules=(),
            clauses=(pack.silence,),
            reasons=(reason,),
            findings=found,
        )
    return Ruling(
        profile=pack.profile,
        outcome=rules[0].outcome,
        rules=rules,
        clauses=_unique(clause for rule in rules for clause in rule.clauses),
        reasons=_reasons(rules, facts, bundle, values),
        findings=found,
    )


def _reasons(
    rules: Sequence[Rule], facts: Facts, bundle: Bundle, values: Mapping[str, str]
) -> tuple[Reason, ...]:
    reasons: dict[str, Reason] = {}
    for rule in rules:
        # What exactly is wrong with the evidence says more than that something is.
        flaw = facts.identity.flaw if rule.reason == "identity_unproven" else None
        code = flaw.value if flaw is not None else rule.reason
        reasons.setdefault(code, bundle.reasons.reason(code, rule.clauses[0], values))
    return tuple(reasons.values())


def _mentions(facts: Facts | None, candidate: Candidate | None) -> dict[str, str]:
    """Return what a reason may mention: registered names only, nothing the caller made up."""
    entry = facts.entry if facts is not None else None
    department = facts.department if facts is not None else None
    system = facts.system if facts is not None else None
    grant = candidate.grant if candidate is not None else None
    return {
        "resource": entry.id if entry is not None else "",
        "provider": entry.provider if entry is not None else "the department that holds them",
        "provider_zh": entry.provider if entry is not None else "数据持有部门",
        "department": department.id if department is not None else "",
        "department_zh": department.name_zh if department is not None else "",
        "system": system.id if system is not None else "",
        "methods": _listed(entry.share_method if entry is not None else ()),
        "grant": grant.id if grant is not None else "",
        "fields": _listed(
            grant.fields if grant is not None else entry.items if entry is not None else ()
        ),
        "purposes": _listed(grant.purposes if grant is not None else ()),
        "channels": _listed(grant.channels if grant is not None else ()),
        "systems": _listed(grant.systems if grant is not None else ()),
        "valid_from": grant.period.valid_from.isoformat() if grant is not None else "",
        "valid_to": grant.period.valid_to.isoformat() if grant is not None else "",
        "quota": str(grant.daily_quota) if grant is not None else "",
    }


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values) if values else "–"


def _unique(values: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))  # type: ignore[call-overload]
