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
    SUBJECT = "subject"
    NO_ROUTE = "no_route"
    NO_RECEIPT = "no_receipt"
    NO_RELEASE = "no_release"
    NO_SIZE = "no_size"
    NOT_JSON = "not_json"
    BUSY = "busy"
    METHOD = "method"
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    UPGRADE = "upgrade"
    SLOW = "slow"
    STRANGER = "stranger"
    UNPROVEN = "unproven"
    UNGUARDED = "unguarded"


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
    Cause.SUBJECT: (
        "this route answers for exactly one subject: state its key once, not empty, no pattern",
        "本路由一次只查询一个对象：请写明查询键一次，不得为空、成列或使用通配符",
    ),
    Cause.NO_ROUTE: ("no route leads there", "没有通向该路径的路由"),
    Cause.NO_RECEIPT: (
        "no receipt of a late call of yours is kept there; an auditor can prove the record",
        "此处没有贵方近期调用的回执；可请审计方出具该记录的证明",
    ),
    Cause.NO_RELEASE: (
        "nothing may be released under this record to this certificate, or not any more; ask again",
        "该记录项下没有可向本证书放行的数据，或已过时限、已放行、政策已变更；请重新调用",
    ),
    Cause.NO_SIZE: (
        "the log never had that size; ask from the size of a checkpoint of this log, at least 1",
        "日志从未有过该长度；请使用本日志某个检查点的长度（至少为 1）",
    ),
    Cause.NOT_JSON: (
        "the body is not strictly readable as its type, or its records are elsewhere; call again",
        "报文不能按所述类型严格解析，或记录不在所述位置；未放行任何数据，请重新调用",
    ),
    Cause.BUSY: (
        "the gateway is full, or this certificate has too much under way; ask again shortly",
        "网关已满，或本证书同时进行的调用过多；请稍后再试",
    ),
    Cause.METHOD: ("only `GET` and `POST` are let through", "只接受 `GET` 和 `POST`"),
    Cause.TOO_LARGE: (
        "the body is larger than this gateway takes",
        "请求体超过本网关允许的大小",
    ),
    Cause.ENCODED: ("the body is encoded; send it as it is", "请求体经过编码，请按原样发送"),
    Cause.UPGRADE: ("the connection cannot be upgraded", "不支持升级连接协议"),
    Cause.SLOW: ("the body did not arrive in time", "请求体未在规定时间内送达"),
    Cause.STRANGER: ("this proxy is not registered here", "该代理未在本网关登记"),
    Cause.UNPROVEN: (
        "the proxy has not shown lately that it filters and fails closed; ask the operator",
        "代理近期未通过放行自检；请联系网关的运维单位",
    ),
    Cause.UNGUARDED: (
        "the onward guard cannot be asked now, so nothing passes; ask again, or ask the operator",
        "外传防护当前无法检查，未传出也未交付任何数据；请稍后再试，或联系网关的运维单位",
    ),
}
