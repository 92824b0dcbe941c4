# SPDX-License-Identifier: Apache-2.0
"""The proxy in front of our own API for others: what it answers is looked at before it leaves."""

from typing import Final

from aiohttp import HttpVersion10, HttpVersion11, web

from govshare_policy.identity import Evidence
from govshare_sidecar.door import read_body
from govshare_sidecar.egress.clearance import Leaving
from govshare_sidecar.egress.forward import METHODS, response_of
from govshare_sidecar.egress.http_door import HttpDoor
from govshare_sidecar.egress.means import Means
from govshare_sidecar.egress.message_types import types_of
from govshare_sidecar.egress.parts import end_to_end, parts_of
from govshare_sidecar.egress.settings import ReverseConfig
from govshare_sidecar.refusal import Cause, RefusedError

ENTRANCE: Final = "egress_reverse"
# A part of a document reads as another document, or as none.
_NOT_ASKED_FOR: Final = frozenset({"accept-encoding", "range", "if-range"})


class Reverse(HttpDoor):
    """Answers whoever calls our own API."""

    entrance = ENTRANCE

    def __init__(self, means: Means, own: ReverseConfig) -> None:
        super().__init__(means)
        self._own = own

    def _evidence(self, _request: web.BaseRequest) -> Evidence:
        return self._at.authorities.evidence(self._own.system, network=self._own.network)

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
        types = types_of(self._at.config.messages, "", request.raw_path)
        refusal = await self._at.clearance.refusal_of(
            Leaving(
                what=parts_of(came.body, end_to_end(came.headers), kind=types.answer),
                evidence=evidence,
                whose=whose,
                to=self._own.callers,
                door=ENTRANCE,
                language=language,
            )
        )
        return response_of(came) if refusal is None else refusal
