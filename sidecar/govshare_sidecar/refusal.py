# SPDX-License-Identifier: Apache-2.0
"""Refusals before a call exists: the request does not say a call, so nothing is recorded.

They are counted instead, by cause.
"""

from enum import StrEnum

from govshare_policy.errors import CallError


class Cause(StrEnum):
    """Why a request was refused before it became a call; also the label of the counter."""

    BAD_REQUEST = "bad_request"
    BAD_TARGET = "bad_target"
    BAD_HEADER = "bad_header"
    BAD_BODY = "bad_body"
    BAD_CALL = "bad_call"
    NO_ROUTE = "no_route"
    METHOD = "method"
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    UPGRADE = "upgrade"
    SLOW = "slow"


class RefusedError(CallError):
    """The caller must act: the request is refused before it becomes a call."""

    def __init__(self, cause: Cause, message: str = "") -> None:
        super().__init__(message or _SENTENCES[cause])
        self.cause = cause


_SENTENCES = {
    Cause.BAD_REQUEST: "the request is not well-formed HTTP/1.1",
    Cause.BAD_TARGET: "the path or query is not spelled in a way that everybody reads alike",
    Cause.BAD_HEADER: "a `Govshare` header stands twice or is not percent-encoded UTF-8",
    Cause.BAD_BODY: "a `GET` carries no body, and the body of a `POST` has to arrive whole",
    Cause.BAD_CALL: "the call does not have the shape of the interface",
    Cause.NO_ROUTE: "no route leads there",
    Cause.METHOD: "only `GET` and `POST` are let through",
    Cause.TOO_LARGE: "the body is larger than this gateway takes",
    Cause.ENCODED: "the body is encoded; send it as it is",
    Cause.UPGRADE: "the connection cannot be upgraded",
    Cause.SLOW: "the body did not arrive in time",
}
