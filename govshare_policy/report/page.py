# SPDX-License-Identifier: Apache-2.0
"""A report as one HTML page in both languages. It needs nothing but itself: no script, no net."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import groupby
from typing import Final

from govshare_policy.deadline import Status
from govshare_policy.legal import Effect, Outcome
from govshare_policy.report.annual import Annual, Due
from govshare_policy.report.asks import Figure
from govshare_policy.report.figures import Figures
from govshare_policy.report.markup import (
    KINDS,
    Column,
    Html,
    Part,
    both,
    columns,
    element,
    joined,
    outcome_bar,
    text,
)
from govshare_policy.report.sections import cited, sections
from govshare_policy.report.shell import SWITCH, badge_of, vouched, whole_page
from govshare_policy.report.tally import Count
from govshare_policy.report.views import Views
from govshare_policy.report.words import OUTCOMES, STATUSES, Words, judged_on

# A chart with more columns than this is drawn by months.
MOST_DAYS: Final = 62


def page(figures: Figures, lines: Views, annual: Annual | None, *, chinese: bool) -> str:
    """Return the page.

    Args:
        figures: What was counted.
        lines: The same as lines.
        annual: What a text asks of the year; ``None`` for plain statistics.
        chinese: The language that shows first; a switch on the page shows the other.
    """
    title = _title(annual)
    main = joined((_duties(annual), _tiles(lines), _calls(figures, lines, annual)))
    rest = joined(sections(figures, lines, annual.asks if annual is not None else None))
    return whole_page(
        title,
        header=_header(figures, annual, title),
        main=joined((main, rest), "\n"),
        footer=_footer(figures),
        chinese=chinese,
    )


def _title(annual: Annual | None) -> Words:
    if annual is None:
        return Words("政务数据共享统计", "Government data sharing: statistics")
    return Words(
        f"{annual.year} 年度政务数据共享情况", f"Government data sharing: the year {annual.year}"
    )


def _header(figures: Figures, annual: Annual | None, title: Words) -> Html:
    span = figures.span
    period = Words(
        f"统计期：{span.first} 至 {span.last}（北京时间，含首尾两日）",
        f"{span.first} to {span.last}, both days included (Asia/Shanghai)",
    )
    parts = [SWITCH, element("h1", both(title))]
    if annual is not None:
        asks = annual.asks
        parts.append(element("p", both(Words(f"依据：{asks.name_zh}", f"Text: {asks.name_en}"))))
    if figures.department and figures.register is not None:
        one = figures.register.departments[figures.department]
        name = Words(f"部门：{one.name_zh}", f"Department: {one.name_en or one.name_zh}")
        parts.append(element("p", both(name)))
    parts += [element("p", both(period)), badge_of(figures.sources)]
    return element("header", element("div", joined(parts)))


def _duties(annual: Annual | None) -> Html:
    if annual is None:
        return Html("")
    heading = element("h2", both(Words("报送要求", "Who reports to whom")))
    duties = joined(_duty(due) for due in annual.dues)
    silences = joined(
        element("p", Html(both(Words(one.zh, one.en)) + cited((one.clause,))), kind="soft")
        for one in annual.asks.silences
    )
    return element("section", joined((heading, duties, silences)))


def _duty(due: Due) -> Html:
    duty = due.duty
    said = both(
        Words(
            f"{duty.from_zh} → {duty.to_zh}：{duty.what_zh}",
            f"{duty.from_en} → {duty.to_en}: {duty.what_en}",
        )
    )
    status = both(STATUSES[due.status])
    if due.due is not None:
        status = both(
            Words(
                f"{due.due} 前（含当日） · {_standing(due.status).zh}",
                f"by {due.due} · {_standing(due.status).en}",
            )
        )
    late = "due late" if due.status is Status.LATE else "due"
    inside = joined(
        (element("div", Html(said + cited((duty.clause,)))), element("div", status, kind=late))
    )
    return element("div", inside, kind="duty")


def _standing(status: Status) -> Words:
    return Words("尚未报送", "not handed in yet") if status is Status.OPEN else STATUSES[status]


def _tiles(lines: Views) -> Html:
    count, handled = lines.total.count, lines.total.handled
    late = handled.due(Status.LATE)
    tiles = (
        (Words("数据调用", "data calls"), f"{count.calls:,}", Words("次", "in the period")),
        (
            Words("允许", "allowed"),
            percent(count.allowed, count.calls),
            Words(f"{count.allowed:,} 次", f"{count.allowed:,} calls"),
        ),
        (
            Words("可用性", "availability"),
            f"{100 * count.availability:.2f}%" if count.availability is not None else "–",
            Words("提供方接口应答", "of fetches answered by providers"),
        ),
        (
            Words("授权申请", "applications"),
            f"{handled.received:,}",
            Words(
                f"批准 {handled.granted:,} · 不予批准 {handled.refused:,}",
                f"{handled.granted:,} granted · {handled.refused:,} refused",
            ),
        ),
        (Words("逾期环节", "late steps"), f"{late:,}", Words("授权与校核", "of procedures")),
    )
    return element("div", joined(_tile(*tile) for tile in tiles), kind="tiles")


def _tile(what: Words, number: str, more: Words) -> Html:
    inside = (
        element("span", both(what), kind="what"),
        element("b", text(number)),
        element("small", both(more)),
    )
    return element("div", joined(inside), kind="tile")


def percent(part: int, whole: int) -> str:
    """Return how much *part* is of *whole*, with one decimal."""
    return f"{100 * part / whole:.1f}%" if whole else "–"


def _calls(figures: Figures, lines: Views, annual: Annual | None) -> Html:
    count = lines.total.count
    clauses = annual.asks.figures.get(Figure.CALLS, ()) if annual is not None else ()
    heading = element("h2", Html(both(Words("数据调用", "Data calls")) + cited(clauses)))
    chart = columns(tuple(_columns(figures.days)))
    return element(
        "section", joined((heading, outcome_bar(count, most=count.calls), _key(count), chart))
    )


def _key(count: Count) -> Html:
    return element(
        "div",
        joined(
            element(
                "span",
                Html(
                    f'<i class="{KINDS[outcome]}"></i>{both(OUTCOMES[outcome])} '
                    f"{count.outcomes[outcome]:,}"
                ),
            )
            for outcome in Outcome
            if count.outcomes[outcome]
        ),
        kind="key",
    )


def _columns(days: Mapping[date, Mapping[Effect, int]]) -> Iterator[Column]:
    """Yield one column a day from the first call to the last, or one a month where it is long."""
    if not days:
        return
    first, last = min(days), max(days)
    spread = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    length = len("2026-01") if len(spread) > MOST_DAYS else len("2026-01-01")
    for label, group in groupby(spread, lambda day: str(day)[:length]):
        effects = [days.get(day, {}) for day in group]
        allowed = sum(of_day.get(Effect.ALLOW, 0) for of_day in effects)
        refused = sum(of_day.get(Effect.DENY, 0) for of_day in effects)
        title = f"{label}: {allowed:,} + {refused:,}"
        yield Column(label, title, (Part(allowed, "allow"), Part(refused, "deny")))


def _footer(figures: Figures) -> Html:
    judged = judged_on(figures.as_of, figures.later)
    said = Words(
        "每次调用计入其判定之日；“可用性”为提供方接口应答（含查无此记录）占实际取数的比例，仅判定而未经本网关取数的"
        f"调用不计入。{judged.zh}。",
        "A call counts on the day it was decided. Availability is the share of fetches that the "
        "provider's interface answered, also with no such record; calls that were only decided "
        f"here are left out. {judged.en.capitalize()}.",
    )
    return element("footer", joined((element("p", both(said)), vouched(figures.sources))))
