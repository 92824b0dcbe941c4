# SPDX-License-Identifier: Apache-2.0
"""What a text says of what was found: asked once, and remembered."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from govshare_policy.errors import EvaluationError
from govshare_policy.legal import Effect, Outcome
from govshare_policy.policy import FOUND, Bundle, Pack, Rule

# Findings are of closed lists, but their combinations are many; a busy county meets hundreds.
REMEMBERED: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one text says of one combination of findings.

    Attributes:
        rules: Every rule that bore on the outcome, the deciding one first; empty where the text
            is silent, which refuses.
        clauses: Their clauses, without repetition, or that of the silence; never empty.
    """

    outcome: Outcome
    rules: tuple[Rule, ...]
    clauses: tuple[str, ...]
    findings: Mapping[str, str]


def verdict_of(found: tuple[str, ...], pack: Pack, bundle: Bundle) -> Verdict:
    """Return what *pack* says of *found*, which is in the order of ``FOUND``.

    Raises:
        EvaluationError: If a finding is outside its closed list, or the two evaluators disagree.
            Neither is remembered.
    """
    key = (pack.profile, found)
    known: Verdict | None = bundle.verdicts.get(key)
    if known is None:
        known = _asked(found, pack, bundle)
        if len(bundle.verdicts) >= REMEMBERED:
            bundle.verdicts.clear()
        bundle.verdicts[key] = known
    return known


def _asked(found: tuple[str, ...], pack: Pack, bundle: Bundle) -> Verdict:
    findings = dict(zip(FOUND, found, strict=True))
    for column, value in findings.items():
        if value not in bundle.findings[column]:
            raise EvaluationError(f"`{column}` has a finding outside its closed list")
    hits = pack.policy.ask(tuple(findings[column] for column in bundle.columns))
    wanted = Effect.ALLOW if hits.allowed else Effect.DENY
    matched = [pack.rules[number] for number in hits.lines]
    rules = tuple(rule for rule in matched if rule.outcome.effect is wanted)
    cited = [clause for rule in rules for clause in rule.clauses] or [pack.silence]
    return Verdict(
        outcome=rules[0].outcome if rules else Outcome.DENY,
        rules=rules,
        clauses=tuple(dict.fromkeys(cited)),
        findings=MappingProxyType(findings),
    )
