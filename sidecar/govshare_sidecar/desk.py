# SPDX-License-Identifier: Apache-2.0
"""The one desk behind every entrance: answers calls, and closes for good when the log does."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final, TypeVar

from govshare_policy.audit import Receipt
from govshare_policy.call import Call
from govshare_policy.errors import AuditError
from govshare_policy.gate import Answer, Gate, Outcome
from govshare_policy.identity import Evidence
from govshare_sidecar.clock import Clock
from govshare_sidecar.limits import NO_LIMITS_STATED, Limits, Places
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.witness.feeder import Feeder

_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


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
    ) -> None:
        self._gate = gate
        self._clock = Clock(gate.now)
        self._most = limits.in_flight
        self._feeder = feeder
        self._metrics = metrics
        self._on_failure = on_failure
        # Owned by the event loop, as everything else here.
        self._failure: AuditError | None = None
        self._under_way: set[asyncio.Task[Any]] = set()
        self._places = Places(most=limits.in_flight, share=limits.per_caller)

    @property
    def is_open(self) -> bool:
        """Whether calls are answered."""
        is_watched = self._feeder is None or self._feeder.is_watched
        return self._failure is None and self._clock.agrees and is_watched

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return self._places.taken

    def place(self, evidence: Evidence) -> AbstractContextManager[None]:
        """Hold a place at the desk for one request of whoever *evidence* shows.

        Raises:
            RefusedError: If the desk is full, or the caller has taken its share of it.
        """
        return self._places.hold(evidence.spki)

    async def answer(
        self,
        call: Call,
        evidence: Evidence,
        *,
        entrance: str,
        values: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer to *call* once it is recorded, with commitments to *values*.

        Raises:
            AuditError: If it was not recorded. Nothing may be released.
            RefusedError: If too many records are on their way, some of callers who have gone.
        """
        if len(self._under_way) >= self._most:
            raise RefusedError(Cause.BUSY)
        return await self._carried_through(self._answer(call, evidence, entrance, values))

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
        identity = basis.trust.identify(timeless, evidence, at=self._gate.now())
        if identity != answer.identity or basis.bundle.revision != answer.decision.revision:
            raise RefusedError(Cause.NO_RELEASE)

    async def conclude(self, answer: Answer, outcome: Outcome) -> Receipt:
        """Return the receipt of the record of what became of an allowed call.

        Raises:
            AuditError: If it was not recorded.
        """
        return await self._carried_through(self._conclude(answer, outcome))

    async def settle(self) -> None:
        """Return once every record under way has been written or has failed."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def close(self, error: AuditError) -> AuditError:
        """Answer no call any more because of *error*, and return what to tell the callers."""
        if self._failure is None:
            self._failure = error
            _log.critical("%s; no call is answered until the sidecar is restarted", error)
            self._on_failure()
        return AuditError("the call could not be recorded, so nothing was released")

    async def _answer(
        self, call: Call, evidence: Evidence, entrance: str, values: Mapping[str, str] | None
    ) -> Answer:
        self._verify_open()
        self._clock.verify()
        if self._feeder is not None:
            self._feeder.verify_watched()
        began = time.monotonic()
        try:
            answer = await asyncio.wrap_future(self._gate.submit(call, evidence, values=values))
        except AuditError as error:
            raise self.close(error) from error
        self._metrics.answered(entrance, answer.decision.outcome, commit_s=time.monotonic() - began)
        return answer

    async def _conclude(self, answer: Answer, outcome: Outcome) -> Receipt:
        self._verify_open()
        try:
            return await asyncio.wrap_future(self._gate.conclude(answer, outcome))
        except AuditError as error:
            raise self.close(error) from error

    async def _carried_through(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do *work* to its end, even if the caller goes away: a record is never half wanted."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    def _verify_open(self) -> None:
        if self._failure is not None:
            raise AuditError("the audit log has stopped, so no call is answered until a restart")
