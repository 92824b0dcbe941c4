# SPDX-License-Identifier: Apache-2.0
"""Cells that stand inside the cell before them: what can be found in them is found there.

A reading gives a line whole and in pieces. Each piece is looked up; only the line is looked into.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.candidates import Table
from govshare_policy.egress.pieces import CUTS

# At the edge of a piece, these may make one value with what stands beside it.
_JOINED: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_.@%+-/, \u4e07\u4ebf\u5143\u5e74")
_BOUNDS: Final = CUTS | {""}


def covered(table: Table, chosen: list[int], *, longest: int, widest: int) -> NDArray[np.bool_]:
    """Return which of the *chosen* cells stand, wherever they do, in the first of their segment.

    Args:
        table: The cells.
        chosen: Numbers of cells.
        longest: Characters of the longest cell that is one place.
        widest: Cells of the widest segment that is one place.
    """
    count = len(table.cells)
    size = np.fromiter(map(len, table.cells), dtype=np.int64, count=count)
    wanted = np.zeros(count, dtype=bool)
    wanted[chosen] = True
    first = np.searchsorted(table.segment, table.segment)
    line = table.cell[first]
    width = np.bincount(table.segment)[table.segment] if table.segment.size else first
    may = (size[line] > size[table.cell]) & (size[line] <= longest) & (width <= widest)
    inside = np.zeros(table.cell.size, dtype=bool)
    looked = np.flatnonzero(may & wanted[table.cell])
    cells = table.cells
    inside[looked] = [
        _stands(cells[at], cells[before])
        for at, before in zip(table.cell[looked].tolist(), line[looked].tolist(), strict=True)
    ]
    wanted[table.cell[~inside]] = False
    return wanted


def _stands(cell: str, line: str) -> bool:
    """Return whether *cell* stands in *line* with nothing beside it that it may belong to."""
    at = line.find(cell)
    if at < 0:
        return False
    before, after = line[at - 1 : at], line[at + len(cell) : at + len(cell) + 1]
    if (before and before in _JOINED and cell[0] in _JOINED) or (
        after and after in _JOINED and cell[-1] in _JOINED
    ):
        return False
    # What a delimiter inside of the cell leaves at its edge must end there in the line as well.
    return (before in _BOUNDS and after in _BOUNDS) or CUTS.isdisjoint(cell)
