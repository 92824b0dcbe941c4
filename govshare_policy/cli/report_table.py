# SPDX-License-Identifier: Apache-2.0
"""Reports on a terminal."""

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from govshare_policy.cli.output import console
from govshare_policy.deadline import Status
from govshare_policy.legal import Effect
from govshare_policy.report.annual import Annual
from govshare_policy.report.asks import Figure
from govshare_policy.report.figures import Figures
from govshare_policy.report.views import Line, Views
from govshare_policy.report.words import (
    EFFECTS,
    HEADINGS,
    NOBODY,
    NOTHING,
    STATUSES,
    UNKNOWN,
    UNVERIFIED,
    VERIFIED,
    Words,
    judged_on,
)

_STYLES: Final = {
    Status.ON_TIME: "green",
    Status.LATE: "red",
    Status.OPEN: "yellow",
    Status.NO_LIMIT: "dim",
}
_COLUMNS: Final = (
    Words("调用", "calls"),
    EFFECTS[Effect.ALLOW],
    EFFECTS[Effect.DENY],
    Words("可用性", "availability"),
    Words("申请", "applications"),
    Words("批准", "granted"),
    Words("不予批准", "not granted"),
    Words("逾期环节", "late steps"),
)


def print_duties(annual: Annual, *, chinese: bool) -> None:
    """Print who owes whom a report of the year, or that nobody does."""
    out, asks = console(), annual.asks
    out.print(Text(f"{asks.name_zh if chinese else asks.name_en} {annual.year}", style="bold"))
    for due in annual.dues:
        duty = due.duty
        said = (
            f"{duty.from_zh} → {duty.to_zh}：{duty.what_zh}"
            if chinese
            else f"{duty.from_en} → {duty.to_en}: {duty.what_en}"
        )
        line = Text(f"  {duty.clause}  {said}  ")
        line.append(f"{due.due or ''} ")
        line.append(_word(STATUSES[due.status], chinese=chinese), style=_STYLES[due.status])
        out.print(line)
    for one in asks.silences:
        out.print(Text(f"  {one.clause}  {one.zh if chinese else one.en}", style="dim"))


def print_report(
    figures: Figures, lines: Views, *, chinese: bool, departments: bool, resources: bool
) -> None:
    """Print the figures, in all and line by line."""
    out = console()
    out.print(Text(f"{figures.span.first} – {figures.span.last} (Asia/Shanghai)", style="bold"))
    out.print(Text(f"  {_word(judged_on(figures.as_of, figures.later), chinese=chinese)}"))
    for source in figures.sources:
        verified = source.verdict is not None
        said = _word(VERIFIED if verified else UNVERIFIED, chinese=chinese)
        out.print(Text(f"  {source.origin}: ").append(said, style="green" if verified else "red"))
    total = ("合计" if chinese else "in all", (lines.total,), NOBODY)
    by_department = [
        (_word(HEADINGS[Figure.USED], chinese=chinese), lines.used, NOBODY),
        (_word(HEADINGS[Figure.PROVIDED], chinese=chinese), lines.provided, UNKNOWN),
    ]
    by_resource = [
        (_word(HEADINGS[Figure.AVAILABILITY], chinese=chinese), lines.resources, NOTHING)
    ]
    for heading, shown, unnamed in (
        total,
        *(by_department if departments else ()),
        *(by_resource if resources else ()),
    ):
        if shown:
            out.print(_table(heading, shown, unnamed, chinese=chinese))


def _table(heading: str, lines: Sequence[Line], unnamed: Words, *, chinese: bool) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column(heading, overflow="fold")
    for column in _COLUMNS:
        table.add_column(_word(column, chinese=chinese), justify="right")
    for line in lines:
        availability, handled = line.count.availability, line.handled
        late = handled.due(Status.LATE)
        table.add_row(
            _name(line, unnamed, chinese=chinese) if len(lines) > 1 or line.id else "",
            str(line.count.calls),
            str(line.count.allowed),
            str(line.count.refused),
            "–" if availability is None else f"{100 * availability:.2f}%",
            str(handled.received),
            str(handled.granted),
            str(handled.refused),
            Text(str(late), style="red" if late else ""),
        )
    return table


def _name(line: Line, unnamed: Words, *, chinese: bool) -> str:
    if not line.id:
        return _word(unnamed, chinese=chinese)
    name = line.name_zh if chinese else line.name_en or line.name_zh
    return f"{line.id} {name}".rstrip()


def _word(words: Words, *, chinese: bool) -> str:
    return words.zh if chinese else words.en
