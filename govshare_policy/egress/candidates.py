# SPDX-License-Identifier: Apache-2.0
"""What in one text could be a released value, and where it stands.

A cell is a candidate as a whole. In a cell that is more than one word, so are its fragments, its
tokens, and what has the shape of a number, a date or an amount; names and addresses in running
text are found by their beginnings (:mod:`govshare_policy.egress.windows`).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.kinds import is_id_number

ROW: Final = "\x1e"
CELL: Final = "\x1f"
LONG: Final = 480
"""A cell of more characters is running text: what stands in it must stand close together."""

_SIMPLE: Final = re.compile(r"(?!.*[\dx]{19})[a-z0-9_.@%+\-/:]{0,64}|[^\x00-\x7f]{1,4}")
_FRAGMENT: Final = re.compile(r"[^,;:=|\"'<>(){}\[\]\t\n，。；：、！？「」《》【】]+")
_TOKEN: Final = re.compile(r"[a-z0-9][a-z0-9_.@%+\-]{3,}[a-z0-9]")
_DATE: Final = re.compile(
    r"(?<!\d)(?:(?:1[89]|20)\d\d(?:年\d{1,2}月\d{1,2}日?|[-/.]\d{1,2}[-/.]\d{1,2}"
    r"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
    r"|\d{1,2}[-/.]\d{1,2}[-/.](?:1[89]|20)\d\d)(?!\d)"
)
_AMOUNT: Final = re.compile(
    r"(?<![\d.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\d.]*\d)(?:[万亿]?元|[万亿])?"
)
_GROUPS: Final = re.compile(r"\d+(?:[ \-.]{1,3}\d+){0,24}x?")
_GROUP: Final = re.compile(r"\d+x?")
_IDENTITY: Final = re.compile(
    r"(?=([1-9]\d{5}(?:1[89]|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dx]))"
)
_PLAIN: Final = re.compile(r"\d{1,18}|\d{1,12}\.\d{1,6}")
_LEAST: Final = 5
"""Characters below which no number and no ASCII word says enough to be kept."""

_SPAN_DIGITS: Final = range(7, 25)
_SPAN_GROUPS: Final = 8


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


def is_complex(cell: str, whole: str) -> bool:
    """Return whether *cell* may hold more than the one value that it is, *whole* in its one form.

    A cell whose one form is a number or a day is nothing else.
    """
    return _SIMPLE.fullmatch(cell) is None and _PLAIN.fullmatch(whole) is None


def inner(cell: str, canonical: Callable[[str], str]) -> Iterator[tuple[str, int]]:
    """Yield the canonical candidates inside a complex cell, each with its offset."""
    for shape in (_FRAGMENT, _TOKEN):
        for match in shape.finditer(cell):
            found = match.group().strip()
            if 1 < len(found) < len(cell):
                yield canonical(found), match.start()
    for shape in (_DATE, _AMOUNT):
        for match in shape.finditer(cell):
            if match.end() - match.start() >= _LEAST:
                yield canonical(match.group()), match.start()
    for match in _GROUPS.finditer(cell):
        if match.end() - match.start() >= _SPAN_DIGITS.start:
            for number in _numbers(match.group()):
                yield canonical(number), match.start()


def _numbers(run: str) -> Iterator[str]:
    """Yield the numbers that a run of digit groups may be meant as.

    A number is a span of whole groups. Only an identity number, which carries a date and a check
    digit, is also looked for across their bounds; what it leaves over is a number again.
    """
    groups = _GROUP.findall(run)
    for first in range(len(groups)):
        spans = accumulate(groups[first : first + _SPAN_GROUPS])
        yield from (span for span in spans if len(span) in _SPAN_DIGITS)
    digits = "".join(groups)
    begin = 0
    for match in _IDENTITY.finditer(digits):
        if match.start() >= begin and is_id_number(match.group(1)):
            yield match.group(1)
            if match.start() > begin:
                yield digits[begin : match.start()]
            begin = match.end(1)
    if 0 < begin < len(digits):
        yield digits[begin:]
