# SPDX-License-Identifier: Apache-2.0
"""Rows of tables: delimited text, and grids from any other form.

A table may lie on its side, or be molten into rows of (record, field, value); where its shape
leaves that open, both readings are given.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from govshare_policy.egress.reading.model import (
    CELL,
    ROW,
    Code,
    UnscannableError,
    join_rows,
    without_marks,
)

DELIMITERS: Final = ("\t", ",", ";", "|", "\x01", "^", "~", "│", "┃", ",", "、", ";", "|", "¦")
_SAMPLE_LINES: Final = 200
_SAMPLE_CHARS: Final = 1 << 16
# Of the lines of a sample, so many agree on the number of delimiters: titles and totals do not.
_AGREEMENT: Final = 0.8
# A table that is no longer than this may lie on its side.
_MAX_TALL: Final = 64
_MAX_MOLTEN: Final = 3
_MAX_FIELD_CHARS: Final = 1 << 24
_OTHER_MARKS: Final = re.compile(r"[(\[{<=]|[:：] ")
_GAPS: Final = re.compile(r"(?<=\S)(?: {2,}|\u3000+)(?=\S)")

_Rows = Sequence[Sequence[str]]


def find_delimiter(text: str) -> str | None:
    """Return what parts the cells of *text*, or ``None`` if its lines do not agree on it."""
    lines = [line for line in text[:_SAMPLE_CHARS].splitlines() if line.strip()][:_SAMPLE_LINES]
    if len(text) > _SAMPLE_CHARS and len(lines) > 1:
        lines.pop()
    if not lines:
        return None
    best: tuple[int, str] | None = None
    for delimiter in DELIMITERS:
        counts = Counter(_count(line, delimiter) for line in lines)
        width, agreeing = max(counts.items(), key=lambda item: (item[1], item[0]))
        if width and agreeing >= _AGREEMENT * len(lines) and (best is None or width > best[0]):
            best = (width, delimiter)
    return best[1] if best else None


def is_clean(text: str) -> bool:
    """Tell whether the delimiters of *text* are all that parts anything in it."""
    return _OTHER_MARKS.search(text, 0, _SAMPLE_CHARS) is None


def _count(line: str, delimiter: str) -> int:
    """Return how many cells *line* has, less one."""
    if '"' not in line:
        return line.count(delimiter)
    outside = line.split('"')[::2]
    return sum(part.count(delimiter) for part in outside)


def delimited_text(text: str, delimiter: str) -> str:
    """Return the segments of a table whose cells are parted by *delimiter*.

    Raises:
        UnscannableError: If a cell is larger than any cell should be.
    """
    if '"' not in text:
        return _split_fast(text, delimiter)
    csv.field_size_limit(_MAX_FIELD_CHARS)
    try:
        reader = csv.reader(
            text.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True
        )
        return table_text(list(reader))
    except csv.Error:
        raise UnscannableError(Code.TOO_LARGE) from None


def _split_fast(text: str, delimiter: str) -> str:
    """Return the segments of a table without quotes, most of it in two replacements."""
    lines = text.splitlines()
    head = [line.split(delimiter) for line in lines[: _MAX_TALL + 1]]
    width = max(map(len, head), default=0)
    if len(lines) <= max(_MAX_TALL, width) or width <= _MAX_MOLTEN:
        return table_text([line.split(delimiter) for line in lines])
    joined = ROW.join(lines)
    if f" {delimiter}" in joined or f"{delimiter} " in joined:
        return re.sub(rf" *+{re.escape(delimiter)} *+", CELL, joined)
    return joined.replace(delimiter, CELL)


def split_gaps(text: str) -> list[list[str]] | None:
    """Return the rows of text in columns, parted by two blanks or more, or ``None``."""
    lines = [line for line in text.splitlines() if line.strip()]
    sample = lines[:_SAMPLE_LINES]
    wide = sum(_GAPS.search(line) is not None for line in sample)
    if not sample or wide < _AGREEMENT * len(sample):
        return None
    return [_GAPS.split(line.strip()) for line in lines]


def table_text(rows: _Rows) -> str:
    """Return the segments of a grid: its rows, and what else they may be."""
    rows = [[cell.strip() for cell in row] for row in rows]
    filled = [cells for row in rows if (cells := [cell for cell in row if cell])]
    parts = [_emit(filled)]
    width = max(map(len, rows), default=0)
    if len(rows) > 1 and width > 1 and (len(rows) <= _MAX_TALL or width > len(rows)):
        parts.append(_emit(_columns(rows, width)))
    if width <= _MAX_MOLTEN and len(filled) > 1:
        parts.append(_emit(_grouped(filled)))
    return join_rows(parts)


def _emit(rows: Iterable[Sequence[str]]) -> str:
    """Return *rows* as segments."""
    return ROW.join(CELL.join(map(without_marks, row)) for row in rows)


def _columns(rows: _Rows, width: int) -> list[list[str]]:
    """Return the columns of *rows*, without cells that are documents: those are whole records."""
    columns: list[list[str]] = [[] for _ in range(width)]
    for row in rows:
        for column, cell in zip(columns, row, strict=False):
            if cell and cell[0] not in "{[<" and "\n" not in cell:
                column.append(cell)
    return [column for column in columns if column]


def _grouped(rows: _Rows) -> list[list[str]]:
    """Return records laid out downwards: (field, value) rows, or (record, field, value) rows."""
    if max(map(len, rows)) == _MAX_MOLTEN:
        records: dict[str, list[str]] = {}
        for row in rows:
            records.setdefault(row[0], []).extend(row[1:])
        known = list(records.values())
        return known if len(known) < len(rows) else []
    group: list[list[str]] = [[]]
    seen: set[str] = set()
    for row in rows:
        if row[0] in seen:
            seen.clear()
            group.append([])
        seen.add(row[0])
        group[-1] += row[1:]
    return group if 1 < len(group) < len(rows) else []
