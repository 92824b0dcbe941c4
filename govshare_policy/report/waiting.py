# SPDX-License-Identifier: Apache-2.0
"""What cannot be counted before more of the log is read waits on the disk, not in memory."""

import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from govshare_policy.errors import AuditError


class TemporaryStore:
    """Tables in a private file that SQLite keeps and removes by itself."""

    def __init__(self, schema: str) -> None:
        """Make the tables of *schema*, a script of SQL."""
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(f"PRAGMA journal_mode=OFF; PRAGMA temp_store=FILE; BEGIN; {schema}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def run(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Run *statement* and return its rows.

        Raises:
            AuditError: If there is no room for the file.
        """
        try:
            return iter(self._db.execute(statement, values).fetchall())
        except sqlite3.Error as error:
            raise AuditError(f"the temporary file failed ({type(error).__name__})") from None

    def each(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of *statement* one by one."""
        yield from self._db.execute(statement)
