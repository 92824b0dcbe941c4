# SPDX-License-Identifier: Apache-2.0
"""Text in columns of fixed width, with or without blanks between them."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from govshare_policy.egress.reading.escapes import has_document
from govshare_policy.egress.reading.model import CELL, ROW

_SAMPLE_LINES: Final = 200
_MAX_WIDTH: Final = 600
_MAX_BOUNDS: Final = 24
_AGREEMENT: Final = 0.95
_MAX_INDENTED: Final = 0.3
_MIN_LINES: Final = 2
_MIN_COLUMNS: Final = 3
# A column may be of several kinds of letter: so many neighbours are also read as one.
_SPAN: Final = 6
_WIDE: Final = re.compile(
    r"(?<=[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f"
    r"\uff00-\uff60\uffe0-\uffe6])"
)
# Not a letter of any text that is read.
_HALF: Final = CELL
_KINDS: Final = re.compile(r"(?P<d>[!-@\[-`{-~]+)|(?P<a>[A-Za-z]+)|[^\x00-\x7f]+|[^ ]")


def columns_text(text: str) -> str:
    """Return the segments of lines whose columns begin at the same places; may be empty.

    A column begins where the kind of letter changes in (nearly) every line: after a blank, or from
    digits to words. A change within a column, as in an address, is undone by reading neighbours
    together as well.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    sample = lines[:_SAMPLE_LINES]
    if len(sample) < _MIN_LINES or max(map(len, sample)) > _MAX_WIDTH:
        return ""
    # Lines set in by blanks are fields below one another, or have blanks between them too.
    if sum(line[0].isspace() for line in sample) > _MAX_INDENTED * len(sample):
        return ""
    # A column of encoded documents is nothing in pieces.
    if sum(map(has_document, sample)) * 2 > len(sample):
        return ""
    for grid in (_in_cells, str):
        bounds = _bounds([grid(line) for line in sample])
        if bounds:
            return ROW.join(CELL.join(_cells(grid(line), bounds)) for line in lines)
    return ""


def _in_cells(line: str) -> str:
    """Return *line* with one letter more after each that takes two cells of a terminal."""
    return _WIDE.sub(_HALF, line.replace("\u3000", "  "))


def _bounds(grids: Sequence[str]) -> list[int]:
    """Return where columns begin, the first and the last included; nothing if lines disagree."""
    width = max(map(len, grids))
    kinds = [_KINDS.sub(_kind, grid).ljust(width) for grid in grids]
    bounds = [0]
    for at in range(1, width):
        pairs = [row[at - 1 : at + 1] for row in kinds if row[at] != " "]
        begun = sum(pair[0] != pair[1] for pair in pairs)
        if begun >= max(_AGREEMENT * len(pairs), len(grids) / 2):
            bounds.append(at)
    if not _MIN_COLUMNS <= len(bounds) <= _MAX_BOUNDS:
        return []
    return [*bounds, width]


def _kind(match: re.Match[str]) -> str:
    """Return a letter that stands for the kind of each letter in a run of one kind."""
    return (match.lastgroup or "w") * len(match.group())


def _cells(grid: str, bounds: Sequence[int]) -> Iterator[str]:
    """Yield the columns of one line, and runs of neighbours that have no blank between them."""
    pieces = [grid[a:b] for a, b in zip(bounds[:-1], [*bounds[1:-1], None], strict=True)]
    for start in range(len(pieces)):
        found = ""
        for piece in pieces[start : start + _SPAN]:
            found += piece
            if cell := found.replace(_HALF, "").strip():
                yield cell
            if not piece or piece[-1] == " ":
                break
