# SPDX-License-Identifier: Apache-2.0
"""What one caller has sent to one destination within a day, so that little by little is seen too.

One SQLite file, shared by the processes of a machine. It holds record references, keyed tags and
counts under a digest of the pair; never a value. It is bounded: a pair keeps its newest entries
only, and what is older than the window is deleted.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from govshare_policy.crypto import sm3
from govshare_policy.errors import ConfigError

WINDOW: Final = timedelta(hours=24)
MAX_ENTRIES: Final = 2_048
"""Newest entries of each sort that a pair keeps; the thresholds are far below."""

MAX_PAIRS: Final = 50_000
"""Pairs of caller and destination; one more than this is refused, not forgotten."""

_BUSY_S: Final = 5.0
_BUCKET_S: Final = 600
_SIGNED: Final = 1 << 63
_WRAP: Final = 1 << 64
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sent (pair BLOB, at INTEGER, segments INTEGER, PRIMARY KEY (pair, at));
CREATE TABLE IF NOT EXISTS likely (pair BLOB, row INTEGER, at INTEGER, PRIMARY KEY (pair, row));
CREATE INDEX IF NOT EXISTS sent_at ON sent (at);
CREATE INDEX IF NOT EXISTS likely_at ON likely (at);
CREATE TABLE IF NOT EXISTS held (pair BLOB, tag INTEGER, kind TEXT, postings INTEGER, row INTEGER,
    at INTEGER, PRIMARY KEY (pair, tag));
CREATE INDEX IF NOT EXISTS held_at ON held (at);
"""
_TABLES: Final = ("sent", "likely", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One released value that was seen: its kind, how many records have it, and one of them."""

    kind: str
    postings: int
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What one document adds.

    Attributes:
        segments: How many segments it had.
        likely: References of likely records.
        values: Released values that count for containment, by tag.
    """

    segments: int
    likely: frozenset[int]
    values: Mapping[int, Seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a pair has sent within the window, this document included."""

    segments: int
    likely: frozenset[int]
    values: tuple[Seen, ...]


class Accumulator:
    """Sums up a sliding window for each pair of caller and destination.

    Safe for threads. Close it, or use ``with``.
    """

    def __init__(
        self,
        path: Path,
        *,
        window: timedelta = WINDOW,
        max_entries: int = MAX_ENTRIES,
        max_pairs: int = MAX_PAIRS,
    ) -> None:
        """Say which SQLite file it is; it is created when first used.

        Args:
            path: The file; beside it SQLite keeps two more.
            window: How far back a day goes.
            max_entries: Newest entries of each sort that a pair keeps.
            max_pairs: How many pairs there may be.
        """
        self.max_entries = max_entries
        self._path = path
        self._window = window
        self._max_pairs = max_pairs
        self._lock = threading.Lock()
        # Both belong to whoever holds the lock; a process that forked opens its own.
        self._database: sqlite3.Connection | None = None
        self._process = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was added stays."""
        with self._lock:
            if self._database is not None and self._process == os.getpid():
                self._database.close()
            self._database = None

    def add(
        self,
        addition: Addition,
        *,
        caller: str,
        destination: str,
        at: datetime,
        judge: Callable[[Day], frozenset[int]],
    ) -> frozenset[int]:
        """Add one document to its day, durably, unless it is too much.

        Args:
            addition: What the document adds.
            caller: Who sends it.
            destination: To whom.
            at: When.
            judge: Says for which records the day, the document included, is too much.

        Returns:
            What *judge* returned. If it is not empty, nothing was added: what is refused has not
            been sent.

        Raises:
            ConfigError: If the file cannot be used, or has no place for another pair. The caller
                must deny.
        """
        pair = sm3(f"{len(caller)}:{caller}{destination}".encode())
        now = int(at.timestamp())
        since = now - int(self._window.total_seconds())
        with self._transaction() as database:
            self._forget(database, since)
            self._require_place(database, pair)
            database.execute(
                "INSERT INTO sent VALUES (?, ?, ?) ON CONFLICT (pair, at)"
                " DO UPDATE SET segments = segments + excluded.segments",
                (pair, now - now % _BUCKET_S, addition.segments),
            )
            database.executemany(
                "INSERT OR REPLACE INTO likely VALUES (?, ?, ?)",
                ((pair, row, now) for row in sorted(addition.likely)[: self.max_entries]),
            )
            database.executemany(
                "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (pair, _signed(tag), seen.kind, seen.postings, seen.row, now)
                    for tag, seen in list(addition.values.items())[: self.max_entries]
                ),
            )
            if addition.likely or addition.values:
                self._bound(database, pair)
            past = judge(_day(database, pair))
            if past:
                database.execute("ROLLBACK")
        return past

    def _forget(self, database: sqlite3.Connection, since: int) -> None:
        """Delete what has left the window."""
        for table in _TABLES:
            database.execute(f"DELETE FROM {table} WHERE at <= ?", (since,))  # noqa: S608 - ours

    def _bound(self, database: sqlite3.Connection, pair: bytes) -> None:
        """Delete all but the newest entries of the pair."""
        for table in ("likely", "held"):
            database.execute(
                f"DELETE FROM {table} WHERE pair = ? AND rowid NOT IN (SELECT rowid FROM {table}"  # noqa: S608 - ours
                " WHERE pair = ? ORDER BY at DESC, rowid DESC LIMIT ?)",
                (pair, pair, self.max_entries),
            )

    def _require_place(self, database: sqlite3.Connection, pair: bytes) -> None:
        """Refuse a pair beyond the bound: forgetting another's day would open it."""
        if database.execute("SELECT 1 FROM sent WHERE pair = ? LIMIT 1", (pair,)).fetchone():
            return
        (pairs,) = database.execute("SELECT count(DISTINCT pair) FROM sent").fetchone()
        if pairs >= self._max_pairs:
            raise ConfigError("the accumulator of the onward guard is full; see its `max_pairs`")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Write within one transaction, which is undone if anything fails."""
        with self._lock:
            try:
                database = self._open()
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                    if database.in_transaction:
                        database.execute("COMMIT")
                finally:
                    if database.in_transaction:
                        database.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise ConfigError(
                    "the accumulator of the onward guard cannot be written"
                ) from error

    def _open(self) -> sqlite3.Connection:
        """Return the connection of this process, opening it if there is none."""
        if self._database is None or self._process != os.getpid():
            # SQLite takes the mode of the file for those that it puts beside it.
            try:
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            except OSError as error:
                raise ConfigError(
                    "the accumulator of the onward guard cannot be written"
                ) from error
            database = sqlite3.connect(
                self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            try:
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("PRAGMA synchronous=NORMAL")
                database.executescript(_SCHEMA)
            except sqlite3.Error:
                database.close()
                raise
            self._database, self._process = database, os.getpid()
        return self._database


def _day(database: sqlite3.Connection, pair: bytes) -> Day:
    """Return what stands in the file for a pair."""
    (segments,) = database.execute(
        "SELECT total(segments) FROM sent WHERE pair = ?", (pair,)
    ).fetchone()
    likely = database.execute("SELECT row FROM likely WHERE pair = ?", (pair,)).fetchall()
    held = database.execute(
        "SELECT kind, postings, row FROM held WHERE pair = ? ORDER BY at, rowid", (pair,)
    ).fetchall()
    return Day(
        segments=int(segments),
        likely=frozenset(row for (row,) in likely),
        values=tuple(Seen(kind=kind, postings=postings, row=row) for kind, postings, row in held),
    )


def _signed(tag: int) -> int:
    """Return a 64-bit tag as the signed integer that SQLite keeps."""
    return tag - _WRAP if tag >= _SIGNED else tag
