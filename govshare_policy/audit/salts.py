# SPDX-License-Identifier: Apache-2.0
"""Commitments to personal values: the record binds a value without showing it.

The log is for ever, so no person may be named in it. A record carries
``HMAC-SM3(salt, name || 0x00 || value)`` with a salt of its own; whoever is told the value can
check it against the salt, and once the salt is erased nobody can guess it. docs/adr/0010 says why
the salts of a day grow out of one seed.
"""

import json
import mmap
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from govshare_policy.audit.salttree import (
    LEVELS,
    NODE_BYTES,
    ROOT,
    Seed,
    day_of,
    path_of,
    puncture,
    walk,
)
from govshare_policy.crypto import hmac_sm3
from govshare_policy.errors import AuditError, VerificationError

# "gsl2", so that a file of another program, or of another way to derive salts, is told apart.
_APPLICATION: Final = 0x67736C32
# The file change counter of the database, which goes up with every change by whomever. Read in
# memory: asking SQLite, as for `data_version`, takes five locks and lets other threads go first.
# Source: SQLite, Database File Format, 1.3.7.
_STATE: Final = slice(24, 28)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS node (
    day TEXT NOT NULL, place TEXT NOT NULL, node BLOB NOT NULL, PRIMARY KEY (day, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erased (what TEXT PRIMARY KEY, record TEXT NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS wanted (record TEXT PRIMARY KEY, content TEXT NOT NULL)
    STRICT, WITHOUT ROWID;
"""


def commitment(salt: bytes, name: str, value: str) -> str:
    """Return the commitment to *value* as the record carries it; 64 hex digits."""
    return hmac_sm3(salt, name.encode() + b"\x00" + value.encode()).hex()


class SaltStore:
    """The salts of all records, in an SQLite file beside the log.

    What is kept is one seed a legal day, durable before the first record of the day uses it, or
    the nodes that are left of it once single salts were erased.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the store at *path*, or make it unless *read_only*.

        Raises:
            AuditError: If the file cannot be used.
        """
        self._lock = threading.Lock()
        # Guarded by the lock: the seed last used, and the nodes next below it.
        self._seed: Seed | None = None
        try:
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
            mode = "ro" if read_only else "rw"
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                check_same_thread=False,
                isolation_level=None,
            )
            self._prepare(read_only=read_only)
            with path.open("rb") as file:
                self._file = mmap.mmap(file.fileno(), _STATE.stop, access=mmap.ACCESS_READ)
        except (OSError, sqlite3.Error) as error:
            kind = type(error).__name__
            raise AuditError(f"the salt store `{path.name}` cannot be used ({kind})") from None

    def _prepare(self, *, read_only: bool) -> None:
        [(tables,)] = self._db.execute("SELECT count(*) FROM sqlite_schema")
        [(application,)] = self._db.execute("PRAGMA application_id")
        if application != _APPLICATION and (tables or read_only):
            raise sqlite3.DatabaseError
        if not read_only:
            # A seed is written once a day, so each may cost a rollback journal and two syncs; and
            # no second file is left in which a page of yesterday could survive its erasure.
            self._db.execute("PRAGMA journal_mode=DELETE")
            self._db.execute("PRAGMA synchronous=EXTRA")
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.execute(f"PRAGMA application_id={_APPLICATION}")
            self._db.executescript(_SCHEMA)

    def commit(self, record_id: str, values: Mapping[str, str]) -> dict[str, str]:
        """Return a commitment for each of *values*, under the salt of the record.

        Args:
            record_id: A UUIDv7; an outcome's values go under the id of its decision.
            values: By their names in the record.

        Raises:
            VerificationError: If the salt is erased, or the id is no UUIDv7.
            AuditError: If no salt can be kept. In either case the values must not be used.
        """
        day, path = day_of(record_id).isoformat(), path_of(record_id)
        try:
            with self._lock:
                salt = self._salt(day, path)
                if salt is None:
                    self._sow(day)
                    salt = self._salt(day, path)
        except sqlite3.Error as error:
            raise AuditError(f"the salt was not stored ({type(error).__name__})") from None
        if salt is None:
            raise VerificationError("the salt of the record has been erased")
        return {name: commitment(salt, name, value) for name, value in values.items()}

    def verify(self, record_id: str, name: str, value: str, committed: str) -> None:
        """Return only if the record committed to *value*.

        Raises:
            VerificationError: If it did not, or the salt has been erased; says by which record.
            AuditError: If the salt cannot be read.
        """
        day, path = day_of(record_id).isoformat(), path_of(record_id)
        with self._reading():
            salt = self._salt(day, path)
            row = self._db.execute(
                "SELECT record FROM erased WHERE what IN (?, ?)", (record_id, day)
            ).fetchone()
        if salt is None:
            if row is not None:
                raise VerificationError(f"the salt of the record was erased by record `{row[0]}`")
            raise VerificationError("no salt of the record is kept here")
        wanted = commitment(salt, name, value)
        if not secrets.compare_digest(wanted.encode(), committed.encode()):
            raise VerificationError("the record committed to another value")

    def want(self, record_id: str, content: Mapping[str, Any]) -> None:
        """Keep in mind that salts are to be erased, as the record *record_id* will say.

        Raises:
            AuditError: If it could not be stored.
        """
        with self._writing():
            self._db.execute("INSERT INTO wanted VALUES (?, ?)", (record_id, json.dumps(content)))

    def wanted(self) -> dict[str, dict[str, Any]]:
        """Return what is to be erased and is not yet, by the ids of the records to say so.

        Raises:
            AuditError: If it cannot be read.
        """
        with self._reading():
            rows = self._db.execute("SELECT record, content FROM wanted ORDER BY record").fetchall()
        return {record: json.loads(content) for record, content in rows}

    def erase(self, records: Sequence[str], days: Sequence[date] = (), *, by: str) -> None:
        """Forget the salts of *records* and of all records of *days*, in one transaction.

        Every other salt stays what it was. Whether the caller was allowed to, and whether a day
        is over, is not asked here.

        Args:
            records: Ids, each a UUIDv7.
            days: Legal days, whose seeds go whole.
            by: The record that says so; it is in the log already.

        Raises:
            VerificationError: If an id is no UUIDv7.
            AuditError: If it could not be done; then nothing is erased.
        """
        places = [(record, day_of(record).isoformat(), path_of(record)) for record in records]
        with self._writing():
            self._seed = None
            for day in days:
                self._db.execute("DELETE FROM node WHERE day = ?", (day.isoformat(),))
                self._erased(day.isoformat(), by)
            for record, on, path in places:
                self._puncture(on, path)
                self._erased(record, by)
            self._db.execute("DELETE FROM wanted WHERE record = ?", (by,))

    def erased_by(self, what: str) -> str:
        """Return the record by which the salt of a record or day was erased, or an empty text.

        Raises:
            AuditError: If it cannot be read.
        """
        with self._reading():
            row = self._db.execute("SELECT record FROM erased WHERE what = ?", (what,)).fetchone()
        return row[0] if row is not None else ""

    def places(self, day: date) -> frozenset[str]:
        """Return where the nodes stand that are kept of *day*: beginnings of paths.

        Raises:
            AuditError: If it cannot be read.
        """
        with self._reading():
            rows = self._db.execute("SELECT place FROM node WHERE day = ?", (day.isoformat(),))
            return frozenset(place for (place,) in rows)

    def close(self) -> None:
        """Close the file."""
        self._seed = None
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _salt(self, day: str, path: str) -> bytes | None:
        """Return the salt at *path*, or none where nothing leads to it any more."""
        # Another process may have erased; then what is remembered here must not be used.
        state = self._file[_STATE]
        if (seed := self._seed) is not None and (seed.day, seed.state) == (day, state):
            return seed.salt(path)
        row = self._above(day, path)
        if row is None:
            return None
        place, node = row
        if place == ROOT:
            self._seed = Seed(day=day, state=state, node=node)
        return walk(node, path[len(place) :])

    def _above(self, day: str, path: str) -> tuple[str, bytes] | None:
        """Return the one kept node from which a way leads to *path*, with its place."""
        places = [path[:depth] for depth in range(LEVELS + 1)]
        marks = ", ".join("?" * len(places))
        row = self._db.execute(
            f"SELECT place, node FROM node WHERE day = ? AND place IN ({marks})",  # noqa: S608
            (day, *places),
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def _sow(self, day: str) -> None:
        """Keep a seed for a day that never had one."""
        self._db.execute(
            "INSERT INTO node SELECT ?1, ?2, ?3 WHERE NOT EXISTS "
            "(SELECT 1 FROM node WHERE day = ?1 UNION ALL SELECT 1 FROM erased WHERE what = ?1)",
            (day, ROOT, secrets.token_bytes(NODE_BYTES)),
        )

    def _puncture(self, day: str, path: str) -> None:
        above = self._above(day, path)
        if above is None:
            return
        place, node = above
        self._db.execute("DELETE FROM node WHERE day = ? AND place = ?", (day, place))
        self._db.executemany(
            "INSERT INTO node VALUES (?, ?, ?)",
            [(day, *kept) for kept in puncture(node, prefix=place, path=path).items()],
        )

    def _erased(self, what: str, by: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO erased VALUES (?, ?)", (what, by))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except sqlite3.Error as error:
            raise AuditError(f"the salt was not read ({type(error).__name__})") from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._lock:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise
        except sqlite3.Error as error:
            raise AuditError(f"the salts were not changed ({type(error).__name__})") from None
