# SPDX-License-Identifier: Apache-2.0
"""Rich text (RTF): its paragraphs and tables, and whatever its hidden groups say.

A picture or an embedded object cannot be read, and makes the whole unreadable.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from govshare_policy.egress.reading.lines import lines_text
from govshare_policy.egress.reading.model import (
    Budget,
    Code,
    UnscannableError,
    join_rows,
    without_marks,
)
from govshare_policy.egress.reading.tables import table_text

_TOKEN: Final = re.compile(
    r"\\([A-Za-z]{1,32}+)(-?[0-9]{1,10}+)? ?|\\'([0-9A-Fa-f]{2})|\\(.)|([{}])|([^\\{}\r\n]+)",
    re.DOTALL,
)
_BREAKS: Final = frozenset({"par", "line", "page", "sect", "column"})
_UNREADABLE: Final = {
    "object": Code.UNKNOWN_FORM,
    "objdata": Code.UNKNOWN_FORM,
    "bin": Code.UNKNOWN_FORM,
    "pict": Code.PICTURE,
}
# Groups that are not part of what is shown; they are read as lines of their own.
_ASIDE: Final = frozenset(
    {"fonttbl", "colortbl", "stylesheet", "info", "generator", "header", "footer", "footnote"}
)
_SHOWN: Final = {"tab": "\t", "emdash": "-", "endash": "-", "bullet": "•", "~": " ", "_": "-"}
_TICK_TOKENS: Final = 1 << 14
_UNIT: Final = 0x10000


@dataclass(slots=True)
class _Group:
    """The state that a brace opens: where its text goes, and how long a substitute is."""

    is_aside: bool
    substitute: int


@dataclass(slots=True)
class _Page:
    """What has been read. Owned by one parse."""

    limit: int
    groups: list[_Group] = field(default_factory=lambda: [_Group(is_aside=False, substitute=1)])
    rows: list[list[str]] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    asides: list[str] = field(default_factory=list)
    row: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    packed: bytearray = field(default_factory=bytearray)
    in_table: bool = False
    skip: int = 0

    def brace(self, brace: str) -> None:
        """Open or close a group."""
        last = self.groups[-1]
        if brace == "{":
            if len(self.groups) > self.limit:
                raise UnscannableError(Code.TOO_DEEP)
            self.groups.append(_Group(is_aside=last.is_aside, substitute=last.substitute))
        elif len(self.groups) == 1:
            raise UnscannableError(Code.MALFORMED)
        else:
            self.groups.pop()
            if last.is_aside and not self.groups[-1].is_aside:
                self.asides.append(self._taken())

    def word(self, word: str, number: str | None) -> None:
        """Obey a control word."""
        if word in _UNREADABLE:
            raise UnscannableError(_UNREADABLE[word])
        if number and word in {"u", "uc"}:
            self._unit(word, int(number))
        elif word in _ASIDE:
            self.aside()
        elif word == "intbl":
            self.in_table = True
        elif word == "pard":
            self.in_table = False
        elif word in {"cell", "nestcell"}:
            self.row.append(self._taken())
        elif word in {"row", "nestrow"}:
            self.rows.append(self.row)
            self.row = []
        elif word in _BREAKS:
            self._break()
        else:
            self.text(_SHOWN.get(word, ""))

    def aside(self) -> None:
        """Read the rest of the group apart from what is shown."""
        if not self.groups[-1].is_aside:
            self.groups[-1].is_aside = True
            self._break()

    def text(self, text: str) -> None:
        """Add text, of which the first characters may stand in for one that was given already."""
        skipped = min(self.skip, len(text))
        self.skip -= skipped
        if text[skipped:]:
            self._flush()
            self.pieces.append(text[skipped:])

    def byte(self, digits: str) -> None:
        """Add one byte of a character."""
        if self.skip:
            self.skip -= 1
        else:
            self.packed.append(int(digits, 16))

    def close(self) -> str:
        """Return the segments of everything."""
        if len(self.groups) != 1:
            raise UnscannableError(Code.MALFORMED)
        self._break()
        rows = [*self.rows, self.row]
        lines = "\n".join([*self.paragraphs, "", *self.asides])
        return join_rows([table_text(rows), lines_text(without_marks(lines))])

    def _unit(self, word: str, number: int) -> None:
        """Take one UTF-16 unit, or the length of what stands in for it in older programs."""
        if word == "uc":
            self.groups[-1].substitute = max(0, min(number, self.limit))
            return
        self._flush()
        self.pieces.append(chr(number % _UNIT))
        self.skip = self.groups[-1].substitute

    def _break(self) -> None:
        if self.in_table:
            self.pieces.append(" ")
        else:
            self.paragraphs.append(self._taken())

    def _flush(self) -> None:
        if self.packed:
            body = bytes(self.packed)
            self.packed.clear()
            try:
                self.pieces.append(body.decode("gb18030"))
            except UnicodeDecodeError:
                self.pieces.append(body.decode("cp1252", "replace"))

    def _taken(self) -> str:
        self._flush()
        text = "".join(self.pieces).encode("utf-16-le", "surrogatepass")
        self.pieces.clear()
        return text.decode("utf-16-le", "replace").strip()


def rich_text(body: bytes, *, budget: Budget) -> str:
    """Return the segments of rich text.

    Raises:
        UnscannableError: If it holds a picture or an object, or its groups do not match.
    """
    page = _Page(limit=budget.limits.nesting)
    source = body.rstrip(b"\x00 \r\n").decode("latin-1")
    for count, match in enumerate(_TOKEN.finditer(source)):
        if count % _TICK_TOKENS == 0:
            budget.tick()
        word, number, digits, symbol, brace, text = match.groups()
        if text is not None:
            _plain(page, text)
        elif word is not None:
            page.word(word, number)
        elif digits is not None:
            page.byte(digits)
        elif brace is not None:
            page.brace(brace)
        elif symbol == "*":
            page.aside()
        elif symbol in "\r\n":
            page.word("par", None)
        else:
            page.text(_SHOWN.get(symbol, symbol if symbol in "\\{}" else ""))
    return page.close()


def _plain(page: _Page, text: str) -> None:
    """Add text that may hold bytes of a character set of its own."""
    if text.isascii():
        page.text(text)
        return
    for byte in text.encode("latin-1"):
        page.byte(f"{byte:02x}")
