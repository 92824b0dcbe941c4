# SPDX-License-Identifier: Apache-2.0
"""One count of the calls a grant has carried today, for all workers of a machine.

What makes a count last is the logs: every counted call is on the disk, under a signed checkpoint,
before it is answered. The file here is how the workers see each other's counts. It outlives any
worker, and is made anew from the logs when the whole deployment starts. A worker that ends between
counting and recording leaves a call too many counted, never one too few.
"""

import fcntl
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Self

from govshare_policy.errors import AuditError
from govshare_sidecar.refusal import Cause, RefusedError

_COUNTS: Final = "quotas.sqlite"
_TURN: Final = "quotas.turn"
_HELD: Final = "deployment.lock"
# A turn takes a tenth of a millisecond. Who waits this long waits for a process that hangs, and
# while it waits its event loop answers nobody; so the next ones hardly wait until it is over.
_WAIT_S: Final = 1.0
_WAIT_AGAIN_S: Final = 0.01
_FIRST_PAUSE_S: Final = 0.00002
_LAST_PAUSE_S: Final = 0.0002
_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE used (grant_id TEXT, day TEXT, calls INTEGER NOT NULL, PRIMARY KEY (grant_id, day))
    STRICT, WITHOUT ROWID;
"""
_HELD_UP: Final = "the daily quota of the grant cannot be counted just now; ask again shortly"
_OF: Final = "SELECT calls FROM used WHERE grant_id = ? AND day = ?"
_TAKE: Final = """
INSERT INTO used VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET calls = calls + 1
"""


@contextmanager
def sole_deployment(directory: Path) -> Iterator[int]:
    """Be the one deployment whose logs are in *directory*, inside the ``with``.

    Yields:
        What holds the place. Workers inherit it, so that the place is free only once all of them
        have gone as well.

    Raises:
        AuditError: If another has the place, or the directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        held = os.open(directory / _HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        kind = type(error).__name__
        raise AuditError(f"`log.directory` cannot be written ({kind})") from None
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AuditError("`log.directory` is in use by another deployment") from None
        yield held
    finally:
        os.close(held)


def make_counts(directory: Path, earlier: Iterable[tuple[str, date]]) -> None:
    """Make the file of counts in *directory* anew, from the calls of today in its logs.

    Nobody else may have it open (:func:`sole_deployment`).

    Args:
        directory: Holds the logs.
        earlier: One pair of grant id and legal day for every call that was allowed.

    Raises:
        AuditError: If the file cannot be written.
    """
    rows = [(grant, day.isoformat(), n) for (grant, day), n in Counter(earlier).items()]
    path = directory / _COUNTS
    try:
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        path.touch(mode=0o600)
        (directory / _TURN).touch(mode=0o600)
        with closing(_connect(path)) as database:
            database.executescript(_SCHEMA)
            database.executemany("INSERT INTO used VALUES (?, ?, ?)", rows)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(error) from None


class SharedUsage:
    """The counts of a machine, as one of its processes sees and moves them."""

    def __init__(self, database: sqlite3.Connection, turn: int) -> None:
        # Guarded by the lock; what is open is closed by whoever opened it.
        self._database = database
        self._turn = turn
        self._wait_s = _WAIT_S
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def open(cls, directory: Path) -> Iterator[Self]:
        """Count with the others of the deployment inside the ``with``.

        Raises:
            AuditError: If the file that :func:`make_counts` makes cannot be used.
        """
        try:
            turn = os.open(directory / _TURN, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise _unusable(error) from None
        try:
            try:
                database = _connect(directory / _COUNTS)
            except sqlite3.Error as error:
                raise _unusable(error) from None
            with closing(database):
                yield cls(database, turn)
        finally:
            os.close(turn)

    def of(self, grant: str, day: date) -> int:
        """Return the number of calls that *grant* has carried on *day*.

        Raises:
            AuditError: If the count cannot be read.
        """
        try:
            with self._lock:
                return self._of(grant, day)
        except sqlite3.Error as error:
            raise _unusable(error) from None

    def take_all(self, quotas: Mapping[str, int], day: date) -> bool:
        """Count one more call under each grant if every quota has room, and say whether it had.

        Args:
            quotas: The grants that one call rests on, with the calls a day that each carries.
            day: The legal day.

        Raises:
            AuditError: If the call cannot be counted.
            RefusedError: If another process does not let go of the counts. Nothing is counted.
        """
        if not quotas:
            return True
        try:
            with self._lock, self._own_turn():
                return self._taken(quotas, day)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(error) from None

    def _taken(self, quotas: Mapping[str, int], day: date) -> bool:
        if any(self._of(grant, day) >= quota for grant, quota in quotas.items()):
            return False
        self._database.execute("BEGIN IMMEDIATE")
        try:
            for grant in quotas:
                if not self._of(grant, day):
                    old = (grant, (day - timedelta(days=1)).isoformat())
                    self._database.execute("DELETE FROM used WHERE grant_id = ? AND day < ?", old)
                self._database.execute(_TAKE, (grant, day.isoformat()))
            self._database.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise
        return True

    def _of(self, grant: str, day: date) -> int:
        found = self._database.execute(_OF, (grant, day.isoformat())).fetchone()
        return int(found[0]) if found else 0

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        """Hold the turn to write, which SQLite would sleep for much longer.

        Raises:
            RefusedError: If it cannot be had in time.
        """
        until, pause_s = time.monotonic() + self._wait_s, _FIRST_PAUSE_S
        while not _is_free(self._turn):
            if time.monotonic() >= until:
                self._wait_s = _WAIT_AGAIN_S
                raise RefusedError(Cause.BUSY, _HELD_UP)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LAST_PAUSE_S)
        self._wait_s = _WAIT_S
        try:
            yield
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)


def _is_free(turn: int) -> bool:
    """Take the turn if nobody has it, and say whether nobody had."""
    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    database = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA synchronous = OFF")
    return database


def _unusable(error: OSError | sqlite3.Error) -> AuditError:
    kind = type(error).__name__
    return AuditError(f"the counts of the daily quotas cannot be used ({kind})")
