# SPDX-License-Identifier: Apache-2.0
"""The report on a log as one HTML page in both languages: no script, no net, nothing but itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Final

from govshare_policy.audit import LogDamageError, Verdict
from govshare_policy.errors import VerificationError
from govshare_policy.identity import SHANGHAI
from govshare_policy.inspection.counts import Counts
from govshare_policy.inspection.rules import RULES
from govshare_policy.inspection.sections import figures
from govshare_policy.legal import Clause
from govshare_policy.report import markup
from govshare_policy.report.markup import Html, both, element, joined, text
from govshare_policy.report.words import Words

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_TITLE: Final = Words("审计日志检查报告", "Audit log report")
_UNCHECKED: Final = (
    Words(
        "日志是否自末尾被截短，或被持有签名密钥者整体重写：须与另行保存的检查点、回执、见证或锚定比对"
        "（govshare audit verify --known）。",
        "Whether the log was cut at its end, or written anew by whoever holds the key: that takes "
        "checkpoints, receipts, witnesses or pins that were kept elsewhere "
        "(govshare audit verify --known).",
    ),
    Words(
        "记录内容是否属实：签名证明记录未被改动，不证明系统当时写入的内容正确。",
        "Whether the records are true: a signature shows that they were not changed, not that what "
        "was written was right.",
    ),
    Words(
        "未经本网关的数据调用：绕过网关的访问不会出现在日志中。",
        "Calls that did not pass the gateway: they are in no log.",
    ),
    Words(
        "判定依法条是否正确：可用 govshare audit replay 复算。",
        "Whether the decisions follow from the texts: govshare audit replay decides them again.",
    ),
    Words(
        "以承诺代替的个人信息：报告中没有个人信息，须持盐值方可核对。",
        "Persons: the log holds commitments in their place, which only the salts can open.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What is known of a log.

    Attributes:
        name: Of its directory, as the auditor gave it.
        origin: Of the log that the trust file names.
        trusted: Fingerprints of the keys in the trust file; 32 bytes each.
        result: What it verified as, or why it does not.
        counts: What it holds; none if it does not verify.
        made_at: When the report was made.
    """

    name: str
    origin: str
    trusted: tuple[bytes, ...]
    result: Verdict | VerificationError
    counts: Counts | None
    made_at: datetime


def page(inspected: Inspected, clauses: Mapping[str, Clause], *, chinese: bool) -> str:
    """Return the page.

    Args:
        inspected: What is known of the log.
        clauses: The registry, for the words of the provisions.
        chinese: The language that shows first; a switch on the page shows the other.
    """
    style = files(markup.__package__).joinpath("page.css").read_text(encoding="utf-8")
    style += files(__package__).joinpath("audit.css").read_text(encoding="utf-8")
    zh, en = ("checked", "") if chinese else ("", "checked")
    counts = inspected.counts
    parts = (
        _verdict(inspected),
        *(figures(counts, clauses) if counts is not None else ()),
        _unchecked(),
    )
    return f"""<!doctype html>
<html lang="{"zh" if chinese else "en"}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(_TITLE.zh if chinese else _TITLE.en)}</title>
<style>
{style}</style>
</head>
<body>
<input class="pick" type="radio" name="lang" id="zh" {zh}>
<input class="pick" type="radio" name="lang" id="en" {en}>
{_header(inspected)}
<main>
{joined(parts)}
</main>
{_footer(inspected)}
</body>
</html>
"""


def _header(inspected: Inspected) -> Html:
    nav = Html(
        '<nav><label for="zh" lang="zh-CN">中文</label><label for="en" lang="en-GB">English'
        "</label></nav>"
    )
    made = _local(inspected.made_at)
    parts = (
        nav,
        element("h1", both(_TITLE)),
        element("p", Html(both(Words("日志 ", "Log ")) + text(inspected.origin))),
        element("p", both(Words(f"报告生成于 {made}", f"Made at {made}"))),
    )
    return element("header", element("div", joined(parts)))


