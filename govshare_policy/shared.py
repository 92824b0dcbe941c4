# SPDX-License-Identifier: Apache-2.0
"""Small SQLite files that several processes count in: every change is on the disk, or refused."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from govshare_policy.errors import AuditError

# How long one process waits for the others; a change takes milliseconds.
WAIT_S: Final = 5.0


class SharedStore:
    """One file; the caller keeps its own threads apart."""

    def __init__(self, path: Path, *, schema: str, application: int) -> None:
        """Open the file at *path*, or make it, readable by its owner only.

        Raises:
            AuditError: If it cannot be used, or is of another program.
        """
        self._name = path.name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(
                path, timeout=WAIT_S, check_same_thread=False, isolation_level=None
            )
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from None
        try:
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA secure_delete=ON")
            self._prepare(schema, application)
        except sqlite3.Error as error:
            self._db.close()
            raise self._failed(error) from None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Have the file to oneself, and keep what was changed unless an error says otherwise.

        Raises:
            AuditError: If it cannot be had, read or written.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _prepare(self, schema: str, application: int) -> None:
        # Workers start together: one of them makes the tables, the others see them made.
        self._db.execute("BEGIN IMMEDIATE")
        [(tables,)] = self._db.execute("SELECT count(*) FROM sqlite_schema")
        [(found,)] = self._db.execute("PRAGMA application_id")
        if tables and found != application:
            raise sqlite3.DatabaseError
        for statement in schema.split(";"):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA application_id={application}")
        self._db.execute("COMMIT")

    def _failed(self, error: Exception) -> AuditError:
        return AuditError(f"the store `{self._name}` cannot be used ({type(error).__name__})")
