# SPDX-License-Identifier: Apache-2.0
"""One table: which error is which status, over gRPC and over HTTP, and what its name is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from grpc import StatusCode

from govshare_policy.errors import (
    AuditError,
    CallError,
    ConfigError,
    ConsistencyError,
    EvaluationError,
    FactError,
    GovshareError,
    IdentityError,
    InclusionError,
    ObligationError,
    PolicyError,
    SignatureError,
    VerificationError,
)
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.upstream import Fault, UpstreamError


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What an error looks like from outside.

    Attributes:
        reason: For programs; upper case, stable.
        title: For people, in English.
        title_zh: For people, in Chinese.
    """

    grpc: StatusCode
    http: HTTPStatus
    reason: str
    title: str
    title_zh: str


_CALL: Final = Status(
    grpc=StatusCode.INVALID_ARGUMENT,
    http=HTTPStatus.BAD_REQUEST,
    reason="CALL_UNREADABLE",
    title="the call cannot be read",
    title_zh="调用不符合接口规定",
)
_IDENTITY: Final = Status(
    grpc=StatusCode.UNAUTHENTICATED,
    http=HTTPStatus.UNAUTHORIZED,
    reason="IDENTITY_UNPROVEN",
    title="the evidence does not prove who calls",
    title_zh="凭据不能证明调用方身份",
)
_INTERNAL: Final = Status(
    grpc=StatusCode.INTERNAL,
    http=HTTPStatus.INTERNAL_SERVER_ERROR,
    reason="INTERNAL",
    title="the gateway could not answer, so nothing was released",
    title_zh="网关无法作答，未提供任何数据",
)
_RELEASE: Final = Status(
    grpc=StatusCode.INTERNAL,
    http=HTTPStatus.BAD_GATEWAY,
    reason="NOT_RELEASABLE",
    title="the department's answer cannot be released",
    title_zh="部门接口的应答无法放行",
)
_AUDIT: Final = Status(
    grpc=StatusCode.UNAVAILABLE,
    http=HTTPStatus.SERVICE_UNAVAILABLE,
    reason="AUDIT_UNAVAILABLE",
    title="the call could not be recorded, so nothing was released",
    title_zh="无法写入审计记录，未提供任何数据",
)

STATUSES: Final[Mapping[type[GovshareError], Status]] = {
    GovshareError: _INTERNAL,
    CallError: _CALL,
    IdentityError: _IDENTITY,
    FactError: _INTERNAL,
    PolicyError: _INTERNAL,
    EvaluationError: _INTERNAL,
    ObligationError: _RELEASE,
    ConfigError: _INTERNAL,
    AuditError: _AUDIT,
    VerificationError: _AUDIT,
    SignatureError: _AUDIT,
    InclusionError: _AUDIT,
    ConsistencyError: _AUDIT,
}

# Refusals that are not about the shape of a call.
REFUSALS: Final[Mapping[Cause, Status]] = {
    Cause.NO_RECEIPT: Status(
        grpc=StatusCode.NOT_FOUND,
        http=HTTPStatus.NOT_FOUND,
        reason="NO_RECEIPT",
        title="there is no such receipt",
        title_zh="没有该回执",
    ),
    Cause.NO_RELEASE: Status(
        grpc=StatusCode.FAILED_PRECONDITION,
        http=HTTPStatus.CONFLICT,
        reason="NO_RELEASE",
        title="nothing is to be released",
        title_zh="没有可放行的数据",
    ),
    Cause.NO_SIZE: Status(
        grpc=StatusCode.OUT_OF_RANGE,
        http=HTTPStatus.NOT_FOUND,
        reason="NO_SUCH_SIZE",
        title="the log never had that size",
        title_zh="日志从未有过该长度",
    ),
    Cause.BUSY: Status(
        grpc=StatusCode.RESOURCE_EXHAUSTED,
        http=HTTPStatus.SERVICE_UNAVAILABLE,
        reason="BUSY",
        title="the gateway is full",
        title_zh="网关已满",
    ),
    Cause.STRANGER: Status(
        grpc=StatusCode.PERMISSION_DENIED,
        http=HTTPStatus.FORBIDDEN,
        reason="STRANGER",
        title="the proxy is not registered",
        title_zh="代理未登记",
    ),
    Cause.UNPROVEN: Status(
        grpc=StatusCode.UNAVAILABLE,
        http=HTTPStatus.SERVICE_UNAVAILABLE,
        reason="PROXY_UNPROVEN",
        title="the proxy has not passed its self-test",
        title_zh="代理未通过自检",
    ),
    Cause.UNGUARDED: Status(
        grpc=StatusCode.UNAVAILABLE,
        http=HTTPStatus.SERVICE_UNAVAILABLE,
        reason="GUARD_UNAVAILABLE",
        title="the onward guard cannot be asked, so nothing passed",
        title_zh="外传防护无法检查，未传出也未交付任何数据",
    ),
}
RETRY_AFTER_S: Final = 1

