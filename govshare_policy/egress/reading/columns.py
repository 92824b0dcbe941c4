# SPDX-License-Identifier: Apache-2.0
"""Text in columns of fixed width, with or without blanks between them."""

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
_WIDE: Final = re.compile(
    r"(?<=[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f"
    r"\uff00-\uff60\uffe0-\uffe6])"
)
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
    apart = [True, *map(_is_apart, pieces), True]
    for start in range(len(pieces)):
        found = ""
        for at in range(start, min(start + _SPAN, len(pieces))):
            if at > start and _part(pieces[at - 1], pieces[at]):
                break
            found += pieces[at]
            cell = found.replace(_HALF, "").strip()
            # A place in the list is one more than in the pieces: it begins with the edge.
            is_whole = apart[start] and (apart[at + 1] or apart[at + 2])
            if cell and (is_whole or not _is_found(cell)):
                yield cell
            if not pieces[at] or pieces[at][-1] == " ":
                break


def _is_apart(piece: str) -> bool:
    """Tell whether *piece* is no part of longer text: a long figure, or blank at its end."""
    return not piece or piece[-1] == " " or _is_long_figure(piece)


def _is_long_figure(piece: str) -> bool:
    return len(piece) >= _LONG_FIGURE and piece.isascii()


def _part(one: str, other: str) -> bool:
    """Tell whether neighbours are not of one value: a long figure, and letters that are none."""
    is_mixed = one.isascii() != other.isascii()
    return is_mixed and (_is_long_figure(one) or _is_long_figure(other))


def _is_found(cell: str) -> bool:
    """Tell whether *cell* is text that a scan finds without being told where it begins."""
    return (
        len(cell) <= _MAX_FOUND
        and _LETTER.search(cell, 0, _BEGIN) is not None
        and _FIGURES.fullmatch(cell) is None
    )
