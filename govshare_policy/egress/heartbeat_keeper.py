# SPDX-License-Identifier: Apache-2.0
"""The provider's side of heartbeats: all that came, and where something is missing."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from govshare_policy.audit import format_time
from govshare_policy.crypto import PublicKey, sm3
from govshare_policy.egress.heartbeat import NONE_BEFORE, Heartbeat, verify_heartbeat
from govshare_policy.errors import AuditError, VerificationError

# "ghb1", so that a file of another program is told apart.
_APPLICATION: Final = 0x67686231
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS beat (
    guard TEXT NOT NULL, sequence INTEGER NOT NULL, digest BLOB NOT NULL, received TEXT NOT NULL,
    signed BLOB NOT NULL, PRIMARY KEY (guard, sequence, digest)
) STRICT, WITHOUT ROWID
"""
_LAST: Final = """
SELECT digest, received, signed FROM beat WHERE guard = ?
ORDER BY sequence DESC, received DESC LIMIT 1
"""
_SINCE: Final = """
SELECT digest, received, signed FROM beat WHERE guard = ? AND sequence >= (
    SELECT min(sequence) FROM beat WHERE guard = ? AND received >= ?
) ORDER BY sequence, received
"""
_FORMAT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


class Fault(StrEnum):
    """What is wrong with a stretch of heartbeats."""

    MISSING = "missing"
    SILENT = "silent"
    CONTRADICTS = "contradicts"
    UNCHAINED = "unchained"
    WENT_BACK = "went_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch in which nobody can say that the guard was on and honest.

    Attributes:
        since: When the last good heartbeat before it came.
        until: When the next one came; or until when none did.
        first: The first number that is missing or at fault.
        last: The last; the same as *first* for a fault of one.
    """

    guard: str
    fault: Fault
    since: datetime
    until: datetime
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    beat: Heartbeat
    digest: bytes
    received: datetime


class HeartbeatKeeper:
    """Heartbeats of any number of guards, in an SQLite file; none is ever replaced."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file at *path*, or make it unless *read_only*.

        Raises:
            AuditError: If it cannot be used.
        """
        self._path, self._read_only = path, read_only
        try:
            if not read_only:
                path.touch(mode=0o600)
            with closing(self._open()) as db:
                [(tables,)] = db.execute("SELECT count(*) FROM sqlite_schema")
                [(application,)] = db.execute("PRAGMA application_id")
                if application != _APPLICATION and (tables or read_only):
                    raise sqlite3.DatabaseError
                if not read_only:
                    db.execute(f"PRAGMA application_id={_APPLICATION}")
                    db.execute(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise self._trouble(error) from None

    def take(self, data: bytes, public: PublicKey, *, at: datetime) -> Heartbeat:
        """Keep the signed heartbeat *data*, which came at *at*; the same one twice is kept once.

        One that contradicts another of its guard is kept beside it: it is the evidence.

        Raises:
            SignatureError: If *public* did not sign it.
            VerificationError: If it is malformed.
            AuditError: If it could not be kept.
        """
        beat = verify_heartbeat(data, public)
        row = (beat.guard, beat.sequence, sm3(data), format_time(at), data)
        try:
            with closing(self._open()) as db:
                db.execute("INSERT OR IGNORE INTO beat VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise self._trouble(error) from None
        return beat

    def guards(self) -> tuple[str, ...]:
        """Return the names of the guards of which there are heartbeats, sorted.

        Raises:
            AuditError: If the file cannot be read.
        """
        return tuple(guard for (guard,) in self._rows("SELECT DISTINCT guard FROM beat"))

    def last(self, guard: str) -> tuple[Heartbeat, datetime]:
        """Return the heartbeat of *guard* with the highest number, and when it came.

        Raises:
            VerificationError: If there is none.
            AuditError: If the file cannot be read.
        """
        rows = self._rows(_LAST, guard)
        if not rows:
            raise VerificationError(f"there is no heartbeat of guard `{guard}`")
        [last] = map(_read, rows)
        return last.beat, last.received

    def gaps(
        self, guard: str, *, every: timedelta, at: datetime, since: datetime | None = None
    ) -> tuple[Gap, ...]:
        """Return where something is wrong with the heartbeats of *guard*, in their order.

        Of those that came before *since* nothing is said, so that not all are read every time.

        1. A number is missing, or the first one seen is not 0.
        2. More than twice *every* passed between two, by our clock or the guard's, or since the
           last.
        3. Two have the same number, or one does not name the one before it.
        4. The clock of the guard, or something that it counts, went back.

        Raises:
            AuditError: If the file cannot be read.
        """
        kept = self._kept(guard, since=since)
        if not kept:
            return ()
        gaps = [] if since is not None else list(self._begun(guard, kept[0]))
        for one, other in pairwise(kept):
            gaps.extend(_between(one, other, every=every))
        last = kept[-1]
        if at - last.received > 2 * every:
            number = last.beat.sequence + 1
            gaps.append(_gap(Fault.SILENT, last, at, first=number, last=number))
        return tuple(gaps)

    def _begun(self, guard: str, first: _Kept) -> Iterator[Gap]:
        if first.beat.sequence:
            yield Gap(
                guard=guard,
                fault=Fault.MISSING,
                since=datetime.min.replace(tzinfo=UTC),
                until=first.received,
                first=0,
                last=first.beat.sequence - 1,
            )
        elif first.beat.previous != NONE_BEFORE:
            yield _gap(Fault.UNCHAINED, first, first.received, first=0, last=0)

    def _kept(self, guard: str, *, since: datetime | None = None) -> Sequence[_Kept]:
        # With one of an old number that came late, whatever it contradicts.
        rows = self._rows(
            _SINCE,
            guard,
            guard,
            "" if since is None else format_time(since),
        )
        return list(map(_read, rows))

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            with closing(self._open()) as db:
                return db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def _open(self) -> sqlite3.Connection:
        mode = "ro" if self._read_only else "rw"
        place = f"{self._path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(place, uri=True, isolation_level=None)

    def _trouble(self, error: Exception) -> AuditError:
        kind = type(error).__name__
        return AuditError(f"the heartbeats in `{self._path.name}` cannot be used ({kind})")


def _read(row: tuple[Any, ...]) -> _Kept:
    digest, received, signed = row
    return _Kept(
        beat=Heartbeat.from_text(signed.decode().partition("\n\n")[0] + "\n"),
        digest=digest,
        received=datetime.strptime(received, _FORMAT).replace(tzinfo=UTC),
    )


def _between(one: _Kept, other: _Kept, *, every: timedelta) -> Iterator[Gap]:
    before, beat = one.beat, other.beat
    here = {"first": beat.sequence, "last": beat.sequence}
    if beat.sequence == before.sequence:
        yield _gap(Fault.CONTRADICTS, one, other.received, **here)
        return
    if beat.sequence > before.sequence + 1:
        numbers = {"first": before.sequence + 1, "last": beat.sequence - 1}
        yield _gap(Fault.MISSING, one, other.received, **numbers)
    elif beat.previous != one.digest:
        yield _gap(Fault.UNCHAINED, one, other.received, **here)
    if max(other.received - one.received, beat.at - before.at) > 2 * every:
        yield _gap(Fault.SILENT, one, other.received, **here)
    fell = any(beat.counts.get(name, 0) < count for name, count in before.counts.items())
    if beat.at < before.at or fell:
        yield _gap(Fault.WENT_BACK, one, other.received, **here)


def _gap(fault: Fault, since: _Kept, until: datetime, *, first: int, last: int) -> Gap:
    return Gap(
        guard=since.beat.guard,
        fault=fault,
        since=since.received,
        until=until,
        first=first,
        last=last,
    )
