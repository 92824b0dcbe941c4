# SPDX-License-Identifier: Apache-2.0
"""The one desk behind every entrance: answers calls, and closes for good when the log does."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from govshare_policy.audit import Receipt
from govshare_policy.call import Call
from govshare_policy.egress.leafstore import LeafStore
from govshare_policy.errors import AuditError, CallError
from govshare_policy.gate import Answer, Gate, Outcome
from govshare_policy.identity import Evidence, Identity
from govshare_sidecar.asked import Asked
from govshare_sidecar.clock import Clock
from govshare_sidecar.limits import NO_LIMITS_STATED, Limits, Places
from govshare_sidecar.measures import Measures
from govshare_sidecar.metrics import Metrics, Stage
from govshare_sidecar.records import Offered, Records
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.sealing import Sealer
from govshare_sidecar.shadow import Shadow
from govshare_sidecar.standing import Standing
from govshare_sidecar.tracing import NO_TRACING, Tracing
from govshare_sidecar.witness.feeder import Feeder

_log: Final = logging.getLogger(__name__)


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
        self._clock = Clock(gate.now)
        self._standing = Standing(gate=gate, clock=self._clock)
        self._most = limits.in_flight
        self._feeder = feeder
        self._measures = Measures(metrics=metrics, tracing=tracing)
        self._on_failure = on_failure
        # Owned by the event loop, as everything else here.
        self._failure: AuditError | None = None
        self._records = Records(
            gate,
            Sealer(salts=gate.salts, leaves=leaves),
            self._measures,
            shadow=shadow,
            on_failure=self.close,
        )
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
        return len(self._records)

    def call(self, entrance: str) -> AbstractContextManager[None]:
        """Measure and trace what is inside the ``with`` as one call at *entrance*."""
        return self._measures.call(entrance)

    def stage(self, stage: Stage) -> AbstractContextManager[None]:
        """Measure and trace what is inside the ``with`` as *stage* of a call."""
        return self._measures.stage(stage)

    def place(self, evidence: Evidence) -> AbstractContextManager[object]:
        """Hold a place at the desk for one request of whoever *evidence* shows.

        Raises:
            RefusedError: If the desk is full, or the caller has taken its share of it.
        """
        return self._places.hold(evidence.spki)

    def room(self, evidence: Evidence, wanted: int) -> AbstractContextManager[int]:
        """Hold as many places as there are, for at most *wanted* requests; it says how many."""
        free = self._most - len(self._records)
        return self._places.hold_up_to(min(wanted, free), evidence.spki)

    def stream(self, evidence: Evidence) -> AbstractContextManager[object]:
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
        if len(self._records) >= self._most:
            raise RefusedError(Cause.BUSY)
        asked = Asked(call, evidence, entrance, values, recognised)
        if asked.is_kept or self._turn.locked():
            return await self._records.work(self._in_turn(asked))
        # Most calls are decided at once, and wait for nothing but their record.
        with self.stage(Stage.DECISION):
            self._verify_able()
            decided = self._records.decided(asked)
        return await self._records.answer(asked, decided)

    async def answer_together(self, asked: Sequence[Asked]) -> list[Answer | CallError]:
        """Return what becomes of each of *asked*, of one caller at one entrance.

        They are decided one after the other and wait for their records together. There has to be
        :meth:`room` for them.

        Raises:
            AuditError: If one was not recorded. Nothing may be released of any.
        """
        # Each by itself where it leaves a trace of its own, or waits for what is kept of it.
        if self._measures.tracing.is_on or self._turn.locked() or any(one.is_kept for one in asked):
            return await self._one_by_one(asked)
        if not asked:
            return []
        with self._measures.metrics.timed_call(asked[0].entrance, calls=len(asked)):
            offered = [self._offered(one) for one in asked]
            kept = [one for one in offered if not isinstance(one, CallError)]
            answers = iter(await self._records.answers(kept))
            return [one if isinstance(one, CallError) else next(answers) for one in offered]

    def verify_in_force(self, call: Call, answer: Answer, evidence: Evidence) -> None:
        """Return only if *answer* was given to this caller by the policy that is still in force.

        Raises:
            RefusedError: If the policy or the registers have changed since, or *evidence* no
                longer proves who calls.
            AuditError: If the clock that says so is wrong.
        """
        self._standing.verify(call, answer, evidence)

    def identify(self, evidence: Evidence) -> Identity:
        """Return whom *evidence* proves now, whatever is asked; with a flaw, nobody."""
        return self._standing.identify(evidence)

    async def conclude(self, answer: Answer, outcome: Outcome) -> Receipt:
        """Return the receipt of the record of what became of an allowed call.

        Raises:
            AuditError: If it was not recorded.
        """
        self._verify_open()
        return await self._records.conclude(answer, outcome)

    async def settle(self) -> None:
        """Return once every record under way has been written or has failed."""
        await self._records.settle()

    def close(self, error: AuditError) -> AuditError:
        """Answer no call any more because of *error*, and return what to tell the callers."""
        if self._failure is None:
            self._failure = error
            _log.critical("%s; no call is answered until the sidecar is restarted", error)
            self._on_failure()
        return AuditError("the call could not be recorded, so nothing was released")

    async def _in_turn(self, asked: Asked) -> Answer:
        """Have a call decided once those before it are, and recorded.

        What is kept of it beside its record is on the disk before anything is decided, which takes
        milliseconds. The loop goes on meanwhile, and the calls behind it wait: records keep the
        order of their times.
        """
        with self.stage(Stage.DECISION):
            async with self._turn:
                self._verify_able()
                if asked.is_kept:
                    decided = await self._records.decided_aside(asked)
                else:
                    decided = self._records.decided(asked)
        return await self._records.answer(asked, decided)

    async def _one_by_one(self, asked: Sequence[Asked]) -> list[Answer | CallError]:
        # A task group: where one call cannot be recorded, the rest are not begun.
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._by_itself(one)) for one in asked]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _by_itself(self, asked: Asked) -> Answer | CallError:
        try:
            with self.call(asked.entrance):
                return await self.answer(
                    asked.call, asked.evidence, entrance=asked.entrance, values=asked.values
                )
        except CallError as error:
            return error

    def _offered(self, asked: Asked) -> Offered | CallError:
        try:
            with self.stage(Stage.DECISION):
                self._verify_able()
                decided = self._records.decided(asked)
        except CallError as error:
            return error
        return self._records.offered(asked, decided)

    def _verify_able(self) -> None:
        self._verify_open()
        self._clock.verify()
        if self._feeder is not None:
            self._feeder.verify_watched()

    def _verify_open(self) -> None:
        if self._failure is not None:
            raise AuditError("the audit log has stopped, so no call is answered until a restart")
