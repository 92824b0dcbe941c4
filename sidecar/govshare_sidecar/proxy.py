# SPDX-License-Identifier: Apache-2.0
"""The HTTP reverse proxy: ask the desk, then the department, and let the released fields out."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from aiohttp import HttpVersion11, web

from govshare_policy.errors import AuditError, CallError, GovshareError
from govshare_policy.gate import Answer, Outcome
from govshare_policy.identity import Evidence
from govshare_policy.legal import Effect
from govshare_sidecar.config import HttpConfig
from govshare_sidecar.desk import Desk
from govshare_sidecar.door import cause_of, certificate_of
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.metrics import Metrics, Stage
from govshare_sidecar.problem import COMMON_HEADERS, denial, language_of, release_headers, trouble
from govshare_sidecar.receipts import PLACE, Receipts
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.release.answer import content_type, release_answer
from govshare_sidecar.release.relay import LeftError, Relay
from govshare_sidecar.release.released import CALLER_LEFT, RELEASED, Released
from govshare_sidecar.request import Asked, read_request
from govshare_sidecar.tracing import TRACEPARENT, arrived, onward
from govshare_sidecar.upstream import Fault, Upstream, UpstreamError

ENTRANCE: Final = "http_proxy"
# Above this, reading an answer strictly takes long enough to keep other calls waiting.
_LARGE_BYTES: Final = 256 * 1024
_log: Final = logging.getLogger(__name__)


class Proxy:
    """Answers requests for one department's API."""

    def __init__(
        self,
        config: HttpConfig,
        *,
        desk: Desk,
        upstream: Upstream,
        authorities: ClientAuthorities,
        metrics: Metrics,
        certificate_of: Callable[[web.BaseRequest], bytes | None] = certificate_of,
    ) -> None:
        self._config = config
        self._certificate_of = certificate_of
        self._desk = desk
        self._upstream = upstream
        self._authorities = authorities
        self._metrics = metrics
        self._receipts = Receipts()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the response to *request*."""
        language = language_of(request.headers.get("Accept-Language", ""))
        arrived(request.headers.getall(TRACEPARENT, ()))
        try:
            if request.raw_path.startswith(PLACE):
                return self._receipt(request)
            evidence = self._evidence(request)
            with self._desk.place(evidence), self._desk.call(ENTRANCE):
                asked = await read_request(
                    request, self._config.routes, max_bytes=self._config.max_request_bytes
                )
                if asked.target.route.streams and request.version == HttpVersion11:
                    with self._desk.stream(evidence):
                        return await self._stream(request, asked, evidence, language=language)
                return await self._answer(request, asked, evidence, language=language)
        except CallError as error:
            return self.refuse(error, language=language)
        except AuditError as error:
            return trouble(error, language=language)

    def _receipt(self, request: web.BaseRequest) -> web.Response:
        if request.method != "GET":
            raise RefusedError(Cause.METHOD)
        evidence = self._evidence(request)
        text = self._receipts.text(request.raw_path, evidence.spki)
        return web.Response(text=text, headers=COMMON_HEADERS)

    def _evidence(self, request: web.BaseRequest) -> Evidence:
        der = self._certificate_of(request)
        return self._authorities.evidence(der, network=self._config.network)

    def refuse(self, error: CallError, *, language: str) -> web.Response:
        """Return the response to a request that never became a call, and count it."""
        cause = cause_of(error)
        self._metrics.refused(ENTRANCE, cause)
        headers = [("Allow", "GET, POST")] if cause is Cause.METHOD else []
        response = trouble(error, language=language, headers=headers)
        # What else stands on this connection cannot be trusted to begin where it seems to.
        response.force_close()
        return response

    async def _answer(
        self, request: web.BaseRequest, asked: Asked, evidence: Evidence, *, language: str
    ) -> web.StreamResponse:
        """Decide, ask, release, record, answer: in that order only."""
        answer = await self._decided(asked, evidence)
        if answer.decision.effect is Effect.DENY:
            return denial(answer, language=language)
        try:
            released = await self._released(asked, answer)
        except UpstreamError as error:
            self._metrics.upstream_failed(error.fault)
            _log.warning("%s", error)
            await self._desk.conclude(answer, Outcome(status=error.fault.value))
            return trouble(error, language=language, answer=answer)
        if _has_left(request):
            await self._desk.conclude(answer, Outcome(status=CALLER_LEFT))
            return web.Response()  # nobody is there to get it
        outcome = Outcome(
            status=RELEASED,
            rows=released.rows,
            size_bytes=len(released.body),
            response=released.digest,
            records=released.records,
        )
        await self._desk.conclude(answer, outcome)
        more = {"Content-Type": content_type(asked.target.route.form)}
        return _response(answer, released, {**more, **self._receipts.keep(answer)})

    async def _decided(self, asked: Asked, evidence: Evidence) -> Answer:
        return await self._desk.answer(
            asked.call, asked.shown(evidence), entrance=ENTRANCE, values=asked.values()
        )

    async def _stream(
        self, request: web.BaseRequest, asked: Asked, evidence: Evidence, *, language: str
    ) -> web.StreamResponse:
        """Decide and record, then ask, and let each record out as it comes."""
        answer = await self._decided(asked, evidence)
        if answer.decision.effect is Effect.DENY:
            return denial(answer, language=language)
        relay = Relay(
            request=request,
            call=asked.call,
            answer=answer,
            route=asked.target.route,
            desk=self._desk,
            evidence=lambda: self._evidence(request),
            headers={
                **release_headers(answer),
                "Content-Type": content_type(asked.target.route.form),
                **self._receipts.keep(answer),
            },
            most=self._config.max_response_bytes,
        )
        try:
            async with asyncio.timeout(self._config.stream_timeout_s):
                await self._relayed(relay, asked, answer)
            return await relay.end()
        except (GovshareError, LeftError, TimeoutError, asyncio.CancelledError) as error:
            return await self._broken_off(relay, error, language=language)
        finally:
            relay.break_off()

    async def _relayed(self, relay: Relay, asked: Asked, answer: Answer) -> None:
        # It is filtered as it comes: its release is part of the time that it takes.
        with self._desk.stage(Stage.UPSTREAM):
            async with self._upstream.stream(
                asked.method,
                asked.target.upstream(answer.decision.fields),
                headers=self._onward(asked, answer),
                body=asked.body,
            ) as arriving:
                await relay.run(arriving)

    async def _broken_off(
        self, relay: Relay, error: BaseException, *, language: str
    ) -> web.StreamResponse:
        """Record what had left when *error* came, and say why if nothing had."""
        if isinstance(error, UpstreamError):
            self._metrics.upstream_failed(error.fault)
            _log.warning("%s", error)
        # Before the end of the connection, which may be the end of this task.
        await relay.conclude(relay.why(error))
        if isinstance(error, asyncio.CancelledError):
            raise error
        if relay.has_begun and isinstance(error, CallError):
            self._metrics.refused(ENTRANCE, cause_of(error))
        if relay.has_begun or isinstance(error, LeftError):
            relay.break_off()
            return relay.response
        if isinstance(error, TimeoutError):
            error = UpstreamError(Fault.TIMEOUT, "the department's API did not answer in time")
        if isinstance(error, UpstreamError):
            return trouble(error, language=language, answer=relay.answer)
        raise error

    def _onward(self, asked: Asked, answer: Answer) -> dict[str, str]:
        return {**asked.headers, "Govshare-Record": answer.record_id, **onward()}

    async def _released(self, asked: Asked, answer: Answer) -> Released:
        fields = answer.decision.fields
        with self._desk.stage(Stage.UPSTREAM):
            reply = await self._upstream.ask(
                asked.method,
                asked.target.upstream(fields),
                headers=self._onward(asked, answer),
                body=asked.body,
            )
        filtered = partial(
            release_answer,
            reply.body,
            fields,
            route=asked.target.route,
            announced=reply.content_type,
            content_encoding=reply.content_encoding,
            most=self._config.max_response_bytes,
        )
        with self._desk.stage(Stage.RELEASE):
            if len(reply.body) < _LARGE_BYTES and not reply.content_encoding:
                return filtered()
            return await asyncio.to_thread(filtered)


def _has_left(request: web.BaseRequest) -> bool:
    return request.transport is None or request.transport.is_closing()


def _response(answer: Answer, released: Released, more: Mapping[str, str]) -> web.Response:
    headers = {**release_headers(answer), **more}
    return web.Response(body=released.body, headers=headers)
