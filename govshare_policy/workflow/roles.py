# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the parties of each text, the bodies that are them, and the steps they take.

Operating, managing and auditing are kept apart by the engine: a step wants one role, and a person
acts in a matter for one body in one role. Who audits takes no step at all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from govshare_policy.register import Register
from govshare_policy.workflow.model import Named, Party, StepRule, Workflow
from govshare_policy.workflow.parties import SIDES, holders_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Competence:
    """One step that one party may take under one text.

    Attributes:
        bodies: Those that ``roles.tsv`` gives the role; empty for the sides of a matter, which
            each matter names, and for a role that nobody holds here.
        named: What the text calls the party, where it names a body for the role.
        naming: The clauses by which it does.
        rule: The step; ``None`` where the text gives the party none.
    """

    profile: str
    party: Party
    bodies: tuple[str, ...]
    named: str
    naming: tuple[str, ...]
    rule: StepRule | None

    def to_document(self) -> dict[str, object]:
        """Return it, ready for JSON."""
        rule = self.rule
        return {
            "profile": self.profile,
            "party": self.party.value,
            "bodies": list(self.bodies),
            "named": self.named,
            "named_by": list(self.naming),
            "role": rule.role.value if rule else "",
            "matter": rule.matter.value if rule else "",
            "step": rule.step if rule else "",
            "id": rule.id if rule else "",
            "clauses": list(rule.clauses) if rule else [],
        }


def competences(texts: Sequence[Workflow], register: Register) -> tuple[Competence, ...]:
    """Return who may take which step under each of *texts*, party by party, in their order.

    Steps that follow from a settlement are nobody's, so they are left out.
    """
    return tuple(competence for text in texts for competence in _of_text(text, register))


def _of_text(text: Workflow, register: Register) -> Iterator[Competence]:
    for party in Party:
        rules = [rule for rule in text.steps if party in rule.by and party is not Party.SETTLEMENT]
        named = [role for role in text.roles if role.party is party]
        listed: list[StepRule | None] = [*rules] or [None] * bool(named)
        for rule in listed:
            yield Competence(
                profile=text.profile,
                party=party,
                bodies=() if party in SIDES else holders_of(party, text.profile, register),
                named=_joined(named),
                naming=text.naming((party,)),
                rule=rule,
            )


def _joined(named: Sequence[Named]) -> str:
    return "、".join(role.named for role in named)
