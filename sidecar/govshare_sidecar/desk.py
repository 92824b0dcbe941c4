# SPDX-License-Identifier: Apache-2.0
"""The one desk behind every entrance: answers calls, and closes for good when the log does."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from govshare_policy.call import Call
from govshare_policy.errors import AuditError
from govshare_policy.gate import Answer, Gate, Outcome
from govshare_policy.identity import Evidence
from govshare_sidecar.metrics import Metrics

_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


class Desk:
    """Answers calls for all entrances of one process.

    The first :exc:`AuditError` closes it: what the disk kept is unknown until the log is opened
    anew, so every later call fails until the process is restarted.
    """

    def __init__(self, gate: Gate, metrics: Metrics, *, on_failure: Callable[[], None]) -> None:
        self._gate = gate
        self._metrics = metrics
        self._on_failure = on_failure
        # Owned by the event loop, as everything else here.
        self._failure: AuditError | None = None
        self._under_way: set[asyncio.Task[Any]] = set()

    @property
    def is_open(self) -> bool:
        """Whether calls are answered."""
        return self._failure is None

    async def answer(self, call: Call, evidence: Evidence, *, entrance: str) -> Answer:
        """Return the answer to *call* once it is recorded.

        Raises:
            AuditError: If it was not recorded. Nothing may be released.
        """
        return await self._carried_through(self._answer(call, evidence, entrance))

    async def conclude(self, answer: Answer, outcome: Outcome) -> None:
        """Return once it is recorded what became of an allowed call.

        Raises:
            AuditError: If it was not recorded.
        """
        await self._carried_through(self._conclude(answer, outcome))

    async def settle(self) -> None:
        """Return once every record under way has been written or has failed."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _answer(self, call: Call, evidence: Evidence, entrance: str) -> Answer:
        self._verify_open()
        began = time.monotonic()
        try:
            answer = await asyncio.wrap_future(self._gate.submit(call, evidence))
        except AuditError as error:
            raise self._close(error) from error
        self._metrics.answered(entrance, answer.decision.outcome, commit_s=time.monotonic() - began)
        return answer

    async def _conclude(self, answer: Answer, outcome: Outcome) -> None:
        self._verify_open()
        try:
            await asyncio.wrap_future(self._gate.conclude(answer, outcome))
        except AuditError as error:
            raise self._close(error) from error

    async def _carried_through(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do *work* to its end, even if the caller goes away: a record is never half wanted."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    def _verify_open(self) -> None:
        if self._failure is not None:
            raise AuditError("the audit log has stopped, so no call is answered until a restart")

    def _close(self, error: AuditError) -> AuditError:
        if self._failure is None:
            self._failure = error
            _log.critical("%s; no call is answered until the sidecar is restarted", error)
            self._on_failure()
        return AuditError("the call could not be recorded, so nothing was released")
