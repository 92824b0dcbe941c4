# SPDX-License-Identifier: Apache-2.0
"""Read the cells of one sheet of a workbook, as they stream by, and nothing else of it.

openpyxl knows workbooks: their parts, shared texts and formats. It makes several objects of every
cell, which of a large catalogue takes minutes; here a cell is the text that it says, at once.

Source:
    ECMA-376-1:2016 §18.3.1.4 (cell), §18.3.1.73 (row), §18.4.8 (rich text in a cell).
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO, Final, NamedTuple
from xml.parsers import expat

from openpyxl.utils.cell import column_index_from_string
from openpyxl.utils.datetime import from_excel, from_ISO8601

_NAMESPACE: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_CELL, _ROW, _DATA = f"{_NAMESPACE}c", f"{_NAMESPACE}row", f"{_NAMESPACE}sheetData"
_VALUE, _TEXT, _FORMULA = f"{_NAMESPACE}v", f"{_NAMESPACE}t", f"{_NAMESPACE}f"
_PHONETIC: Final = f"{_NAMESPACE}rPh"
_TEXTS: Final = frozenset((_VALUE, _TEXT))
_OTHERS: Final = frozenset((_ROW, _FORMULA, _PHONETIC, _DATA))
# One object for each name, so that names are compared by identity first.
_NAMES: Final = {name: name for name in (_CELL, *_TEXTS, *_OTHERS)}
_DIGITS: Final = "0123456789"
_CHUNK_BYTES: Final = 1 << 16

Value = str | int | float | bool | datetime | object | None
# What a cell holds, the kind that openpyxl gives it ("f" a formula, "e" an error), row and column.
Said = Callable[[Value, str, int, int], str]


class Formats(NamedTuple):
    """What a workbook says of its cells: shared texts, styles that are dates, and their epoch."""

    strings: list[str]
    dates: frozenset[int]
    durations: frozenset[int]
    epoch: datetime


class SheetReader:
    """Takes the events of the XML of a sheet; a row is complete when it ends."""

    def __init__(self, formats: Formats, said: Said) -> None:
        """Read cells in *formats*, each as what *said* returns of it."""
        self._formats, self._said = formats, said
        self._columns: dict[str, int] = {}  # letters to number, from 1
        self._pieces: list[str] = []
        self._texts: list[str] = []
        self._rows: list[tuple[int, tuple[str, ...]]] = []
        self._cells: list[str] = []
        self._row = self._column = 0
        self._kind = self._style = self._value = ""
        self._inside = self._is_formula = self._is_phonetic = False

    def rows(self, source: IO[bytes]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield the number of each row that is there, and its cells up to the last one.

        Raises:
            ValueError: If rows or cells are not in order, or a document type is declared.
            LookupError: If a cell names a shared text that is not there.
            expat.ExpatError: If the XML is not well formed.
        """
        parser = expat.ParserCreate(namespace_separator="}", intern=dict(_NAMES))
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._pieces.append
        parser.StartDoctypeDeclHandler = _refuse_type
        while chunk := source.read(_CHUNK_BYTES):
            parser.Parse(chunk, False)  # noqa: FBT003  it takes no keywords
            yield from self._rows
            self._rows.clear()
        parser.Parse(b"", True)  # noqa: FBT003  likewise

    @property
    def row(self) -> int:
        """The number of the last row that began; 0 before the first."""
        return self._row

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == _CELL:
            if self._inside:
                self._begin_cell(attributes)
        elif name in _TEXTS:
            self._pieces.clear()
        elif name in _OTHERS:
            self._begin_other(name, attributes)

    def _end(self, name: str) -> None:
        if name == _CELL:
            if self._inside:
                self._end_cell()
        elif name == _TEXT:
            if not self._is_phonetic:
                self._texts.append("".join(self._pieces))
        elif name == _VALUE:
            self._value = "".join(self._pieces)
        elif name == _ROW:
            if self._inside:
                self._rows.append((self._row, tuple(self._cells)))
        elif name == _PHONETIC:
            self._is_phonetic = False
        elif name == _DATA:
            self._inside = False

    def _begin_other(self, name: str, attributes: dict[str, str]) -> None:
        if name == _ROW:
            if not self._inside:
                return
            number = int(attributes["r"]) if "r" in attributes else self._row + 1
            if number <= self._row:
                raise ValueError("a row stands before one that it follows")
            self._row, self._column, self._cells = number, 0, []
        elif name == _FORMULA:
            self._is_formula = True
        elif name == _PHONETIC:
            self._is_phonetic = True
        else:
            self._inside = True

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        self._kind = attributes.get("t", "n")
        self._style = attributes.get("s", "")
        column = self._column + 1
        if place := attributes.get("r"):
            letters = place.rstrip(_DIGITS)
            if letters not in self._columns:
                self._columns[letters] = column_index_from_string(letters)
            if self._columns[letters] < column:
                raise ValueError("a cell stands before one that it follows")
            column = self._columns[letters]
        self._column = column
        self._value, self._is_formula = "", False
        self._texts.clear()

    def _end_cell(self) -> None:
        kind, text = self._kind, self._value
        if self._is_formula:
            cell = self._said(text, "f", self._row, self._column)
        elif kind == "inlineStr":
            cell = "".join(self._texts).strip()
        elif not text:
            return
        elif kind == "s":
            cell = self._formats.strings[int(text)].strip()
        else:
            kind, value = self._converted(kind, text)
            cell = self._said(value, kind, self._row, self._column)
        if cell:
            if missing := self._column - len(self._cells) - 1:
                self._cells.extend([""] * missing)
            self._cells.append(cell.replace("\r\n", "\n") if "\r" in cell else cell)

    def _converted(self, kind: str, text: str) -> tuple[str, Value]:
        match kind:
            case "n":
                return self._number(text)
            case "b":
                return kind, bool(int(text))
            case "d":
                return kind, from_ISO8601(text)  # type: ignore[no-untyped-call]
            case _:
                return kind, text

    def _number(self, text: str) -> tuple[str, Value]:
        number = float(text) if "." in text or "e" in text.lower() else int(text)
        style = int(self._style or 0)
        if style not in self._formats.dates:
            return "n", number
        try:
            is_duration = style in self._formats.durations
            return "d", from_excel(number, self._formats.epoch, timedelta=is_duration)
        except (OverflowError, ValueError):
            return "e", text  # no day of the calendar; a spreadsheet shows hashes


def _refuse_type(*_declaration: object) -> None:
    raise ValueError("a sheet declares no document type")
