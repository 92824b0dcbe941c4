# SPDX-License-Identifier: Apache-2.0
"""A report as CSV: one figure a row, so that any spreadsheet can pivot it."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from govshare_policy.report.figures import Figures
from govshare_policy.report.views import Line, Views, call_document, handled_document

COLUMNS: Final = ("view", "id", "name_zh", "name_en", "measure", "value")
# A cell that begins like this is a formula to a spreadsheet, and ids come from logs of others.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Row = tuple[str, str, str, str, str, object]


def csv_text(figures: Figures, lines: Views) -> str:
    """Return the report as CSV with a header row; a figure that is not known is empty."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in _rows(figures, lines):
        writer.writerow([safe_cell(cell) for cell in row])
    return out.getvalue()


def _rows(figures: Figures, lines: Views) -> Iterator[Row]:
    period = {
        "from": figures.span.first.isoformat(),
        "to": figures.span.last.isoformat(),
        "as_of": figures.as_of.isoformat(),
        "later_records": str(figures.later),
        "profile": figures.profile,
        "department": figures.department,
    }
    for measure, value in period.items():
        yield ("report", "", "", "", measure, value)
    for source in figures.sources:
        verified = "Y" if source.verdict is not None else "N"
        yield ("log", source.origin, "", "", "verified", verified)
    yield from _of_line("total", lines.total)
    for view, of_view in (
        ("used", lines.used),
        ("provided", lines.provided),
        ("resource", lines.resources),
    ):
        for line in of_view:
            yield from _of_line(view, line)
    for (clause, effect), number in lines.total.count.rulings.most_common():
        yield ("clause", clause, "", "", effect.value, number)
    for day, effects in figures.days.items():
        for effect, number in sorted(effects.items()):
            yield ("day", day.isoformat(), "", "", effect.value, number)
    for system in lines.silent_systems:
        yield ("silent_system", system, "", "", "calls", 0)


def _of_line(view: str, line: Line) -> Iterator[Row]:
    head = (view, line.id, line.name_zh, line.name_en)
    for measure, value in _flat("", call_document(line.count)):
        yield (*head, measure, value)
    handled = handled_document(line.handled)
    stages: Any = handled.pop("stages")
    for measure, value in _flat("authorisation", handled):
        yield (*head, measure, value)
    for stage in stages:
        name = f"authorisation.{stage.pop('profile')}.{stage.pop('stage')}"
        for measure, value in _flat(name, stage):
            yield (*head, measure, value)
    if line.provider:
        yield (*head, "provider", line.provider)
    if line.updated_on:
        yield (*head, "updated_on", line.updated_on)


def _flat(path: str, document: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in document.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            yield from _flat(name, value)
        else:
            yield name, value


def safe_cell(cell: object) -> object:
    """Return *cell* as a spreadsheet may be given it: never a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