def _verdict(inspected: Inspected) -> Html:
    result = inspected.result
    if isinstance(result, Verdict):
        heading = Words("✓ 验证通过", "✓ The log verifies")
        said = Words(
            f"{result.size:,} 条记录逐字节核对，{result.checkpoints:,} 个检查点逐一验签，"
            "未发现改动、缺失或插入。",
            f"All {result.size:,} records were checked byte by byte and all {result.checkpoints:,} "
            "checkpoints by their signatures. None was changed, is missing or was put in between.",
        )
        facts = _verified_facts(inspected, result)
    else:
        heading = Words("✗ 验证不通过", "✗ The log does not verify")
        said = Words(
            "此日志不得作为依据；下列为首个不符之处。不通过验证的日志不作统计。",
            "This log is no evidence. Below is the first thing that is wrong. A log that does not "
            "verify is not counted.",
        )
        facts = _failed_facts(inspected, result)
    rows = joined(
        Html(f"<dt>{both(name)}</dt><dd>{joined(values, by='<br>')}</dd>")
        for name, values in facts
        if values
    )
    inside = (
        element("h2", both(heading)),
        element("p", both(said)),
        element("dl", rows, kind="facts"),
    )
    kind = "verdict" if isinstance(result, Verdict) else "verdict no"
    return element("section", joined(inside), kind=kind)


def _verified_facts(inspected: Inspected, verdict: Verdict) -> list[tuple[Words, list[Html]]]:
    return [
        (Words("日志名称", "log"), [text(verdict.origin)]),
        (Words("目录", "directory"), [text(inspected.name)]),
        (Words("记录数", "records"), [text(f"{verdict.size:,}")]),
        (Words("根（SM3）", "root (SM3)"), [_code(verdict.root.hex())]),
        (
            Words("首个与末个检查点", "first and last checkpoint"),
            [text(_local(verdict.first_time)), text(_local(verdict.last_time))],
        ),
        (Words("检查点", "checkpoints"), [text(f"{verdict.checkpoints:,}")]),
        (Words("日志段", "segments"), [text(f"{verdict.segments:,}")]),
        (
            Words("签名公钥指纹（SM3）", "keys that signed (SM3)"),
            [_code(one.hex()) for one in verdict.key_fingerprints],
        ),
        (Words("见证", "witnesses"), _witnesses(verdict)),
        (Words("提示", "to be noted"), [text(warning) for warning in verdict.warnings]),
    ]


def _witnesses(verdict: Verdict) -> list[Html]:
    seen = verdict.witnessed
    if seen is None:
        return [both(Words("信任文件未要求", "the trust file asks for none"))]
    return [
        text(f"{seen.size:,} · {_local(seen.at)}"),
        *(text(name) for name in seen.names),
    ]


def _failed_facts(inspected: Inspected, error: VerificationError) -> list[tuple[Words, list[Html]]]:
    facts = [
        (Words("日志名称", "log"), [text(inspected.origin)]),
        (Words("目录", "directory"), [text(inspected.name)]),
        (Words("原因", "why"), [text(error)]),
    ]
    if isinstance(error, LogDamageError):
        facts += [
            (
                Words("违反的规则", "rule broken"),
                [both(RULES[error.kind]), _code(error.kind.value)],
            ),
            (
                Words("位置", "where"),
                [_code(error.part.file), text(f"byte {error.part.offset:,}")],
            ),
        ]
        if error.index is not None:
            facts.append((Words("首条不可信记录", "first bad record"), [text(f"{error.index:,}")]))
    facts.append(
        (
            Words("信任文件中的公钥指纹", "keys in the trust file"),
            [_code(one.hex()) for one in inspected.trusted],
        )
    )
    return facts


def _unchecked() -> Html:
    heading = element("h2", both(Words("本报告未核对的事项", "What was not checked")))
    items = joined(element("li", both(one)) for one in _UNCHECKED)
    return element("section", Html(heading + element("ul", items, kind="plain")))


def _footer(inspected: Inspected) -> Html:
    said = Words(
        "统计直接取自已验证的记录；每次调用计入其判定之日（北京时间）。"
        "验证所依据的信任文件应由日志以外的途径取得，请核对上列公钥指纹。",
        "Counted from the verified records themselves; a call counts on the day of its decision "
        "(Asia/Shanghai). The trust file has to come from outside the log: compare the "
        "fingerprints above.",
    )
    command = f"govshare audit verify {inspected.name} --trust …"
    return element("footer", Html(element("p", both(said)) + element("p", _code(command))))


def _local(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S} +08:00"


def _code(words: str) -> Html:
    return element("code", text(words))
