# SPDX-License-Identifier: Apache-2.0
"""Read a table that somebody else made (TSV, CSV or XLSX), row by row, changing nothing."""

import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Final, cast
from xml.etree.ElementTree import ParseError  # the error of the parser that openpyxl uses

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook import Workbook
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from govshare_policy.errors import CallError, FactError

MAX_FILE_BYTES: Final = 128 * 1024 * 1024
MAX_UNPACKED_BYTES: Final = 1024 * 1024 * 1024
MAX_ROWS: Final = 500_000
MAX_COLUMNS: Final = 64
MAX_CELL: Final = 32_767  # characters; what a spreadsheet can hold
ENCODINGS: Final = ("utf-8", "gb18030")
_DELIMITERS: Final = {".tsv": "\t", ".csv": ","}
# What a file that is not a workbook makes the reader raise: there is no common base.
_BROKEN: Final = (
    AttributeError,
    EOFError,
    IndexError,
    InvalidFileException,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    ParseError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a table.

    Attributes:
        number: Its row in a workbook, or the line on which it starts in a text, from 1.
        cells: Trimmed; as many as the row has.
    """

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table being read.

    Attributes:
        name: The name of the file.
        unit: What its rows are counted in: ``line`` or ``row``.
        lines: The rows, the header first; rows of empty cells are left out.
        size: How many rows to expect, as far as that is known; else 0.
    """

    name: str
    unit: str
    lines: Iterator[Line]
    size: int


def open_table(path: Path, *, sheet: str | None = None, encoding: str = "utf-8") -> Table:
    """Open the table in *path*; its suffix says what it is.

    Args:
        path: A ``.tsv``, ``.csv`` or ``.xlsx`` file of at most 128 MiB.
        sheet: The sheet of a workbook; may be left out where there is only one.
        encoding: ``utf-8`` or ``gb18030``, of a text.

    Raises:
        CallError: If *sheet* or *encoding* does not fit the file.
        FactError: If the file cannot be read, is too large, or is not what its suffix says. A
            fault further down is raised when that row is reached.
    """
    suffix = path.suffix.lower()
    data = _read(path)
    if suffix == ".xlsx":
        return _open_workbook(path.name, data, sheet)
    if suffix not in _DELIMITERS:
        raise FactError(f"{path.name}: not a .tsv, .csv or .xlsx file; save it as one of these")
    if sheet is not None:
        raise CallError("only a workbook has sheets; leave out --sheet")
    text = _decode(path.name, data, encoding)
    lines = _text_lines(path.name, text, _DELIMITERS[suffix])
    return Table(name=path.name, unit="line", lines=lines, size=text.count("\n"))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise FactError(f"{path.name}: larger than {MAX_FILE_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise FactError(f"{path.name}: cannot be read ({error.strerror})") from None


def _decode(name: str, data: bytes, encoding: str) -> str:
    if encoding not in ENCODINGS:
        raise CallError(f"the encoding is one of {', '.join(ENCODINGS)}")
    try:
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding, "strict")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "; try --encoding gb18030" if encoding == "utf-8" else ""
        raise FactError(f"{name} line {line}: not valid {encoding}{hint}") from None


def _text_lines(name: str, text: str, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for count, cells in enumerate(reader, 1):
            _check_size(f"{name} line {start}", count, cells)
            trimmed = tuple(cell.strip().replace("\r\n", "\n") for cell in cells)
            if any(trimmed):
                yield Line(number=start, cells=trimmed)
            start = reader.line_num + 1
    except csv.Error:
        raise FactError(f"{name} line {start}: a quoted cell is not closed or too long") from None


def _open_workbook(name: str, data: bytes, sheet: str | None) -> Table:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise FactError(f"{name}: unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB")
        with warnings.catch_warnings(action="ignore"):  # of styles and such, which are not read
            book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
    except _BROKEN:
        raise FactError(f"{name}: not a workbook that can be read") from None
    chosen = _sheet(name, book, sheet)
    # What a workbook says of its own size need not be true.
    size = chosen.max_row or 0
    chosen.reset_dimensions()
    return Table(name=name, unit="row", lines=_sheet_lines(name, chosen), size=size)


def _sheet(name: str, book: Workbook, wanted: str | None) -> ReadOnlyWorksheet:
    names = [sheet.title for sheet in book.worksheets]
    if wanted is None and len(names) != 1:
        raise CallError(f"{name} has {len(names)} sheets; say which with --sheet")
    if wanted is not None and wanted not in names:
        raise CallError(f"{name} has no sheet of that name; it has {', '.join(names)}")
    chosen = book.worksheets[0 if wanted is None else names.index(wanted)]
    return cast("ReadOnlyWorksheet", chosen)  # the book was opened read-only


def _sheet_lines(name: str, sheet: ReadOnlyWorksheet) -> Iterator[Line]:
    # One row more than may be: a workbook with a cell in the last row of all is refused at once.
    rows = sheet.iter_rows(max_row=MAX_ROWS + 2)  # type: ignore[misc]  # borrowed from Worksheet
    number = 0
    while True:
        try:
            row = next(rows, None)
        except _BROKEN:
            raise FactError(f"{name} row {number + 1}: the workbook is damaged") from None
        if row is None:
            return
        number += 1
        where = f"{name} row {number}"
        cells = tuple(
            _cell_text(cell.value, cell.data_type, f"{where} column {place}")
            for place, cell in enumerate(row, 1)
        )
        if any(cells):
            _check_size(where, number, cells)
            yield Line(number=number, cells=cells)
        elif number > MAX_ROWS + 1:
            raise FactError(f"{where}: more than {MAX_ROWS} rows")


def _cell_text(value: object, kind: str, where: str) -> str:
    """Return what a cell of a workbook says, as a person would write it into a register."""
    if value is None:
        return ""
    if kind == "f":
        raise FactError(f"{where}: a formula; paste its value")
    if kind == "e":
        raise FactError(f"{where}: an error value")
    if isinstance(value, datetime):
        if value.time() != time():
            raise FactError(f"{where}: a time of day where a date belongs")
        return value.date().isoformat()
    if isinstance(value, bool):
        raise FactError(f"{where}: a truth value; write Y or N")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, int, float)):
        return str(value).strip().replace("\r\n", "\n")
    raise FactError(f"{where}: neither text, number nor date")


def _check_size(where: str, count: int, cells: Sequence[str]) -> None:
    if count > MAX_ROWS + 1:
        raise FactError(f"{where}: more than {MAX_ROWS} rows")
    if len(cells) > MAX_COLUMNS and any(cells[MAX_COLUMNS:]):
        raise FactError(f"{where} column {MAX_COLUMNS + 1}: more than {MAX_COLUMNS} columns")
    for place, cell in enumerate(cells, 1):
        if len(cell) > MAX_CELL:
            raise FactError(f"{where} column {place}: more than {MAX_CELL} characters")
