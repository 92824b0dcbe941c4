# SPDX-License-Identifier: Apache-2.0
"""How far the revocation lists have come, kept over restarts, for all processes of a deployment.

An older list is whole, signed and perhaps not yet at its end; what it lacks is what was taken
back since. The process that ran with the newer one knows; the next one asks this file.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from govshare_policy.errors import AuditError, ConfigError
from govshare_policy.shared import SharedStore
from govshare_sidecar.revocation import Edition, RevocationLists

FILE: Final = "revocations.sqlite"
_APPLICATION: Final = 0x67737276
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS seen (
    setting TEXT, authority BLOB, start INTEGER NOT NULL, number TEXT,
    PRIMARY KEY (setting, authority)
) STRICT, WITHOUT ROWID
"""
_OF: Final = "SELECT start, number FROM seen WHERE setting = ? AND authority = ?"
_PUT: Final = "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)"


class SeenLists:
    """The newest list of each authority that was in force, setting by setting."""

    def __init__(self, path: Path, *, is_writing: bool = True) -> None:
        """Remember in the file *path*, which is made when there is something to remember.

        Args:
            path: In a directory that no restored revocation list comes with.
            is_writing: Whether to remember at all; otherwise the file is only asked.
        """
        self._path = path
        self._is_writing = is_writing

    def take(self, setting: str, lists: RevocationLists) -> None:
        """Remember that *lists* are in force, if none of them is older than what was before.

        Args:
            setting: Which table names their files; two tables may be fed at different times.
            lists: What is about to be in force.

        Raises:
            ConfigError: If one is older. Nothing is remembered then.
            AuditError: If the file cannot be used.
        """
        if not self._is_writing:
            self._compare(setting, lists)
            return
        store = SharedStore(self._path, schema=_SCHEMA, application=_APPLICATION)
        with closing(store), store.writing() as database:
            self._verify(database, setting, lists)
            rows = [
                (setting, authority, *_row(known.edition))
                for authority, known in lists.by_authority.items()
            ]
            database.executemany(_PUT, rows)

    def _compare(self, setting: str, lists: RevocationLists) -> None:
        if not self._path.exists():
            return
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as database:
                self._verify(database, setting, lists)
        except sqlite3.Error as error:
            kind = type(error).__name__
            raise AuditError(f"the store `{self._path.name}` cannot be used ({kind})") from None

    def _verify(self, database: sqlite3.Connection, setting: str, lists: RevocationLists) -> None:
        for old, known in _pairs(database, setting, lists):
            if known.is_before(old):
                raise ConfigError(
                    f"a list in `{setting}.crl`, made on {known.start:%F}, is older than the one "
                    f"in force before, made on {old.start:%F}: put that or a newer one there; if "
                    f"the authority itself went back, move `{self._path.name}` beside the log away"
                )


def _pairs(
    database: sqlite3.Connection, setting: str, lists: RevocationLists
) -> Iterator[tuple[Edition, Edition]]:
    """Yield what was seen last of every authority of *lists*, and what there is now."""
    for authority, known in lists.by_authority.items():
        found = database.execute(_OF, (setting, authority)).fetchone()
        if found is not None:
            start, number = found
            yield (
                Edition(
                    start=datetime.fromtimestamp(start, UTC),
                    number=None if number is None else int(number),
                ),
                known.edition,
            )


def _row(edition: Edition) -> tuple[int, str | None]:
    # A number may have twenty octets (RFC 5280 §5.2.3), which no integer of SQLite has.
    number = None if edition.number is None else str(edition.number)
    return int(edition.start.timestamp()), number
