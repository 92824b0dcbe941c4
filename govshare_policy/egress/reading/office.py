# SPDX-License-Identifier: Apache-2.0
"""Documents, slides and OpenDocument files: paragraphs and tables of a ZIP of XML."""

from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from govshare_policy.egress.reading.lines import lines_text
from govshare_policy.egress.reading.markup import feed, new_parser
from govshare_policy.egress.reading.model import Budget, Code, UnscannableError, join_rows
from govshare_policy.egress.reading.tables import table_text

_PARAGRAPH: Final = frozenset({"p", "h"})
_ROW: Final = frozenset({"tr", "table-row"})
_CELL: Final = frozenset({"tc", "table-cell", "covered-table-cell"})
_TABLE: Final = frozenset({"tbl", "table"})
_SPACE: Final = frozenset({"tab", "br", "cr", "s", "line-break"})
# OpenDocument keeps the exact value beside what it shows.
_VALUES: Final = frozenset({"office:value", "office:date-value", "office:string-value"})


def is_body(name: str) -> bool:
    """Tell whether the part *name* of an office file holds paragraphs."""
    return name.endswith(".xml") and (
        name.startswith(("word/", "ppt/slides/", "ppt/notesSlides/", "ppt/comments"))
        or name in {"content.xml", "styles.xml", "meta.xml"}
    )


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
