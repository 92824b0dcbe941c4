# SPDX-License-Identifier: Apache-2.0
"""The store: matters, their states and steps, in one SQLite file beside the audit log.

A step is kept as an intent before its audit record is appended, and applied in one transaction
after it. Whatever happens in between, the log says whether the step was taken
(docs/adr/0005-workflow.md).
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from govshare_policy.errors import AuditError, CallError, ConfigError
from govshare_policy.workflow.change import Change, Intent, change_from_json, change_to_json
from govshare_policy.workflow.model import Matter, MatterKind, RowEdit
from govshare_policy.workflow.rows import MATTERS, insert_matter, insert_step, read_matter
from govshare_policy.workflow.schema import MIGRATIONS


class Store:
    """The matters of one deployment. One process writes; who holds the log does."""

    def __init__(self, path: Path, *, profile: str, origin: str) -> None:
        """Open or make the store at *path*.

        Args:
            path: The SQLite file.
            profile: The profile of the deployment; a store is of one.
            origin: The name of the log that the steps are recorded in; a store is of one.

        Raises:
            ConfigError: If the store is of another profile or log, or of a newer version.
            AuditError: If the file cannot be used.
        """
        with _used():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, isolation_level=None)
        try:
            with _used():
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
                self._db.execute("PRAGMA foreign_keys=ON")
            self._migrate()
            self._bind("profile", profile)
            self._bind("log", origin)
        except (AuditError, ConfigError):
            self._db.close()
            raise

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

    @property
    def log_size(self) -> int:
        """How many records the log had when a step was last applied."""
        return int(self._about("log_size") or 0)

    def matter(self, ident: str) -> Matter:
        """Return one matter with all its steps.

        Raises:
            CallError: If there is no such matter.
        """
        with _used():
            row = self._db.execute(f"{MATTERS} WHERE id = ?", (ident,)).fetchone()
            if row is None:
                raise CallError("there is no matter of this id in the store")
            return read_matter(self._db, row)

    def matters(self, kind: MatterKind) -> tuple[Matter, ...]:
        """Return all matters of one kind, in the order in which they were opened."""
        with _used():
            rows = self._db.execute(
                f"{MATTERS} WHERE kind = ? ORDER BY year, number", (kind.value,)
            ).fetchall()
            return tuple(read_matter(self._db, row) for row in rows)

    def next_id(self, kind: MatterKind, year: int) -> str:
        """Return the id that the next matter of this kind gets, such as ``APP-2026-0001``."""
        with _used():
            (last,) = self._db.execute(
                "SELECT coalesce(max(number), 0) FROM matter WHERE kind = ? AND year = ?",
                (kind.value, year),
            ).fetchone()
        return f"{kind.prefix}-{year}-{last + 1:04}"

    def knows_step(self, step_id: str) -> bool:
        """Whether the step has been applied."""
        with _used():
            row = self._db.execute("SELECT 1 FROM step WHERE id = ?", (step_id,)).fetchone()
        return row is not None

    def intend(self, change: Change, *, log_size: int) -> None:
        """Keep *change* until the log has its record.

        Raises:
            AuditError: If it could not be kept. The record must not be appended.
        """
        with _used():
            self._db.execute(
                "INSERT INTO intent VALUES (?, ?, ?)",
                (change.step_id, log_size, json.dumps(change_to_json(change), ensure_ascii=False)),
            )

    def intents(self) -> tuple[Intent, ...]:
        """Return the steps that were about to be taken when this store was last left."""
        with _used():
            rows = self._db.execute(
                "SELECT id, log_size, change FROM intent ORDER BY id"
            ).fetchall()
        return tuple(
            Intent(id=ident, log_size=size, change=change_from_json(json.loads(change)))
            for ident, size, change in rows
        )

    def drop(self, intent: Intent) -> None:
        """Forget a step whose record never reached the log: it was not taken."""
        with _used():
            self._db.execute("DELETE FROM intent WHERE id = ?", (intent.id,))

    def apply(self, change: Change, *, record: int, log_size: int) -> None:
        """Make *change*, whose audit record is number *record*, in one transaction.

        Raises:
            AuditError: If it was not made; the intent is still there.
        """
        with _used(), self._transaction():
            for matter in change.opened:
                insert_matter(self._db, matter)
            for ident, states in change.states.items():
                for position, (profile, state) in enumerate(states.items()):
                    self._db.execute(
                        "INSERT INTO state VALUES (?, ?, ?, ?)"
                        " ON CONFLICT (matter, profile) DO UPDATE SET state = excluded.state",
                        (ident, profile, state, position),
                    )
            for ident, stamps in change.stamps.items():
                for profile, events in stamps.items():
                    # The first day counts: reopening does not start a clock again.
                    self._db.executemany(
                        "INSERT INTO stamp VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                        [(ident, profile, event, day) for event, day in events.items()],
                    )
            for ident, content in change.contents.items():
                self._db.execute(
                    "UPDATE matter SET content = json_patch(content, ?) WHERE id = ?",
                    (json.dumps(content, ensure_ascii=False), ident),
                )
            insert_step(self._db, change, record)
            self._db.execute("DELETE FROM intent WHERE id = ?", (change.step_id,))
            self._set("log_size", str(log_size))

    def remember(self, log_size: int) -> None:
        """Remember that everything in the log up to *log_size* is known here."""
        with _used():
            self._set("log_size", str(log_size))

    def unpublished(self) -> tuple[tuple[str, tuple[RowEdit, ...]], ...]:
        """Return the steps whose rows are not known to stand in the data directory, in order."""
        with _used():
            rows = self._db.execute(
                "SELECT edit.step, file, key, cells FROM edit JOIN step ON step.id = edit.step"
                " WHERE NOT published ORDER BY step.record, edit.number"
            ).fetchall()
        steps: dict[str, list[RowEdit]] = {}
        for step, file, key, cells in rows:
            edit = RowEdit(file=file, key=key, cells=None if cells is None else json.loads(cells))
            steps.setdefault(step, []).append(edit)
        return tuple((step, tuple(edits)) for step, edits in steps.items())

    def mark_published(self, step_id: str) -> None:
        """Say that the rows of the step stand in the data directory."""
        with _used():
            self._db.execute("UPDATE edit SET published = 1 WHERE step = ?", (step_id,))

    def _migrate(self) -> None:
        with _used():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise ConfigError(
                    f"the store is of version {version}, this program knows up to"
                    f" {len(MIGRATIONS)}; use a newer one"
                )
            for number, script in enumerate(MIGRATIONS[version:], version + 1):
                self._db.executescript(
                    f"BEGIN IMMEDIATE;{script}PRAGMA user_version = {number};COMMIT;"
                )

    def _bind(self, key: str, value: str) -> None:
        kept = self._about(key)
        if kept is None:
            with _used():
                self._set(key, value)
        elif kept != value:
            raise ConfigError(f"the store is of the {key} `{kept}`, not `{value}`")

    def _about(self, key: str) -> str | None:
        with _used():
            row = self._db.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _set(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (key, value))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


@contextmanager
def _used() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise AuditError(f"the store cannot be used ({type(error).__name__})") from None
