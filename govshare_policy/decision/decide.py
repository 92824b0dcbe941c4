# SPDX-License-Identifier: Apache-2.0
"""The decision: a pure function of the call, the facts and the bundle."""

from collections.abc import Mapping, Sequence
from typing import Final

from govshare_policy.call import Action, Call
from govshare_policy.chain import ChainState
from govshare_policy.decision.choice import (
    Cell,
    attainable,
    choice,
    merged_rulings,
    released_fields,
    unique,
)
from govshare_policy.decision.mentions import Mentions
from govshare_policy.decision.model import Decision, Ruling
from govshare_policy.decision.verdict import verdict_of
from govshare_policy.facts import Candidate, Facts, lacks_only_a_purpose
from govshare_policy.legal import Effect, Outcome, Reason
from govshare_policy.policy import (
    Bundle,
    Part,
    Rule,
    Text,
    fields_asked,
    found_of,
    kinds_of_fields,
    readings,
)

# Where a party of the chain is in the way, these say less than that it is.
_ONWARD: Final = frozenset(
    (
        "consent_not_covering",
        "onward_by_read",
        "onward_needs_consent",
        "onward_to_department",
        "onward_to_provider",
        "onward_to_third_party",
    )
)
_CHAIN_REASONS: Final[Mapping[ChainState, str]] = {
    ChainState.OUTSIDE: "chain_outside",
    ChainState.UNKNOWN: "chain_unknown",
}


def decide(call: Call, facts: Facts, bundle: Bundle) -> Decision:
    """Decide *call* from its arguments alone: no clock, no I/O, no global state.

    Within a text, a rule that refuses outweighs any number that allow, and silence refuses.
    Between texts the most restrictive outcome wins. Between the grants that a call might rest
    on, the least restrictive outcome wins, then the most fields. Each text, and each share type
    among the fields, may rest on a grant of its own if that is better than any single one.

    Raises:
        EvaluationError: If a rule cannot be evaluated. The caller must deny.
    """
    texts = bundle.in_force(facts.day)
    if not texts:
        return refuse("not_in_force", facts, bundle)
    kinds = kinds_of_fields(call, facts)
    if len(texts) == len(kinds) == len(facts.candidates) == 1:
        only = _best(call, facts, kinds[0], facts.candidates[0], texts[0], bundle=bundle)
        return _from_one(call, facts, only, bundle)
    table = [_row(call, facts, fields, texts, bundle) for fields in kinds]
    apart = _decision(call, facts, table, bundle)
    if len(facts.candidates) == 1:
        return apart
    alone = (
        _decision(call, facts, [[[cell[number]] for cell in row] for row in table], bundle)
        for number in range(len(facts.candidates))
    )
    best = min(alone, key=_merit)
    # A denial shows what each text says by itself, so that it can be told which one is in the way.
    together = best.effect is Effect.ALLOW and _merit(best) <= _merit(apart)
    return best if together else apart


def refuse(code: str, facts: Facts | None, bundle: Bundle) -> Decision:
    """Return the denial for a call that could not be decided; *code* says whose fault it is."""
    pack = bundle.texts[0].pack
    clause = pack.in_force_clause if code == "not_in_force" else pack.silence
    values = Mentions(facts, None)
    return Decision(
        outcome=Outcome.DENY,
        reasons=(bundle.reasons.reason(code, clause, values),),
        clauses=(clause,),
        fields=(),
        grant=None,
        rulings=(),
        revision=bundle.revision,
    )


def _merit(decision: Decision) -> tuple[int, int]:
    """Return how good *decision* is for whoever calls; the lower, the better."""
    return decision.outcome.restriction, -len(decision.fields)


def _row(
    call: Call, facts: Facts, fields: tuple[str, ...], texts: Sequence[Text], bundle: Bundle
) -> list[Cell]:
    """Return one cell a text: the best it says of *fields* under each candidate."""
    return [
        [_best(call, facts, fields, one, text, bundle=bundle) for one in facts.candidates]
        for text in texts
    ]


def _best(
    call: Call,
    facts: Facts,
    fields: tuple[str, ...],
    candidate: Candidate,
    text: Text,
    *,
    bundle: Bundle,
) -> Ruling:
    """Return the best that *text* says of *fields* under *candidate*."""
    parts = readings(fields, facts, text.pack)
    if len(parts) == 1:
        return _ruling(call, facts, candidate, text, parts[0], bundle)
    rulings = [_ruling(call, facts, candidate, text, part, bundle) for part in parts]
    return min(rulings, key=lambda one: (one.outcome.restriction, -len(one.fields)))


