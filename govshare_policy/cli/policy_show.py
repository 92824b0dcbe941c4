# SPDX-License-Identifier: Apache-2.0
"""How ``govshare policy show`` and ``coverage`` look on a terminal."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from govshare_policy.cli.output import Lang
from govshare_policy.legal import Effect
from govshare_policy.policy.registry import Kind, Status

KINDS_ZH = {
    Kind.ENFORCED: "强制执行",
    Kind.LINTED: "目录检查",
    Kind.TIMED: "计时",
    Kind.WORKFLOW: "流程",
    Kind.RECORDED: "记录",
    Kind.REPORTED: "报告",
    Kind.OUT_OF_SCOPE: "范围之外",
}
STATUS_ZH = {
    Status.BUILT: "已实现",
    Status.PARTLY: "部分实现",
    Status.PLANNED: "计划中",
    Status.OUT_OF_SCOPE: "–",
}
STYLES = {
    Status.BUILT: "green",
    Status.PARTLY: "yellow",
    Status.PLANNED: "red",
    Status.OUT_OF_SCOPE: "dim",
}


def shown_clause(row: dict[str, object], lang: Lang) -> RenderableType:
    """Return a clause for people to read."""
    chinese = lang is Lang.ZH
    kind, status = Kind(str(row["disposition"])), Status(str(row["status"]))
    parts: list[RenderableType] = [
        Text(f"{row['clause']}  {row['document']} {row['article']}", style="bold"),
        Text(f"  {row['text_zh']}"),
        Text(f"  {row['text']}"),
        *_parameter(row, chinese=chinese),
        Text(
            f"  {KINDS_ZH[kind] if chinese else kind}"
            + (
                f" · {STATUS_ZH[status] if chinese else status}"
                if kind is not Kind.OUT_OF_SCOPE
                else ""
            ),
            style=STYLES[status],
        ),
    ]
    if reason := row["reason_zh" if chinese else "reason"]:
        parts.append(Text(f"  {reason}", style="dim"))
    by: list[dict[str, object]] = row["by"]  # type: ignore[assignment]
    if by:
        parts.append(_places_table(by, chinese=chinese))
    for key, english, label in (("cases", "cases", "用例"), ("tests", "tests", "测试")):
        names: list[str] = row[key]  # type: ignore[assignment]
        if names:
            head = label if chinese else english
            parts.append(Text(f"  {head}: {', '.join(names)}"))
    return Group(*parts)


def _parameter(row: dict[str, object], *, chinese: bool) -> list[Text]:
    said = row["parameter"]
    return [Text(f"  {'参数' if chinese else 'parameter'}: {said}")] if said else []


def _places_table(by: Sequence[dict[str, object]], *, chinese: bool) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1), pad_edge=True)
    for head in ("承担者", "位置") if chinese else ("by", "where"):
        table.add_column(head, overflow="fold")
    for place in by:
        where = f"{place.get('file', '')}:{place['line']}" if place.get("line") else ""
        if "text" in place:
            where = str(place["text_zh" if chinese else "text"])
            if place["file"]:
                where = f"{place['file']}  {where}"
        table.add_row(str(place["by"]), where)
    return table


def shown_rule(row: dict[str, object], lang: Lang) -> RenderableType:
    """Return a rule for people to read."""
    chinese = lang is Lang.ZH
    effect = Effect(str(row["effect"]))
    wants: dict[str, str] = row["wants"]  # type: ignore[assignment]
    clauses: list[dict[str, str]] = row["clauses"]  # type: ignore[assignment]
    cases: list[str] = row["cases"]  # type: ignore[assignment]
    heads = ("适用于", "用例") if chinese else ("wants", "cases")
    parts: list[RenderableType] = [
        Text(f"{row['rule']}  {row['file']}:{row['line']}", style="bold"),
        Text(
            f"  {row['outcome']} · {row['reason']}",
            style="green" if effect is Effect.ALLOW else "red",
        ),
        Text(f"  {heads[0]}: {', '.join(f'{key}={value}' for key, value in wants.items())}"),
    ]
    parts += [Text(f"  {c['clause']}  {c['text_zh' if chinese else 'text']}") for c in clauses]
    parts.append(Text(f"  {heads[1]}: {', '.join(cases)}"))
    return Group(*parts)


def shown_profile(row: dict[str, object], lang: Lang) -> RenderableType:
    """Return a pack for people to read."""
    chinese = lang is Lang.ZH
    table = Table(box=None, header_style="bold", padding=(0, 1))
    heads = ("行", "规则", "结果", "条款") if chinese else ("line", "rule", "outcome", "clauses")
    for head in heads:
        table.add_column(head, overflow="fold")
    rules: list[dict[str, object]] = row["rules"]  # type: ignore[assignment]
    for rule in rules:
        clauses: list[str] = rule["clauses"]  # type: ignore[assignment]
        style = "green" if rule["effect"] == "allow" else "red"
        outcome = Text(str(rule["outcome"]), style=style)
        table.add_row(str(rule["line"]), str(rule["rule"]), outcome, " ".join(clauses))
    name = row["name_zh"] if chinese else row["name"]
    return Group(Text(f"{row['profile']}  {name}  {row['document']}", style="bold"), table)


def shown_coverage(document: dict[str, object], lang: Lang) -> RenderableType:
    """Return the coverage for people to read: every clause, then the counts."""
    chinese = lang is Lang.ZH
    table = Table(box=None, header_style="bold", padding=(0, 1))
    heads = (
        ("条款", "处置", "状态", "承担者") if chinese else ("clause", "disposition", "status", "by")
    )
    for head in heads:
        table.add_column(head, overflow="fold")
    rows: list[dict[str, object]] = document["clauses"]  # type: ignore[assignment]
    for row in rows:
        kind, status = _kind_of(row), Status(str(row["status"]))
        by: list[str] = row["by"]  # type: ignore[assignment]
        said = KINDS_ZH.get(kind, "–") if chinese and kind else str(row["disposition"])
        label = STATUS_ZH[status] if chinese else status.value.replace("out_of_scope", "–")
        table.add_row(str(row["clause"]), said, Text(label, style=STYLES[status]), " ".join(by))
    return Group(table, Text(), _counts_table(rows, chinese=chinese))


def _kind_of(row: dict[str, object]) -> Kind | None:
    return Kind(str(row["disposition"])) if row["disposition"] in set(Kind) else None


def _counts_table(rows: Sequence[dict[str, object]], *, chinese: bool) -> Table:
    counts = Counter((row["profile"], row["status"]) for row in rows)
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column("规范" if chinese else "profile")
    for status in Status:
        out = "范围之外" if chinese else "out of scope"
        label = STATUS_ZH[status] if chinese else status.value
        table.add_column(out if status is Status.OUT_OF_SCOPE else label, justify="right")
    table.add_column("合计" if chinese else "total", justify="right")
    profiles = list(dict.fromkeys(str(row["profile"]) for row in rows))
    for profile in profiles:
        cells = [counts[profile, status.value] for status in Status]
        table.add_row(profile, *map(str, cells), str(sum(cells)))
    sums = [sum(counts[profile, status.value] for profile in profiles) for status in Status]
    table.add_row("合计" if chinese else "total", *map(str, sums), str(sum(sums)), style="bold")
    return table
