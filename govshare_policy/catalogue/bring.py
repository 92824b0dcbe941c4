# SPDX-License-Identifier: Apache-2.0
"""Bring a catalogue into a data directory: all of it or nothing, and nothing guessed."""

import csv
import os
import re
import secrets
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from govshare_policy.catalogue.columns import COLUMNS, LABELS, LISTS, REQUIRED, WORDS, column_of
from govshare_policy.catalogue.model import CATALOGUE_FILE
from govshare_policy.catalogue.read import check_cells, department_names
from govshare_policy.catalogue.table import Line, Table, open_table
from govshare_policy.errors import ConfigError, FactError
from govshare_policy.register import load_register
from govshare_policy.register._items import COLUMN as ITEM_TYPES
from govshare_policy.register._items import SEPARATOR
from govshare_policy.register._table import Row

_SEPARATORS: Final = re.compile(r"[|、，,；;\n]")
# The parts of a cell about single items; their texts may have commas of their own.
_PARTS: Final = re.compile(r"[|；;\n]")
_PART: Final = re.compile(r"\s*([^=＝]*?)\s*[=＝]\s*([^:：]*?)\s*(?:[:：]\s*(.*?)\s*)?", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_DEPARTMENTS: Final = ("provider", "basis_verified_by")
_OTHER_FILES: Final = ("departments.tsv", "systems.tsv", "grants.tsv")
_TICK_EVERY: Final = 1000  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _SourceRow(Row):
    """A row that speaks of its cells as the file it came from does."""

    unit: str
    headers: Mapping[str, str]

    def refuse(self, column: str, fault: str) -> NoReturn:
        header = self.headers.get(column, column)
        raise FactError(f"{self.file} {self.unit} {self.line} column `{header}`: {fault}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did.

    Attributes:
        entries: How many entries the catalogue now has.
        columns: The columns it was given, in the order of ``resources.tsv``.
    """

    entries: int
    columns: tuple[str, ...]


def import_catalogue(
    path: Path,
    directory: Path,
    *,
    replace: bool = False,
    sheet: str | None = None,
    encoding: str = "utf-8",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Imported:
    """Write the catalogue in *path* as ``resources.tsv`` of *directory*.

    Every cell is checked, and where the directory has its other registers the whole of it has to
    load with the new catalogue. Until then nothing of it is changed.

    Args:
        path: A ``.tsv``, ``.csv`` or ``.xlsx`` file; docs/how-to/catalogue.md lists its headers.
        directory: A data directory with at least ``departments.tsv``.
        replace: Whether a catalogue that is there already may be replaced.
        sheet: The sheet of a workbook that has several.
        encoding: ``utf-8`` or ``gb18030``.
        progress: Told how many rows are done, and of how many.

    Raises:
        ConfigError: If there is a catalogue already and *replace* was not asked for.
        CallError: If *sheet* or *encoding* does not fit the file.
        FactError: If a header or a cell is wrong; names file, row and column.
    """
    target = directory / CATALOGUE_FILE
    if target.exists() and not replace:
        raise ConfigError(f"{CATALOGUE_FILE} is there already; --replace replaces it")
    departments = department_names(directory)
    table = open_table(path, sheet=sheet, encoding=encoding)
    columns, rows = _read(table, departments, progress)
    with _written(target, columns, rows) as written:
        _check_directory(directory, written)
        if target.exists():
            shutil.copymode(target, written)
        written.replace(target)
    return Imported(entries=len(rows), columns=columns)


def _read(
    table: Table, departments: Mapping[str, str], progress: Callable[[int, int], None]
) -> tuple[tuple[str, ...], list[_SourceRow]]:
    header = next(table.lines, None)
    if header is None:
        raise FactError(f"{table.name}: no header row")
    columns = _columns(table, header)
    headers = dict(zip(columns, header.cells, strict=False))
    words = _Words(departments)
    rows: dict[str, _SourceRow] = {}
    for line in table.lines:
        row = _row(table, line, columns, headers)
        cells = {column: words.code(row, column) for column in columns}
        cells.setdefault("resource_id", cells.get("resource_code", ""))
        row = _SourceRow(file=row.file, line=row.line, cells=cells, unit=row.unit, headers=headers)
        ident = row.code("resource_id")
        if rows.setdefault(ident, row) is not row:
            row.refuse("resource_id", f"`{ident}` stands twice")
        row.code("provider")
        check_cells(row, departments)
        if len(rows) % _TICK_EVERY == 0:
            progress(len(rows), max(table.size, len(rows)))
    _check_upstreams(rows)
    given = {"resource_id", *columns}
    return tuple(column for column in COLUMNS if column in given), list(rows.values())


def _columns(table: Table, header: Line) -> tuple[str, ...]:
    """Return the columns that the header names; cells after the last name are left out."""
    names = list(header.cells)
    while names and not names[-1]:
        names.pop()
    columns: list[str] = []
    for place, name in enumerate(names, 1):
        where = f"{table.name} {table.unit} {header.number} column {place}"
        column = column_of(name)
        if column is None:
            raise FactError(f"{where}: unknown column `{name[:40]}`")
        if column in columns:
            raise FactError(f"{where}: `{name}` stands twice, as another name of `{column}`")
        columns.append(column)
    for column in REQUIRED:
        if column not in columns:
            names_of = f"`{column}` (`{LABELS[column][1]}`)"
            raise FactError(
                f"{table.name} {table.unit} {header.number}: the column {names_of} is missing"
            )
    if "resource_id" not in columns and "resource_code" not in columns:
        raise FactError(
            f"{table.name} {table.unit} {header.number}: "
            "neither `resource_id` nor `resource_code` is there to tell entries apart"
        )
    return tuple(columns)


def _row(
    table: Table, line: Line, columns: tuple[str, ...], headers: Mapping[str, str]
) -> _SourceRow:
    where = f"{table.name} {table.unit} {line.number}"
    if any(line.cells[len(columns) :]):
        raise FactError(f"{where} column {len(columns) + 1}: a cell below no header")
    if table.unit == "line" and len(line.cells) < len(columns):
        raise FactError(
            f"{where} column {len(line.cells) + 1}: "
            f"{len(line.cells)} cells where the header has {len(columns)}"
        )
    # A workbook leaves out empty cells at the end of a row.
    missing = len(columns) - len(line.cells)
    cells = line.cells + ("",) * missing
    row = _SourceRow(
        file=table.name,
        line=line.number,
        cells=dict(zip(columns, cells, strict=False)),
        unit=table.unit,
        headers=headers,
    )
    for column, cell in row.cells.items():
        if _CONTROL.search(cell):
            row.refuse(column, "holds a control character")
    return row


class _Words:
    """Turns the words that people write into the codes of the register."""

    def __init__(self, departments: Mapping[str, str]) -> None:
        self._ids: dict[str, list[str]] = {ident: [ident] for ident in departments}
        for ident, name in departments.items():
            if name and name not in departments:
                self._ids.setdefault(name, []).append(ident)

    def code(self, row: Row, column: str) -> str:
        """Return the cell of *column* in codes; what is no known word stays as it is."""
        cell = row.text(column)
        if not cell:
            return ""
        if not cell.isascii():
            cell = unicodedata.normalize("NFC", cell)
        if column == ITEM_TYPES:
            return SEPARATOR.join(map(_item_part, _PARTS.split(cell)))
        if column in LISTS:
            separator = "," if column == "items" else "|"
            words = (word.strip() for word in _SEPARATORS.split(cell))
            return separator.join(self._one(row, column, word) for word in words)
        return self._one(row, column, cell)

    def _one(self, row: Row, column: str, word: str) -> str:
        code = WORDS.get(column, {}).get(word, word)
        if column not in _DEPARTMENTS and column != "share_scope":
            return code
        ids = self._ids.get(code, [code])
        if len(ids) > 1:
            row.refuse(column, "names two departments; give the id")
        return ids[0]


def _item_part(part: str) -> str:
    """Return what is stated of one item in codes; what has another form stays as it is."""
    match = _PART.fullmatch(part)
    if match is None:
        return part
    item, word, text = match.groups()
    code = WORDS["share_type"].get(word, word)
    return f"{item}={code}" if text is None else f"{item}={code}:{text}"


def _check_upstreams(rows: Mapping[str, Row]) -> None:
    for row in rows.values():
        if row.text("upstream"):
            row.known("upstream", row.text("upstream"), rows, "resource")


@contextmanager
def _written(target: Path, columns: tuple[str, ...], rows: list[_SourceRow]) -> Iterator[Path]:
    """Write the catalogue beside *target*, on disk; what is still there afterwards is removed."""
    # Registers whose names start with a dot are never read.
    path = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([row.text(column) for column in columns] for row in rows)
            file.flush()
            os.fsync(file.fileno())
        yield path
    finally:
        path.unlink(missing_ok=True)


def _check_directory(directory: Path, catalogue: Path) -> None:
    """Load the directory as it would be, if it has its other registers."""
    if not all((directory / name).exists() for name in _OTHER_FILES):
        return
    with tempfile.TemporaryDirectory() as name:
        trial = Path(name)
        for path in directory.iterdir():
            if path.name != CATALOGUE_FILE and not path.name.startswith("."):
                (trial / path.name).symlink_to(path.resolve())
        (trial / CATALOGUE_FILE).symlink_to(catalogue.resolve())
        load_register(trial)
