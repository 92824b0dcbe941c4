# SPDX-License-Identifier: Apache-2.0
"""Documents, slides and OpenDocument files: paragraphs and tables of a ZIP of XML.

The text of a document is read, but a picture in it is not: one picture, embedded object, font or
macro makes the whole file unreadable, since nobody knows what it shows.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from govshare_policy.egress.reading.charset import decode_text
from govshare_policy.egress.reading.lines import lines_text
from govshare_policy.egress.reading.markup import feed, flat_text, new_parser
from govshare_policy.egress.reading.model import (
    Budget,
    Code,
    UnscannableError,
    join_rows,
    without_marks,
)
from govshare_policy.egress.reading.tables import table_text

_PARAGRAPH: Final = frozenset({"p", "h"})
_ROW: Final = frozenset({"tr", "table-row"})
_CELL: Final = frozenset({"tc", "table-cell", "covered-table-cell"})
_TABLE: Final = frozenset({"tbl", "table"})
_SPACE: Final = frozenset({"tab", "br", "cr", "s", "line-break"})
# OpenDocument keeps the exact value beside what it shows.
_VALUES: Final = frozenset({"office:value", "office:date-value", "office:string-value"})
# Parts of ECMA-376 and OpenDocument files that no reader of the document sees as content.
_ASIDE: Final = re.compile(
    r"(?:xl|word|ppt)/printerSettings/[^/]{1,60}\.bin|docProps/thumbnail\.(?:jpe?g|png|wmf|emf)"
    r"|Thumbnails/thumbnail\.png|layout-cache"
)
# Parts that are the same in nearly every file, or only name others.
_FRAME: Final = re.compile(
    r"\[Content_Types\]\.xml|(?:[^/]+/)*_rels/[^/]*\.rels|(?:xl|word|ppt)/theme/theme\d+\.xml"
)
_MAX_ASIDE_BYTES: Final = 1 << 16
_WIDE_RUN: Final = re.compile(rb"(?:[ -~]\x00|[^\x00][\x4e-\x9f]){4,}+")
_NARROW_RUN: Final = re.compile(rb"[ -~\x80-\xff]{4,}+")


def is_body(name: str) -> bool:
    """Tell whether the part *name* of an office file holds paragraphs."""
    return name.endswith(".xml") and (
        name.startswith(("word/", "ppt/slides/", "ppt/notesSlides/", "ppt/comments"))
        or name in {"content.xml", "styles.xml", "meta.xml"}
    )


def part_text(body: bytes, *, budget: Budget) -> str:
    """Return the text of one part of an office file.

    Raises:
        UnscannableError: If it is none.
    """
    texts = decode_text(body, budget=budget)
    if not texts:
        raise UnscannableError(Code.MALFORMED)
    return texts[0]


def frame_text(name: str, body: bytes, *, budget: Budget) -> str | None:
    """Return the segments of a part that says how others look or lie; ``None`` of any other.

    No record stands in it, but whatever it says is read.
    """
    if _FRAME.fullmatch(name) is None:
        return None
    try:
        return flat_text(part_text(body, budget=budget), budget=budget)
    except expat.ExpatError:
        return None


def _printable(body: bytes) -> str:
    """Return the runs of letters in *body*, one a line, whatever they mean."""
    wide = (run.decode("utf-16-le") for run in _WIDE_RUN.findall(body))
    narrow = (run.decode("utf-8", "ignore") for run in _NARROW_RUN.findall(body))
    return without_marks("\n".join([*wide, *narrow]))


def aside_text(name: str, body: bytes) -> str | None:
    """Return the segments of one of the small parts that say nothing, or ``None`` of any other.

    Every file that is written by the usual programs has some: printer settings, a preview. They
    are too small for more than a few records, and what of them is text is read like the rest.
    """
    if len(body) > _MAX_ASIDE_BYTES or _ASIDE.fullmatch(name) is None:
        return None
    return lines_text(_printable(body))


@dataclass(slots=True)
class _Body:
    """What one part says. Owned by its parser."""

    limit: int
    paragraphs: list[str] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)
    open_tables: list[list[list[str]]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    level: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        self.level += 1
        if self.level > self.limit:
            raise UnscannableError(Code.TOO_DEEP)
        tag = name.rpartition(":")[2]
        if tag in _TABLE:
            self._close_paragraph()
            self.open_tables.append([])
        elif tag in _ROW and self.open_tables:
            self.open_tables[-1].append([])
        elif tag in _CELL and self.open_tables and self.open_tables[-1]:
            values = [attributes[key] for key in _VALUES & attributes.keys()]
            self.open_tables[-1][-1] += [*values, ""] if values else [""]
        elif tag in _PARAGRAPH:
            self._close_paragraph()
        elif tag in _SPACE:
            self.pieces.append(" ")

    def end(self, name: str) -> None:
        """Close an element."""
        self.level -= 1
        tag = name.rpartition(":")[2]
        if tag in _PARAGRAPH or tag in _CELL:
            self._close_paragraph()
        elif tag in _TABLE and self.open_tables:
            self.tables.append(self.open_tables.pop())

    def text(self, data: str) -> None:
        """Add text."""
        self.pieces.append(data)

    def close(self) -> None:
        """Take in what no paragraph holds."""
        self._close_paragraph()

    def _close_paragraph(self) -> None:
        text = "".join(self.pieces).strip()
        self.pieces.clear()
        if not text:
            return
        if self.open_tables and self.open_tables[-1] and self.open_tables[-1][-1]:
            row = self.open_tables[-1][-1]
            row[-1] = f"{row[-1]} {text}" if row[-1] else text
        else:
            self.paragraphs.append(text)


def body_text(text: str, *, budget: Budget) -> str:
    """Return the segments of one part of an office file.

    Raises:
        UnscannableError: If it is not XML.
    """
    body = _Body(limit=budget.limits.nesting)
    parser = new_parser()
    parser.StartElementHandler = body.start
    parser.EndElementHandler = body.end
    parser.CharacterDataHandler = body.text
    try:
        feed(parser, text, budget=budget)
    except expat.ExpatError:
        raise UnscannableError(Code.MALFORMED) from None
    body.close()
    return join_rows([*map(table_text, body.tables), lines_text("\n".join(body.paragraphs))])
