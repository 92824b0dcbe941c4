# SPDX-License-Identifier: Apache-2.0
"""The proxy in front of our own API for others: what it answers is looked at before it leaves."""

from typing import Final

from aiohttp import HttpVersion10, HttpVersion11, web

from govshare_policy.errors import AuditError, CallError, EvaluationError
from govshare_policy.identity import Evidence
from govshare_sidecar.door import cause_of, read_body
from govshare_sidecar.egress.clearance import Leaving
from govshare_sidecar.egress.forward import METHODS, response_of
from govshare_sidecar.egress.means import Means
from govshare_sidecar.egress.parts import end_to_end, parts_of
from govshare_sidecar.egress.settings import ReverseConfig
from govshare_sidecar.problem import language_of, trouble
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.upstream import UpstreamError

ENTRANCE: Final = "egress_reverse"
# A part of a document reads as another document, or as none.
_NOT_ASKED_FOR: Final = frozenset({"accept-encoding", "range", "if-range"})


class Reverse:
    """Answers whoever calls our own API."""

    def __init__(self, means: Means, own: ReverseConfig) -> None:
        self._at = means
        self._own = own

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the response to *request*."""
        language = language_of(request.headers.get("Accept-Language", ""))
        try:
            evidence = self._at.authorities.evidence(self._own.system, network=self._own.network)
            with self._at.desk.call(ENTRANCE):
                return await self._respond(request, evidence, language)
        except CallError as error:
            return self.refuse(error, language=language)
        except UpstreamError as error:
            self._at.metrics.upstream_failed(error.fault)
            return trouble(error, language=language)
        except (AuditError, EvaluationError) as error:
            response = trouble(error, language=language)
            response.force_close()
            return response

    def refuse(self, error: CallError, *, language: str) -> web.Response:
        """Return the response to a request that is not looked at any further, and count it."""
        self._at.metrics.refused(ENTRANCE, cause_of(error))
        response = trouble(error, language=language)
        response.force_close()
        return response

    async def _respond(
        self, request: web.BaseRequest, evidence: Evidence, language: str
    ) -> web.StreamResponse:
        if request.version not in (HttpVersion10, HttpVersion11):
            raise RefusedError(Cause.BAD_REQUEST)
        if request.method not in METHODS:
            raise RefusedError(Cause.METHOD)
        if "Upgrade" in request.headers:
            raise RefusedError(Cause.UPGRADE)
        if not request.raw_path.startswith("/"):
            raise RefusedError(Cause.BAD_TARGET)
        whose = self._at.clearance.identify(evidence)
        body = await read_body(request, max_bytes=self._at.config.max_request_bytes)
        asked = [
            item for item in end_to_end(request.headers) if item[0].lower() not in _NOT_ASKED_FOR
        ]
        came = await self._at.outward.ask(
            request.method, self._own.upstream + request.raw_path, headers=asked, body=body, host=""
        )
        refusal = await self._at.clearance.refusal_of(
            Leaving(
                parts=parts_of(came.body, end_to_end(came.headers)),
                evidence=evidence,
                whose=whose,
                to=self._own.callers,
                door=ENTRANCE,
                language=language,
            )
        )
        return response_of(came) if refusal is None else refusal
