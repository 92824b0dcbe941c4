# SPDX-License-Identifier: Apache-2.0
"""The service ``envoy.service.auth.v3.Authorization``.

Its answers cannot change what the department's API returns. So it lets a request on only where the
route is declared to return nothing but the granted fields, and refuses everywhere else.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Final, TypeAlias

import grpc
from aiohttp import web
from google.protobuf.message import DecodeError
from multidict import CIMultiDictProxy

from govshare_policy.errors import EvaluationError, IdentityError, ObligationError
from govshare_policy.gate import Answer, Outcome
from govshare_policy.identity import Evidence
from govshare_policy.legal import Effect
from govshare_sidecar._pb import envoy_pb2 as pb
from govshare_sidecar.auth_request import NOT_EXACT
from govshare_sidecar.envoy.canary import PATH, TOKEN, Trial
from govshare_sidecar.envoy.counter import Counter, TrialError
from govshare_sidecar.envoy.heads import (
    asked_of,
    certificate_of,
    denied,
    headers_of,
    to_remove,
    to_set_text,
)
from govshare_sidecar.envoy.peer import peer_key
from govshare_sidecar.envoy.settings import Filter
from govshare_sidecar.envoy.stream import EnvoyError
from govshare_sidecar.problem import denial, language_of, release_headers, trouble
from govshare_sidecar.receipts import PLACE
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.request import Asked
from govshare_sidecar.rich import abort, told
from govshare_sidecar.tracing import TRACEPARENT, arrived, onward

ENTRANCE: Final = "envoy_ext_authz"
SERVICE: Final = "envoy.service.auth.v3.Authorization"
# Envoy sets it where its own limit on the body cut it off.
_PARTIAL: Final = "X-Envoy-Auth-Partial-Body"
_Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]
_log: Final = logging.getLogger(__name__)


class Authorization:
    """Answers ``Check``, once for each request that comes to an Envoy."""

    name: Final = SERVICE

    def __init__(self, counter: Counter) -> None:
        self._at = counter

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what the server dispatches to; messages come and go as bytes."""
        check: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(self.check)
        return grpc.method_handlers_generic_handler(SERVICE, {"Check": check})

    def drain(self) -> None:
        """Do nothing: no answer takes long."""

    async def check(self, data: bytes, context: _Context) -> bytes:
        """Answer one request, or make Envoy give up on it."""
        work = asyncio.create_task(self._check(data, peer_key(context)))
        try:
            await asyncio.wait((work,))
        finally:
            work.cancel()  # does nothing to work that is done
        if (error := work.exception()) is None:
            return work.result().SerializeToString()
        if isinstance(error, TrialError):
            await abort(context, error)
        if isinstance(error, EnvoyError):
            _log.error("%s", error)
            error = EvaluationError("the gateway failed")
        said = told(error, self._at.metrics, entrance=ENTRANCE)
        return denied(trouble(said, language=_language(data))).SerializeToString()

    async def _check(self, data: bytes, spki: bytes) -> pb.AuthResponse:
        self._at.proofs.verify_known(spki)
        attributes, headers = _read(data)
        http = attributes.request.http
        if TOKEN in headers:
            return self._canary(headers, http.path, spki)
        self._at.proofs.verify(spki, Filter.EXT_AUTHZ)
        evidence = self._at.evidence(_certificate(attributes))
        if http.path.startswith(PLACE):
            return denied(self._at.receipt(http.method, http.path, evidence))
        arrived(headers.getall(TRACEPARENT, ()))
        with self._at.desk.place(evidence), self._at.desk.call(ENTRANCE):
            asked = asked_of(http.method, http.path, headers, self._at.config.routes)
            return await self._answer(_with_body(asked, http, headers), evidence, headers)

    async def _answer(
        self, asked: Asked, evidence: Evidence, headers: CIMultiDictProxy[str]
    ) -> pb.AuthResponse:
        language = language_of(headers.get("Accept-Language", ""))
        answer = await self._at.desk.answer(
            asked.call, asked.shown(evidence), entrance=ENTRANCE, values=asked.values()
        )
        if answer.decision.effect is Effect.DENY:
            return denied(denial(answer, language=language))
        if asked.target.route.path in self._at.config.exact:
            return self._admitted(asked, answer, headers)
        await self._at.desk.conclude(answer, Outcome(status=NOT_EXACT))
        error = ObligationError("the answer cannot be filtered here, and the route is not `exact`")
        beside = release_headers(answer).items()
        return denied(trouble(error, language=language, answer=answer, headers=beside))

    def _admitted(
        self, asked: Asked, answer: Answer, headers: CIMultiDictProxy[str]
    ) -> pb.AuthResponse:
        said = {
            ":path": asked.target.upstream(answer.decision.fields),
            **asked.headers,
            "Govshare-Record": answer.record_id,
            **onward(),
        }
        beside = {**release_headers(answer), **self._at.receipts.keep(answer)}
        return pb.AuthResponse(
            status=pb.RpcStatus(),
            ok_response=pb.Admitted(
                headers=to_set_text(said.items()),
                headers_to_remove=to_remove(headers, said),
                response_headers_to_add=to_set_text(beside.items()),
            ),
        )

    def _canary(self, headers: CIMultiDictProxy[str], path: str, spki: bytes) -> pb.AuthResponse:
        """Do with a request of the sidecar's own what it says, and record nothing."""
        trial = self._at.tokens.read(headers[TOKEN])
        if trial is None or path.partition("?")[0] != PATH:
            raise RefusedError(Cause.BAD_HEADER)
        if trial[0] is Trial.DENY:
            shown = {TOKEN: spki.hex()}
            return denied(web.Response(status=HTTPStatus.FORBIDDEN, body=b"{}", headers=shown))
        raise TrialError("this is the failure that the self-test asks for")


def _read(data: bytes) -> tuple[pb.Attributes, CIMultiDictProxy[str]]:
    try:
        attributes = pb.AuthRequest.FromString(data).attributes
    except DecodeError:
        raise EnvoyError("envoy sent what is no `CheckRequest`") from None
    headers = headers_of(attributes.request.http.header_map)
    if not headers:
        # In the other form, a header that stands twice is one with a comma in it.
        raise EnvoyError("envoy does not send headers as they are; set `encode_raw_headers`")
    return attributes, headers


def _language(data: bytes) -> str:
    try:
        _, headers = _read(data)
    except EnvoyError:
        return language_of("")
    return language_of(headers.get("Accept-Language", ""))


def _certificate(attributes: pb.Attributes) -> bytes | None:
    pem = attributes.source.certificate
    try:
        return certificate_of(pem) if pem else None
    except IdentityError as error:
        raise EnvoyError(str(error)) from None


def _with_body(asked: Asked, http: pb.Attributes.Http, headers: CIMultiDictProxy[str]) -> Asked:
    """Return *asked* with the body that Envoy sent along, which has to be all of it."""
    announced = headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers
    if asked.method == "GET":
        if announced or http.raw_body:
            raise RefusedError(Cause.BAD_BODY)
        return asked
    if headers.get(_PARTIAL, "false") != "false":
        raise RefusedError(Cause.TOO_LARGE)
    if announced and not http.raw_body:
        raise EnvoyError("envoy does not send bodies along; set `with_request_body`")
    return asked.with_body(http.raw_body)
