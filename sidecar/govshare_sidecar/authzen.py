# SPDX-License-Identifier: Apache-2.0
"""The OpenID Authorization API 1.0 over HTTPS: decisions for whoever enforces them itself.

The caller is the system whose certificate the connection shows. The subject is a claim like any
other, and one that differs is a recorded denial.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDictProxy

from govshare_policy.call import MAX_CALL_BYTES
from govshare_policy.crypto import sm3
from govshare_policy.envelope import Presented
from govshare_policy.errors import AuditError, CallError
from govshare_policy.gate import Answer
from govshare_policy.identity import Evidence
from govshare_policy.legal import Effect
from govshare_sidecar.asked import Asked
from govshare_sidecar.authzen_settings import AuthzenConfig
from govshare_sidecar.authzen_wire import (
    DISCOVERY,
    EVALUATION,
    EVALUATIONS,
    MEDIA_TYPE,
    Evaluations,
    Semantic,
    answer_to_decision,
    discovery,
    error_to_decision,
    parse_document,
    parse_evaluation,
    parse_evaluations,
)
from govshare_sidecar.desk import Desk
from govshare_sidecar.door import cause_of, certificate_of, read_body, verify_plain
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.limits import Limits
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.problem import COMMON_HEADERS, language_of, record_headers, trouble
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.request import envelope_in
from govshare_sidecar.tracing import TRACEPARENT, arrived

ENTRANCE: Final = "authzen"
_METHODS: Final[Mapping[str, str]] = {EVALUATION: "POST", EVALUATIONS: "POST", DISCOVERY: "GET"}
_REQUEST_ID: Final = "X-Request-ID"
_PLAIN_ID: Final = re.compile(r"[\x20-\x7e]{1,256}")
_JSON: Final = re.compile(r'application/json(\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)


class Authzen:
    """Answers the requests of enforcement points."""

    def __init__(
        self,
        config: AuthzenConfig,
        *,
        desk: Desk,
        authorities: ClientAuthorities,
        metrics: Metrics,
        limits: Limits,
    ) -> None:
        self._config = config
        self._desk = desk
        self._authorities = authorities
        self._metrics = metrics
        self._limits = limits

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the response to *request*, under the same request id."""
        language = language_of(request.headers.get("Accept-Language", ""))
        arrived(request.headers.getall(TRACEPARENT, ()))
        echoed: dict[str, str] = {}
        try:
            echoed = _request_id(request.headers)
            verify_plain(request)
            response = await self._respond(request)
        except CallError as error:
            response = self.refuse(error, language=language)
        except AuditError as error:
            response = trouble(error, language=language)
        response.headers.update(echoed)
        return response

    def refuse(self, error: CallError, *, language: str) -> web.Response:
        """Return the response to a request that never became a call, and count it."""
        cause = cause_of(error)
        self._metrics.refused(ENTRANCE, cause)
        headers = [("Allow", "GET, POST")] if cause is Cause.METHOD else []
        response = trouble(error, language=language, headers=headers)
        # A body that was not read to its end may be taken for the next request.
        response.force_close()
        return response

    async def _respond(self, request: web.BaseRequest) -> web.Response:
        if request.raw_path not in _METHODS:
            raise RefusedError(Cause.NO_ROUTE)
        if request.method != _METHODS[request.raw_path]:
            raise RefusedError(Cause.METHOD)
        if request.raw_path == DISCOVERY:
            return _json(discovery(self._config.url))
        evidence = self._authorities.evidence(certificate_of(request), network=self._config.network)
        envelope = envelope_in(request.headers)
        if envelope:
            evidence = replace(evidence, envelope=Presented(text=envelope))
        if not _JSON.fullmatch(request.headers.get("Content-Type", "").strip()):
            raise RefusedError(Cause.BAD_CALL, "the request says `Content-Type: application/json`")
        data = await read_body(request, max_bytes=MAX_CALL_BYTES)
        document = parse_document(data)
        several = None
        if request.raw_path == EVALUATIONS:
            several = parse_evaluations(document, most=self._limits.batch)
        if several is None:
            answer = await self._answer(document, evidence, data)
            return _json(answer_to_decision(answer), record_headers(answer))
        if envelope:
            raise RefusedError(Cause.BAD_HEADER, "an envelope speaks of one evaluation")
        decisions = await self._decisions(several, evidence, data)
        return _json({"evaluations": decisions})

    async def _decisions(
        self, several: Evaluations, evidence: Evidence, data: bytes
    ) -> list[dict[str, object]]:
        """Return the decisions on *several*, in their order, as far as they were wanted.

        Whatever may be cut short goes one after the other, so that nothing is decided and
        recorded that nobody wanted to know.
        """
        if several.semantic is Semantic.EXECUTE_ALL:
            return await self._all(several, evidence, data)
        decisions: list[dict[str, object]] = []
        for item in several.items:
            permitted, decision = await self._decision(item, evidence, data)
            decisions.append(decision)
            if several.semantic.is_settled_by(permitted=permitted):
                break
        return decisions

    async def _all(
        self, several: Evaluations, evidence: Evidence, data: bytes
    ) -> list[dict[str, object]]:
        decisions: list[dict[str, object]] = []
        for begin in range(0, len(several.items), self._limits.window):
            together = several.items[begin : begin + self._limits.window]
            decisions += await self._together(together, evidence, data)
        return decisions

    async def _together(
        self, items: Sequence[Mapping[str, object]], evidence: Evidence, data: bytes
    ) -> list[dict[str, object]]:
        decisions: list[dict[str, object]] = [{} for _ in items]
        asked: list[tuple[int, Asked]] = []
        for place, item in enumerate(items):
            try:
                asked.append((place, _asked(item, evidence, data)))
            except CallError as error:
                decisions[place] = self._refused(error)
        with self._desk.room(evidence, len(asked)) as room:
            for place, _ in asked[room:]:
                decisions[place] = self._refused(RefusedError(Cause.BUSY))
            taken = asked[:room]
            answers = await self._desk.answer_together([one for _, one in taken])
        for (place, _), answer in zip(taken, answers, strict=True):
            if isinstance(answer, CallError):
                decisions[place] = self._refused(answer)
            else:
                decisions[place] = answer_to_decision(answer)
        return decisions

    def _refused(self, error: CallError) -> dict[str, object]:
        """Return how *error* is said of one of several, counted."""
        self._metrics.refused(ENTRANCE, cause_of(error))
        return error_to_decision(error)

    async def _decision(
        self, item: Mapping[str, object], evidence: Evidence, data: bytes
    ) -> tuple[bool, dict[str, object]]:
        """Return whether one of several was permitted, and how that is said."""
        try:
            answer = await self._answer(item, evidence, data)
        except CallError as error:
            return False, self._refused(error)
        return answer.decision.effect is Effect.ALLOW, answer_to_decision(answer)

    async def _answer(
        self, document: Mapping[str, object], evidence: Evidence, data: bytes
    ) -> Answer:
        with self._desk.place(evidence), self._desk.call(ENTRANCE):
            asked = _asked(document, evidence, data)
            return await self._desk.answer(
                asked.call, asked.evidence, entrance=ENTRANCE, values=asked.values
            )


def _asked(document: Mapping[str, object], evidence: Evidence, data: bytes) -> Asked:
    """Return the call that *document*, of the request *data*, states.

    Raises:
        CallError: If it states none.
    """
    # The request as it came: it may hold names that the record passes over.
    return Asked(parse_evaluation(document), evidence, ENTRANCE, {"request": sm3(data).hex()})


def _request_id(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    given = headers.getall(_REQUEST_ID, ())
    if not given:
        return {}
    if len(given) > 1 or not _PLAIN_ID.fullmatch(given[0]):
        raise RefusedError(
            Cause.BAD_HEADER, "`X-Request-ID` stands once, in at most 256 printable characters"
        )
    return {_REQUEST_ID: given[0]}


def _json(document: Mapping[str, object], headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=HTTPStatus.OK,
        body=json.dumps(document, ensure_ascii=False).encode(),
        headers={"Content-Type": MEDIA_TYPE, **COMMON_HEADERS, **(headers or {})},
    )
