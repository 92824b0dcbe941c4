# SPDX-License-Identifier: Apache-2.0
"""The sections of a report's page that are tables: departments, resources, steps, clauses."""

from collections.abc import Iterator, Sequence
from typing import Final

from govshare_policy.deadline import Status
from govshare_policy.legal import Effect
from govshare_policy.report.asks import Asks, Figure
from govshare_policy.report.events import Ending
from govshare_policy.report.figures import Figures
from govshare_policy.report.markup import (
    Html,
    Part,
    bar,
    both,
    element,
    ident,
    joined,
    outcome_bar,
    table,
    text,
)
from govshare_policy.report.views import Line, Views, age_days
from govshare_policy.report.words import (
    EFFECTS,
    HEADINGS,
    NOBODY,
    NOTHING,
    STAGES,
    STATUSES,
    UNKNOWN,
    Words,
)

MOST_CLAUSES: Final = 20
_CALLS: Final = Words("调用", "calls")
_AVAILABLE: Final = Words("可用性", "availability")
_APPLIED: Final = Words("申请", "applications")
_LATE: Final = Words("逾期", "late")


def sections(figures: Figures, lines: Views, asks: Asks | None) -> Iterator[Html]:
    """Yield the sections, each with the clauses that ask for it, if a text does."""
    yield _section(Figure.USED, asks, _departments(lines.used, NOBODY))
    if figures.register is not None:
        yield _section(Figure.PROVIDED, asks, _departments(lines.provided, UNKNOWN))
    yield _section(Figure.AVAILABILITY, asks, _resources(lines))
    yield _section(Figure.AUTHORISATION, asks, _steps(figures, lines))
    if lines.total.handled.corrections or (asks is not None and Figure.CORRECTIONS in asks.figures):
        yield _section(Figure.CORRECTIONS, asks, _corrections(lines))
    if figures.register is not None:
        yield _section(Figure.FRESHNESS, asks, _ages(figures, lines))
        yield _section(Figure.SILENT_SYSTEMS, asks, _silent(lines))
    yield element("section", joined((_clauses_heading(), _clauses(lines))))


def cited(clauses: Sequence[str]) -> Html:
    """Return *clauses* as labels."""
    return joined(element("span", text(clause), kind="clause") for clause in clauses)


def _section(figure: Figure, asks: Asks | None, inside: Html) -> Html:
    clauses = asks.figures.get(figure, ()) if asks is not None else ()
    heading = element("h2", Html(both(HEADINGS[figure]) + cited(clauses)))
    return element("section", joined((heading, inside)))


def _named(line: Line, unnamed: Words) -> Html:
    if not line.id:
        return element("span", both(unnamed), kind="soft")
    if not line.name_zh:
        return text(line.id)
    name = both(Words(line.name_zh, line.name_en or line.name_zh))
    return Html(name + ident(line.id))


def _share(line: Line) -> Html:
    availability = line.count.availability
    return text("–" if availability is None else f"{100 * availability:.2f}%")


def _departments(lines: Sequence[Line], unnamed: Words) -> Html:
    most = max((line.count.calls for line in lines), default=0)
    heads = (
        Words("部门", "department"),
        Words("", ""),
        _CALLS,
        EFFECTS[Effect.ALLOW],
        EFFECTS[Effect.DENY],
        _AVAILABLE,
        _APPLIED,
        _LATE,
    )
    rows = (
        (
            _named(line, unnamed),
            outcome_bar(line.count, most=most),
            text(f"{line.count.calls:,}"),
            text(f"{line.count.allowed:,}"),
            text(f"{line.count.refused:,}"),
            _share(line),
            text(line.handled.received or "–"),
            text(line.handled.due(Status.LATE) or "–"),
        )
        for line in lines
    )
    return table([both(head) for head in heads], rows, numbers_from=2)


