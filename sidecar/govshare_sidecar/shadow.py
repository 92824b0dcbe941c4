# SPDX-License-Identifier: Apache-2.0
"""A second policy, tried out on the calls that the one in force answers. It never decides.

What it would have answered is worked out after the answer, in a thread beside the calls, and only
compared. It can be wrong, missing, slow or behind: no answer waits for it or changes.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Self

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import Counter, Gauge

from govshare_policy.call import Call
from govshare_policy.errors import GovshareError
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Answer, Basis, answer_unrecorded
from govshare_policy.identity import CertificateTrust, Evidence
from govshare_policy.policy import Bundle
from govshare_policy.register import Register
from govshare_policy.subjects import Subjects
from govshare_policy.usage import Tally
from govshare_sidecar.basis import load_policy
from govshare_sidecar.policy_settings import ShadowConfig

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A call with the answer that it got."""

    call: Call
    evidence: Evidence
    answer: Answer


class Shadow:
    """The policy that is tried out, and the calls that wait for it."""

    def __init__(
        self, config: ShadowConfig, usage: Tally, subjects: Subjects, *, registry: CollectorRegistry
    ) -> None:
        self._config = config
        self._usage = usage
        self._subjects = subjects
        # Owned by the event loop.
        self._policy: tuple[Register, Bundle] | None = None
        self._waiting: asyncio.Queue[Answered] = asyncio.Queue(config.queue)
        # Owned by the one thread at a time that compares.
        self._said: set[tuple[str, str]] = set()
        self._compared = Counter(
            "govshare_shadow_answers",
            "Answers that were compared with those of the shadow.",
            ("in_force", "shadow", "same"),
            registry=registry,
        )
        self._missed = Counter(
            "govshare_shadow_missed",
            "Answers that were not compared, or not reported.",
            ("why",),
            registry=registry,
        )
        Gauge(
            "govshare_shadow_loaded",
            "1 while there is a shadow to compare with.",
            registry=registry,
        ).set_function(lambda: float(self._policy is not None))

    @classmethod
    @asynccontextmanager
    async def beside(
        cls, config: ShadowConfig, usage: Tally, subjects: Subjects, *, registry: CollectorRegistry
    ) -> AsyncIterator[Self]:
        """Compare inside the ``async with``; what still waits at its end is left."""
        shadow = cls(config, usage, subjects, registry=registry)
        await shadow.reload()
        comparing = asyncio.create_task(shadow._go_on())
        comparing.add_done_callback(_tell_of_the_end)
        try:
            yield shadow
        finally:
            comparing.cancel()
            await asyncio.wait((comparing,))

    def offer(self, call: Call, evidence: Evidence, answer: Answer) -> None:
        """Have *answer* compared when there is time; returns at once."""
        if self._policy is None:
            return
        try:
            self._waiting.put_nowait(Answered(call=call, evidence=evidence, answer=answer))
        except asyncio.QueueFull:
            self._missed.labels("full").inc()

    async def reload(self) -> None:
        """Try out what is on the disk now, or nothing if that is wrong."""
        try:
            self._policy = await asyncio.to_thread(load_policy, self._config.policy)
            revision = self._policy[1].revision.hex()
            _log.info("revision `sm3:%s` is tried out in the shadow", revision)
        except GovshareError as error:
            self._policy = None
            _log.error("nothing is tried out in the shadow: %s", error)
        self._said.clear()

    async def _go_on(self) -> None:
        while True:
            answered = await self._waiting.get()
            if self._policy is None:
                continue
            try:
                await asyncio.to_thread(self._compare, answered, self._policy)
            except (GovshareError, OSError) as error:
                self._missed.labels("failed").inc()
                _log.error("the shadow failed (%s)", type(error).__name__)

    def _compare(self, answered: Answered, policy: tuple[Register, Bundle]) -> None:
        real, tried = answered.answer, self._evaluate(answered, policy)
        differs = _differences(real, tried)
        pair = (real.decision.outcome.value, tried.decision.outcome.value)
        self._compared.labels(*pair, "no" if differs else "yes").inc()
        if not differs:
            return
        if pair not in self._said:
            self._said.add(pair)
            sentence = "the shadow differs: record `%s` is `%s` in force and `%s` there"
            _log.warning(sentence, real.record_id, *pair)
        self._report(answered, tried, differs)

    def _evaluate(self, answered: Answered, policy: tuple[Register, Bundle]) -> Answer:
        register, bundle = policy
        spent = {grant.id for grant in answered.answer.decision.spends}

        def used_before(grant: str, day: date) -> int:
            """Count without the call itself, which has been counted by now."""
            return max(0, self._usage.of(grant, day) - (grant in spent))

        basis = Basis(
            trust=CertificateTrust(register=register),
            # One that the call itself was counted for has room for it.
            facts=RegisterFacts(register=register, used=used_before, spent=self._subjects.is_spent),
            bundle=bundle,
        )
        real, evidence = answered.answer, answered.evidence
        if evidence.envelope is not None:
            # It was opened for the answer; its nonce is good for that once.
            evidence = replace(evidence, envelope=real.identity.envelope)
        return answer_unrecorded(answered.call, evidence, basis, at=real.at)[0]

    def _report(self, answered: Answered, tried: Answer, differs: list[str]) -> None:
        path = self._config.report
        if path is None:
            return
        real = answered.answer
        document = {
            "record": real.record_id,
            "at": real.at.isoformat(),
            "resource": answered.call.resource,
            "differs": differs,
            "in_force": _side(real),
            "shadow": _side(tried),
        }
        line = json.dumps(document, ensure_ascii=False).encode() + b"\n"
        with path.open("ab") as file:
            if file.tell() + len(line) > self._config.report_bytes:
                self._missed.labels("unreported").inc()
                return
            file.write(line)


def _differences(real: Answer, tried: Answer) -> list[str]:
    """Return in what the two differ, besides the revision."""
    ours, theirs = _side(real), _side(tried)
    return [key for key in ours if key != "revision" and ours[key] != theirs[key]]


def _side(answer: Answer) -> dict[str, object]:
    """Return what is compared, without anything that a person could be told by."""
    decision = answer.decision
    return {
        "outcome": decision.outcome.value,
        "clauses": list(decision.clauses),
        "fields": sorted(decision.fields),
        "duties": sorted(f"{duty.code}={duty.value}" for duty in answer.duties),
        "revision": f"sm3:{decision.revision.hex()}",
    }


def _tell_of_the_end(comparing: asyncio.Task[None]) -> None:
    with suppress(asyncio.CancelledError):
        if (error := comparing.exception()) is not None:
            _log.critical("nothing is compared with the shadow any more", exc_info=error)
