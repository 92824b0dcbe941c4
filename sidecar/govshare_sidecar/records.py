# SPDX-License-Identifier: Apache-2.0
"""The way of a call from its decision to its record, and of its outcome to the next."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from govshare_policy.audit import Receipt
from govshare_policy.egress.batchfile import DIGEST_BYTES
from govshare_policy.errors import AuditError
from govshare_policy.gate import Answer, Decided, Gate, Outcome
from govshare_sidecar.asked import Asked
from govshare_sidecar.measures import Measures
from govshare_sidecar.metrics import Stage
from govshare_sidecar.sealing import Sealer
from govshare_sidecar.shadow import Shadow
from govshare_sidecar.standing import opened
from govshare_sidecar.tracing import answered, concluded
from govshare_sidecar.under_way import UnderWay

_T = TypeVar("_T")


class Offered(NamedTuple):
    """What was decided of a call, and the receipt of its record to come."""

    decided: Decided
    kept: "asyncio.Future[Receipt]"


class Records:
    """Has calls decided and recorded, and counts them. Owned by the event loop."""

    def __init__(
        self,
        gate: Gate,
        sealer: Sealer,
        measures: Measures,
        *,
        shadow: Shadow | None,
        on_failure: Callable[[AuditError], AuditError],
    ) -> None:
        """Begin.

        Args:
            gate: Decides and records.
            sealer: Seals what was released.
            measures: Measures and counts.
            shadow: Is shown every call that is recorded.
            on_failure: Is told of every record that did not get to the log, and says what to tell
                the caller.
        """
        self._gate = gate
        self._sealer = sealer
        self._measures = measures
        self._shadow = shadow
        self._keeping = _Keeping(on_failure)
        self._under_way = UnderWay(on_failure=on_failure)

    def __len__(self) -> int:
        """Return how many are on their way to the disk."""
        return len(self._under_way)

    async def settle(self) -> None:
        """Return once every record under way has been written or has failed."""
        await self._under_way.settle()

    async def work(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do *work*, which ends in a record, to its end, even if the caller goes away."""
        return await self._under_way.work(work)

    def decided(self, asked: Asked) -> Decided:
        """Return what is decided of *asked*.

        Raises:
            AuditError: If something that goes with it cannot be kept.
        """
        with self._keeping:
            return self._decide(asked)

    async def decided_aside(self, asked: Asked) -> Decided:
        """Do the same beside the event loop, which goes on meanwhile.

        Raises:
            AuditError: As :meth:`decided`.
        """
        with self._keeping:
            return await asyncio.to_thread(self._decide, asked)

    def offered(self, asked: Asked, decided: Decided) -> Offered:
        """Return *decided* with the receipt to come; its record goes to its end, come what may.

        INVARIANT: nothing is waited for between the decision and this, so that the log gets the
        records in their order.

        Raises:
            AuditError: If the log takes no more records.
        """
        with self._keeping:
            kept = self._gate.offer(decided)
        kept.add_done_callback(partial(self._count, asked, decided.answer))
        self._under_way.enter(kept)
        return Offered(decided, kept)

    async def answer(self, asked: Asked, decided: Decided) -> Answer:
        """Return the answer once it is recorded.

        Raises:
            AuditError: If it was not. Nothing may be released.
        """
        with self._measures.stage(Stage.COMMIT):
            offered = self.offered(asked, decided)
            with self._keeping:
                receipt = await self._under_way.record(offered.kept)
        answer = decided.answer.with_receipt(receipt)
        answered(answer)
        return answer

    async def answers(self, offered: Sequence[Offered]) -> list[Answer]:
        """Return the answers to several calls once all of them are recorded.

        Raises:
            AuditError: If one was not. Nothing may be released of any.
        """
        with self._measures.metrics.timed(Stage.COMMIT, calls=len(offered)), self._keeping:
            receipts = await self._under_way.records([one.kept for one in offered])
        pairs = zip(offered, receipts, strict=True)
        return [one.decided.answer.with_receipt(receipt) for one, receipt in pairs]

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
            return await self._concluded(answer, outcome)

    async def _conclude_many(self, answer: Answer, outcome: Outcome) -> Receipt:
        with self._concluding(outcome):
            # Of several records the leaves are kept, and they may be many.
            outcome = await asyncio.to_thread(self._sealer.sealed, answer, outcome)
            return await self._concluded(answer, outcome)

    @contextmanager
    def _concluding(self, outcome: Outcome) -> Iterator[None]:
        concluded(outcome.status)
        with self._measures.stage(Stage.OUTCOME), self._keeping:
            yield

    async def _concluded(self, answer: Answer, outcome: Outcome) -> Receipt:
        kept = self._gate.offer_outcome(answer, outcome)
        self._under_way.enter(kept)
        return await self._under_way.record(kept)

    def _decide(self, asked: Asked) -> Decided:
        return self._gate.decide(
            asked.call, asked.evidence, values=asked.values, recognised=asked.recognised
        )

    def _count(self, asked: Asked, answer: Answer, kept: "asyncio.Future[Receipt]") -> None:
        """Count an answer that was recorded, whether or not its caller is still there."""
        if kept.cancelled() or kept.exception() is not None:
            return
        self._measures.metrics.answered(asked.entrance, answer.decision)
        if self._shadow is not None:
            self._shadow.offer(asked.call, opened(asked.evidence, answer), answer)


class _Keeping(AbstractContextManager[None]):
    """Tells of an error of the log inside the ``with``, which leaves it in other words."""

    __slots__ = ("_told",)

    def __init__(self, told: Callable[[AuditError], AuditError]) -> None:
        self._told = told

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, AuditError):
            raise self._told(error) from error
