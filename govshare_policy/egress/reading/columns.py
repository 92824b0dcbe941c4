# SPDX-License-Identifier: Apache-2.0
"""Text in columns of fixed width, with or without blanks between them."""

import operator
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
# Text that soon has a character beyond ASCII is found anywhere, unless it may be a sum or a day.
_MAX_FOUND: Final = 48
_BEGIN: Final = 12
_LETTER: Final = re.compile(r"[^\x00-\x7f\uff00-\uffef]")
_LONG_FIGURE: Final = 8
_FIGURES: Final = re.compile(
    r"[!-~ \uff01-\uff5e¥€£年月日号时点分秒元圆块角整正人民币百千万亿〇零一二三四五六七八九十两"
    r"壹贰叁肆伍陆柒捌玖拾佰仟萬億參陸貳圓]+"
)
_WIDE: Final = (
    (0x1100, 0x115F),
    (0x2E80, 0x303E),
    (0x3041, 0xA4CF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE6F),
    (0xFF00, 0xFF60),
    (0xFFE0, 0xFFE6),
)
_BEYOND: Final = 0x10000
# Not a letter of any text that is read.
_HALF: Final = CELL
_BLANK: Final = 0
_OTHER: Final = 0x80


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
    for grids in (_in_cells, list):
        bounds = _bounds(grids(sample))
        if bounds:
            return ROW.join(CELL.join(_cells(grid, bounds)) for grid in grids(lines))
    return ""


def _in_cells(lines: Sequence[str]) -> list[str]:
    """Return *lines* with one letter more after each that takes two cells of a terminal."""
    text = "\n".join(lines).replace("\u3000", "  ")
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    wide = _wide()[np.minimum(codes, _BEYOND)]
    cells = np.repeat(codes, wide + 1)
    cells[(np.cumsum(wide + 1) - 1)[wide == 1]] = ord(_HALF)
    return cells.tobytes().decode("utf-32-le", "surrogatepass").split("\n")


@cache
def _wide() -> NDArray[np.int64]:
    """Return 1 for each character that takes two cells, and for others 0."""
    wide = np.zeros(_BEYOND + 1, dtype=np.int64)
    for first, last in _WIDE:
        wide[first : last + 1] = 1
    return wide


def _bounds(grids: Sequence[str]) -> list[int]:
    """Return where columns begin, the first and the last included; nothing if lines disagree."""
    width = max(map(len, grids))
    text = "".join(grid.ljust(width) for grid in grids)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    kinds = _kinds()[np.minimum(codes, _OTHER)].reshape(len(grids), width)
    filled = kinds[:, 1:] != _BLANK
    begun = ((kinds[:, 1:] != kinds[:, :-1]) & filled).sum(axis=0)
    enough = np.maximum(_AGREEMENT * filled.sum(axis=0), len(grids) / 2)
    bounds = [0, *(np.flatnonzero(begun >= enough) + 1).tolist()]
    if not _MIN_COLUMNS <= len(bounds) <= _MAX_BOUNDS:
        return []
    return [*bounds, width]


@cache
def _kinds() -> NDArray[np.uint8]:
    """Return the kind of each ASCII character, and of all others."""
    kinds = np.full(_OTHER + 1, 3, dtype=np.uint8)
    kinds[ord("!") : ord("~") + 1] = 1
    for first, last in ("AZ", "az"):
        kinds[ord(first) : ord(last) + 1] = 2
    kinds[ord(" ")] = _BLANK
    return kinds


def _cells(grid: str, bounds: Sequence[int]) -> Iterator[str]:
    """Yield the columns of one line, and runs of neighbours that have no blank between them.

    Of runs, only those between blanks or long numbers, and what is not found in the line itself.
    """
    pieces = [grid[a:b] for a, b in zip(bounds[:-1], [*bounds[1:-1], None], strict=True)]
    ascii_only = list(map(str.isascii, pieces))
    long = [
        plain and len(piece) >= _LONG_FIGURE
        for piece, plain in zip(pieces, ascii_only, strict=True)
    ]
    ended = [not piece or piece[-1] == " " for piece in pieces]
    bare = [piece.replace(_HALF, "") for piece in pieces]
    # A place in the list is one more than in the pieces: it begins with the edge.
    apart = [True, *map(operator.or_, ended, long), True]
    for start in range(len(pieces)):
        found = ""
        for at in range(start, min(start + _SPAN, len(pieces))):
            # Neighbours are not of one value: a long figure, and letters that are none.
            parted = ascii_only[at - 1] != ascii_only[at] and (long[at - 1] or long[at])
            if at > start and parted:
                break
            found += bare[at]
            cell = found.strip()
            is_whole = apart[start] and (apart[at + 1] or apart[at + 2])
            if cell and (is_whole or not _is_found(cell)):
                yield cell
            if ended[at]:
                break


def _is_found(cell: str) -> bool:
    """Tell whether *cell* is text that a scan finds without being told where it begins."""
    return (
        len(cell) <= _MAX_FOUND
        and _LETTER.search(cell, 0, _BEGIN) is not None
        and _FIGURES.fullmatch(cell) is None
    )