def _resources(lines: Views) -> Html:
    most = max((line.count.calls for line in lines.resources), default=0)
    heads = (
        Words("资源", "resource"),
        Words("", ""),
        _CALLS,
        EFFECTS[Effect.ALLOW],
        EFFECTS[Effect.DENY],
        Words("故障", "failed"),
        _AVAILABLE,
        _APPLIED,
    )
    rows = (
        (
            _named(line, NOTHING),
            outcome_bar(line.count, most=most),
            text(f"{line.count.calls:,}"),
            text(f"{line.count.allowed:,}"),
            text(f"{line.count.refused:,}"),
            text(line.count.endings[Ending.FAILED] or "–"),
            _share(line),
            text(line.handled.received or "–"),
        )
        for line in lines.resources
    )
    return table([both(head) for head in heads], rows, numbers_from=2)


def _steps(figures: Figures, lines: Views) -> Html:
    handled = lines.total.handled
    said = Words(
        f"收到 {handled.received:,} 件，批准 {handled.granted:,} 件，"
        f"不予批准 {handled.refused:,} 件。",
        f"{handled.received:,} received, {handled.granted:,} granted, {handled.refused:,} refused.",
    )
    if figures.register is None:
        unjudged = Words(
            "未给出数据目录，不判断时限。", "Without a data directory no time limit is judged."
        )
        return element("p", joined((both(said), both(unjudged)), by=" "))
    heads = (Words("文本", "text"), Words("环节", "step"), *(STATUSES[s] for s in _JUDGED))
    stages = sorted({(timing.profile, timing.stage) for timing in handled.timings})
    timings = {
        (one.profile, one.stage, one.status): number for one, number in handled.timings.items()
    }
    rows = (
        (
            text(profile),
            both(STAGES.get(stage, Words(stage, stage))),
            *(text(timings.get((profile, stage, status), 0)) for status in _JUDGED),
        )
        for profile, stage in stages
    )
    shown = table([both(head) for head in heads], rows, numbers_from=2)
    return joined((element("p", both(said)), shown if stages else Html("")))


_JUDGED: Final = (Status.ON_TIME, Status.LATE, Status.OPEN)


def _corrections(lines: Views) -> Html:
    heads = (Words("资源", "resource"), Words("提出", "raised"), Words("答复", "answered"))
    rows = (
        (_named(line, NOTHING), text(line.handled.corrections), text(line.handled.corrected))
        for line in lines.resources
        if line.handled.corrections or line.handled.corrected
    )
    return table([both(head) for head in heads], rows, numbers_from=1)


def _ages(figures: Figures, lines: Views) -> Html:
    heads = (
        Words("资源", "resource"),
        Words("目录所载更新日期", "updated on, by the catalogue"),
        Words("天数", "days ago"),
    )
    rows = (
        (
            _named(line, NOTHING),
            text(line.updated_on),
            text(age_days(line.updated_on, figures.as_of)),
        )
        for line in lines.resources
        if line.updated_on
    )
    return table([both(head) for head in heads], rows, numbers_from=2)


def _silent(lines: Views) -> Html:
    if not lines.silent_systems:
        return element("p", both(Words("没有。", "None.")))
    return element(
        "div",
        joined(element("code", text(system)) for system in lines.silent_systems),
        kind="chips",
    )


def _clauses_heading() -> Html:
    return element("h2", both(Words("判定所依条款", "The provisions that decided")))


def _clauses(lines: Views) -> Html:
    most = lines.total.count.rulings.most_common(MOST_CLAUSES)
    largest = most[0][1] if most else 0
    heads = (Words("条款", "clause"), Words("判定", "decided"), Words("", ""), _CALLS)
    rows = (
        (
            text(ruling.clause),
            both(EFFECTS[ruling.effect]),
            bar((Part(number, ruling.effect.value),), most=largest),
            text(f"{number:,}"),
        )
        for ruling, number in most
    )
    return table([both(head) for head in heads], rows, numbers_from=3)
