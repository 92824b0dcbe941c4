# SPDX-License-Identifier: Apache-2.0
"""Read the registers that a lint looks at, with the line of every row.

A lint tells what an entry does not state, so it has to read entries that
:func:`~govshare_policy.register.load_register` refuses: those without a provider. Whatever is
stated is held to the same closed codes, dates and references, and when every entry has a provider
the whole directory is loaded too, so that a lint never passes what the sidecar would refuse.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from govshare_policy.catalogue.columns import DATES
from govshare_policy.catalogue.model import CATALOGUE_FILE, PLATFORM_FILE, Catalogue
from govshare_policy.errors import FactError
from govshare_policy.register import load_register, model
from govshare_policy.register._columns import COLUMNS
from govshare_policy.register._items import item_shares_of
from govshare_policy.register._table import Row, read_bytes, read_rows

_CLOSED: Final[Mapping[str, frozenset[str]]] = {
    "share_type": model.SHARE_TYPES,
    "legal_basis_level": model.BASIS_LEVELS,
    "category": model.CATEGORIES,
    "item_class": model.ITEM_CLASSES,
}


def load_catalogue(directory: Path) -> Catalogue:
    """Load the catalogue of a data directory, and what its rules look at besides.

    Raises:
        FactError: If a file, column, code, date or reference is wrong; names file, line and
            column. A cell that states nothing is no fault here.
    """
    if directory.is_file():
        raise FactError(f"`{directory.name}` is a file; --data takes the directory of registers")
    if not directory.is_dir():
        raise FactError(f"the data directory `{directory.name}` does not exist")
    departments = _rows(directory, "departments.tsv")
    names = {row.code("dept_id"): row.text("name_zh") for row in departments}
    entries: dict[str, Row] = {}
    for row in _rows(directory, CATALOGUE_FILE):
        ident = row.code("resource_id")
        if ident in entries:
            row.refuse("resource_id", f"`{ident}` stands twice")
        check_cells(row, names)
        entries[ident] = row
    for row in entries.values():
        if row.text("upstream"):
            row.known("upstream", row.text("upstream"), entries, "resource")
    if all(row.text("provider") for row in entries.values()):
        load_register(directory)
    return Catalogue(
        entries=tuple(entries.values()),
        columns=frozenset(next(iter(entries.values())).cells if entries else ()),
        departments=tuple(departments),
        names=names,
        roles=_roles(directory, names),
        platform=_platform(directory),
        negotiated=_negotiated(directory),
    )


def department_names(directory: Path) -> dict[str, str]:
    """Return department id to Chinese name.

    Raises:
        FactError: If ``departments.tsv`` is missing or wrong.
    """
    return {row.code("dept_id"): row.text("name_zh") for row in _rows(directory, "departments.tsv")}


def check_cells(row: Row, departments: Collection[str]) -> None:
    """Check every cell of an entry by itself.

    Raises:
        FactError: If a code, a list, a flag, a date or a department is wrong.
    """
    for column, codes in _CLOSED.items():
        row.one_of(column, codes, empty=True)
    for column in ("parameter_controlled", "is_secret"):
        row.flag(column, empty=True)
    for column in DATES:
        row.day_or_none(column)
    for column in ("purposes", "share_method"):
        row.codes(column)
    row.codes("items", ",|")
    item_shares_of(row)
    for department in row.codes("share_scope"):
        if department != "ALL":
            row.known("share_scope", department, departments, "department")
    for column in ("provider", "basis_verified_by"):
        if row.text(column):
            row.known(column, row.text(column), departments, "department")


def _rows(directory: Path, name: str) -> list[Row]:
    required, optional = COLUMNS[name]
    data = read_bytes(directory / name)
    return list(read_rows(name, data, required=required, optional=optional))


def _roles(directory: Path, departments: Collection[str]) -> dict[tuple[str, str], frozenset[str]]:
    roles: dict[tuple[str, str], frozenset[str]] = {}
    if (directory / "roles.tsv").exists():
        for row in _rows(directory, "roles.tsv"):
            holder = row.known("dept_id", row.code("dept_id"), departments, "department")
            key = row.code("profile"), row.code("role")
            roles[key] = roles.get(key, frozenset()) | {holder}
    return roles


def _negotiated(directory: Path) -> dict[str, str]:
    grants: dict[str, str] = {}
    if (directory / "grants.tsv").exists():
        for row in _rows(directory, "grants.tsv"):
            if row.text("granted_by") == "negotiated_agreement":
                grants.setdefault(row.text("resource_id"), row.text("grant_id"))
    return grants


def _platform(directory: Path) -> dict[str, Row] | None:
    if not (directory / PLATFORM_FILE).exists():
        return None
    settings: dict[str, Row] = {}
    for row in _rows(directory, PLATFORM_FILE):
        if settings.setdefault(row.code("key"), row) is not row:
            row.refuse("key", "the key stands twice")
    return settings
