# SPDX-License-Identifier: Apache-2.0
"""Records that do not stand in rows: on their side, in columns side by side, or under paths.

What is given is always one more reading, beside the one in which every row is a segment.
"""

import csv
import re
from collections.abc import Sequence
from typing import Any, Final

from govshare_policy.egress.reading.model import CELL, ROW, without_marks

# A record has no more fields than this.
_MAX_FIELDS: Final = 64
_MIN_GROUPS: Final = 2
_MIN_FIELDS: Final = 2
_SAMPLE: Final = 64
_GROUPED: Final = 0.9
_DEPTHS: Final = (1, 2, 3)
_PATH_CHARS: Final = 120
_PATHS: Final = tuple(
    re.compile(rf"(?:[^0-9]{{0,60}}+[0-9]{{1,9}}+){{{depth}}}(?=[^0-9])") for depth in _DEPTHS
)
_BLANK_LINE: Final = re.compile(r"\n[ \t\r]*\n")
_MAX_LISTS: Final = 64
_LIST: Final = re.compile(r"[\[({]([^\[\](){}]{12,}+)[\])}]")
Node = Any  # Of a tree: see there.


def grid_text(items: Sequence[Node]) -> str:
    """Return the columns of a list of objects that is a table on its side, as segments.

    It is one if the objects are cells of one name each, as in HTML, or wider than there are many.
    """
    first = items[0]
    if type(first) is not tuple or not _MIN_FIELDS <= len(items) <= _MAX_FIELDS:
        return ""
    width = len(first)
    is_repeated = width > 1 and len({name for name, _ in first}) < width
    if not (is_repeated or width > len(items)):
        return ""
    rows = []
    for item in items:
        if type(item) is not tuple:
            return ""
        cells = [value for _, value in item if isinstance(value, str)]
        if len(cells) < len(item):
            return ""
        rows.append(cells)
    return columns_text(rows)


def columns_text(rows: Sequence[Sequence[str]]) -> str:
    """Return the columns of *rows* as segments; rows may end early."""
    columns: list[list[str]] = [[] for _ in range(max(map(len, rows)))]
    for row in rows:
        for column, cell in zip(columns, row, strict=False):
            if cell:
                column.append(without_marks(cell))
    return ROW.join(CELL.join(column) for column in columns)


def numbered_groups(paths: Sequence[str]) -> list[list[int]]:
    """Return the numbers of *paths* that say the same record, or nothing if paths are not such.

    A path names a record by a number and then a field, as in ``rows[3].name``; the paths of one
    record stand together.
    """
    for pattern in _PATHS:
        if _grouped(pattern, paths[:_SAMPLE]) and (groups := _grouped(pattern, paths)):
            return groups
    return []


def _grouped(pattern: re.Pattern[str], paths: Sequence[str]) -> list[list[int]]:
    groups: list[list[int]] = []
    before = ""
    for number, path in enumerate(paths):
        match = pattern.match(path, 0, _PATH_CHARS)
        head = match.group() if match else ""
        if not head or head != before or len(groups[-1]) >= _MAX_FIELDS:
            groups.append([])
        groups[-1].append(number)
        before = head
    told = [group for group in groups if _MIN_FIELDS <= len(group) < _MAX_FIELDS]
    is_most = sum(map(len, told)) >= _GROUPED * len(paths)
    return groups if len(told) >= _MIN_GROUPS and is_most else []


def path_text(rows: Sequence[Sequence[str]]) -> str:
    """Return the records of rows that say one field each under a path, as segments."""
    width = len(rows[0])
    if len(rows) < 2 * _MIN_FIELDS or any(len(row) != width for row in rows):
        return ""
    for column in range(width):
        if groups := numbered_groups([row[column] for row in rows]):
            return ROW.join(
                CELL.join(
                    without_marks(cell)
                    for number in group
                    for at, cell in enumerate(rows[number])
                    if at != column
                )
                for group in groups
            )
    return ""


def blocks_text(text: str, delimiter: str) -> str:
    """Return the columns of the tables in *text* that blank lines part, each on its side."""
    if "\n\n" not in text and _BLANK_LINE.search(text) is None:
        return ""
    parts = []
    for block in _BLANK_LINE.split(text):
        rows = [line.split(delimiter) for line in block.splitlines() if line.strip()]
        widths = set(map(len, rows))
        if _MIN_FIELDS < len(rows) <= _MAX_FIELDS and len(widths) == 1 and widths != {1}:
            parts.append(columns_text([[cell.strip(" \"'") for cell in row] for row in rows]))
    return ROW.join(parts) if len(parts) > 1 else ""


def lists_text(text: str) -> str:
    """Return the rows of lists that a program's text holds side by side, a field each."""
    count = text.count("[") + text.count("(") + text.count("{")
    if not _MIN_FIELDS <= count <= _MAX_LISTS:
        return ""
    by_length: dict[int, list[list[str]]] = {}
    for items in map(_items, _LIST.findall(text)):
        by_length.setdefault(len(items), []).append(items)
    parts = [
        ROW.join(CELL.join(map(without_marks, row)) for row in zip(*columns, strict=True))
        for length, columns in by_length.items()
        if length > 1 and len(columns) > 1
    ]
    return ROW.join(parts)


def _items(listed: str) -> list[str]:
    """Return the items of a list as a program writes it."""
    quote = min("\"'`", key=lambda sign: (listed.find(sign) < 0, listed.find(sign)))
    line = listed.replace("\n", " ").replace("\r", " ")
    try:
        items = next(csv.reader([line], quotechar=quote, skipinitialspace=True), [])
    except csv.Error:
        return []
    return [item.strip(" \t") for item in items]
