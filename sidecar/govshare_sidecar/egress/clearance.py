# SPDX-License-Identifier: Apache-2.0
"""Whether something may leave: scan, have the law decide, record, and only then let it go."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from aiohttp import web

from govshare_policy.crypto import sm3_new
from govshare_policy.egress.allowed import Allowance, allowed_forms
from govshare_policy.egress.guard import Envelope, unscannable
from govshare_policy.egress.onward import calls_of, recognised_of, strictest, without_own
from govshare_policy.egress.verdict import Outcome, Verdict
from govshare_policy.errors import AuditError, ConfigError, VerificationError
from govshare_policy.gate import Answer
from govshare_policy.gate import Outcome as Ended
from govshare_policy.identity import Evidence, Identity, legal_day
from govshare_policy.legal import Effect
from govshare_sidecar.desk import Desk
from govshare_sidecar.egress.denial import onward_denial
from govshare_sidecar.egress.parts import Parts
from govshare_sidecar.egress.pool import ScanPool
from govshare_sidecar.egress.settings import Destination, EgressConfig, Kind
from govshare_sidecar.refusal import Cause as Refusal
from govshare_sidecar.refusal import RefusedError

PASSED_ON: Final = "passed_on"
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Something that is about to leave.

    Attributes:
        what: What is looked at, and what cannot be.
        evidence: What shows whose it is.
        whose: The system that sends it.
        door: The entrance it was met at.
        asks: The providing department that is asked a question with it; empty if none is.
        consent: The consent that its sender names; empty for none.
    """

    what: Parts
    evidence: Evidence
    whose: Identity
    to: Destination
    door: str
    language: str
    asks: str = ""
    consent: str = ""


class Clearance:
    """Says of everything that leaves by any door whether it may."""

    def __init__(
        self, config: EgressConfig, *, pool: ScanPool, desk: Desk, now: Callable[[], datetime]
    ) -> None:
        self._config = config
        self._pool = pool
        self._desk = desk
        self._now = now
        self._allowances: tuple[tuple[int, int], tuple[Allowance, ...]] | None = None
        # What heartbeats count.
        self.counts = {"scanned": 0, "passed": 0, "denied": 0, "unscannable": 0, "registered": 0}

    def identify(self, evidence: Evidence) -> Identity:
        """Return the system that *evidence* proves.

        Raises:
            RefusedError: If it proves none.
            AuditError: If the gateway answers nothing now.
        """
        if not self._desk.is_open:
            raise AuditError("the gateway does not answer now, so nothing is passed on")
        identity = self._desk.identify(evidence)
        if identity.flaw is not None or not identity.system:
            raise RefusedError(Refusal.STRANGER, "the certificate is of no registered system")
        return identity

    async def refusal_of(self, leaving: Leaving) -> web.Response | None:
        """Return the refusal, once it is recorded; ``None`` if *leaving* may leave.

        Raises:
            AuditError: If it cannot be recorded. It must not leave.
            RefusedError: If it cannot be scanned, or too much is under way. Likewise.
        """
        if not self._desk.is_open:
            raise AuditError("the gateway does not answer now, so nothing is passed on")
        if leaving.to.kind is Kind.OWN:
            return None
        verdict = await self._verdict(leaving)
        self.counts["scanned"] += 1
        if leaving.asks:
            verdict = without_own(verdict, leaving.asks)
        if verdict.outcome is Outcome.PASS:
            self.counts["passed"] += 1
            return None
        return await self._decided(leaving, verdict)

    async def _verdict(self, leaving: Leaving) -> Verdict:
        at = self._now()
        forms = self._forms(leaving.to.host, at)
        envelope = Envelope(
            caller=leaving.whose.system,
            destination=leaving.to.host or leaving.door,
            at=at,
            allowed=forms,
        )
        what = leaving.what
        verdicts = [unscannable(what.unread, envelope)] if what.unread else []
        if what.scanned:
            verdicts.append(await self._pool.scan(what.scanned, envelope))
        return strictest(verdicts)

    async def _decided(self, leaving: Leaving, verdict: Verdict) -> web.Response | None:
        acted = _acted(leaving, verdict)
        digest = sm3_new()
        for body in leaving.what.raw:
            digest.update(len(body).to_bytes(8) + body)
        answers: list[Answer] = []
        consent = leaving.consent or leaving.to.consent
        for call, group in calls_of(verdict, leaving.to.recipient, consent=consent):
            answers.append(
                await self._desk.answer(
                    call,
                    leaving.evidence,
                    entrance=leaving.door,
                    values={"document": digest.digest().hex()},
                    recognised=recognised_of(verdict, group, door=leaving.door, acted=acted),
                )
            )
        denials = [one for one in answers if one.decision.effect is Effect.DENY]
        if acted is not Outcome.DENY:
            self._tell(acted, verdict, answers)
            return None
        if denials:
            self.counts["unscannable" if verdict.code else "denied"] += 1
            return onward_denial(denials[0], answers, verdict, language=leaving.language)
        if verdict.releases > len(verdict.evidence):
            raise RefusedError(
                Refusal.TOO_LARGE, "more releases were recognised than can be decided on at once"
            )
        size = sum(map(len, leaving.what.raw))
        for answer in answers:
            ended = Ended(status=PASSED_ON, rows=verdict.rows, size_bytes=size)
            await self._desk.conclude(answer, ended)
        self.counts["passed"] += 1
        return None

    def _tell(self, acted: Outcome, verdict: Verdict, answers: list[Answer]) -> None:
        self.counts["passed"] += 1
        if acted is Outcome.ALERT:
            receipts = ", ".join(f"`{one.receipt}`" for one in verdict.evidence[:3])
            record = answers[0].record_id
            _log.warning("likely obtained data left, as record `%s` says: %s", record, receipts)

    def _forms(self, host: str, at: datetime) -> frozenset[str]:
        """Return what may pass unread to *host*, as the list of the approver says now.

        Raises:
            RefusedError: If the list cannot be trusted. Nothing leaves until it can.
        """
        path = self._config.place.directory / "allowed"
        try:
            state = _state(path)
            if self._allowances is None or self._allowances[0] != state:
                self._allowances = (state, self._config.place.allowances())
        except (ConfigError, VerificationError) as error:
            _log.error("the approver's list cannot be used: %s", error)
            raise RefusedError(Refusal.UNGUARDED) from None
        return allowed_forms(self._allowances[1], host, on=legal_day(at))


def _acted(leaving: Leaving, verdict: Verdict) -> Outcome:
    """Return what is done with a document if the call about it is refused."""
    of_one = verdict.rows == 1 and not verdict.code
    if leaving.to.kind is Kind.SUBJECT and of_one:
        # Whoever a record is about may be shown that one record.
        return Outcome.RECORD
    return verdict.outcome


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)
