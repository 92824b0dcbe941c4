# SPDX-License-Identifier: Apache-2.0
"""The index of what was released: tags, where they stand, and what is known of each release.

Any number of processes read it, and any number register, one at a time. What is acknowledged is
on the disk; whatever is damaged is refused, and then nothing can be scanned or registered.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from govshare_policy.audit.disk import Disk, describe
from govshare_policy.egress.files import verify_run
from govshare_policy.egress.frames import EPOCH, gone_frame, release_frame
from govshare_policy.egress.keys import DepartmentKey
from govshare_policy.egress.register import (
    Counts,
    OwnHoldings,
    ReleasedRows,
    ReleaseMeta,
    select,
)
from govshare_policy.egress.runs import Run, any_bloom_holds, find_postings
from govshare_policy.egress.shelf import Shelf, create_shelf
from govshare_policy.egress.tags import Tagger
from govshare_policy.errors import AuditError, ConfigError

MAX_ROW: Final = 2**32 - 1
"""A row reference takes four bytes."""

JOURNAL_POSTINGS: Final = 500_000
"""So many postings in the journal become a sorted file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postings:
    """Where the tags that were asked for stand; four arrays of one length.

    Attributes:
        query: The position of the tag among those asked for.
        row: The row reference.
        field: The number of the field within the release of that row.
        surprisal: Whole bits.
    """

    query: NDArray[np.int64]
    row: NDArray[np.uint32]
    field: NDArray[np.uint8]
    surprisal: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A release that is in the index: its rows are ``first_row`` and on."""

    receipt_id: str
    first_row: int
    rows: int
    counts: Counts


_Which = Callable[[Run], "NDArray[np.bool_]"]


class Index:
    """The index in one directory, open in one process. Close it, or use ``with``."""

    def __init__(self, shelf: Shelf, *, key: DepartmentKey, write: bool) -> None:
        self._shelf = shelf
        self._write = write
        self._tagger = Tagger(key)

    @classmethod
    def create(cls, directory: Path, *, key: DepartmentKey, disk: Disk | None = None) -> Self:
        """Make an index without releases in *directory*, which must not exist, and open it.

        Raises:
            ConfigError: If it exists or cannot be made.
        """
        disk = disk or Disk()
        try:
            create_shelf(directory, key=key, disk=disk)
        except OSError as error:
            raise ConfigError(f"cannot make an index in `{directory}`: {describe(error)}") from None
        return cls.open(directory, "write", key=key, disk=disk)

    @classmethod
    def open(
        cls,
        directory: Path,
        mode: Literal["read", "write"],
        *,
        key: DepartmentKey,
        disk: Disk | None = None,
    ) -> Self:
        """Return the index in *directory*, every byte of which was checked.

        Raises:
            ConfigError: If there is none, it is under another key, or cannot be read.
            VerificationError: If it is damaged. The guard must deny.
        """
        shelf = Shelf(directory, key=key, disk=disk or Disk(), write=mode == "write")
        index = cls(shelf, key=key, write=mode == "write")
        try:
            with index._locked(fcntl.LOCK_EX if index._write else fcntl.LOCK_SH):
                shelf.catch_up()
                if index._write:
                    shelf.sweep()
        except BaseException:
            shelf.close()
            raise
        return index

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files. Arrays handed out stay good."""
        self._shelf.close()

    @property
    def postings(self) -> int:
        """How many postings there are, those of dropped releases included until compaction."""
        return sum(run.tags.size for run in self._shelf.runs)

    def refresh(self) -> None:
        """Read what other processes registered or dropped; costs two system calls if nothing.

        Raises:
            VerificationError: If what is there is damaged. The guard must deny.
        """
        if self._shelf.has_changed():
            with self._locked(fcntl.LOCK_SH):
                self._shelf.catch_up()

    def register(self, release: ReleasedRows, *, holdings: OwnHoldings | None = None) -> Registered:
        """Put *release* into the index; it is on the disk when this returns.

        Raises:
            AuditError: If it is not on the disk. The release must not go out.
            VerificationError: If the index is damaged. The release must not go out.
        """
        chosen = select(release, holdings=holdings)
        with self._changing():
            first = self._shelf.next_row
            if first + len(release.rows) > MAX_ROW:
                raise ConfigError("the index has no row references left; begin a new epoch")
            payload = release_frame(
                release.meta, chosen, first=first, rows=len(release.rows), tagger=self._tagger
            )
            self._shelf.append(payload)
            if self._shelf.journal_postings >= JOURNAL_POSTINGS:
                self._shelf.flush()
        return Registered(
            receipt_id=release.meta.receipt_id,
            first_row=first,
            rows=len(release.rows),
            counts=chosen.counts,
        )

    def lookup(self, tags: NDArray[np.uint64]) -> Postings:
        """Return every posting of *tags* whose release was not dropped."""
        self.refresh()
        dropped = np.array(sorted(self._shelf.dropped), dtype=np.uint32)
        parts = [part for run in self._shelf.runs if (part := find_postings(run, tags, dropped))]
        query, row, number, bits = (
            np.concatenate([part[column] for part in parts]) if parts else np.empty(0, dtype=kind)
            for column, kind in enumerate((np.int64, np.uint32, np.uint8, np.uint8))
        )
        return Postings(
            query=query.astype(np.int64),
            row=row.astype(np.uint32),
            field=number.astype(np.uint8),
            surprisal=bits.astype(np.uint8),
        )

    def might_hold(self, quick: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return for each of *quick* whether a value, or its beginning, may be here.

        Sometimes wrong when it says yes, never when it says no.
        """
        self.refresh()
        short = (quick >> np.uint64(32)).astype(np.uint32)
        return any_bloom_holds([run.bloom for run in self._shelf.runs], short)

    def release_of(self, rows: NDArray[np.uint32]) -> list[ReleaseMeta]:
        """Return the release of each of *rows*.

        Raises:
            ValueError: If a row was never here.
        """
        found: dict[int, ReleaseMeta] = {}
        known: dict[tuple[int, int], ReleaseMeta] = {}
        wanted = np.unique(rows)
        for at, run in enumerate(self._shelf.runs):
            for row, owner in zip(wanted.tolist(), run.owners(wanted).tolist(), strict=True):
                if owner < 0:
                    continue
                if (at, owner) not in known:
                    known[at, owner] = ReleaseMeta.from_json(run.describe(owner))
                found[row] = known[at, owner]
        if len(found) != wanted.size:
            raise ValueError("a row that is not in the index")
        return [found[row] for row in rows.tolist()]

    def drop(self, release_id: str) -> int:
        """Forget every release under this receipt, and return how many there were.

        They are found no more when this returns; :meth:`compact` takes them off the disk.

        Raises:
            AuditError: If this did not reach the disk.
        """
        name = self._tagger.tags([release_id])[0]
        return self._drop(lambda run: run.releases["name"] == name)

    def lapse(self, now: datetime) -> int:
        """Forget the releases whose duties ended before the day of *now*; return how many.

        Raises:
            AuditError: If this did not reach the disk.
        """
        today = (now.date() - EPOCH).days
        return self._drop(lambda run: run.releases["day"] < today)

    def compact(self) -> None:
        """Write everything into one sorted file, without what was dropped.

        Raises:
            AuditError: If this did not reach the disk. The index is as it was.
        """
        with self._changing():
            self._shelf.compact()

    def verify(self) -> None:
        """Return only if every byte of the index is what was written.

        Raises:
            VerificationError: If it is not. The guard must deny.
            ConfigError: If it cannot be read.
        """
        with self._locked(fcntl.LOCK_SH):
            self._shelf.catch_up(anew=True)
            for path in self._shelf.paths():
                verify_run(path, mac=self._shelf.mac)

    def _drop(self, which: _Which) -> int:
        with self._changing():
            first = {
                int(row) for run in self._shelf.runs for row in run.releases["first"][which(run)]
            }
            gone = sorted(first - self._shelf.dropped)
            if gone:
                self._shelf.append(gone_frame(gone))
        return len(gone)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the lock of writers over an index that is up to date."""
        if not self._write:
            raise ConfigError("the index was opened for reading")
        with self._locked(fcntl.LOCK_EX):
            self._shelf.catch_up()
            try:
                yield
            except OSError as error:
                raise AuditError(f"the index cannot be written: {describe(error)}") from None

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with self._shelf.lock_file() as fd:
            fcntl.flock(fd, how)
            yield
