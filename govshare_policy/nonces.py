# SPDX-License-Identifier: Apache-2.0
"""The nonces of envelopes, remembered on the disk for as long as an envelope may be replayed."""

import threading
from datetime import datetime
from pathlib import Path
from typing import Final

from govshare_policy.shared import SharedStore

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS nonce (
    key BLOB NOT NULL, nonce TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (key, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ending ON nonce (until);
"""
# "gnc1", so that a file of another program is told apart.
_APPLICATION: Final = 0x676E6331


class NonceStore:
    """Exact across the processes that share the file, and across restarts."""

    def __init__(self, path: Path) -> None:
        """Open the store at *path*, or make it.

        Raises:
            AuditError: If the file cannot be used.
        """
        self._lock = threading.Lock()
        self._store = SharedStore(path, schema=_SCHEMA, application=_APPLICATION)

    def claim(self, key: bytes, nonce: str, *, at: datetime, until: datetime) -> bool:
        """Remember *nonce* of *key* until then, and say whether it is new.

        Raises:
            AuditError: If it cannot be remembered.
        """
        with self._lock, self._store.writing() as db:
            db.execute("DELETE FROM nonce WHERE until < ?", (int(at.timestamp()),))
            # One second more than it counts: the column holds whole ones.
            row = (key, nonce, int(until.timestamp()) + 1)
            return db.execute("INSERT OR IGNORE INTO nonce VALUES (?, ?, ?)", row).rowcount == 1

    def close(self) -> None:
        """Close the file."""
        self._store.close()
