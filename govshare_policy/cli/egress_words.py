# SPDX-License-Identifier: Apache-2.0
"""What ``govshare egress scan`` says to people: one language at a time, and never a value."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from govshare_policy.cli.output import Lang, visible
from govshare_policy.egress.reading import Code
from govshare_policy.egress.verdict import Outcome

_OUTCOMES: Final = MappingProxyType(
    {
        Outcome.DENY: ("不得外传", "may not be passed on"),
        Outcome.ALERT: ("可外传，并告警", "may leave, with an alert"),
        Outcome.RECORD: ("可外传，并记录", "may leave, and is recorded"),
    }
)
_REMEDIES: Final = MappingProxyType(
    {
        Code.ENCRYPTED: ("请以未加密的形式发送", "send it without encryption"),
        Code.MALFORMED: ("文件已损坏，请重新生成", "the file is damaged; make it anew"),
        Code.PICTURE: ("请发送文字，而非图片", "send the text and not a picture of it"),
        Code.TOO_DEEP: ("请减少嵌套的打包层数", "pack it in fewer layers"),
        Code.TOO_LARGE: (
            "请拆分，或调高上限（`--max-bytes`、`--max-expanded-bytes`；边车见 [egress]）",
            "split it, or raise `--max-bytes` or `--max-expanded-bytes` (a sidecar: [egress])",
        ),
        Code.TOO_MANY: ("请拆分：成员或行数过多", "split it: it has too many members or rows"),
        Code.TOO_SLOW: (
            "请拆分，或调高时限（`--timeout`；边车为 `egress.scan_timeout_s`）",
            "split it, or raise `--timeout` (a sidecar: `egress.scan_timeout_s`)",
        ),
        Code.UNKNOWN_FORM: (
            "请另存为文本、CSV、JSON、XLSX 或 DOCX",
            "save it as text, CSV, JSON, XLSX or DOCX",
        ),
    }
)


def lines_of(document: Mapping[str, Any], lang: Lang) -> Iterator[str]:
    """Yield what is said of one file, whose *document* is what ``--output json`` prints."""
    chinese = lang is Lang.ZH
    name, outcome = visible(str(document["file"])), Outcome(document["outcome"])
    if document["code"]:
        yield from _unread(name, Code(document["code"]), chinese=chinese)
        return
    if outcome is Outcome.PASS:
        yield f"✓ {name}"
        return
    said = _OUTCOMES[outcome][0 if chinese else 1]
    records, releases = document["records"], document["releases"]
    if chinese:
        yield f"✗ {name} · {said} · 共享取得的记录 {records} 条 · 回执 {releases} 份"
    else:
        yield f"✗ {name} · {said} · {records} obtained records · {releases} receipts"
    for one in document["evidence"]:
        yield f"  {_release(one, chinese=chinese)}"
    if (more := releases - len(document["evidence"])) > 0:
        yield f"  另有回执 {more} 份" if chinese else f"  and {more} receipts more"


def _unread(name: str, code: Code, *, chinese: bool) -> Iterator[str]:
    remedy = _REMEDIES[code][0 if chinese else 1]
    allow = f"govshare egress allow add --to HOST:PORT --form {code.value}"
    if chinese:
        yield f"✗ {name} · 无法检查，不得外传：`{code.value}`"
        yield f"  {remedy}；或由本部门审批人许可该形式发往某一目的地：{allow} …"
    else:
        yield f"✗ {name} · cannot be read, so it may not leave: `{code.value}`"
        yield f"  {remedy}; or have the approver allow that form for a destination: {allow} …"


def _release(one: Mapping[str, Any], *, chinese: bool) -> str:
    heads = (
        ("回执", "资源", "提供部门", "授权", "字段", "确定", "可能")
        if chinese
        else ("receipt", "resource", "provider", "grant", "fields", "certain", "likely")
    )
    keys = ("receipt", "resource", "provider", "grant", "fields", "certain", "likely")
    joint = "、" if chinese else ", "
    parts = []
    for head, key in zip(heads, keys, strict=True):
        told = one[key]
        text = joint.join(told) if isinstance(told, list) else str(told)
        if text:
            parts.append(f"{head} {visible(text)}")
    return " · ".join(parts)
