# SPDX-License-Identifier: Apache-2.0
"""The provider's listener for heartbeats: each is verified and kept, and silence is noticed."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final

from aiohttp import web

from govshare_policy.egress.heartbeat import MAX_BYTES, Heartbeat
from govshare_policy.egress.heartbeat_keeper import HeartbeatKeeper
from govshare_policy.errors import AuditError, CallError, EvaluationError, VerificationError
from govshare_policy.identity import Evidence
from govshare_sidecar.desk import Desk
from govshare_sidecar.door import cause_of, certificate_of, read_body, verify_plain
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.heartbeat_settings import HeartbeatsConfig, KnownGuard
from govshare_sidecar.heartbeat_watch import HeartbeatMetrics
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.problem import COMMON_HEADERS, language_of, trouble
from govshare_sidecar.refusal import Cause, RefusedError

ENTRANCE: Final = "heartbeats"
PATH: Final = "/heartbeats"


class Heartbeats:
    """Takes what the guards of consumers post."""

    def __init__(
        self,
        config: HeartbeatsConfig,
        *,
        keeper: HeartbeatKeeper,
        desk: Desk,
        authorities: ClientAuthorities,
        metrics: Metrics,
        counted: HeartbeatMetrics,
        now: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._keeper = keeper
        self._desk = desk
        self._authorities = authorities
        self._metrics = metrics
        self._counted = counted
        self._now = now

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the response to *request*: 204 once the heartbeat is kept."""
        language = language_of(request.headers.get("Accept-Language", ""))
        try:
            evidence = self._authorities.evidence(
                certificate_of(request), network=self._config.network
            )
            with self._desk.place(evidence):
                await self._take(request, evidence)
        except CallError as error:
            return self.refuse(error, language=language)
        except (AuditError, EvaluationError) as error:
            return trouble(error, language=language)
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=COMMON_HEADERS)

    def refuse(self, error: CallError, *, language: str) -> web.Response:
        """Return the response to what is not kept, and count it."""
        self._metrics.refused(ENTRANCE, cause_of(error))
        response = trouble(error, language=language)
        response.force_close()
        return response

    async def _take(self, request: web.BaseRequest, evidence: Evidence) -> None:
        verify_plain(request)
        if request.raw_path != PATH:
            raise RefusedError(Cause.NO_ROUTE)
        if request.method != "POST":
            raise RefusedError(Cause.METHOD, "heartbeats are posted")
        data = await read_body(request, max_bytes=MAX_BYTES)
        identity = self._desk.identify(evidence)
        guard = self._guard(data)
        if identity.flaw is not None or identity.system != guard.system:
            raise RefusedError(Cause.STRANGER, "the certificate is not of the guard's system")
        try:
            await asyncio.to_thread(self._keeper.take, data, guard.public, at=self._now())
        except VerificationError as error:
            raise RefusedError(Cause.BAD_BODY, str(error)) from None
        self._counted.taken.labels(guard.name).inc()

    def _guard(self, data: bytes) -> KnownGuard:
        """Return the guard that *data* name; whether it signed them is verified later.

        Raises:
            RefusedError: If they name none that is known.
        """
        head = data.decode("ascii", "replace").partition("\n\n")[0]
        try:
            named = Heartbeat.from_text(f"{head}\n").guard
        except VerificationError as error:
            raise RefusedError(Cause.BAD_BODY, str(error)) from None
        guard = self._config.guards.get(named)
        if guard is None:
            raise RefusedError(Cause.STRANGER, "no such guard is known here")
        return guard
