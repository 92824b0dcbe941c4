# SPDX-License-Identifier: Apache-2.0
"""The parts of an audit report that show figures."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import groupby
from typing import Final

from govshare_policy.inspection.counts import Counts
from govshare_policy.legal import Clause, Effect, Outcome
from govshare_policy.report.events import Ending
from govshare_policy.report.markup import (
    KINDS,
    Column,
    Html,
    Part,
    bar,
    both,
    columns,
    element,
    joined,
    outcome_bar,
    table,
    text,
)
from govshare_policy.report.page import percent
from govshare_policy.report.tally import Count
from govshare_policy.report.words import EFFECTS, NOBODY, NOTHING, OUTCOMES, Words

_KINDS: Final = ("allow", "ask", "deny", "other")
# A chart with more columns than this is drawn by months.
_MOST_DAYS: Final = 124
_CALLS: Final = Words("调用", "calls")
_PHASES: Final = {
    "decision": Words("判定", "decisions"),
    "outcome": Words("结果", "outcomes of allowed calls"),
    "workflow": Words("流程步骤", "steps of procedures"),
    "supervision": Words("监督处置", "steps of supervision"),
    "key": Words("密钥", "keys"),
    "recovery": Words("恢复", "recoveries"),
    "admin": Words("管理", "administration"),
    "": Words("未注明", "not stated"),
}


def figures(counts: Counts, clauses: Mapping[str, Clause]) -> Iterator[Html]:
    """Yield the sections, from the whole to the parts."""
    yield _tiles(counts.total)
    yield _over_time(counts)
    yield _section(
        Words("各部门调用", "Calls by department"), _places(counts.departments, NOBODY, "部门")
    )
    yield _section(
        Words("各资源调用", "Calls by resource"), _places(counts.resources, NOTHING, "资源")
    )
    yield _section(Words("依条款未放行", "Refusals by provision"), _denials(counts, clauses))
    yield _section(Words("记录", "Records"), _phases(counts))


def _section(heading: Words, inside: Html) -> Html:
    return element("section", Html(element("h2", both(heading)) + inside))


def _tiles(total: Count) -> Html:
    endings = total.endings
    available = "–" if total.availability is None else f"{100 * total.availability:.2f}%"
    tiles = (
        (_CALLS, f"{total.calls:,}", Words("次判定", "decisions")),
        (
            EFFECTS[Effect.ALLOW],
            percent(total.allowed, total.calls),
            Words(f"{total.allowed:,} 次", f"{total.allowed:,} calls"),
        ),
        (
            EFFECTS[Effect.DENY],
            percent(total.refused, total.calls),
            Words(f"{total.refused:,} 次", f"{total.refused:,} calls"),
        ),
        (
            Words("已返回数据", "data returned"),
            f"{endings[Ending.RELEASED]:,}",
            Words(f"{total.rows:,} 行", f"{total.rows:,} rows"),
        ),
        (Words("可用性", "availability"), available, Words("提供方接口应答", "of fetches")),
    )
    return element(
        "div",
        joined(
            element(
                "div",
                joined(
                    (
                        element("span", both(what), kind="what"),
                        element("b", text(number)),
                        element("small", both(more)),
                    )
                ),
                kind="tile",
            )
            for what, number, more in tiles
        ),
        kind="tiles",
    )


def _over_time(counts: Counts) -> Html:
    chart = tuple(_columns(counts.days))
    most = max((sum(part.amount for part in one.parts) for one in chart), default=0)
    key = joined(
        element(
            "span",
            Html(
                f'<i class="{KINDS[outcome]}"></i>{both(OUTCOMES[outcome])} '
                f"{counts.total.outcomes[outcome]:,}"
            ),
        )
        for outcome in Outcome
        if counts.total.outcomes[outcome]
    )
    months = bool(chart) and len(chart[0].label) == len("2026-01")
    said = Words(
        f"每柱为{'一个月' if months else '一天'}；最高一柱 {most:,} 次。",
        f"One column a {'month' if months else 'day'}; the highest stands for {most:,} calls.",
    )
    inside = joined(
        (
            outcome_bar(counts.total, most=counts.total.calls),
            element("div", key, kind="key"),
            columns(chart),
            element("p", both(said), kind="soft"),
        )
    )
    none = both(Words("日志中没有调用。", "There are no calls in the log."))
    heading = Words("判定结果随时间的变化", "Outcomes over time")
    return _section(heading, inside if chart else none)


def _columns(days: Mapping[date, Counter[Outcome]]) -> Iterator[Column]:
    if not days:
        return
    first, last = min(days), max(days)
    by_month = (last - first).days >= _MOST_DAYS
    known = _months(days) if by_month else _every_day(days, first, last)
    for label, outcomes in known:
        parts = tuple(
            Part(sum(outcomes[outcome] for outcome in Outcome if KINDS[outcome] == kind), kind)
            for kind in _KINDS
        )
        title = ", ".join(f"{OUTCOMES[o].en} {outcomes[o]:,}" for o in Outcome if outcomes[o])
        yield Column(label, f"{label}: {title or 0}", parts)


def _every_day(
    days: Mapping[date, Counter[Outcome]], first: date, last: date
) -> Iterator[tuple[str, Counter[Outcome]]]:
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        yield day.isoformat(), days.get(day, Counter())


def _months(days: Mapping[date, Counter[Outcome]]) -> Iterator[tuple[str, Counter[Outcome]]]:
    # Only months with calls: a log may hold a day of any year, and a page has an end.
    for month, group in groupby(days.items(), lambda item: item[0].isoformat()[:7]):
        outcomes = Counter[Outcome]()
        for _, found in group:
            outcomes += found
        yield month, outcomes


def _places(places: Mapping[str, Count], unnamed: Words, what: str) -> Html:
    most = max((found.calls for found in places.values()), default=0)
    name = Words(what, "department" if what == "部门" else "resource")
    heads = (name, Words("", ""), _CALLS, EFFECTS[Effect.ALLOW], EFFECTS[Effect.DENY])
    ordered = sorted(places.items(), key=lambda item: (-item[1].calls, item[0]))
    rows = (
        (
            text(ident) if ident else element("span", both(unnamed), kind="soft"),
            outcome_bar(found, most=most),
            text(f"{found.calls:,}"),
            text(f"{found.allowed:,}"),
            text(f"{found.refused:,}"),
        )
        for ident, found in ordered
    )
    return table([both(head) for head in heads], rows, numbers_from=2)


def _denials(counts: Counts, clauses: Mapping[str, Clause]) -> Html:
    ordered = sorted(counts.denials.items(), key=lambda item: (-item[1], item[0]))
    most = ordered[0][1] if ordered else 0
    heads = (Words("条款", "provision"), Words("内容", "what it says"), Words("", ""), _CALLS)
    rows = (
        (
            element("code", text(clause)),
            _said(clauses.get(clause)),
            bar((Part(number, "deny"),), most=most),
            text(f"{number:,}"),
        )
        for clause, number in ordered
    )
    return table([both(head) for head in heads], rows, numbers_from=3)


def _said(clause: Clause | None) -> Html:
    if clause is None:
        return element("span", both(Words("不在条款库中", "not in the registry")), kind="soft")
    return both(Words(clause.text_zh, clause.text_en))


def _phases(counts: Counts) -> Html:
    heads = (Words("种类", "kind"), Words("记录", "records"))
    rows = (
        (both(_PHASES[phase]) if phase in _PHASES else text(phase), text(f"{number:,}"))
        for phase, number in counts.phases.most_common()
    )
    shown = table([both(head) for head in heads], rows, numbers_from=1)
    if not counts.odd_count:
        return shown
    named = ", ".join(map(str, counts.odd)) + ("…" if counts.odd_count > len(counts.odd) else "")
    said = Words(
        f"{counts.odd_count:,} 条记录与其种类不符，未计入上列统计：第 {named} 条。",
        f"{counts.odd_count:,} records are not what their kind asks for and are counted nowhere "
        f"above: {named}.",
    )
    return Html(shown + element("p", both(said), kind="late"))
