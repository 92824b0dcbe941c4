# SPDX-License-Identifier: Apache-2.0
"""What the guard has done so far, counted for all workers of a deployment and over restarts."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from govshare_policy.errors import ConfigError

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, count INTEGER NOT NULL)
STRICT, WITHOUT ROWID
"""
_AT_LEAST: Final = """
INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = max(count, excluded.count)
"""
_MORE: Final = """
INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count
"""
_PATIENCE_S: Final = 10.0


class Tally:
    """Counts by name, in an SQLite file that several processes write; none ever goes back."""

    def __init__(self, path: Path, *, least: Mapping[str, int]) -> None:
        """Open the file at *path*, or make it; nothing counts less than in *least*.

        Raises:
            ConfigError: If it cannot be used.
        """
        self._path = path
        self._write(_AT_LEAST, least)

    def add(self, counts: Mapping[str, int]) -> None:
        """Add *counts*, all of them or none.

        Raises:
            ConfigError: If this did not reach the file.
        """
        self._write(_MORE, counts)

    def total(self) -> dict[str, int]:
        """Return what all have counted.

        Raises:
            ConfigError: If the file cannot be read.
        """
        try:
            with closing(self._open()) as db:
                return dict(db.execute("SELECT name, count FROM tally"))
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def _write(self, statement: str, counts: Mapping[str, int]) -> None:
        try:
            with closing(self._open()) as db, db:
                db.execute("BEGIN IMMEDIATE")
                db.execute(_SCHEMA)
                db.executemany(statement, list(counts.items()))
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_PATIENCE_S, isolation_level=None)

    def _trouble(self, error: sqlite3.Error) -> ConfigError:
        kind = type(error).__name__
        return ConfigError(f"the counts in `{self._path.name}` cannot be used ({kind})")
