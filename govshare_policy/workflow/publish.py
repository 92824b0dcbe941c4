# SPDX-License-Identifier: Apache-2.0
"""Write what procedures decided into the data directory, as rows of its files.

The rows are tried on a copy first, so that a directory that loads is never made into one that
does not. Writing the same rows again changes nothing.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from govshare_policy.audit.disk import Disk
from govshare_policy.errors import FactError
from govshare_policy.register import Register, load_register
from govshare_policy.register import _columns as register_columns
from govshare_policy.register._table import read_bytes
from govshare_policy.workflow.model import RowEdit

# What steps write: every column a file must have, the key first, and a note that says why. An
# entry of the catalogue has its own note, and gets the columns that a step sets.
_WRITTEN: Final = ("grants.tsv", "consents.tsv", "suspensions.tsv", "agreements.tsv")
CATALOGUE: Final = "resources.tsv"
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: (*register_columns.COLUMNS[name][0], "note") for name in _WRITTEN},
    CATALOGUE: register_columns.COLUMNS[CATALOGUE][0],
}
_DISK: Final = Disk()
_MODE: Final = 0o644


def try_edits(directory: Path, edits: Iterable[RowEdit]) -> Register:
    """Return the register that *directory* would be after *edits*; nothing in it is changed.

    Raises:
        FactError: If it would not load any more, or cannot be read.
    """
    contents = _edited(directory, edits)
    if not contents:
        return load_register(directory)
    with tempfile.TemporaryDirectory(prefix="govshare-") as name:
        copy = Path(name) / "data"
        copy.mkdir()
        for path in directory.iterdir():
            if path.name not in contents:
                (copy / path.name).symlink_to(path.resolve())
        for file, data in contents.items():
            (copy / file).write_bytes(data)
        return load_register(copy)


def publish(directory: Path, edits: Iterable[RowEdit]) -> None:
    """Make *edits* in *directory*, each file whole or not at all.

    Raises:
        FactError: If the directory would not load any more; nothing in it is changed.
        OSError: If a file cannot be written; the edits may be made again.
    """
    listed = list(edits)
    try_edits(directory, listed)
    for file, data in _edited(directory, listed).items():
        path = directory / file
        # Names that begin with a dot are no part of a data directory.
        beside = path.with_name(f".{file}.tmp")
        beside.touch()
        beside.chmod(path.stat().st_mode & 0o777 if path.exists() else _MODE)
        _DISK.replace(path, data, beside=beside)


def _edited(directory: Path, edits: Iterable[RowEdit]) -> dict[str, bytes]:
    """Return the new contents of the files that *edits* change."""
    by_file: dict[str, list[RowEdit]] = {}
    for edit in edits:
        by_file.setdefault(edit.file, []).append(edit)
    contents: dict[str, bytes] = {}
    for file, listed in by_file.items():
        path = directory / file
        old = read_bytes(path) if path.exists() else b""
        new = _with_rows(file, old, listed)
        if new != old:
            contents[file] = new
    return contents


def _with_rows(file: str, old: bytes, edits: list[RowEdit]) -> bytes:
    header, rows = _read(file, old)
    key = COLUMNS[file][0]
    for edit in edits:
        found = next((row for row in rows if row.get(key) == edit.key), None)
        if edit.cells is None:
            rows = [row for row in rows if row is not found]
            continue
        if found is None:
            found = {key: edit.key}
            rows.append(found)
        found.update(edit.cells)
        wanted = dict.fromkeys((*COLUMNS[file], *edit.cells))
        header += [column for column in wanted if column not in header]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, delimiter="\t", restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _read(file: str, data: bytes) -> tuple[list[str], list[dict[str, str]]]:
    if not data:
        return list(COLUMNS[file]), []
    try:
        text = io.StringIO(data.decode("utf-8-sig", "strict"), newline="")
        reader = csv.DictReader(text, delimiter="\t", strict=True, restkey="")
        rows = [dict(row) for row in reader]
    except (UnicodeDecodeError, csv.Error):
        raise FactError(f"{file}: not a table of UTF-8 text") from None
    header = list(reader.fieldnames or ())
    if COLUMNS[file][0] not in header or any("" in row for row in rows):
        raise FactError(f"{file}: a row is longer than the header, or its key column is missing")
    return header, rows
