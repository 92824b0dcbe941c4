# SPDX-License-Identifier: Apache-2.0
"""Read one TSV file strictly: every fault names file, line and column, and nothing is guessed."""

import csv
import io
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, NoReturn

from govshare_policy.errors import FactError

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CODE = re.compile(r"[^\s*|,]+")
_MAX_DIGITS = 9
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row, with where it stands; its methods read a cell or raise :exc:`FactError`."""

    file: str
    line: int
    cells: dict[str, str]

    def refuse(self, column: str, fault: str) -> NoReturn:
        """Raise :exc:`FactError` for the cell in *column*."""
        raise FactError(f"{self.file} line {self.line} column `{column}`: {fault}")

    def text(self, column: str) -> str:
        """Return the cell, empty where it is empty or the file has no such column."""
        return self.cells.get(column, "")

    def code(self, column: str) -> str:
        """Return the cell as a code: not empty, no white space, none of ``* | ,``."""
        value = self.text(column)
        if not value:
            self.refuse(column, "the cell is empty")
        if not _CODE.fullmatch(value):
            self.refuse(column, "a code has no white space and none of * | ,")
        return value

    def one_of(self, column: str, codes: frozenset[str], *, empty: bool = False) -> str:
        """Return the cell, which is one of a closed list of codes."""
        value = self.text(column)
        if value not in codes and not (empty and not value):
            self.refuse(column, f"not one of {', '.join(sorted(codes))}")
        return value

    def flag(self, column: str, *, empty: bool | None = None) -> bool:
        """Return whether the cell says ``Y``; *empty* is what an empty cell means, if anything."""
        value = self.text(column)
        if not value and empty is not None:
            return empty
        if value not in ("Y", "N"):
            self.refuse(column, "not Y or N")
        return value == "Y"

    def codes(self, column: str, separators: str = "|") -> tuple[str, ...]:
        """Return the codes of a list cell; an empty cell has none."""
        value = self.text(column)
        if not value:
            return ()
        parts = tuple(part.strip() for part in re.split(f"[{re.escape(separators)}]", value))
        for part in parts:
            if not _CODE.fullmatch(part):
                self.refuse(column, "an item of the list is empty or is not a code")
        if len(set(parts)) != len(parts):
            self.refuse(column, "an item stands twice in the list")
        return parts

    def day(self, column: str) -> date:
        """Return the date in the cell."""
        value = self.text(column)
        if not _DATE.fullmatch(value):
            self.refuse(column, "not a date such as 2026-01-05")
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.refuse(column, "no such day in the calendar")

    def day_or_none(self, column: str) -> date | None:
        """Return the date in the cell, or ``None`` where it is empty."""
        return self.day(column) if self.text(column) else None

    def number_or_none(self, column: str, what: str) -> int | None:
        """Return the whole number in the cell, of at most nine digits; an empty cell has none."""
        value = self.text(column)
        if value and not (value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS):
            self.refuse(column, f"not a whole number of {what}")
        return int(value) if value else None

    def digest(self, column: str) -> bytes:
        """Return the 32 bytes that the cell gives in hex."""
        value = self.text(column).lower()
        if not _HEX_DIGEST.fullmatch(value):
            self.refuse(column, "not 64 hex digits (the SM3 of a public key)")
        return bytes.fromhex(value)

    def known(self, column: str, value: str, register: object, what: str) -> str:
        """Return *value*, which *register* (any container) holds."""
        if value not in register:  # type: ignore[operator]
            self.refuse(column, f"no such {what}")
        return value


def is_code(value: str) -> bool:
    """Whether *value* is a code: not empty, no white space, none of ``* | ,``."""
    return _CODE.fullmatch(value) is not None


def read_bytes(path: Path) -> bytes:
    """Return the content of a register file.

    Raises:
        FactError: If it cannot be read or is larger than 256 MiB.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            # Of a device or a pipe the end may never come.
            raise FactError(f"{path.name}: not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise FactError(f"{path.name}: larger than {MAX_FILE_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise FactError(f"{path.name}: cannot be read ({error.strerror})") from None


def read_rows(
    name: str, data: bytes, *, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Iterator[Row]:
    """Yield the rows of one file.

    Raises:
        FactError: If the bytes are not UTF-8, the header is not made of the columns given, or a
            row has more or fewer cells than the header.
    """
    cells = read_cells(name, data, required=required, optional=optional)
    _, header = next(cells)
    for line, values in cells:
        yield Row(file=name, line=line, cells=dict(zip(header, values, strict=True)))


def read_cells(
    name: str, data: bytes, *, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Iterator[tuple[int, list[str]]]:
    """Yield the header of one file and its rows, each with its line number, stripped and in NFC.

    Raises:
        FactError: As :func:`read_rows`.
    """
    _check_text(name, data)
    # The text is not held at once: of a file of a million rows it would be half a gigabyte.
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline="")
    reader = csv.reader(text, delimiter="\t", strict=True)
    line = 1  # where the row that is being read starts
    try:
        header = next(reader, None)
        if not header:
            raise FactError(f"{name} line 1: no header row")
        _check_header(name, header, required, optional)
        yield 1, header
        line, width = reader.line_num + 1, len(header)
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not cells:
                continue
            if len(cells) != width:
                raise FactError(
                    f"{name} line {start} column {min(len(cells), width) + 1}: "
                    f"{len(cells)} cells where the header has {width}"
                )
            yield start, _cleaned(cells)
    except csv.Error as error:
        fault = "a quoted cell is not closed"
        if "limit" in str(error):
            fault = f"a cell has more than {csv.field_size_limit()} characters"
        raise FactError(f"{name} line {line}: {fault}") from None


def _cleaned(cells: list[str]) -> list[str]:
    together = "".join(cells)
    if together.isascii():  # then it is in NFC
        if " " not in together and together.isprintable():
            return cells
        return [cell.strip() for cell in cells]
    return [unicodedata.normalize("NFC", cell.strip()) for cell in cells]


def _check_text(name: str, data: bytes) -> None:
    try:
        data.decode("utf-8-sig", "strict")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FactError(f"{name} line {line}: not valid UTF-8") from None
    if b"\x00" in data:
        line = data.count(b"\n", 0, data.index(b"\x00")) + 1
        raise FactError(f"{name} line {line}: holds a NUL character")


def _check_header(
    name: str, header: list[str], required: tuple[str, ...], optional: tuple[str, ...]
) -> None:
    seen: set[str] = set()
    for number, column in enumerate(header, 1):
        if column not in required and column not in optional:
            raise FactError(f"{name} line 1 column {number}: unknown column `{column[:40]}`")
        if column in seen:
            raise FactError(f"{name} line 1 column {number}: `{column}` stands twice")
        seen.add(column)
    for column in required:
        if column not in seen:
            raise FactError(f"{name} line 1: the column `{column}` is missing")
