# SPDX-License-Identifier: Apache-2.0
"""What a caller is told, and what became of a call: the values at the end of the way."""

from dataclasses import dataclass, field
from datetime import datetime

from govshare_policy.audit import Receipt
from govshare_policy.decision import Decision
from govshare_policy.identity import Identity
from govshare_policy.legal import Duty
from govshare_policy.quick import quick


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one call.

    Attributes:
        id: The call's own id, or the record's where the call had none.
        record_id: The id of the decision record; a UUIDv7.
        receipt: Proof that the record is in the log; ``None`` only for an offline check.
        resource: What was asked for.
        purpose: What for, as the call stated it.
    """

    id: str
    record_id: str
    at: datetime
    identity: Identity
    decision: Decision
    duties: tuple[Duty, ...]
    profile: str
    precedence: str
    receipt: Receipt | None = None
    resource: str = ""
    purpose: str = ""

    def with_receipt(self, receipt: Receipt | None) -> "Answer":
        """Return the same answer with *receipt*; ``replace`` would take three times as long."""
        return Answer(
            id=self.id,
            record_id=self.record_id,
            at=self.at,
            identity=self.identity,
            decision=self.decision,
            duties=self.duties,
            profile=self.profile,
            precedence=self.precedence,
            receipt=receipt,
            resource=self.resource,
            purpose=self.purpose,
        )

    def to_document(self) -> dict[str, object]:
        """Return the answer as its caller gets it, ready for JSON."""
        decision = self.decision
        return {
            "id": self.id,
            "effect": decision.effect.value,
            "outcome": decision.outcome.value,
            "clauses": list(decision.clauses),
            "reasons": [
                {
                    "code": reason.code,
                    "clause": reason.clause,
                    "text": reason.text,
                    "text_zh": reason.text_zh,
                    "remedy": reason.remedy,
                    "remedy_zh": reason.remedy_zh,
                }
                for reason in decision.reasons
            ],
            "fields": list(decision.fields),
            "duties": self.duties_document(),
            "grant": decision.grant.id if decision.grant is not None else "",
            "grants": [grant.id for grant in decision.grants],
            "policy": self.policy_document(),
            "texts": [
                {
                    "profile": ruling.profile,
                    "outcome": ruling.outcome.value,
                    "clauses": list(ruling.clauses),
                }
                for ruling in decision.rulings
            ],
        }

    def duties_document(self) -> list[dict[str, str]]:
        """Return the duties as they stand in the answer."""
        return [{"code": d.code, "value": d.value, "clause": d.clause} for d in self.duties]

    def policy_document(self) -> dict[str, str]:
        """Return which policy decided, as it stands in the answer."""
        return {
            "profile": self.profile,
            "precedence": self.precedence,
            "revision": f"sm3:{self.decision.revision.hex()}",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """An answer that nobody may be given yet, and the record that has to be written first."""

    answer: Answer
    record: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened after an allowed call: whether data left, and how much.

    Attributes:
        response: SM3 of the bytes released; 32 bytes, or none where nothing was.
        records: SM3 of each record that left, in canonical spelling and in their order; 32 bytes
            each.
        root: Over the keyed leaves of the records; 32 bytes, or none where no record left or the
            salt is gone.
    """

    status: str
    rows: int = 0
    size_bytes: int = 0
    response: bytes = b""
    records: bytes = b""
    root: bytes = b""
