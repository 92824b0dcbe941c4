# SPDX-License-Identifier: Apache-2.0
"""Refusals before a call exists: the request does not say a call, so nothing is recorded.

They are counted instead, by cause.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from govshare_policy.errors import CallError


class Cause(StrEnum):
    """Why a request was refused before it became a call; also the label of the counter."""

    BAD_REQUEST = "bad_request"
    BAD_TARGET = "bad_target"
    BAD_HEADER = "bad_header"
    BAD_BODY = "bad_body"
    BAD_CALL = "bad_call"
    PARAMETER = "parameter"
    NO_ROUTE = "no_route"
    METHOD = "method"
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    UPGRADE = "upgrade"
    SLOW = "slow"


class RefusedError(CallError):
    """The caller must act: the request is refused before it becomes a call.

    Attributes:
        text_zh: The sentence in Chinese; empty where *message* took the place of the usual one.
    """

    def __init__(self, cause: Cause, message: str = "") -> None:
        english, chinese = _SENTENCES[cause]
        super().__init__(message or english)
        self.cause = cause
        self.text_zh = "" if message else chinese


_SENTENCES: Final[Mapping[Cause, tuple[str, str]]] = {
    Cause.BAD_REQUEST: (
        "the request is not well-formed HTTP/1.1",
        "请求不是合格的 HTTP/1.1 报文",
    ),
    Cause.BAD_TARGET: (
        "the path or query is not spelled in a way that everybody reads alike",
        "路径或查询串的写法有歧义，请按规范编码",
    ),
    Cause.BAD_HEADER: (
        "a `Govshare` header stands twice or is not percent-encoded UTF-8",
        "`Govshare` 请求头重复，或不是百分号编码的 UTF-8",
    ),
    Cause.BAD_BODY: (
        "a `GET` carries no body, and the body of a `POST` has to arrive whole",
        "`GET` 不带请求体，`POST` 的请求体须完整送达",
    ),
    Cause.BAD_CALL: (
        "the call does not have the shape of the interface",
        "调用不符合接口规定的格式",
    ),
    Cause.PARAMETER: (
        "the query holds a parameter that this route does not pass on; leave it out",
        "查询串含有本路由不转发的参数，请去掉",
    ),
    Cause.NO_ROUTE: ("no route leads there", "没有通向该路径的路由"),
    Cause.METHOD: ("only `GET` and `POST` are let through", "只接受 `GET` 和 `POST`"),
    Cause.TOO_LARGE: (
        "the body is larger than this gateway takes",
        "请求体超过本网关允许的大小",
    ),
    Cause.ENCODED: ("the body is encoded; send it as it is", "请求体经过编码，请按原样发送"),
    Cause.UPGRADE: ("the connection cannot be upgraded", "不支持升级连接协议"),
    Cause.SLOW: ("the body did not arrive in time", "请求体未在规定时间内送达"),
}
