# SPDX-License-Identifier: Apache-2.0
"""Read a table that somebody else made (TSV, CSV or XLSX), row by row, changing nothing."""

import codecs
import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import ParseError  # the error of the parser that openpyxl uses
from xml.parsers.expat import ExpatError

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils.exceptions import InvalidFileException

from govshare_policy.catalogue.sheet import Formats, SheetReader, Value
from govshare_policy.errors import CallError, FactError

MAX_FILE_BYTES: Final = 128 * 1024 * 1024
MAX_UNPACKED_BYTES: Final = 1024 * 1024 * 1024
MAX_ROWS: Final = 500_000
MAX_COLUMNS: Final = 64
MAX_CELL: Final = 32_767  # characters; what a spreadsheet can hold
ENCODINGS: Final = ("utf-8", "gb18030")
_DELIMITERS: Final = {".tsv": "\t", ".csv": ","}
_DIMENSION: Final = re.compile(rb"""dimension ref=["'][A-Z]{1,3}\d{1,7}:[A-Z]{1,3}(\d{1,7})["']""")
_OLD_WORKBOOK: Final = bytes.fromhex("d0cf11e0a1b11ae1")  # a compound file, [MS-CFB] 2.2
_ZIP: Final = b"PK\x03\x04"
_HEAD_BYTES: Final = 4096
# What a file that is not a workbook makes the reader raise: there is no common base.
_BROKEN: Final = (
    AttributeError,
    EOFError,
    ExpatError,
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
    _refuse_disguised(path.name, suffix, data)
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


def _refuse_disguised(name: str, suffix: str, data: bytes) -> None:
    """Raise :exc:`FactError` if *data* is, by its first bytes, what another program saves."""
    if data.startswith(_OLD_WORKBOOK):
        raise FactError(
            f"{name}: an old .xls workbook, or one with a password; save it as .xlsx without one"
        )
    if suffix in _DELIMITERS and data.startswith(_ZIP):
        raise FactError(f"{name}: a workbook and no text; name it .xlsx")
    if suffix in _DELIMITERS and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FactError(f"{name}: UTF-16, as some programs save `Unicode text`; save it as UTF-8")


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
            book = ExcelReader(io.BytesIO(data), read_only=True, keep_links=False)
            book.read_manifest()
            book.read_strings()
            book.read_workbook()
            apply_stylesheet(book.archive, book.wb)
            sheets = _sheets(book)
    except _BROKEN:
        raise FactError(f"{name}: not a workbook that can be read") from None
    part = sheets[_sheet(name, list(sheets), sheet)]
    formats = Formats(
        strings=book.shared_strings,
        # openpyxl has no public name for what its own readers are given.
        dates=frozenset(book.wb._date_formats),  # type: ignore[attr-defined]  # noqa: SLF001
        durations=frozenset(book.wb._timedelta_formats),  # type: ignore[attr-defined]  # noqa: SLF001
        epoch=book.wb.epoch,
    )
    lines = _sheet_lines(name, book.archive, part, formats)
    return Table(name=name, unit="row", lines=lines, size=_stated_size(book.archive, part))


def _stated_size(archive: zipfile.ZipFile, part: str) -> int:
    """Return how many rows a sheet says that it has, which need not be true; 0 if nothing."""
    try:
        with archive.open(part) as source:
            found = _DIMENSION.search(source.read(_HEAD_BYTES))
    except _BROKEN:
        return 0  # reading its rows will say so
    return int(found[1]) if found is not None else 0


def _sheets(book: ExcelReader) -> dict[str, str]:
    """Return the name of every sheet of cells, and of the part that holds it."""
    return {
        sheet.name: rel.target
        for sheet, rel in book.parser.find_sheets()
        if rel.target in book.valid_files and "chartsheet" not in rel.Type
    }


def _sheet(name: str, names: Sequence[str], wanted: str | None) -> str:
    if wanted is None and len(names) != 1:
        raise CallError(f"{name} has {len(names)} sheets; say which with --sheet")
    if wanted is not None and wanted not in names:
        raise CallError(f"{name} has no sheet of that name; it has {', '.join(names)}")
    return names[0] if wanted is None else wanted


def _sheet_lines(
    name: str, archive: zipfile.ZipFile, part: str, formats: Formats
) -> Iterator[Line]:
    def said(value: Value, kind: str, row: int, column: int) -> str:
        return _cell_text(value, kind, f"{name} row {row} column {column}")

    reader = SheetReader(formats, said)
    try:
        with archive.open(part) as source:
            for number, cells in reader.rows(source):
                _check_size(f"{name} row {number}", number, cells)
                if cells:
                    yield Line(number=number, cells=cells)
    except _BROKEN:
        raise FactError(f"{name} row {max(reader.row, 1)}: the workbook is damaged") from None


def _cell_text(value: Value, kind: str, where: str) -> str:
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
        return str(value).strip()
    raise FactError(f"{where}: neither text, number nor date")


def _check_size(where: str, count: int, cells: Sequence[str]) -> None:
    if count > MAX_ROWS + 1:
        raise FactError(f"{where}: more than {MAX_ROWS} rows")
    if len(cells) > MAX_COLUMNS and any(cells[MAX_COLUMNS:]):
        raise FactError(f"{where} column {MAX_COLUMNS + 1}: more than {MAX_COLUMNS} columns")
    for place, cell in enumerate(cells, 1):
        if len(cell) > MAX_CELL:
            raise FactError(f"{where} column {place}: more than {MAX_CELL} characters")
