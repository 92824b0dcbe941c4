# SPDX-License-Identifier: Apache-2.0
"""Errors over gRPC: a rich status, which says who must act in both languages."""

import logging
from collections.abc import Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Final, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from govshare_policy.errors import CallError, EvaluationError, GovshareError
from govshare_policy.gate import Answer
from govshare_sidecar._pb import enforcement_pb2
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.problem import record_headers
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.status import detail_zh, retry_after_s, status_of

DOMAIN: Final = "govshare"
DENIED: Final = "DENIED"
DETAILS: Final = "grpc-status-details-bin"
_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


async def answered(
    work: Coroutine[Any, Any, _T],
    context: "grpc.aio.ServicerContext[bytes, Any]",
    metrics: Metrics,
    *,
    entrance: str,
) -> _T:
    """Return what *work* comes to, or end the RPC with a rich status.

    A caller that goes away, or whose deadline passes, ends *work*, but no record under way.
    """
    async with _Told(context, metrics, entrance):
        return await work


class _Told(AbstractAsyncContextManager[None]):
    """Ends an RPC with a rich status, whatever error leaves the ``async with``."""

    __slots__ = ("_context", "_entrance", "_metrics")

    def __init__(
        self, context: "grpc.aio.ServicerContext[bytes, Any]", metrics: Metrics, entrance: str
    ) -> None:
        self._context, self._metrics, self._entrance = context, metrics, entrance

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A caller that has gone is told nothing; what was cancelled goes on its way.
        if isinstance(error, Exception):
            await abort(self._context, told(error, self._metrics, entrance=self._entrance))


def told(error: BaseException, metrics: Metrics, *, entrance: str) -> GovshareError:
    """Return what to tell the caller about *error*, counted if it is a refusal."""
    if isinstance(error, CallError):
        cause = error.cause if isinstance(error, RefusedError) else Cause.BAD_CALL
        metrics.refused(entrance, cause)
    if isinstance(error, GovshareError):
        return error
    # Its text may quote anything, so it goes no further than its class in our own log.
    _log.error("an answer ended in an unforeseen error", exc_info=error)
    return EvaluationError("the gateway failed")


def failure(error: GovshareError) -> enforcement_pb2.Failure:
    """Return *error* as one of many results has it."""
    status = status_of(error)
    return enforcement_pb2.Failure(
        code=status.grpc.value[0],
        reason=status.reason,
        message=str(error),
        message_zh=detail_zh(error),
        retry_after_s=retry_after_s(error),
    )


async def abort(context: "grpc.aio.ServicerContext[bytes, Any]", error: GovshareError) -> NoReturn:
    """End the RPC with *error*."""
    rich = rich_status(error)
    await context.abort(
        status_of(error).grpc,
        rich.message,
        trailing_metadata=((DETAILS, rich.SerializeToString()),),
    )


def rich_status(error: GovshareError) -> status_pb2.Status:
    """Return *error* as callers of gRPC get it."""
    return _rich(status_of(error).grpc, str(error), _details(error))


def rich_denial(answer: Answer) -> status_pb2.Status:
    """Return the denial *answer* as callers of gRPC get it in the place of the department's."""
    decision = answer.decision
    reason = decision.reasons[0]
    said = {
        "outcome": decision.outcome.value,
        "clauses": ", ".join(decision.clauses),
        "reasons": ", ".join(reason.code for reason in decision.reasons),
        **{key.lower(): value for key, value in record_headers(answer).items()},
    }
    details: tuple[Message, ...] = (
        error_details_pb2.ErrorInfo(reason=DENIED, domain=DOMAIN, metadata=said),
        error_details_pb2.LocalizedMessage(
            locale="zh-CN", message="；".join(filter(None, (reason.text_zh, reason.remedy_zh)))
        ),
    )
    message = "; ".join(filter(None, (reason.text, reason.remedy)))
    return _rich(grpc.StatusCode.PERMISSION_DENIED, message, details)


def _rich(code: grpc.StatusCode, message: str, details: Iterable[Message]) -> status_pb2.Status:
    rich = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        rich.details.append(packed)
    return rich


def _details(error: GovshareError) -> list[Message]:
    status = status_of(error)
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=status.reason, domain=DOMAIN),
        error_details_pb2.LocalizedMessage(locale="zh-CN", message=detail_zh(error)),
    ]
    if status.grpc is grpc.StatusCode.INVALID_ARGUMENT:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field="call", description=str(error)
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if delay_s := retry_after_s(error):
        delay = duration_pb2.Duration(seconds=delay_s)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return details
