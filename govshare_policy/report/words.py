# SPDX-License-Identifier: Apache-2.0
"""What the parts of a report are called, in Chinese and English."""

from datetime import date
from typing import Final, NamedTuple

from govshare_policy.deadline import Status
from govshare_policy.legal import Effect, Outcome
from govshare_policy.report.asks import Figure
from govshare_policy.report.events import Ending


class Words(NamedTuple):
    """The same in both languages."""

    zh: str
    en: str


OUTCOMES: Final = {
    Outcome.ALLOW: Words("允许", "allowed"),
    Outcome.NEEDS_PLATFORM_AUTHORIZATION: Words("需平台授权", "needs the platform's authorisation"),
    Outcome.NEEDS_GRANT: Words("需申请授权", "needs a grant"),
    Outcome.DENY_NEGOTIABLE: Words("不予共享，可协商", "refused, negotiable"),
    Outcome.DENY: Words("拒绝", "refused"),
    Outcome.SUSPENDED: Words("已暂停", "suspended"),
    Outcome.OUT_OF_SCOPE: Words("不在本网关范围", "out of scope"),
}
EFFECTS: Final = {
    Effect.ALLOW: Words("允许", "allowed"),
    Effect.DENY: Words("未放行", "refused"),
}
ENDINGS: Final = {
    Ending.RELEASED: Words("已返回数据", "data returned"),
    Ending.NOT_FOUND: Words("查无此记录", "no such record"),
    Ending.FAILED: Words("提供方接口故障", "provider failed"),
    Ending.OTHER: Words("其他", "other"),
    Ending.OPEN: Words("仅判定，未经本网关取数", "decided only, not fetched here"),
}
STATUSES: Final = {
    Status.ON_TIME: Words("按时", "on time"),
    Status.LATE: Words("逾期", "late"),
    Status.OPEN: Words("未到期", "not due yet"),
    Status.NO_LIMIT: Words("未定期限", "no date"),
}
STAGES: Final = {
    "form_check": Words("规范性检查", "form check"),
    "provider_answer": Words("提供部门答复", "provider's answer"),
    "notice": Words("告知使用部门", "notice to the user"),
    "direct_authorization": Words("平台直接授权", "direct authorisation"),
    "release_authorization": Words("授权供数", "release authorisation"),
    "supply": Words("提供数据", "supply"),
    "correction_answer": Words("校核答复", "answer to a correction"),
}
FAILURES: Final = {
    "upstream_unreachable": Words("提供方接口无法连接", "the provider's interface was not reached"),
    "upstream_timeout": Words(
        "提供方接口未在时限内应答", "the provider's interface did not answer"
    ),
    "upstream_error": Words("提供方接口未能成功应答", "the provider's interface answered an error"),
    "upstream_too_large": Words("提供方接口应答过大", "the provider's answer was too large"),
    "upstream_unreadable": Words("提供方接口应答无法解析", "the provider's answer was unreadable"),
}
GRADES: Final = {
    "shown": Words("登记或日志可证", "shown by a record or register"),
    "attempt": Words("被拒绝的尝试", "attempt, refused"),
    "sign": Words("线索，待人核实", "sign, for people to look into"),
}
STATES: Final = {
    "notified": Words("已通知整改", "notice given"),
    "replied": Words("已回复", "replied"),
    "reported": Words("逾期已上报", "overdue, reported upward"),
    "criticised": Words("已通报批评", "criticism circulated"),
    "circulated": Words("已通报", "circulated"),
    "referred": Words("已移送处分", "referred for discipline"),
    "closed": Words("已办结", "closed"),
    "required": Words("已提出处置要求", "disposal required"),
    "disposed": Words("已处置", "disposed of"),
}
HEADINGS: Final = {
    Figure.CALLS: Words("数据调用", "Data calls"),
    Figure.USED: Words("各部门使用情况", "Used, by department"),
    Figure.PROVIDED: Words("各部门提供情况", "Provided, by department"),
    Figure.AUTHORISATION: Words("授权办理", "Authorisation"),
    Figure.AVAILABILITY: Words("各资源调用与可用性", "Calls and availability, by resource"),
    Figure.CORRECTIONS: Words("数据校核", "Corrections"),
    Figure.FRESHNESS: Words("数据更新", "Age of the data"),
    Figure.SILENT_SYSTEMS: Words("已登记而未调用的系统", "Registered systems that did not call"),
}
NOBODY: Final = Words("（身份未证明）", "(identity not proven)")
NOTHING: Final = Words("（未在目录中）", "(not in the catalogue)")
UNKNOWN: Final = Words("（未登记）", "(not registered)")
VERIFIED: Final = Words("日志已验证", "log verified")
UNVERIFIED: Final = Words("日志未验证", "log not verified")


def judged_on(as_of: date, later: int) -> Words:
    """Return on which day what is unfinished was judged, and how many records are of later days."""
    zh, en = f"未办结事项按 {as_of} 判断", f"what is unfinished was judged as of {as_of}"
    if not later:
        return Words(zh, en)
    return Words(
        f"{zh}；此后的 {later:,} 条记录未计入",
        f"{en}; {later:,} records of later days are left out",
    )
