# SPDX-License-Identifier: Apache-2.0
"""The entrance for nginx: its ``auth_request`` asks here before it passes a request on.

nginx cannot filter an answer, so only routes that are declared exact are let through: behind them
nothing comes back but the fields that they name, all of which were granted. And nginx throws the
body of a denial away; what is to be said to the caller is kept here for the moment that it takes
nginx to fetch it.
"""

import secrets
from collections import OrderedDict
from http import HTTPStatus
from typing import Final

from aiohttp import web

from govshare_policy.errors import AuditError, CallError, ObligationError
from govshare_policy.gate import Outcome
from govshare_policy.identity import Evidence
from govshare_policy.legal import Effect
from govshare_sidecar.auth_request_settings import AuthRequestConfig
from govshare_sidecar.auth_request_wire import read_original
from govshare_sidecar.desk import Desk
from govshare_sidecar.door import cause_of, certificate_of
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.problem import COMMON_HEADERS, denial, language_of, release_headers, trouble
from govshare_sidecar.receipts import PLACE, Receipts
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.request import read_head
from govshare_sidecar.tracing import TRACEPARENT, arrived

ENTRANCE: Final = "auth_request"
ASK: Final = "/govshare/ask"
SAID: Final = "/govshare/said/"
# What became of an allowed call that was not let through, as its outcome says.
NOT_EXACT: Final = "not_exact"
# Some 8 KiB each; nginx fetches one at once or not at all.
KEPT: Final = 512


class AuthRequest:
    """Answers nginx: 204 lets the request through, 403 does not."""

    def __init__(
        self,
        config: AuthRequestConfig,
        *,
        desk: Desk,
        authorities: ClientAuthorities,
        proxies: ClientAuthorities,
        metrics: Metrics,
    ) -> None:
        """Begin with nothing kept.

        Args:
            config: Who may ask, and for what.
            desk: Who answers.
            authorities: Of the certificates that callers show to nginx.
            proxies: Of the certificates that nginx shows to the sidecar.
            metrics: Where refusals are counted.
        """
        self._config = config
        self._desk = desk
        self._authorities = authorities
        self._proxies = proxies
        self._metrics = metrics
        self._receipts = Receipts()
        # Owned by the event loop.
        self._kept: OrderedDict[str, web.Response] = OrderedDict()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the response to *request*, which comes from nginx."""
        language = language_of(request.headers.get("Accept-Language", ""))
        arrived(request.headers.getall(TRACEPARENT, ()))
        try:
            self._verify_registered(request)
            if request.method != "GET":
                raise RefusedError(Cause.METHOD)
            if request.raw_path.startswith(SAID):
                return self._said(request.raw_path.removeprefix(SAID))
            if request.raw_path.startswith(PLACE):
                return self._receipt(request)
            if request.raw_path != ASK:
                raise RefusedError(Cause.NO_ROUTE)
        except CallError as error:
            return self.refuse(error, language=language)
        except AuditError as error:
            return trouble(error, language=language)
        return await self._ask(request, language)

    def refuse(self, error: CallError, *, language: str) -> web.Response:
        """Return the response to a request that never became a call, and count it."""
        self._metrics.refused(ENTRANCE, cause_of(error))
        return trouble(error, language=language)

    async def _ask(self, request: web.BaseRequest, language: str) -> web.Response:
        """Let the request through, or keep what is to be said instead of an answer."""
        try:
            response = await self._answer(request, language)
        except CallError as error:
            response = self.refuse(error, language=language)
        except AuditError as error:
            response = trouble(error, language=language)
        if response.status == HTTPStatus.NO_CONTENT:
            return response
        headers = {**COMMON_HEADERS, "Govshare-Said": self._keep(response)}
        return web.Response(status=HTTPStatus.FORBIDDEN, headers=headers)

    async def _answer(self, request: web.BaseRequest, language: str) -> web.Response:
        original = read_original(request.headers)
        evidence = self._evidence(original.certificate)
        with self._desk.place(evidence), self._desk.call(ENTRANCE):
            if original.method != "GET":
                raise RefusedError(Cause.METHOD, "only `GET` is let through here")
            asked = read_head("GET", original.target, request.headers, self._config.routes)
            answer = await self._desk.answer(
                asked.call, asked.shown(evidence), entrance=ENTRANCE, values=asked.values()
            )
            if answer.decision.effect is Effect.DENY:
                return denial(answer, language=language)
            headers = release_headers(answer)
            if asked.target.route.path in self._config.exact:
                headers |= self._receipts.keep(answer)
                return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)
            await self._desk.conclude(answer, Outcome(status=NOT_EXACT))
        error = ObligationError("the answer cannot be filtered here, and the route is not `exact`")
        return trouble(error, language=language, answer=answer, headers=headers.items())

    def _verify_registered(self, request: web.BaseRequest) -> None:
        # The TLS library has verified the chain, and its time; the key says which nginx it is.
        evidence = self._proxies.evidence(certificate_of(request), network=self._config.network)
        if evidence.spki not in self._config.proxies:
            raise RefusedError(Cause.STRANGER)

    def _evidence(self, der: bytes | None) -> Evidence:
        return self._authorities.evidence(der, network=self._config.network)

    def _receipt(self, request: web.BaseRequest) -> web.Response:
        evidence = self._evidence(read_original(request.headers).certificate)
        text = self._receipts.text(request.raw_path, evidence.spki)
        return web.Response(text=text, headers=COMMON_HEADERS)

    def _keep(self, response: web.Response) -> str:
        """Keep *response* until it is fetched, and return the word to fetch it with."""
        word = secrets.token_urlsafe(16)
        self._kept[word] = response
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return word

    def _said(self, word: str) -> web.Response:
        kept = self._kept.pop(word, None)
        if kept is None:
            raise RefusedError(Cause.NO_ROUTE)
        return kept
