# SPDX-License-Identifier: Apache-2.0
"""The gate: call → identity → facts → decision → duties → record → answer, in that order only."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from govshare_policy.answer import Answer, Decided, Outcome
from govshare_policy.audit import Receipt, encode_record, new_record_id
from govshare_policy.basis import Basis, answer_of, answer_unrecorded, check
from govshare_policy.call import Call
from govshare_policy.decision import refuse
from govshare_policy.envelope import Opener, Presented
from govshare_policy.errors import (
    AuditError,
    FactError,
    GovshareError,
    IdentityError,
    VerificationError,
)
from govshare_policy.facts import Facts
from govshare_policy.identity import Evidence, Trust, legal_day
from govshare_policy.policy import Bundle
from govshare_policy.recorded import decision_record, outcome_record, personal_values
from govshare_policy.settled import settle
from govshare_policy.subjects import Subjects, Uncounted
from govshare_policy.usage import Tally, Usage

__all__ = [
    "Answer",
    "Basis",
    "Decided",
    "Gate",
    "Outcome",
    "RecordLog",
    "Salts",
    "answer_unrecorded",
    "check",
]


class RecordLog(Protocol):
    """Where records go. A receipt means: on disk, under a signed checkpoint."""

    def submit(self, record: bytes) -> Future[Receipt]:
        """Return a future that ends in a receipt, or in :exc:`AuditError`."""
        ...

    def offer(self, record: bytes) -> asyncio.Future[Receipt]:
        """Do the same for a coroutine; *record* has its place in the order when this returns.

        Raises:
            AuditError: If the log takes no more records.
        """
        ...


class Salts(Protocol):
    """Turns personal values into commitments that a record may carry."""

    def commit(self, record_id: str, values: Mapping[str, str]) -> dict[str, str]:
        """Return a commitment for each value, under the one salt of the record.

        Raises:
            VerificationError: If the salt has been erased.
            AuditError: If no salt can be kept.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Answers calls. The whole data flow is the body of :meth:`decide`, and then of the log."""

    basis: Callable[[], Basis]
    log: RecordLog
    salts: Salts
    now: Callable[[], datetime]
    usage: Tally = field(default_factory=Usage)
    subjects: Subjects = field(default_factory=Uncounted)
    opener: Opener | None = None

    def answer(
        self, call: Call, evidence: Evidence, *, values: Mapping[str, str] | None = None
    ) -> Answer:
        """Answer *call*, after recording the answer.

        Raises:
            AuditError: If the record did not reach the log. No receipt, no answer.
        """
        return self.submit(call, evidence, values=values).result()

    def submit(
        self,
        call: Call,
        evidence: Evidence,
        *,
        values: Mapping[str, str] | None = None,
        recognised: Mapping[str, Any] | None = None,
    ) -> Future[Answer]:
        """:meth:`decide` now, and return a future that ends once the answer is recorded."""
        return self._recorded(self.decide(call, evidence, values=values, recognised=recognised))

    def decide(
        self,
        call: Call,
        evidence: Evidence,
        *,
        values: Mapping[str, str] | None = None,
        recognised: Mapping[str, Any] | None = None,
    ) -> Decided:
        """Decide *call*, and spend what it takes; :meth:`offer` comes next.

        Args:
            call: What is asked.
            evidence: What the transport saw.
            values: More values that the record commits to, by their names in it: what the
                transport saw and the log must not show.
            recognised: What the onward guard saw that made this call; stands in the record.
        """
        at, basis = self.now(), self.basis()  # read once: one call, one time, one policy
        is_alike = evidence.envelope is None and not call.subject and recognised is None
        if is_alike and (decided := self._settled(call, evidence, values, basis, at)) is not None:
            return decided
        evidence = self._opened(call, evidence, basis.trust, at=at)
        answer, facts = self._within_quota(call, evidence, basis, at=at)
        committed = self._committed(call, answer.record_id, values)
        answer, record = _as_recorded(
            call, answer, facts, basis.bundle, committed=committed, recognised=recognised
        )
        if is_alike and facts is not None:
            settle(basis.memory, call, answer, facts, record)
        return Decided(answer=answer, record=record)

    def offer(self, decided: Decided) -> asyncio.Future[Receipt]:
        """Have *decided* recorded; records keep the order of these calls.

        Returns:
            What ends in the receipt, or in :exc:`AuditError`. No receipt, no answer.

        Raises:
            AuditError: If the log takes no more records.
        """
        return self.log.offer(decided.record)

    def conclude(self, answer: Answer, outcome: Outcome) -> Future[Receipt]:
        """Record what became of an allowed call; without it the data "may have been released".

        Raises:
            AuditError: If no salt could be had for what was released.
        """
        return self.log.submit(self._outcome(answer, outcome))

    def offer_outcome(self, answer: Answer, outcome: Outcome) -> asyncio.Future[Receipt]:
        """Do the same for a coroutine.

        Raises:
            AuditError: Also if the log takes no more records.
        """
        return self.log.offer(self._outcome(answer, outcome))

    def _outcome(self, answer: Answer, outcome: Outcome) -> bytes:
        at = self.now()
        # Under the salt of the decision, so that erasing it leaves nothing of the call to guess.
        committed: Mapping[str, str] = {}
        if outcome.response:
            # Erased since the answer: then what was released must not be provable either.
            with suppress(VerificationError):
                values = {"response": outcome.response.hex()}
                committed = self.salts.commit(answer.record_id, values)
        record = outcome_record(
            answer, outcome, record_id=new_record_id(at), at=at, committed=committed
        )
        return encode_record(record)

    def _settled(
        self,
        call: Call,
        evidence: Evidence,
        values: Mapping[str, str] | None,
        basis: Basis,
        at: datetime,
    ) -> Decided | None:
        """Return what was decided of a like call, as this call's; none if nothing was."""
        try:
            identity = basis.trust.identify(call, evidence, at=at)
        except GovshareError:
            return None  # the error comes again where the call is decided, and refuses it there
        settled = basis.memory.find(call, identity, legal_day(at))
        if settled is None:
            return None
        record_id = new_record_id(at)
        committed = self._committed(call, record_id, values)
        try:
            record = settled.recorded(call, record_id, at=at, committed=committed)
        except AuditError:
            return None  # as no record can hold it, the whole way says so
        answer = answer_of(
            call, identity, settled.decision, settled.duties, basis.bundle,
            record_id=record_id, at=at,
        )  # fmt: skip
        return Decided(answer=answer, record=record)

    def _committed(
        self, call: Call, record_id: str, values: Mapping[str, str] | None
    ) -> Mapping[str, str]:
        personal = {**personal_values(call), **(values or {})}
        return self.salts.commit(record_id, personal) if personal else {}

    def _within_quota(
        self, call: Call, evidence: Evidence, basis: Basis, *, at: datetime
    ) -> tuple[Answer, Facts | None]:
        answer, facts = answer_unrecorded(call, evidence, basis, at=at)
        for _ in facts.candidates if facts is not None else ():
            if self._counted(answer, call):
                return answer, facts
            # Another call took the last place; asked again, the rules say so or take another grant.
            answer, facts = answer_unrecorded(call, evidence, basis, at=at)
        if not self._counted(answer, call):
            refusal = refuse("internal_error", facts, basis.bundle)
            return replace(answer, decision=refusal, duties=()), facts
        return answer, facts

    def _opened(self, call: Call, evidence: Evidence, trust: Trust, *, at: datetime) -> Evidence:
        """Open the envelope, once a call: its nonce is good for one.

        Only the system that sealed it uses it up, with the call that it was made for: whoever
        else gets hold of it can neither spend it nor fill the store.
        """
        if self.opener is None or not isinstance(evidence.envelope, Presented):
            return evidence
        opened = self.opener.read(evidence.envelope, at=at)
        evidence = replace(evidence, envelope=opened)
        try:
            stands = opened.fault is None and trust.identify(call, evidence, at=at).flaw is None
        except (IdentityError, FactError):
            return evidence  # the error comes again where the call is decided, and refuses it there
        return replace(evidence, envelope=self.opener.use(opened, at=at)) if stands else evidence

    def _counted(self, answer: Answer, call: Call) -> bool:
        """Count an allowed call under every grant that it spends, or under none, and say which."""
        decision, day = answer.decision, legal_day(answer.at)
        # The subject first: one that is counted for nothing costs less than a call that is.
        counts = bool(call.subject and decision.rests_on)
        if counts and not self.subjects.take_all(decision.rests_on, day, call.subject):
            return False
        quotas = {grant.id: grant.daily_quota or 0 for grant in decision.spends}
        return self.usage.take_all(quotas, day)

    def _recorded(self, decided: Decided) -> Future[Answer]:
        answered: Future[Answer] = Future()
        answered.set_running_or_notify_cancel()  # a caller that leaves cannot cancel the record

        def finish(done: Future[Receipt]) -> None:
            if (error := done.exception()) is not None:
                answered.set_exception(error)
            else:
                answered.set_result(replace(decided.answer, receipt=done.result()))

        self.log.submit(decided.record).add_done_callback(finish)
        return answered


def _as_recorded(
    call: Call,
    answer: Answer,
    facts: Facts | None,
    bundle: Bundle,
    *,
    committed: Mapping[str, str],
    recognised: Mapping[str, Any] | None,
) -> tuple[Answer, bytes]:
    """Return *answer* with its record; one that no record can hold becomes a denial that fits."""
    try:
        record = decision_record(
            call, answer, facts, bundle, committed=committed, recognised=recognised
        )
        return answer, encode_record(record)
    except AuditError:
        # The log is well: an endless list of fields or text of a duty must not stop the others.
        answer = replace(answer, decision=refuse("internal_error", None, bundle), duties=())
        record = decision_record(call, answer, None, bundle, committed=committed)
        return answer, encode_record(record)
