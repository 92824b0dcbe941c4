# SPDX-License-Identifier: Apache-2.0
"""What the texts say of a call, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass

from govshare_policy.legal import Effect, Outcome, Reason
from govshare_policy.policy import Rule
from govshare_policy.quick import quick
from govshare_policy.register import Grant


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What one text says of a call, or of the fields of it that have one share type.

    Attributes:
        rules: Every rule that bore on the outcome, the deciding one first; empty where the text
            is silent, which refuses.
        clauses: The clauses of those rules, without repetition; never empty.
        reasons: One a rule; never empty.
        fields: The fields it speaks of.
        grant: The grant it looked at, where there was one.
    """

    profile: str
    outcome: Outcome
    rules: tuple[Rule, ...]
    clauses: tuple[str, ...]
    reasons: tuple[Reason, ...]
    findings: Mapping[str, str]
    fields: tuple[str, ...] = ()
    grant: Grant | None = None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of one call: what, why, under which law, by which policy.

    Attributes:
        outcome: One of seven; the effect follows from it.
        reasons: Never empty; the deciding one first.
        clauses: Never empty; the deciding one first.
        fields: The fields released, in the order asked; empty unless allowed.
        grant: The grant that the deciding text looked at, where there was one.
        rulings: What each text said, the deciding one first. A text speaks more than once where
            fields of several share types are asked for.
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

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule that bore on the outcome, without repetition, the deciding one first."""
        found = {
            rule.id: rule
            for ruling in self.rulings
            if ruling.outcome is self.outcome
            for rule in ruling.rules
        }
        return tuple(found.values())

    @property
    def grants(self) -> tuple[Grant, ...]:
        """Every grant that a text looked at, without repetition, that of the deciding one first."""
        grants = {one.grant.id: one.grant for one in self.rulings if one.grant is not None}
        return tuple(grants.values())

    @property
    def spends(self) -> tuple[Grant, ...]:
        """The grants of an allowed call that it counts against: those with a daily quota.

        What a text leaves open to all is counted under no grant of its own.
        """
        return tuple(grant for grant in self.rests_on if grant.daily_quota is not None)

    @property
    def rests_on(self) -> tuple[Grant, ...]:
        """The grants that an allowed call needs: its subject counts against each of them."""
        needed = {one.grant.id for one in self.rulings if one.grant and _counts(one)}
        if self.effect is Effect.DENY:
            return ()
        return tuple(grant for grant in self.grants if grant.id in needed)

    def __post_init__(self) -> None:
        if not self.reasons or not self.clauses:
            raise ValueError("a decision gives at least one reason and one clause")
        if self.fields and self.outcome is not Outcome.ALLOW:
            raise ValueError("a denial releases nothing")


def _counts(ruling: Ruling) -> bool:
    return ruling.findings["quota"] == "left"
