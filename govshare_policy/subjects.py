# SPDX-License-Identifier: Apache-2.0
"""How many persons a grant has been used for today, so that one by one cannot become a dump.

Kept are tags, not values: HMAC-SM3 under a salt of the day, which goes with the day.
"""

import secrets
import sqlite3
import threading
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Protocol

from govshare_policy.crypto import hmac_sm3
from govshare_policy.register import Grant
from govshare_policy.shared import SharedStore

DAILY: Final = 1000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS salt (day TEXT PRIMARY KEY, salt BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subject (
    day TEXT NOT NULL, granted TEXT NOT NULL, tag BLOB NOT NULL, PRIMARY KEY (day, granted, tag)
) STRICT, WITHOUT ROWID;
"""
# "gsb1", so that a file of another program is told apart.
_APPLICATION: Final = 0x67736231


class Subjects(Protocol):
    """A count of the distinct subjects of each grant and day, exact whoever else counts."""

    def is_spent(self, grant: Grant, day: date, subject: str) -> bool:
        """Tell whether *subject* would be one too many for *grant* on *day*.

        Raises:
            AuditError: If the count cannot be read.
        """
        ...

    def take_all(self, grants: Iterable[Grant], day: date, subject: str) -> bool:
        """Count *subject* under each of *grants* if all have room, and say whether they had.

        Raises:
            AuditError: If it cannot be counted.
        """
        ...


class Uncounted:
    """Counts nothing: the subjects of an offline check."""

    def is_spent(self, grant: Grant, day: date, subject: str) -> bool:  # noqa: ARG002
        """Return that there is room."""
        return False

    def take_all(self, grants: Iterable[Grant], day: date, subject: str) -> bool:  # noqa: ARG002
        """Return that there was room."""
        return True


class SubjectStore:
    """Exact across the processes that share the file, and across restarts.

    Two days are kept: about midnight a call of the old day may come after one of the new.
    """

    def __init__(self, path: Path, *, daily: int = DAILY) -> None:
        """Open the store at *path*, or make it.

        Args:
            path: The file.
            daily: How many subjects a day a grant carries that states no number.

        Raises:
            AuditError: If the file cannot be used.
        """
        self._daily = daily
        self._lock = threading.Lock()
        self._store = SharedStore(path, schema=_SCHEMA, application=_APPLICATION)

    def is_spent(self, grant: Grant, day: date, subject: str) -> bool:
        """Tell whether *subject* would be one too many for *grant* on *day*.

        Raises:
            AuditError: If the count cannot be read.
        """
        with self._lock, self._store.writing() as db:
            return self._lacks_room(db, grant, day, _tag(db, day, subject))

    def take_all(self, grants: Iterable[Grant], day: date, subject: str) -> bool:
        """Count *subject* under each of *grants* if all have room, and say whether they had.

        Raises:
            AuditError: If it cannot be counted.
        """
        with self._lock, self._store.writing() as db:
            tag, counted = _tag(db, day, subject), tuple(grants)
            if any(self._lacks_room(db, grant, day, tag) for grant in counted):
                return False
            rows = [(day.isoformat(), grant.id, tag) for grant in counted]
            db.executemany("INSERT OR IGNORE INTO subject VALUES (?, ?, ?)", rows)
            return True

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _lacks_room(self, db: sqlite3.Connection, grant: Grant, day: date, tag: bytes) -> bool:
        most = self._daily if grant.daily_subjects is None else grant.daily_subjects
        [(others, known)] = db.execute(
            "SELECT count(*), coalesce(sum(tag = ?), 0) FROM subject WHERE day = ? AND granted = ?",
            (tag, day.isoformat(), grant.id),
        )
        return not known and others >= most


def _tag(db: sqlite3.Connection, day: date, subject: str) -> bytes:
    row = db.execute("SELECT salt FROM salt WHERE day = ?", (day.isoformat(),)).fetchone()
    if row is None:
        old = ((day - timedelta(days=1)).isoformat(),)
        db.execute("DELETE FROM salt WHERE day < ?", old)
        db.execute("DELETE FROM subject WHERE day < ?", old)
        row = (secrets.token_bytes(32),)
        db.execute("INSERT INTO salt VALUES (?, ?)", (day.isoformat(), *row))
    return hmac_sm3(row[0], subject.encode())
