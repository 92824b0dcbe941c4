# SPDX-License-Identifier: Apache-2.0
"""Tables that say the same records in parts: put together by the column that keys them."""

from collections.abc import Iterator, Sequence
from typing import Final

from govshare_policy.egress.reading.model import CELL, ROW, join_rows

_MAX_TABLES: Final = 16
_MAX_ROWS: Final = 200_000
_MAX_CHARS: Final = 1 << 25
_KEY_COLUMNS: Final = 3
_MIN_DISTINCT: Final = 0.5
_MIN_SHARED: Final = 0.5
_MIN_KEYS: Final = 2

_Keys = dict[str, int]


def joined_text(tables: Sequence[str]) -> str:
    """Return the rows of *tables*, each given as its segments, that share a key; may be empty."""
    tables = [table for table in tables if ROW in table]
    if not 1 < len(tables) <= _MAX_TABLES or sum(map(len, tables)) > _MAX_CHARS:
        return ""
    if sum(table.count(ROW) for table in tables) > _MAX_ROWS:
        return ""
    rows = [[row.split(CELL) for row in table.split(ROW)] for table in tables]
    keys = [[_keys_of(table, column) for column in range(_KEY_COLUMNS)] for table in rows]
    return join_rows(ROW.join(_join(rows, keys, base)) for base in range(len(rows) - 1))


def _join(
    rows: Sequence[Sequence[Sequence[str]]], keys: Sequence[Sequence[_Keys]], base: int
) -> Iterator[str]:
    """Yield the rows of table *base* with those of later tables that its best key finds."""
    best: list[tuple[int, _Keys]] = []
    chosen: _Keys = {}
    for own in keys[base]:
        found = [
            (at, other)
            for at in range(base + 1, len(rows))
            if (other := max(keys[at], key=lambda them: _shared(own, them)))
            and _shared(own, other) >= max(_MIN_KEYS, _MIN_SHARED * min(len(own), len(other)))
        ]
        if len(found) > len(best):
            best, chosen = found, own
    for key, number in chosen.items():
        others = [rows[at][other[key]] for at, other in best if key in other]
        if others:
            yield CELL.join([*rows[base][number], *(cell for row in others for cell in row)])


def _shared(one: _Keys, other: _Keys) -> int:
    """Return how many keys two tables share."""
    return len(one.keys() & other.keys())


def _keys_of(rows: Sequence[Sequence[str]], column: int) -> _Keys:
    """Return the row of each value of a *column* that tells rows apart; else nothing."""
    keys: _Keys = {}
    for number, row in enumerate(rows):
        if len(row) > column + 1 or (row and column == 0):
            keys.setdefault(row[column], number)
    return keys if len(keys) >= _MIN_DISTINCT * len(rows) else {}
