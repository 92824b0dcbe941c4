# SPDX-License-Identifier: Apache-2.0
"""What in a text could be a released value, and where it stands.

A cell is a candidate as a whole. In a cell that is more than one word, so are its fragments, its
tokens, and what has the shape of a number, a date or an amount; names and addresses in running
text are found by their beginnings (:mod:`govshare_policy.egress.windows`). The patterns run over
many cells at once, parted by a control character that none of them crosses.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.figures import figures
from govshare_policy.egress.pieces import pieces
from govshare_policy.egress.quickly import canonicals
from govshare_policy.egress.shapes import GAP, Shapes

ROW: Final = "\x1e"
CELL: Final = "\x1f"
LONG: Final = 480
"""A cell of more characters is running text: what stands in it must stand close together."""

_LONG_NUMBER: Final = re.compile(r"[\dx]{19}")
_PLAIN: Final = re.compile(r"\d{1,18}|\d{1,12}\.\d{1,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The distinct cells of a text, and where each stands.

    Attributes:
        cells: Distinct cells, folded; the order is that of their first standing.
        cell: For each standing, which cell; int64.
        segment: For each standing, the segment from 0; int64, ascending.
        segments: How many segments hold anything.
    """

    cells: list[str]
    cell: NDArray[np.int64]
    segment: NDArray[np.int64]
    segments: int


def tabulate(text: str) -> Table:
    """Return the cells of a folded text in which segments and cells are parted by controls."""
    parts = text.replace(ROW, CELL).split(CELL)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    controls = codes[(codes == ord(ROW)) | (codes == ord(CELL))]
    rows = np.concatenate(([0], np.cumsum(controls == ord(ROW), dtype=np.int64)))
    numbers = {part: number for number, part in enumerate(dict.fromkeys(parts))}
    cell = np.fromiter(map(numbers.__getitem__, parts), dtype=np.int64, count=len(parts))
    cells = list(numbers)
    filled = np.fromiter(map(bool, cells), dtype=bool, count=len(cells))[cell]
    cell, rows = cell[filled], rows[filled]
    return Table(cells=cells, cell=cell, segment=rows, segments=np.unique(rows).size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """The one form of each distinct cell, and which cells may hold more than one value.

    Attributes:
        whole: The form of each cell.
        complexes: The numbers of the cells that may hold more; ascending.
        divisible: Those of them that have something of a known shape inside, or several parts.
    """

    whole: list[str]
    complexes: list[int]
    divisible: list[int]


def forms_of(cells: list[str]) -> Forms:
    """Return the forms of distinct folded *cells*."""
    shapes = Shapes.of(cells)
    whole = canonicals(cells, shapes)
    simple = shapes.simple()
    for at in np.flatnonzero(shapes.unsure()).tolist():
        simple[at] = _LONG_NUMBER.search(cells[at]) is None
    complexes = [
        at for at in np.flatnonzero(~simple).tolist() if _PLAIN.fullmatch(whole[at]) is None
    ]
    divisible = shapes.divisible()
    return Forms(
        whole=whole, complexes=complexes, divisible=[at for at in complexes if divisible[at]]
    )


def inner(
    cells: list[str],
    forms: Mapping[str, str] = MappingProxyType({}),
    holds: Callable[[list[str]], NDArray[np.bool_]] | None = None,
) -> list[tuple[str, int, int]]:
    """Return the canonical candidates inside folded *cells*: value, number of the cell, offset.

    Args:
        cells: Each once.
        forms: The forms of texts that are known already.
        holds: Which of distinct values are candidates at all; without it, each is.
    """
    if not cells:
        return []
    text = GAP.join([*cells, ""])
    begin, end, start = pieces(text)
    first, last, shaped = figures(text)
    spans = zip((*begin.tolist(), *first.tolist()), (*end.tolist(), *last.tolist()), strict=True)
    found = [text[a:b] for a, b in spans]
    found += [value for value, _ in shaped]
    form_of = {value: forms.get(value, "") for value in found}
    others = [value for value, form in form_of.items() if not form]
    form_of.update(zip(others, canonicals(others, Shapes.of(others)), strict=True))
    if holds is not None:
        distinct = list(dict.fromkeys(form_of.values()))
        held = {distinct[at] for at in np.flatnonzero(holds(distinct)).tolist()}
        form_of = {value: form for value, form in form_of.items() if form in held}
    chosen = [at for at, value in enumerate(found) if value in form_of]
    places = np.array([place for _, place in shaped], dtype=np.int64)
    at = np.concatenate((start, first, places))[chosen]
    sizes = np.fromiter(map(len, cells), dtype=np.int64, count=len(cells))
    starts = np.cumsum(sizes + 1) - sizes - 1
    owners = np.searchsorted(starts, at, side="right") - 1
    values = [form_of[found[number]] for number in chosen]
    return list(zip(values, owners.tolist(), (at - starts[owners]).tolist(), strict=True))
