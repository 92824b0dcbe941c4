# SPDX-License-Identifier: Apache-2.0
"""A step of supervision that somebody wants to take, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from govshare_policy.supervision.model import Need, ProceedingKind
from govshare_policy.supervision.proceedings import REFUSED, TAKEN
from govshare_policy.workflow import Actor, Moment, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A step that somebody wants to take.

    Attributes:
        matter: The proceeding; empty for a step that opens one.
        told: For an opening step, the body that the notice is to or that has the data.
        violation: For a notice, the item of the text's list.
        grant: For a disposal, the grant that ended.
        reason: Free text; committed to, never recorded.
        way: A code for how data are disposed of, such as ``destroyed``.
        until: The last day to put it right.
        evidence: What it rests on, as the report names it.
    """

    kind: ProceedingKind
    step: str
    actor: Actor
    moment: Moment
    matter: str = ""
    told: str = ""
    violation: str = ""
    resource: str = ""
    grant: str = ""
    reason: str = field(default="", repr=False)
    way: str = ""
    until: date | None = None
    evidence: tuple[str, ...] = ()

    def states(self, need: Need) -> bool:
        """Whether *need* is there."""
        return bool({Need.REASON: self.reason, Need.WAY: self.way, Need.UNTIL: self.until}[need])


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """What became of a step: the state after it, or why it was refused.

    Attributes:
        record: The number of the audit record that says so.
    """

    matter: str
    kind: ProceedingKind
    step: str
    state: str
    clauses: tuple[str, ...]
    told: tuple[Mapping[str, str], ...]
    record: int
    record_id: str
    refusal: Refusal | None = None

    def to_document(self) -> dict[str, object]:
        """Return the answer, ready for JSON."""
        document: dict[str, object] = {
            "outcome": TAKEN if self.refusal is None else REFUSED,
            "matter": self.matter,
            "kind": self.kind.value,
            "step": self.step,
            "state": self.state,
            "clauses": list(self.clauses),
            "told": [dict(told) for told in self.told],
            "record": {"id": self.record_id, "index": self.record},
        }
        if self.refusal is not None:
            document["code"] = self.refusal.code
            document["text"] = self.refusal.text
            document["text_zh"] = self.refusal.text_zh
        return document
