# SPDX-License-Identifier: Apache-2.0
"""Cells that are documents themselves: found in the reading of the document around them."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Final

from govshare_policy.egress.reading.escapes import unescape
from govshare_policy.egress.reading.model import CELL, ROW, join_rows

_MAX_INLINE_CELLS: Final = 256
# So few cells in a cell are of the record around them, even in lines of their own.
_FEW_CELLS: Final = 24
# A cell that is itself a document: an object, a list, an element, or several lines. In a pattern
# ``\s`` would match the separators too.
NESTED: Final = re.compile(
    r"(?:(?<=[\x1e\x1f])|\A)"
    r"(?:[ \t\r\n]*+[{\[<\"][^\x1e\x1f]*+(?<=[}\]>\" \t\r\n])|[^\x1e\x1f\n]*+\n[^\x1e\x1f]*+)"
    r"(?=[\x1e\x1f]|\Z)"
)
# Three of them are of a document in a document in a document, which only its parser undoes.
_DEEP_ESCAPE: Final = "\\\\\\"
_MAX_INLINE_DOCUMENTS: Final = 4
_DOCUMENT_CELLS: Final = 3


def as_inline(inner: str) -> str | None:
    """Return the segments of a cell as cells of the row around it; ``None`` if it has its own."""
    if inner.count(ROW) + inner.count(CELL) < _FEW_CELLS:
        return inner.replace(ROW, CELL)
    return None if ROW in inner or inner.count(CELL) > _MAX_INLINE_CELLS else inner


def unescape_around(text: str) -> str:
    """Return *text* unescaped, except for cells that only a parser can."""
    if _DEEP_ESCAPE not in text:
        return unescape(text)
    out = []
    at = 0
    for match in NESTED.finditer(text):
        if _DEEP_ESCAPE in match.group():
            out += [unescape(text[at : match.start()]), match.group()]
            at = match.end()
    return "".join([*out, unescape(text[at:])])


def _crowded(text: str, inlays: Sequence[tuple[int, str]]) -> set[int]:
    """Return the ends of documents that share a segment with many: each is a record itself."""
    documents = [end for end, inner in inlays if inner.count(CELL) >= _DOCUMENT_CELLS]
    if len(documents) <= _MAX_INLINE_DOCUMENTS:
        return set()
    starts = [match.start() for match in re.finditer(ROW, text)]
    rows = [bisect_right(starts, end - 1) for end in documents]
    counts = Counter(rows)
    pairs = zip(documents, rows, strict=True)
    return {end for end, row in pairs if counts[row] > _MAX_INLINE_DOCUMENTS}


def inlaid(text: str, inlays: list[tuple[int, str]], extras: Sequence[str]) -> str:
    """Return *text* with each inlay after the place where it was found, and *extras* at the end."""
    if not inlays and not extras:
        return text
    crowded = _crowded(text, inlays)
    apart = [inner for end, inner in inlays if end in crowded]
    out = []
    at = 0
    for end, inner in sorted(inlays):
        if end in crowded:
            continue
        is_last = text[end : end + 1] in {"", ROW, CELL}
        out += [text[at:end], CELL, inner, "" if is_last else CELL]
        at = end
    return join_rows(["".join([*out, text[at:]]), *extras, *apart])
