# SPDX-License-Identifier: Apache-2.0
"""The gate: call → identity → facts → decision → duties → record → answer, in that order only."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from govshare_policy.audit import Receipt, encode_record, format_time, new_record_id
from govshare_policy.call import Call, RecipientKind
from govshare_policy.decision import Decision, decide, refuse
from govshare_policy.errors import (
    AuditError,
    CallError,
    FactError,
    GovshareError,
    IdentityError,
)
from govshare_policy.facts import Facts, FactSource
from govshare_policy.identity import Evidence, Identity, Trust, legal_day
from govshare_policy.legal import Duty, Effect
from govshare_policy.obligations import oblige
from govshare_policy.policy import Bundle
from govshare_policy.usage import Usage


class RecordLog(Protocol):
    """Where records go. A receipt means: on disk, under a signed checkpoint."""

    def submit(self, record: bytes) -> Future[Receipt]:
        """Return a future that ends in a receipt, or in :exc:`AuditError`."""
        ...


class Salts(Protocol):
    """Turns personal values into commitments that a record may carry."""

    def commit(self, record_id: str, values: Mapping[str, str]) -> dict[str, str]:
        """Return a commitment for each value; raise :exc:`AuditError` if none can be kept."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What one call is decided on. Replaced whole, so that no call sees half a change."""

    trust: Trust
    facts: FactSource
    bundle: Bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one call.

    Attributes:
        id: The call's own id, or the record's where the call had none.
        record_id: The id of the decision record; a UUIDv7.
        receipt: Proof that the record is in the log; ``None`` only for an offline check.
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

    def to_document(self) -> dict[str, object]:
        """Return the answer as interface §4 shapes it, ready for JSON."""
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
            "duties": [{"code": d.code, "value": d.value, "clause": d.clause} for d in self.duties],
            "grant": decision.grant.id if decision.grant is not None else "",
            "policy": {
                "profile": self.profile,
                "precedence": self.precedence,
                "revision": f"sm3:{decision.revision.hex()}",
            },
            "texts": [
                {
                    "profile": ruling.profile,
                    "outcome": ruling.outcome.value,
                    "clauses": list(ruling.clauses),
                }
                for ruling in decision.rulings
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened after an allowed call: whether data left, and how much."""

    status: str
    rows: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Answers calls. The whole data flow is the body of :meth:`submit`."""

    basis: Callable[[], Basis]
    log: RecordLog
    salts: Salts
    now: Callable[[], datetime]
    usage: Usage = field(default_factory=Usage)

    def answer(self, call: Call, evidence: Evidence) -> Answer:
        """Answer *call*, after recording the answer.

        Raises:
            AuditError: If the record did not reach the log. No receipt, no answer.
        """
        return self.submit(call, evidence).result()

    def submit(self, call: Call, evidence: Evidence) -> Future[Answer]:
        """Decide *call* now and return a future that ends once the answer is recorded."""
        at, basis = self.now(), self.basis()  # read once: one call, one time, one policy
        answer, facts = self._within_quota(call, evidence, basis, at=at)
        personal = personal_values(call)
        commitments = self.salts.commit(answer.record_id, personal) if personal else {}
        answer, record = _as_recorded(call, answer, facts, basis.bundle, committed=commitments)
        return self._recorded(answer, record)

    def conclude(self, answer: Answer, outcome: Outcome) -> Future[Receipt]:
        """Record what became of an allowed call; without it the data "may have been released"."""
        at = self.now()
        record = {
            "v": 1,
            "phase": "outcome",
            "id": new_record_id(at),
            "t": format_time(at),
            "decision": answer.record_id,
            "status": outcome.status,
            "rows": outcome.rows,
            "bytes": outcome.size_bytes,
        }
        return self.log.submit(encode_record(record))

    def _within_quota(
        self, call: Call, evidence: Evidence, basis: Basis, *, at: datetime
    ) -> tuple[Answer, Facts | None]:
        answer, facts = answer_unrecorded(call, evidence, basis, at=at)
        for _ in facts.candidates if facts is not None else ():
            if self._counted(answer):
                return answer, facts
            # Another call took the last place; asked again, the rules say so or take another grant.
            answer, facts = answer_unrecorded(call, evidence, basis, at=at)
        if not self._counted(answer):
            refusal = refuse("internal_error", facts, basis.bundle)
            return replace(answer, decision=refusal, duties=()), facts
        return answer, facts

    def _counted(self, answer: Answer) -> bool:
        decision, grant = answer.decision, answer.decision.grant
        # What the texts leave open to all is counted under no grant.
        counts = any(ruling.findings["quota"] == "left" for ruling in decision.rulings)
        if decision.effect is Effect.DENY or not counts or grant is None or not grant.daily_quota:
            return True
        return self.usage.take(grant.id, legal_day(answer.at), quota=grant.daily_quota)

    def _recorded(self, answer: Answer, record: bytes) -> Future[Answer]:
        answered: Future[Answer] = Future()
        answered.set_running_or_notify_cancel()  # a caller that leaves cannot cancel the record

        def finish(done: Future[Receipt]) -> None:
            if (error := done.exception()) is not None:
                answered.set_exception(error)
            else:
                answered.set_result(replace(answer, receipt=done.result()))

        self.log.submit(record).add_done_callback(finish)
        return answered


def check(call: Call, basis: Basis) -> Answer:
    """Answer *call* offline as of the instant it states, and record nothing.

    Raises:
        CallError: If the call states no instant.
    """
    if call.at is None:
        raise CallError("the call has no `at`")
    return answer_unrecorded(call, Evidence(network=call.network), basis, at=call.at)[0]


def answer_unrecorded(
    call: Call, evidence: Evidence, basis: Basis, *, at: datetime
) -> tuple[Answer, Facts | None]:
    """Decide *call* without recording anything: the offline check, and the gate's first half.

    Every error but a call's own is turned into a denial, which says whose fault it is.
    """
    bundle, facts = basis.bundle, None
    identity = Identity(network=evidence.network)
    duties: tuple[Duty, ...] = ()
    try:
        identity = basis.trust.identify(call, evidence, at=at)
        facts = basis.facts.gather(call, identity, at=at)
        decision = decide(call, facts, bundle)
        duties = oblige(decision, call, facts, bundle)
    except (CallError, AuditError):
        raise
    except GovshareError as error:
        decision = refuse(_fault(error), facts, bundle)
    record_id = new_record_id(at)
    answer = Answer(
        id=call.id or record_id,
        record_id=record_id,
        at=at,
        identity=identity,
        decision=decision,
        duties=duties,
        profile=bundle.profile,
        precedence=bundle.precedence.value,
    )
    return answer, facts


def _fault(error: GovshareError) -> str:
    """Return the code of the reason that says who has to act on *error*."""
    match error:
        case IdentityError():
            return "identity_unproven"
        case FactError():
            return "fact_error"
        case _:
            return "internal_error"


def personal_values(call: Call) -> dict[str, str]:
    """Return the values of *call* that name a person, by their names in the record."""
    values = {"operator": call.operator} if call.operator else {}
    if call.recipient is not None and call.recipient.kind is RecipientKind.PERSON:
        values["recipient"] = call.recipient.id
    return values


def _as_recorded(
    call: Call, answer: Answer, facts: Facts | None, bundle: Bundle, *, committed: Mapping[str, str]
) -> tuple[Answer, bytes]:
    """Return *answer* with its record; one that no record can hold becomes a denial that fits."""
    try:
        return answer, decision_record(call, answer, facts, committed)
    except AuditError:
        # The log is well: an endless list of fields or text of a duty must not stop the others.
        answer = replace(answer, decision=refuse("internal_error", None, bundle), duties=())
        return answer, decision_record(call, answer, None, committed)


def decision_record(
    call: Call, answer: Answer, facts: Facts | None, committed: Mapping[str, str]
) -> bytes:
    """Return the canonical bytes of the decision record (docs/spec/audit-log.md).

    A name that no register knows stays out and is only said to be unknown; a person is named by
    a commitment alone. The open codes purpose, channel and item, and the call's own id, stand as
    they were sent: an auditor has to see what was claimed.
    """
    decision, identity = answer.decision, answer.identity
    document = answer.to_document()
    record: dict[str, object] = {
        "v": 1,
        "phase": "decision",
        "id": answer.record_id,
        "t": format_time(answer.at),
        "call": _call(call, facts),
        "department": identity.department if facts and facts.department else "",
        "system": identity.system if facts and facts.system else "",
        "network": identity.network,
        "outcome": decision.outcome.value,
        "effect": decision.effect.value,
        "clauses": list(decision.clauses),
        "reasons": [reason.code for reason in decision.reasons],
        "fields": list(decision.fields),
        "duties": document["duties"],
        "grant": document["grant"],
        "policy": document["policy"],
        "texts": document["texts"],
        "commitments": dict(committed),
    }
    if identity.spki is not None:
        record["certificate"] = identity.spki.hex()
    return encode_record(record)


def _call(call: Call, facts: Facts | None) -> dict[str, object]:
    entry = facts.entry if facts else None
    listed = set(entry.items) if entry else set()
    asked = ["*"] if call.asks_for_all else [name for name in call.fields if name in listed]
    stated: dict[str, object] = {
        "id": call.id,
        "action": call.action.value,
        "resource": entry.id if entry else "",
        "fields": asked,
        "unknown_fields": 0 if call.asks_for_all else len(call.fields) - len(asked),
        "purpose": call.purpose,
        "channel": call.channel,
        "item": call.item,
        "consent": facts.consent.id if facts and facts.consent else "",
        "derived": call.derived,
        "commercial": call.commercial,
    }
    if call.recipient is not None:
        kind = call.recipient.kind
        known = facts.recipient if facts and kind is not RecipientKind.PERSON else ""
        stated["recipient"] = {"kind": kind.value, "id": known}
    return stated