# Refusals before a call exists have one class, and an HTTP status by their cause.
CAUSES: Final[Mapping[Cause, HTTPStatus]] = {
    Cause.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    Cause.BAD_TARGET: HTTPStatus.BAD_REQUEST,
    Cause.BAD_HEADER: HTTPStatus.BAD_REQUEST,
    Cause.BAD_BODY: HTTPStatus.BAD_REQUEST,
    Cause.BAD_CALL: HTTPStatus.BAD_REQUEST,
    Cause.PARAMETER: HTTPStatus.BAD_REQUEST,
    Cause.SUBJECT: HTTPStatus.BAD_REQUEST,
    Cause.NO_ROUTE: HTTPStatus.NOT_FOUND,
    Cause.NO_RECEIPT: HTTPStatus.NOT_FOUND,
    Cause.NO_RELEASE: HTTPStatus.CONFLICT,
    Cause.NO_SIZE: HTTPStatus.NOT_FOUND,
    Cause.NOT_JSON: HTTPStatus.BAD_REQUEST,
    Cause.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    Cause.METHOD: HTTPStatus.METHOD_NOT_ALLOWED,
    Cause.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Cause.ENCODED: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Cause.UPGRADE: HTTPStatus.NOT_IMPLEMENTED,
    Cause.SLOW: HTTPStatus.REQUEST_TIMEOUT,
    Cause.STRANGER: HTTPStatus.FORBIDDEN,
    Cause.UNPROVEN: HTTPStatus.SERVICE_UNAVAILABLE,
    Cause.UNGUARDED: HTTPStatus.SERVICE_UNAVAILABLE,
}


# After a call was allowed, the department's API has one class of error, and a status by its fault.
FAULTS: Final[Mapping[Fault, HTTPStatus]] = {
    Fault.UNREACHABLE: HTTPStatus.BAD_GATEWAY,
    Fault.TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    Fault.NO_SUCH_RECORD: HTTPStatus.NOT_FOUND,
    Fault.STATUS: HTTPStatus.BAD_GATEWAY,
    Fault.TOO_LARGE: HTTPStatus.BAD_GATEWAY,
    Fault.UNREADABLE: HTTPStatus.BAD_GATEWAY,
    Fault.UNSIGNED: HTTPStatus.BAD_GATEWAY,
}


# The same over gRPC.
FAULT_CODES: Final[Mapping[Fault, StatusCode]] = {
    Fault.UNREACHABLE: StatusCode.UNAVAILABLE,
    Fault.TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
    Fault.NO_SUCH_RECORD: StatusCode.NOT_FOUND,
    Fault.STATUS: StatusCode.INTERNAL,
    Fault.TOO_LARGE: StatusCode.INTERNAL,
    Fault.UNREADABLE: StatusCode.INTERNAL,
    Fault.UNSIGNED: StatusCode.INTERNAL,
}


def status_of(error: GovshareError) -> Status:
    """Return the status of *error*: of its cause, its class, or the nearest class above it."""
    if isinstance(error, RefusedError) and error.cause in REFUSALS:
        return REFUSALS[error.cause]
    if isinstance(error, UpstreamError):
        return replace(_RELEASE, grpc=FAULT_CODES[error.fault])
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def http_status_of(error: GovshareError) -> HTTPStatus:
    """Return the HTTP status of *error*."""
    if isinstance(error, RefusedError):
        return CAUSES[error.cause]
    if isinstance(error, UpstreamError):
        return FAULTS[error.fault]
    return status_of(error).http


def retry_after_s(error: GovshareError) -> int:
    """Return after how many seconds to ask again; 0 where that alone changes nothing."""
    is_busy = isinstance(error, RefusedError) and error.cause is Cause.BUSY
    return RETRY_AFTER_S if is_busy else 0


def detail_zh(error: GovshareError) -> str:
    """Return in Chinese what went wrong.

    What the parser of calls complains about has no Chinese of its own and stands as it is.
    """
    title = status_of(error).title_zh
    if isinstance(error, RefusedError | UpstreamError) and error.text_zh:
        return error.text_zh
    if isinstance(error, CallError):
        return f"{title}：{error}"
    return f"{title}；请联系网关的运维单位"
