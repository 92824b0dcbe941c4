# SPDX-License-Identifier: Apache-2.0
"""The gRPC service ``govshare.v1.Enforcement``."""

import asyncio
import logging
import ssl
from typing import Final, NoReturn, TypeAlias

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from govshare_policy.errors import AuditError, CallError, EvaluationError, GovshareError
from govshare_policy.identity import Evidence
from govshare_sidecar._pb import enforcement_pb2
from govshare_sidecar.desk import Desk
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.status import detail_zh, status_of
from govshare_sidecar.wire import answer_to_message, parse_request, receipt_to_message

ENTRANCE: Final = "grpc_check"
DOMAIN: Final = "govshare"
_DETAILS: Final = "grpc-status-details-bin"
SERVICE: Final = enforcement_pb2.DESCRIPTOR.services_by_name["Enforcement"].full_name
_log: Final = logging.getLogger(__name__)
_Context: TypeAlias = grpc.aio.ServicerContext[bytes, enforcement_pb2.CheckResponse]


class Enforcement:
    """Answers ``Check``. A denial is an answer; only what somebody must act on is an error."""

    def __init__(
        self, desk: Desk, authorities: ClientAuthorities, metrics: Metrics, *, network: str
    ) -> None:
        self._desk = desk
        self._authorities = authorities
        self._metrics = metrics
        self._network = network

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what the server dispatches to.

        Requests arrive as bytes and are parsed here: the server's own answer to bytes that do
        not parse quotes the parser, and nobody would count them.
        """
        check: grpc.RpcMethodHandler[bytes, enforcement_pb2.CheckResponse]
        check = grpc.unary_unary_rpc_method_handler(
            self.check,
            request_deserializer=None,
            response_serializer=enforcement_pb2.CheckResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Check": check})

    async def check(self, data: bytes, context: _Context) -> enforcement_pb2.CheckResponse:
        """Answer one call, or end it with a rich status."""
        work = asyncio.create_task(self._check(data, self._evidence(context)))
        try:
            await asyncio.wait((work,))
        finally:
            work.cancel()  # does nothing to work that is done
        error = work.exception()
        if error is None:
            return work.result()
        if isinstance(error, CallError):
            cause = error.cause if isinstance(error, RefusedError) else Cause.BAD_CALL
            self._metrics.refused(ENTRANCE, cause)
        if not isinstance(error, GovshareError):
            # Its text may quote anything, so it goes no further than its class in our own log.
            _log.error("an answer ended in an unforeseen error", exc_info=error)
            error = EvaluationError("the gateway failed")
        return await _abort(context, error)

    async def _check(self, data: bytes, evidence: Evidence) -> enforcement_pb2.CheckResponse:
        call = parse_request(data)
        answer = await self._desk.answer(call, evidence, entrance=ENTRANCE)
        if answer.receipt is None:
            raise AuditError("the answer came without a receipt")
        return enforcement_pb2.CheckResponse(
            answer=answer_to_message(answer),
            receipt=receipt_to_message(answer.record_id, answer.receipt),
        )

    def _evidence(self, context: _Context) -> Evidence:
        presented = next(iter(context.auth_context().get("x509_pem_cert", ())), None)
        der = None if presented is None else ssl.PEM_cert_to_DER_cert(presented.decode("ascii"))
        return self._authorities.evidence(der, network=self._network)


async def _abort(context: _Context, error: GovshareError) -> NoReturn:
    """End the call with a rich status, which says who must act in both languages."""
    status = status_of(error)
    message = str(error)
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=status.reason, domain=DOMAIN),
        error_details_pb2.LocalizedMessage(locale="zh-CN", message=detail_zh(error)),
    ]
    if isinstance(error, CallError):
        violation = error_details_pb2.BadRequest.FieldViolation(field="call", description=message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    rich = status_pb2.Status(code=status.grpc.value[0], message=message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        rich.details.append(packed)
    await context.abort(
        status.grpc, message, trailing_metadata=((_DETAILS, rich.SerializeToString()),)
    )
