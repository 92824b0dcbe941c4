# SPDX-License-Identifier: Apache-2.0
"""Rows of tables: delimited text, and grids from any other form.

A table may lie on its side, or be molten into rows of (record, field, value); where its shape
leaves that open, both readings are given.
"""

import csv
import itertools
import re
import threading
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

DELIMITERS: Final = (
    "\t",
    ",",
    ";",
    "|",
    "\x01",
    "^",
    "~",
    "│",
    "┃",
    "\uff0c",
    "、",
    "\uff1b",
    "\uff5c",
    "¦",
)
_SAMPLE_LINES: Final = 200
_SAMPLE_CHARS: Final = 1 << 16
# Of the lines of a sample, so many agree on the number of delimiters: titles and totals do not.
_AGREEMENT: Final = 0.8
_ENDED: Final = 0.5
# A cell in quotation marks, with those in it doubled.
_QUOTED: Final = re.compile(r'(?:(?<=[\t,;|^~\n])|\A)"[^"]*+(?:""[^"]*+)*+"(?=[\t,;|^~\r\n]|\Z)')
# A table that is no longer than this may lie on its side.
_MAX_TALL: Final = 64
# In a molten table both come again; a header of its own counts too.
_MAX_ONCE: Final = 0.6
_MAX_PAIR: Final = 2
# A table that says one field of one record in a row has no more columns than this.
MAX_MOLTEN: Final = 8
_LIMIT: Final = threading.Lock()
_MAX_FIELD_CHARS: Final = 1 << 24
_OTHER_MARKS: Final = re.compile(r"[(\[{<=]|: |\uff1a")
_FIGURE: Final = re.compile(r"\d{3}")
_GAPS: Final = re.compile(r"(?<=\S)(?: {2,}|\u3000+)(?=\S)")

_EMPHASIS: Final = re.compile(r"(?:\*\*|[*`~_])?+[ \t]*+\|[ \t]*+(?:\*\*|[*`~_])?+")

_Rows = Sequence[Sequence[str]]


def find_delimiter(text: str) -> str | None:
    """Return what parts the cells of *text*, or ``None`` if its lines do not agree on it."""
    lines = [line for line in text[:_SAMPLE_CHARS].splitlines() if line.strip()][:_SAMPLE_LINES]
    if len(text) > _SAMPLE_CHARS and len(lines) > 1:
        lines.pop()
    if not lines:
        return None
    best = _best_delimiter(lines)
    sample = "\n".join(lines)
    if (best is None or best[0] == 1) and '"' in sample:
        # A cell in quotation marks may have lines of its own, which are none of the table.
        whole = _QUOTED.sub('""', sample)
        best = max(best or (0, ""), _best_delimiter(whole.split("\n")) or (0, ""))
    return best[1] if best and best[0] else None


def _best_delimiter(lines: Sequence[str]) -> tuple[int, str] | None:
    """Return how many cells, less one, *lines* agree on, and what parts them."""
    best: tuple[int, str] | None = None
    sample = "\n".join(lines)
    is_quoted = '"' in sample
    for delimiter in DELIMITERS:
        if delimiter not in sample:
            continue
        counts = Counter(
            [_count(line, delimiter) for line in lines]
            if is_quoted
            else [line.count(delimiter) for line in lines]
        )
        width, agreeing = max(counts.items(), key=lambda item: (item[1], item[0]))
        if not width or agreeing < _AGREEMENT * len(lines) or (best and width <= best[0]):
            continue
        # What ends nearly every line, and stands nowhere else, parts no cells.
        ended = sum(line.rstrip().endswith(delimiter) for line in lines) if width == 1 else 0
        if ended < _ENDED * len(lines):
            best = (width, delimiter)
    return best


def is_clean(text: str) -> bool:
    """Tell whether the delimiters of *text* are all that parts anything in its rows."""
    head = text.find("\n", 0, _SAMPLE_CHARS) + 1
    # The name of a field may have its unit in brackets.
    begin = 0 if _FIGURE.search(text, 0, head) else head
    return _OTHER_MARKS.search(text, begin, _SAMPLE_CHARS) is None


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
    if delimiter == "|":
        text = _EMPHASIS.sub("|", text)
    if '"' not in text:
        return _split_fast(text, delimiter)
    lines = text.splitlines(keepends=True)
    # The limit is one of the whole process, and registers are read under its own.
    with _LIMIT:
        before = csv.field_size_limit(_MAX_FIELD_CHARS)
        try:
            rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
        except csv.Error:
            raise UnscannableError(Code.TOO_LARGE) from None
        finally:
            csv.field_size_limit(before)
    return table_text(rows)


def _split_fast(text: str, delimiter: str) -> str:
    """Return the segments of a table without quotes, most of it in two replacements."""
    lines = text.splitlines()
    head = [line.split(delimiter) for line in lines[: _MAX_TALL + 1]]
    width = max(map(len, head), default=0)
    if len(lines) <= max(_MAX_TALL, width) or width <= _MAX_PAIR + 1:
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
    if width == _MAX_PAIR and len(filled) > 1:
        parts.append(_emit(_paired(filled)))
    if _MAX_PAIR < width <= MAX_MOLTEN:
        parts.append(molten_text(filled))
    return join_rows(parts)


def _emit(rows: Iterable[Sequence[str]]) -> str:
    """Return *rows* as segments."""
    return ROW.join(map(_row, rows))


def _row(cells: Sequence[str]) -> str:
    """Return *cells* as one segment."""
    row = CELL.join(cells)
    if ROW in row or row.count(CELL) >= max(1, len(cells)):
        return CELL.join(map(without_marks, cells))
    return row


def _columns(rows: _Rows, width: int) -> list[list[str]]:
    """Return the columns of *rows*, without cells that are documents: those are whole records."""
    columns: list[list[str]] = [[] for _ in range(width)]
    for row in rows:
        for column, cell in zip(columns, row, strict=False):
            if cell and cell[0] not in "{[<" and "\n" not in cell:
                column.append(cell)
    return [column for column in columns if column]


def _paired(rows: _Rows) -> list[list[str]]:
    """Return records laid out downwards as (field, value) rows."""
    group: list[list[str]] = [[]]
    seen: set[str] = set()
    for row in rows:
        if row[0] in seen:
            seen.clear()
            group.append([])
        seen.add(row[0])
        group[-1] += row[1:]
    return group if 1 < len(group) < len(rows) else []


def molten_text(rows: _Rows) -> str:
    """Return the records of a table whose rows say one field each: record, field, value.

    Two columns are record and field if no pair of theirs comes twice and most pairs come.
    """
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    rows = [row for row in rows if len(row) == width]
    if not _MAX_PAIR < width <= MAX_MOLTEN:
        return ""
    columns = list(zip(*rows, strict=True))
    counts = [len(set(column)) for column in columns]
    parts = []
    for record, field in itertools.permutations(range(width), 2):
        records, fields = counts[record], counts[field]
        if not (
            1 < fields <= _MAX_TALL
            and records > 1
            and max(fields, records) <= _MAX_ONCE * len(rows)
            and records * fields <= 2 * len(rows)
            and len(set(zip(columns[record], columns[field], strict=True))) == len(rows)
        ):
            continue
        known: dict[str, list[str]] = {}
        for row in rows:
            cells = known.setdefault(row[record], [row[record]])
            cells += (cell for at, cell in enumerate(row) if at not in {record, field})
        parts.append(_emit(known.values()))
    return join_rows(parts)
