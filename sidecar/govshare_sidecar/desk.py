# SPDX-License-Identifier: Apache-2.0
"""The one desk behind every entrance: answers calls, and closes for good when the log does."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from govshare_policy.audit import Receipt
from govshare_policy.call import Action, Call
from govshare_policy.egress.batchfile import DIGEST_BYTES
from govshare_policy.egress.leafstore import LeafStore
from govshare_policy.errors import AuditError
from govshare_policy.gate import Answer, Decided, Gate, Outcome
from govshare_policy.identity import Evidence, Identity
from govshare_sidecar.clock import Clock
from govshare_sidecar.limits import NO_LIMITS_STATED, Limits, Places
from govshare_sidecar.metrics import Metrics, Stage
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.sealing import Sealer
from govshare_sidecar.shadow import Shadow
from govshare_sidecar.tracing import NO_TRACING, Tracing, answered, concluded
from govshare_sidecar.under_way import UnderWay
from govshare_sidecar.witness.feeder import Feeder

_log: Final = logging.getLogger(__name__)


class _Asked(NamedTuple):
    """A call, and where it came in."""

    call: Call
    evidence: Evidence
    entrance: str


class Desk:
    """Answers calls for all entrances of one process.

    The first :exc:`AuditError` closes it: what the disk kept is unknown until the log is opened
    anew, so every later call fails until the process is restarted.
    """

    def __init__(
        self,
        gate: Gate,
        metrics: Metrics,
        *,
        on_failure: Callable[[], None],
        feeder: Feeder | None = None,
        limits: Limits = NO_LIMITS_STATED,
        tracing: Tracing = NO_TRACING,
        shadow: Shadow | None = None,
        leaves: LeafStore | None = None,
    ) -> None:
        self._gate = gate
        self._sealer = Sealer(salts=gate.salts, leaves=leaves)
        self._shadow = shadow
        self._clock = Clock(gate.now)
        self._most = limits.in_flight
        self._feeder = feeder
        self._metrics = metrics
        self._tracing = tracing
        self._on_failure = on_failure
        # Owned by the event loop, as everything else here.
        self._failure: AuditError | None = None
        self._under_way = UnderWay(on_failure=self.close)
        self._places = Places(most=limits.in_flight, share=limits.per_caller)
        self._streams = Places(most=limits.streams, share=limits.streams_per_caller)
        self._draining = False
        self._turn = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether calls are answered."""
        is_watched = self._feeder is None or self._feeder.is_watched
        return self._failure is None and self._clock.agrees and is_watched

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return self._places.taken

    @property
    def queued(self) -> int:
        """How many records are on their way to the disk."""
        return len(self._under_way)

    def call(self, entrance: str) -> AbstractContextManager[None]:
        """Measure and trace what is inside the ``with`` as one call at *entrance*."""
        timed = self._metrics.timed_call(entrance)
        return _both(timed, self._tracing.call(entrance)) if self._tracing.is_on else timed

    def stage(self, stage: Stage) -> AbstractContextManager[None]:
        """Measure and trace what is inside the ``with`` as *stage* of a call."""
        timed = self._metrics.timed(stage)
        return _both(timed, self._tracing.stage(stage)) if self._tracing.is_on else timed

    def place(self, evidence: Evidence) -> AbstractContextManager[None]:
        """Hold a place at the desk for one request of whoever *evidence* shows.

        Raises:
            RefusedError: If the desk is full, or the caller has taken its share of it.
        """
        return self._places.hold(evidence.spki)

    def stream(self, evidence: Evidence) -> AbstractContextManager[None]:
        """Hold a place for one answer that leaves as it comes, beside that of its request.

        Raises:
            RefusedError: If there is none, or the caller has taken its share.
        """
        return self._streams.hold(evidence.spki)

    def drain(self) -> None:
        """Have answers that leave as they come end soon; others are finished."""
        self._draining = True

    def verify_going_on(self, call: Call, answer: Answer, evidence: Evidence) -> None:
        """Return only if more may leave under *answer*: it is in force, and so is the desk.

        Raises:
            RefusedError: If it is no longer in force, or the process is about to stop.
            AuditError: If no call is answered any more.
        """
        if self._draining:
            message = "the gateway is about to stop; ask again shortly"
            raise RefusedError(Cause.BUSY, message)
        self.verify_in_force(call, answer, evidence)
        if not self.is_open:
            raise AuditError("the audit log has stopped, so nothing more is released")

    async def answer(
        self,
        call: Call,
        evidence: Evidence,
        *,
        entrance: str,
        values: Mapping[str, str] | None = None,
        recognised: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Return the answer to *call* once it is recorded, with commitments to *values*.

        *recognised* is what the onward guard saw, where it made the call.

        Raises:
            AuditError: If it was not recorded. Nothing may be released.
            RefusedError: If too many records are on their way, some of callers who have gone.
        """
        if len(self._under_way) >= self._most:
            raise RefusedError(Cause.BUSY)
        asked = _Asked(call, evidence, entrance)
        decide = partial(self._gate.decide, call, evidence, values=values, recognised=recognised)
        if _is_kept(call, evidence) or self._turn.locked():
            return await self._under_way.work(self._in_turn(asked, decide))
        # Most calls are decided at once, and wait for nothing but their record.
        with self.stage(Stage.DECISION):
            self._verify_able()
            decided = self._decided(decide)
        return await self._recorded(asked, decided)

    def verify_in_force(self, call: Call, answer: Answer, evidence: Evidence) -> None:
        """Return only if *answer* was given to this caller by the policy that is still in force.

        Raises:
            RefusedError: If the policy or the registers have changed since, or *evidence* no
                longer proves who calls.
            AuditError: If the clock that says so is wrong.
        """
        self._clock.verify()
        basis = self._gate.basis()
        # The claimed time was held against the clock when the call was answered.
        timeless = replace(call, at=None)
        # So was its envelope opened, which is good for one call; whose it is, is asked again.
        shown = _opened(evidence, answer)
        identity = basis.trust.identify(timeless, shown, at=self._gate.now())
        if identity != answer.identity or basis.bundle.revision != answer.decision.revision:
            raise RefusedError(Cause.NO_RELEASE)

    def identify(self, evidence: Evidence) -> Identity:
        """Return whom *evidence* proves now, whatever is asked; with a flaw, nobody."""
        nothing = Call(id="", action=Action.READ, resource="", fields=(), purpose="")
        return self._gate.basis().trust.identify(nothing, evidence, at=self._gate.now())

    async def conclude(self, answer: Answer, outcome: Outcome) -> Receipt:
        """Return the receipt of the record of what became of an allowed call.

        Raises:
            AuditError: If it was not recorded.
        """
        if len(outcome.records) > DIGEST_BYTES:
            return await self._under_way.work(self._conclude_many(answer, outcome))
        with self._concluding(outcome):
            if outcome.records:
                outcome = self._sealer.sealed(answer, outcome)
            return await self._under_way.record(self._gate.offer_outcome(answer, outcome))

    async def settle(self) -> None:
        """Return once every record under way has been written or has failed."""
        await self._under_way.settle()

    def close(self, error: AuditError) -> AuditError:
        """Answer no call any more because of *error*, and return what to tell the callers."""
        if self._failure is None:
            self._failure = error
            _log.critical("%s; no call is answered until the sidecar is restarted", error)
            self._on_failure()
        return AuditError("the call could not be recorded, so nothing was released")

    async def _in_turn(self, asked: _Asked, decide: Callable[[], Decided]) -> Answer:
        """Have a call decided once those before it are, and recorded.

        What is kept of it beside its record is on the disk before anything is decided, which takes
        milliseconds. The loop goes on meanwhile, and the calls behind it wait: records keep the
        order of their times.
        """
        with self.stage(Stage.DECISION):
            async with self._turn:
                self._verify_able()
                if not _is_kept(asked.call, asked.evidence):
                    decided = self._decided(decide)
                else:
                    try:
                        decided = await asyncio.to_thread(decide)
                    except AuditError as error:
                        raise self.close(error) from error
        return await self._recorded(asked, decided)

    def _decided(self, decide: Callable[[], Decided]) -> Decided:
        try:
            return decide()
        except AuditError as error:
            raise self.close(error) from error

    async def _recorded(self, asked: _Asked, decided: Decided) -> Answer:
        """Return the answer once it is recorded.

        INVARIANT: nothing is waited for between the decision and this, so that the log gets the
        records in their order.
        """
        with self.stage(Stage.COMMIT):
            try:
                kept = self._gate.offer(decided)
                kept.add_done_callback(partial(self._count, asked, decided.answer))
                receipt = await self._under_way.record(kept)
            except AuditError as error:
                raise self.close(error) from error
        answer = replace(decided.answer, receipt=receipt)
        answered(answer)
        return answer

    def _count(self, asked: _Asked, answer: Answer, kept: "asyncio.Future[Receipt]") -> None:
        """Count an answer that was recorded, whether or not its caller is still there."""
        if kept.cancelled() or kept.exception() is not None:
            return
        self._metrics.answered(asked.entrance, answer.decision)
        if self._shadow is not None:
            self._shadow.offer(asked.call, _opened(asked.evidence, answer), answer)

    async def _conclude_many(self, answer: Answer, outcome: Outcome) -> Receipt:
        with self._concluding(outcome):
            # Of several records the leaves are kept, and they may be many.
            outcome = await asyncio.to_thread(self._sealer.sealed, answer, outcome)
            return await self._under_way.record(self._gate.offer_outcome(answer, outcome))

    @contextmanager
    def _concluding(self, outcome: Outcome) -> Iterator[None]:
        self._verify_open()
        concluded(outcome.status)
        with self.stage(Stage.OUTCOME):
            try:
                yield
            except AuditError as error:
                raise self.close(error) from error

    def _verify_able(self) -> None:
        self._verify_open()
        self._clock.verify()
        if self._feeder is not None:
            self._feeder.verify_watched()

    def _verify_open(self) -> None:
        if self._failure is not None:
            raise AuditError("the audit log has stopped, so no call is answered until a restart")


@contextmanager
def _both(*around: AbstractContextManager[None]) -> Iterator[None]:
    with ExitStack() as stack:
        for each in around:
            stack.enter_context(each)
        yield


def _is_kept(call: Call, evidence: Evidence) -> bool:
    """Tell whether something of the call is kept beside its record: a nonce, or a subject."""
    return evidence.envelope is not None or bool(call.subject)


def _opened(evidence: Evidence, answer: Answer) -> Evidence:
    """Return *evidence* with the envelope as it was opened when the call was answered."""
    return replace(evidence, envelope=answer.identity.envelope)
