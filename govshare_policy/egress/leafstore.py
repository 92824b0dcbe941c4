# SPDX-License-Identifier: Apache-2.0
"""The leaves of releases, kept beside the salts, so that a single record can be proved and traced.

A leaf says nothing to whoever does not have the salt. Of a release of one record the root in
the log is enough, so only larger ones are kept.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from govshare_policy.errors import AuditError

# The name of the store, beside the one of the salts.
RELEASES: Final = "releases.sqlite"
# "grl1", so that a file of another program is told apart.
_APPLICATION: Final = 0x67726C31
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS release (decision TEXT PRIMARY KEY, leaves BLOB NOT NULL)
    STRICT, WITHOUT ROWID
"""


class LeafStore:
    """The leaves of each release of several records, by the id of its decision."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the store at *path*, or make it unless *read_only*.

        Raises:
            AuditError: If the file cannot be used.
        """
        self._path, self._read_only = path, read_only
        try:
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
            with closing(self._open()) as db:
                self._prepare(db)
        except (OSError, sqlite3.Error) as error:
            raise self._trouble(error) from None

    def keep(self, decision: str, leaves: bytes) -> None:
        """Have *leaves*, 32 bytes each, stand for the release under *decision*.

        Callable from any thread: each use opens the file by itself.

        Raises:
            AuditError: If they could not be kept.
        """
        try:
            with closing(self._open()) as db:
                db.execute("INSERT OR REPLACE INTO release VALUES (?, ?)", (decision, leaves))
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def leaves(self, decision: str) -> bytes:
        """Return the leaves of the release under *decision*; empty where none are kept.

        Raises:
            AuditError: If they cannot be read.
        """
        try:
            with closing(self._open()) as db:
                row = db.execute(
                    "SELECT leaves FROM release WHERE decision = ?", (decision,)
                ).fetchone()
        except sqlite3.Error as error:
            raise self._trouble(error) from None
        return b"" if row is None else bytes(row[0])

    def __iter__(self) -> Iterator[str]:
        """Yield the decisions of which leaves are kept."""
        try:
            with closing(self._open()) as db:
                rows = db.execute("SELECT decision FROM release ORDER BY decision").fetchall()
        except sqlite3.Error as error:
            raise self._trouble(error) from None
        return (row[0] for row in rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing open: nothing is between uses."""

    def _open(self) -> sqlite3.Connection:
        mode = "ro" if self._read_only else "rw"
        place = f"{self._path.absolute().as_uri()}?mode={mode}"
        db = sqlite3.connect(place, uri=True, isolation_level=None)
        # The root is in the log; after a loss of power some leaves may be gone, never wrong.
        db.execute("PRAGMA synchronous=NORMAL")
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        [(tables,)] = db.execute("SELECT count(*) FROM sqlite_schema")
        [(application,)] = db.execute("PRAGMA application_id")
        if application != _APPLICATION and (tables or self._read_only):
            raise sqlite3.DatabaseError
        if not self._read_only:
            db.execute("PRAGMA journal_mode=DELETE")
            db.execute(f"PRAGMA application_id={_APPLICATION}")
            db.execute(_SCHEMA)

    def _trouble(self, error: Exception) -> AuditError:
        kind = type(error).__name__
        return AuditError(f"the store of releases `{self._path.name}` cannot be used ({kind})")
