# SPDX-License-Identifier: Apache-2.0
"""The files of an index as one process sees them: sorted runs, and the journal behind them.

Every method that reads or writes the disk is called under the lock of the index.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final

from govshare_policy.audit.disk import Disk, describe
from govshare_policy.egress.files import load_loose, load_run, remove_run, write_run
from govshare_policy.egress.frames import Gone, parse_frame
from govshare_policy.egress.journal import Journal, Place, create_journal
from govshare_policy.egress.keys import DepartmentKey
from govshare_policy.egress.manifest import NAME, Manifest, load_manifest, store_manifest
from govshare_policy.egress.runs import Loose, Run, join_runs
from govshare_policy.egress.tags import Mac
from govshare_policy.errors import ConfigError

LOCK: Final = "lock"
_MANY: Final = 16


class Shelf:
    """What is in force, and what of it is in memory. Owned by one :class:`Index`."""

    def __init__(self, directory: Path, *, key: DepartmentKey, disk: Disk, write: bool) -> None:
        self.directory = directory
        self.mac = Mac.of(key.derive("files"))
        self._key = key
        self._disk = disk
        self._write = write
        self._manifest: Manifest | None = None
        self._stored: dict[str, Run] = {}
        self._fresh: list[Loose] = []
        self._journal: Journal | None = None
        self._place: Place | None = None
        self._seen: tuple[object, ...] = ()
        self.dropped: frozenset[int] = frozenset()
        self.next_row = 0

    @property
    def runs(self) -> list[Run]:
        """Every run, those of the journal last."""
        return [*self._stored.values(), *(loose.run for loose in self._fresh)]

    @property
    def journal_postings(self) -> int:
        """How many postings are in the journal."""
        return sum(loose.run.tags.size for loose in self._fresh)

    def paths(self) -> list[Path]:
        """Return the sorted files."""
        return [self.directory / name for name in self._stored]

    @contextmanager
    def lock_file(self) -> Iterator[int]:
        """Open the file whose lock parts writers from everybody else."""
        try:
            fd = os.open(self.directory / LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigError(
                f"cannot open the index in `{self.directory}`: {describe(error)}"
            ) from None
        try:
            yield fd
        finally:
            os.close(fd)

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def has_changed(self) -> bool:
        """Return whether there is anything that :meth:`catch_up` has not read."""
        return self._look() != self._seen

    def catch_up(self, *, anew: bool = False) -> None:
        """Read what is not in memory yet; with *anew* read everything again.

        Raises:
            VerificationError: If anything that was acknowledged is damaged.
            ConfigError: If a file cannot be read.
        """
        manifest = load_manifest(self.directory, key=self._key, mac=self.mac)
        if anew or manifest != self._manifest or self._journal is None:
            self._take(manifest)
        journal, place = self._open()
        frames, self._place = journal.read(place)
        for frame in frames:
            self._apply(frame)
        self._seen = self._look()

    def append(self, payload: bytes) -> None:
        """Put a frame into the journal.

        Raises:
            OSError: If it may not be on the disk.
        """
        journal, place = self._open()
        self._place = journal.append(payload, place)
        self._apply(payload)
        self._seen = self._look()

    def flush(self) -> None:
        """Make a sorted file of the journal, together with the files that are not much larger."""
        total, taken = self.journal_postings, 0
        for run in reversed(self._stored.values()):
            if run.tags.size > 2 * total:
                break
            total, taken = total + run.tags.size, taken + 1
        self._rewrite(len(self._stored) - taken)

    def compact(self) -> None:
        """Make one sorted file of everything."""
        self._rewrite(0)

    def sweep(self) -> None:
        """Remove the files that a crash left, or that an interrupted change replaced."""
        manifest = self._manifest
        if manifest is None:
            return
        valid = {LOCK, NAME, manifest.journal}
        valid.update(name + end for name in manifest.runs for end in ("", ".quick"))
        for path in sorted(self.directory.iterdir()):
            if path.name not in valid and path.name.startswith(("run-", "journal-", NAME)):
                self._disk.remove(path)

    def _take(self, manifest: Manifest) -> None:
        """Put *manifest* in the place of what is in memory."""
        stored = {
            name: self._stored.get(name) or load_run(self.directory / name, mac=self.mac)
            for name in manifest.runs
        }
        journal = Journal.open(
            self.directory / manifest.journal, disk=self._disk, mac=self.mac, write=self._write
        )
        self.close()
        self._manifest, self._stored, self._fresh = manifest, stored, []
        self._journal, self._place = journal, journal.start()
        self.dropped, self.next_row = manifest.dropped, manifest.next_row

    def _apply(self, payload: bytes) -> None:
        frame = parse_frame(payload)
        if isinstance(frame, Gone):
            self.dropped |= frame.first
            return
        self._fresh.append(frame)
        release = frame.run.releases[0]
        # A release without rows takes a number too: by its first row a release is known.
        self.next_row = int(release["first"]) + max(1, int(release["rows"]))
        if len(self._fresh) >= _MANY:
            self._gather()

    def _gather(self) -> None:
        """Put small runs of the journal together, so that a lookup has few to look at."""
        taken = [self._fresh.pop()]
        total = taken[0].run.tags.size
        while self._fresh and self._fresh[-1].run.tags.size <= 2 * total + _MANY:
            taken.append(self._fresh.pop())
            total += taken[-1].run.tags.size
        self._fresh.append(join_runs(taken[::-1], dropped=frozenset()))

    def _rewrite(self, keep: int) -> None:
        """Put the journal and all sorted files but the first *keep* into one new file."""
        old = self._manifest
        if old is None:
            raise ValueError("nothing was read yet")
        names = list(self._stored)
        taken = [
            load_loose(self.directory / name, self._stored[name], mac=self.mac)
            for name in names[keep:]
        ]
        generation = old.generation + 1
        journal = f"journal-{generation}"
        manifest = replace(
            old,
            generation=generation,
            next_row=self.next_row,
            runs=tuple(names[:keep]),
            journal=journal,
            dropped=self.dropped,
        )
        if parts := [*taken, *self._fresh]:
            joined = join_runs(parts, dropped=self.dropped)
            name = f"run-{generation}"
            write_run(self._disk, self.directory / name, joined, mac=self.mac)
            manifest = replace(manifest, runs=(*manifest.runs, name))
        if not keep:
            manifest = replace(manifest, dropped=frozenset())
        create_journal(self.directory / journal, disk=self._disk, mac=self.mac)
        store_manifest(self._disk, self.directory, manifest, key=self._key, mac=self.mac)
        self.catch_up()
        for name in names[keep:]:
            remove_run(self._disk, self.directory / name)
        self._disk.remove(self.directory / old.journal)

    def _open(self) -> tuple[Journal, Place]:
        if self._journal is None or self._place is None:
            raise ConfigError(f"the index in `{self.directory}` is closed")
        return self._journal, self._place

    def _look(self) -> tuple[object, ...]:
        """Return what changes whenever the manifest or the journal does."""
        journal, _ = self._open()
        try:
            found = (self.directory / NAME).stat()
        except OSError as error:
            raise ConfigError(
                f"there is no index in `{self.directory}`: {describe(error)}"
            ) from None
        return found.st_ino, found.st_mtime_ns, found.st_size, journal.marks()


def create_shelf(directory: Path, *, key: DepartmentKey, disk: Disk) -> None:
    """Make the files of an index without releases in *directory*, which must not exist.

    They are made beside it and get its name together: of several processes that start at once, one
    makes the index, and none meets half of one.

    Raises:
        OSError: If they may not be on the disk, or *directory* holds anything.
    """
    mac = Mac.of(key.derive("files"))
    made = Path(mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        disk.replace(made / LOCK, b"")
        create_journal(made / "journal-0", disk=disk, mac=mac)
        first = Manifest(
            generation=0, next_row=0, runs=(), journal="journal-0", dropped=frozenset()
        )
        store_manifest(disk, made, first, key=key, mac=mac)
        # Onto a directory that holds anything, nothing is renamed.
        disk.rename(made, directory)
    except BaseException:
        rmtree(made, ignore_errors=True)
        raise
    disk.sync_dir(directory.parent)
