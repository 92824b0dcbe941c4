# SPDX-License-Identifier: Apache-2.0
"""Spreadsheets: every sheet, shown or hidden, with dates as dates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from xml.parsers import expat

from govshare_policy.egress.reading.markup import feed, new_parser
from govshare_policy.egress.reading.model import Budget, Code, UnscannableError
from govshare_policy.egress.reading.tables import table_text

SHARED: Final = frozenset({"xl/sharedStrings.xml", "xl/styles.xml"})
"""Parts that the sheets of a workbook point into."""

_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet knows no time zone
_MAX_SERIAL: Final = 2_958_466.0
# Source: ECMA-376 part 1 §18.8.30, the formats that are not written down in a file.
_DATE_FORMATS: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_DATE_CODE: Final = re.compile(r'(?:"[^"]*"|\[[^\]]*\]|\\.)')
_NAME: Final = re.compile(r"xl/worksheets/[^/]+\.xml")


@lru_cache(maxsize=256)
def _local(name: str) -> str:
    """Return the *name* of an element without its prefix."""
    return name.rpartition(":")[2]


def is_sheet(name: str) -> bool:
    """Tell whether the part *name* is a sheet."""
    return _NAME.fullmatch(name) is not None


@dataclass(slots=True)
class _Strings:
    """The strings that sheets share. Owned by its parser."""

    strings: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def end(self, name: str) -> None:
        """Close a string."""
        if _local(name) == "si":
            self.strings.append("".join(self.pieces).strip())
            self.pieces.clear()

    def text(self, data: str) -> None:
        """Add text."""
        self.pieces.append(data)


@dataclass(slots=True)
class _Styles:
    """Which cell styles show dates. Owned by its parser."""

    dates: set[int] = field(default_factory=set)
    formats: set[int] = field(default_factory=lambda: set(_DATE_FORMATS))
    in_cells: bool = False
    count: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Read one element."""
        tag = _local(name)
        if tag == "numFmt":
            code = _DATE_CODE.sub("", attributes.get("formatCode", "")).lower()
            if any(letter in code for letter in "ymdhs年月日"):
                self.formats.add(_number(attributes.get("numFmtId", "")))
        elif tag == "cellXfs":
            self.in_cells = True
        elif tag == "xf" and self.in_cells:
            if _number(attributes.get("numFmtId", "")) in self.formats:
                self.dates.add(self.count)
            self.count += 1

    def end(self, name: str) -> None:
        """Leave the list of cell styles."""
        if _local(name) == "cellXfs":
            self.in_cells = False


@dataclass(slots=True)
class _Sheet:
    """The rows of one sheet. Owned by its parser."""

    strings: Sequence[str]
    dates: set[int]
    rows: list[list[str]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    kind: str = ""
    is_date: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        tag = _local(name)
        if tag == "row":
            self.rows.append([])
        elif tag == "c":
            self.kind = attributes.get("t", "n")
            self.is_date = "s" in attributes and _number(attributes["s"]) in self.dates
        if self.pieces:
            self.pieces.clear()

    def end(self, name: str) -> None:
        """Close an element."""
        if not self.pieces:
            return
        tag = _local(name)
        text = "".join(self.pieces).strip()
        self.pieces.clear()
        if not text:
            return
        row = self.rows[-1] if self.rows else self.others
        if tag == "v":
            row.append(self._shown(text))
        elif tag in {"t", "f"}:
            row.append(text)
        else:
            self.others.append(text)

    def text(self, data: str) -> None:
        """Add text."""
        self.pieces.append(data)

    def _shown(self, text: str) -> str:
        """Return a cell as it is shown."""
        if self.kind == "s":
            index = _number(text)
            if not 0 <= index < len(self.strings):
                raise UnscannableError(Code.MALFORMED)
            return self.strings[index]
        return _date(text) if self.is_date and self.kind == "n" else text


def _number(text: str) -> int:
    """Return a small number, or -1."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004


def _date(serial: str) -> str:
    """Return the date of a serial number, or the number if there is no such date."""
    try:
        days = float(serial)
    except ValueError:
        return serial
    if not 0 < days < _MAX_SERIAL:
        return serial
    when = _EPOCH + timedelta(seconds=round(days * 86_400))
    return when.isoformat(sep=" ").removesuffix(" 00:00:00")


def sheet_texts(parts: dict[str, str], *, budget: Budget) -> list[str]:
    """Return the segments of every sheet among *parts*, the parts of one workbook.

    Raises:
        UnscannableError: If a part is not XML, or points to a string that is not there.
    """
    strings = _Strings()
    styles = _Styles()
    _parse(parts.get("xl/sharedStrings.xml", ""), strings, budget=budget)
    _parse(parts.get("xl/styles.xml", ""), styles, budget=budget)
    texts = []
    for name, text in parts.items():
        if is_sheet(name):
            sheet = _Sheet(strings=strings.strings, dates=styles.dates)
            _parse(text, sheet, budget=budget)
            texts.append(table_text([*sheet.rows, sheet.others]))
    # A string that no cell shows is still handed on.
    texts.append(table_text([[string] for string in strings.strings]))
    return texts


def _parse(text: str, handler: _Strings | _Styles | _Sheet, *, budget: Budget) -> None:
    """Parse *text* into *handler*."""
    if not text:
        return
    parser = new_parser()
    if not isinstance(handler, _Strings):
        parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    if not isinstance(handler, _Styles):
        parser.CharacterDataHandler = handler.text
    try:
        feed(parser, text, budget=budget)
    except expat.ExpatError:
        raise UnscannableError(Code.MALFORMED) from None
