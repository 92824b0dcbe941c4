# SPDX-License-Identifier: Apache-2.0
"""Commitments to personal values: the record binds a value without showing it.

The log is for ever, so no person may be named in it. A record carries
``HMAC-SM3(salt, name || 0x00 || value)`` with a salt of its own; whoever is told the value can
check it against the salt, and once the salt is erased nobody can guess it.
"""

import secrets
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from govshare_policy.crypto import hmac_sm3
from govshare_policy.errors import AuditError, VerificationError

SALT_BYTES: Final = 32
_SCHEMA = "CREATE TABLE IF NOT EXISTS salt (record TEXT PRIMARY KEY, salt BLOB NOT NULL) STRICT"


def commitment(salt: bytes, name: str, value: str) -> str:
    """Return the commitment to *value* as the record carries it; 64 hex digits."""
    return hmac_sm3(salt, name.encode() + b"\x00" + value.encode()).hex()


class SaltStore:
    """The salts, one a record, in an SQLite file beside the log; each is durable before use."""

    def __init__(self, path: Path) -> None:
        """Open or make the store at *path*.

        Raises:
            AuditError: If the file cannot be used.
        """
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.execute(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            kind = type(error).__name__
            raise AuditError(f"the salt store `{path.name}` cannot be used ({kind})") from None

    def commit(self, record_id: str, values: Mapping[str, str]) -> dict[str, str]:
        """Return a commitment for each of *values*, under one new salt kept for the record.

        Raises:
            AuditError: If the salt could not be stored; the values must not be used.
        """
        salt = secrets.token_bytes(SALT_BYTES)
        try:
            with self._lock:
                self._db.execute("INSERT INTO salt VALUES (?, ?)", (record_id, salt))
        except sqlite3.Error as error:
            raise AuditError(f"the salt was not stored ({type(error).__name__})") from None
        return {name: commitment(salt, name, value) for name, value in values.items()}

    def verify(self, record_id: str, name: str, value: str, committed: str) -> None:
        """Return only if the record committed to *value*.

        Raises:
            VerificationError: If it did not, or the salt has been erased.
            AuditError: If the salt cannot be read.
        """
        try:
            with self._lock:
                row = self._db.execute(
                    "SELECT salt FROM salt WHERE record = ?", (record_id,)
                ).fetchone()
        except sqlite3.Error as error:
            raise AuditError(f"the salt was not read ({type(error).__name__})") from None
        if row is None:
            raise VerificationError("the salt of the record has been erased")
        wanted = commitment(row[0], name, value)
        if not secrets.compare_digest(wanted.encode(), committed.encode()):
            raise VerificationError("the record committed to another value")

    def close(self) -> None:
        """Close the file."""
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