def _from_one(call: Call, facts: Facts, ruling: Ruling, bundle: Bundle) -> Decision:
    """Decide from all that there is: what one text says of all fields under one candidate."""
    released: tuple[str, ...] = ()
    if ruling.outcome is Outcome.ALLOW:
        released = ruling.fields
        if not released and call.action is Action.READ:
            return refuse("fields_missing", facts, bundle)
    return Decision(
        outcome=ruling.outcome,
        reasons=ruling.reasons,
        clauses=ruling.clauses,
        fields=released,
        grant=ruling.grant,
        rulings=(ruling,),
        revision=bundle.revision,
    )


def _decision(
    call: Call, facts: Facts, table: Sequence[Sequence[Cell]], bundle: Bundle
) -> Decision:
    """Decide from *table*, which has a row for each kind of fields and a cell for each text."""
    rows = [choice(row) for row in table]
    if call.asks_for_all:
        rows = attainable(rows)
    by_text = [row[number] for number in range(len(rows[0])) for row in rows]
    # The sort is stable, so among equals the local text, which comes first, is cited first.
    rulings = sorted(merged_rulings(by_text), key=lambda ruling: -ruling.outcome.restriction)
    outcome = rulings[0].outcome
    released: tuple[str, ...] = ()
    if outcome is Outcome.ALLOW:
        released = released_fields(call, facts, rows)
        if not released and call.action is Action.READ:
            return refuse("fields_missing", facts, bundle)
    deciding = [ruling for ruling in rulings if ruling.outcome is outcome]
    return Decision(
        outcome=outcome,
        reasons=unique(reason for ruling in deciding for reason in ruling.reasons),
        clauses=unique(clause for ruling in deciding for clause in ruling.clauses),
        fields=released,
        grant=rulings[0].grant,
        rulings=tuple(rulings),
        revision=bundle.revision,
    )


def _ruling(
    call: Call, facts: Facts, candidate: Candidate, text: Text, part: Part, bundle: Bundle
) -> Ruling:
    pack = text.pack
    asked = fields_asked(call, facts, candidate, pack, part)
    found = found_of(
        call, facts, candidate, pack=pack, scope=text.scope, share=part.share, asked=asked
    )
    verdict = verdict_of(found, pack, bundle)
    reasons = _reasons(verdict.rules, call, facts, candidate=candidate, bundle=bundle) or (
        bundle.reasons.reason("no_rule", pack.silence, Mentions(facts, candidate)),
    )
    clauses = verdict.clauses
    return Ruling(
        profile=pack.profile,
        outcome=verdict.outcome,
        rules=verdict.rules,
        clauses=unique((*clauses, part.clause)) if part.clause else clauses,
        reasons=reasons,
        findings=verdict.findings,
        fields=asked,
        grant=candidate.grant,
    )


def _reasons(
    rules: Sequence[Rule], call: Call, facts: Facts, *, candidate: Candidate, bundle: Bundle
) -> tuple[Reason, ...]:
    clauses: dict[str, str] = {}
    for rule in rules:
        clauses.setdefault(_code(rule.reason, call, facts, candidate), rule.clauses[0])
    values, own, texts = Mentions(facts, candidate), facts.provides_itself, bundle.reasons
    return tuple([texts.reason(code, clauses[code], values, own=own) for code in clauses])


def _code(reason: str, call: Call, facts: Facts, candidate: Candidate) -> str:
    """Return what says more than *reason*, where something does: what exactly is wrong."""
    if reason == "identity_unproven" and facts.identity.flaw is not None:
        return facts.identity.flaw.value
    if reason == "consent_not_covering" and lacks_only_a_purpose(call, facts):
        return "consent_purpose_unstated"
    if reason in _ONWARD and facts.chain in _CHAIN_REASONS:
        return _CHAIN_REASONS[facts.chain]
    if reason == "fields_missing" and facts.subject_unstated:
        return "subject_unstated"
    if reason == "quota_spent" and candidate.subjects_spent:
        return "subjects_spent"
    return reason
