# SPDX-License-Identifier: Apache-2.0
"""The index over a log: which records have which traits, in an SQLite file.

It is derived from the segments, can be made anew from them at any time, and is never evidence:
what is shown is always read from the log. It holds no personal value, and no bytes of a record.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from govshare_policy.audit import Checkpoint
from govshare_policy.audit.damage import Damage, LogDamageError, Part
from govshare_policy.audit.layout import segment_file
from govshare_policy.audit.merkle import Frontier, Tree, leaf_hash
from govshare_policy.errors import AuditError, VerificationError
from govshare_policy.inspection.choice import Choice
from govshare_policy.inspection.reading import (
    Batch,
    Mark,
    checked_note,
    first_mark,
    read_batches,
    read_note,
)
from govshare_policy.inspection.traits import traits_of

APPLICATION_ID: Final = 0x676F7669
VERSION: Final = 1
_HASH_BYTES: Final = 32
_CHUNK_RECORDS: Final = 8192
_WORDS: Final = ("phase", "department", "system", "resource", "outcome", "effect")
_LISTS: Final = ("clause", "grant", "person")
# Words stand once, and records name them by number. No further SQLite index: the file is read
# whole anyway to check its sum, and a scan of such short rows costs about as much as that.
_SCHEMA: Final = f"""
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {VERSION};
    CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE list (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE member (list INTEGER NOT NULL, word INTEGER NOT NULL, PRIMARY KEY (word, list))
        STRICT, WITHOUT ROWID;
    CREATE TABLE record (
        number INTEGER PRIMARY KEY, offset INTEGER NOT NULL, at_us INTEGER,
        {", ".join(f'"{name}" INTEGER NOT NULL' for name in (*_WORDS, *_LISTS))}
    ) STRICT;
    CREATE TABLE state (
        size INTEGER NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL,
        "commit" INTEGER, nodes BLOB NOT NULL
    ) STRICT;
"""
_INSERT: Final = f"INSERT INTO record VALUES ({', '.join('?' * (3 + len(_WORDS) + len(_LISTS)))})"  # noqa: S608

Progress = Callable[[int, int], None]


class StaleIndexError(AuditError):
    """The index is not of this log, or of another version: it has to be made anew."""


class Index:
    """The index of one log in one open SQLite file."""

    def __init__(self, db: sqlite3.Connection, directory: Path) -> None:
        """Take the index in *db* to be that of the log in *directory*; :meth:`update` checks."""
        self._db = db
        self._directory = directory
        self._words: dict[str, int] = {}
        self._lists: dict[tuple[str, ...], int] = {}

    @classmethod
    def create(cls, db: sqlite3.Connection, directory: Path) -> "Index":
        """Return a new index in the empty file *db*."""
        db.executescript(_SCHEMA)
        mark, tree = first_mark(directory)
        db.execute(
            "INSERT INTO state VALUES (?, ?, ?, ?, ?)",
            (mark.size, mark.segment, mark.offset, mark.commit, b"".join(tree.nodes)),
        )
        return cls(db, directory)

    def mark(self) -> Mark:
        """Return how far into the log the index reaches."""
        return self._state()[0]

    def update(self, progress: Progress | None = None) -> bool:
        """Take in what the log committed since; tell whether there was anything.

        Args:
            progress: Told the records indexed so far, and those there are as far as is known.

        Raises:
            StaleIndexError: If the index is of another log, version, or history of this log.
            LogDamageError: If a root that the log states is not that of its records.
            OSError: If the log cannot be read.
        """
        start, frontier = self._check()
        tree, mark, batch = Tree(frontier), start, None
        total = published_size(self._directory)
        self._words = {text: ident for ident, text in self._db.execute("SELECT * FROM word")}
        self._lists = {
            tuple(json.loads(text)): ident for ident, text in self._db.execute("SELECT * FROM list")
        }
        rows: list[tuple[int | None, ...]] = []
        for batch in read_batches(self._directory, start):
            for entry in batch.entries:
                tree.append(leaf_hash(entry.data))
                rows.append(self._row(entry.number, entry.offset, entry.data))
            if len(rows) >= _CHUNK_RECORDS:
                _check_root(batch, tree)
                self._insert(rows)
                if progress is not None:
                    progress(batch.end.size, max(batch.end.size, total))
            mark = batch.end
        if batch is None:
            return False
        _check_root(batch, tree)
        self._insert(rows)
        self._db.execute(
            'UPDATE state SET size = ?, segment = ?, offset = ?, "commit" = ?, nodes = ?',
            (mark.size, mark.segment, mark.offset, mark.commit, b"".join(tree.frontier().nodes)),
        )
        return True

    def select(self, choice: Choice, limit: int) -> list[tuple[int, int]]:
        """Return number and offset of at most *limit* records of *choice*, in order."""
        where, values = _where(choice)
        rows = self._db.execute(
            f"SELECT number, offset FROM record WHERE {where} ORDER BY number LIMIT ?",  # noqa: S608
            (*values, limit),
        )
        return [(number, offset) for number, offset in rows]

    def count_untimed(self, choice: Choice) -> int:
        """Return how many records *choice* leaves out only because they state no readable time."""
        if choice.since_us is None and choice.until_us is None:
            return 0
        where, values = _where(replace(choice, since_us=None, until_us=None))
        rows = self._db.execute(
            f"SELECT count(*) FROM record WHERE {where} AND at_us IS NULL",  # noqa: S608
            values,
        )
        return int(rows.fetchone()[0])

    def _check(self) -> tuple[Mark, Frontier]:
        for name, wanted in (("application_id", APPLICATION_ID), ("user_version", VERSION)):
            if self._db.execute(f"PRAGMA {name}").fetchone() != (wanted,):
                raise StaleIndexError("the index is of another version")
        mark, frontier = self._state()
        if mark.commit is not None:
            try:
                stated = Checkpoint.from_note(read_note(self._directory, mark))
            except (VerificationError, FileNotFoundError):
                raise StaleIndexError("the log has no commit where the index ends") from None
            if (stated.size, stated.root) != (mark.size, frontier.root()):
                raise StaleIndexError("the log is another one since it was indexed")
        return mark, frontier

    def _state(self) -> tuple[Mark, Frontier]:
        rows = self._db.execute("SELECT * FROM state").fetchall()
        if len(rows) != 1:
            raise StaleIndexError("the index has no state")
        size, segment, offset, commit, joined = rows[0]
        nodes = tuple(joined[i : i + _HASH_BYTES] for i in range(0, len(joined), _HASH_BYTES))
        if len(joined) != size.bit_count() * _HASH_BYTES:
            raise StaleIndexError("the index has no root")
        mark = Mark(size=size, segment=segment, offset=offset, commit=commit)
        return mark, Frontier(size=size, nodes=nodes)

    def _row(self, number: int, offset: int, data: bytes) -> tuple[int | None, ...]:
        traits = traits_of(data)
        return (
            number,
            offset,
            traits.at_us,
            *(self._word(getattr(traits, name)) for name in _WORDS),
            *(self._list(texts) for texts in (traits.clauses, traits.grants, traits.persons)),
        )

    def _word(self, text: str) -> int:
        ident = self._words.get(text)
        if ident is None:
            ident = self._words[text] = len(self._words) + 1
            self._db.execute("INSERT INTO word VALUES (?, ?)", (ident, text))
        return ident

    def _list(self, texts: tuple[str, ...]) -> int:
        ident = self._lists.get(texts)
        if ident is None:
            ident = self._lists[texts] = len(self._lists) + 1
            self._db.execute("INSERT INTO list VALUES (?, ?)", (ident, json.dumps(texts)))
            self._db.executemany(
                "INSERT INTO member VALUES (?, ?)",
                [(ident, word) for word in {self._word(text) for text in texts}],
            )
        return ident

    def _insert(self, rows: list[tuple[int | None, ...]]) -> None:
        self._db.executemany(_INSERT, rows)
        rows.clear()


def published_size(directory: Path) -> int:
    """Return the size that the file ``checkpoint`` of a log states; 0 if it states none."""
    try:
        return Checkpoint.from_note((directory / "checkpoint").read_bytes()).size
    except (OSError, VerificationError):
        return 0


def _where(choice: Choice) -> tuple[str, list[object]]:
    parts, values = ["number > ?"], [choice.after]  # type: tuple[list[str], list[object]]
    for name, wanted in _wanted(choice):
        if not wanted:
            continue
        words = f"SELECT id FROM word WHERE text IN ({', '.join('?' * len(wanted))})"  # noqa: S608
        if name in _LISTS:
            words = f"SELECT list FROM member WHERE word IN ({words})"  # noqa: S608
        parts.append(f'"{name}" IN ({words})')
        values.extend(wanted)
    for sign, bound in ((">=", choice.since_us), ("<=", choice.until_us)):
        if bound is not None:
            parts.append(f"at_us {sign} ?")
            values.append(bound)
    return " AND ".join(parts), values


def _wanted(choice: Choice) -> Iterator[tuple[str, Sequence[str]]]:
    for name in (*_WORDS, *_LISTS):
        yield name, getattr(choice, name)


def _check_root(batch: Batch, tree: Tree) -> None:
    if checked_note(batch).root != tree.root():
        end = batch.end
        what = "the commit states another root than that of the records before it"
        part = Part(file=segment_file(end.segment), offset=end.commit or 0, what=what)
        raise LogDamageError(Damage.ROOT, part, batch.entries[0].number)
