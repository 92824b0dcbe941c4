# SPDX-License-Identifier: Apache-2.0
"""Keeping the salt store as long as the log: a copy of it, and whether both still fit together.

A copy holds the salts that were erased since, so it is replaced and not added to, and what a copy
brings back is erased again, as the log says.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from govshare_policy.audit import SaltStore, read_records
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.salttree import LEVELS, day_of, path_of
from govshare_policy.errors import AuditError, VerificationError

_COMMITMENTS: Final = b'"commitments":{'
_ERASURE: Final = b'"event":"erasure"'
_MOST_NAMED: Final = 100
_REMEMBERED_DAYS: Final = 64
_DISK: Final = Disk()


@dataclass(frozen=True, slots=True, kw_only=True)
class SaltReport:
    """Whether a salt store is that of a log, whole and no more.

    Attributes:
        kept: How many records with commitments have a salt.
        erased: How many had one, which was erased on record.
        missing: How many have none although none was erased: the store lost it.
        first_missing: The numbers of the first of them; at most 100.
        unfinished: Ids of the erasures on record that the store did not carry out, or that an old
            copy of it undid.
    """

    kept: int
    erased: int
    missing: int
    first_missing: tuple[int, ...]
    unfinished: tuple[str, ...]


def inspect_salts(
    directory: Path, salts: SaltStore, *, archives: Sequence[Path] = ()
) -> SaltReport:
    """Return how *salts* and the log in *directory* fit together. Verifies no record.

    Raises:
        VerificationError: If the log cannot be read to its end.
        AuditError: If the store cannot be read.
        OSError: If the log cannot be read.
    """
    kept = erased = missing = 0
    first_missing: list[int] = []
    unfinished = []
    shelf = _Shelf(salts)
    for index, record in _records(directory, archives):
        if record.get("event") == "erasure" and not shelf.is_done(record):
            unfinished.append(record["id"])
        if "commitments" not in record:
            continue
        ident = record["decision"] if record["phase"] == "outcome" else record["id"]
        if shelf.has_salt(ident):
            kept += 1
        elif shelf.is_erased(ident):
            erased += 1
        else:
            missing += 1
            first_missing.extend([index] if missing <= _MOST_NAMED else [])
    return SaltReport(
        kept=kept,
        erased=erased,
        missing=missing,
        first_missing=tuple(first_missing),
        unfinished=tuple(unfinished),
    )


def repeat_erasures(
    directory: Path, salts: SaltStore, *, archives: Sequence[Path] = ()
) -> tuple[str, ...]:
    """Erase again what the log says was erased and *salts* still has; return the ids of those.

    Raises:
        VerificationError: If the log cannot be read to its end.
        AuditError: If the store cannot be changed.
        OSError: If the log cannot be read.
    """
    done = []
    for _, record in _records(directory, archives):
        if record.get("event") == "erasure" and not _Shelf(salts).is_done(record):
            days = [date.fromisoformat(day) for day in record["days"]]
            salts.erase(record["records"], days, by=record["id"])
            done.append(record["id"])
    return tuple(done)


def copy_salts(store: Path, target: Path, *, disk: Disk = _DISK) -> None:
    """Have *target* be a copy of the salt store, in the place of an older one.

    Args:
        store: The store; it may be in use.
        target: On another disk. It must be as well guarded as the store.
        disk: The system calls.

    Raises:
        AuditError: If the store cannot be read, or *target* is no copy of one.
        OSError: If the disk failed.
    """
    with SaltStore(store, read_only=True):
        pass
    if target.exists():
        with SaltStore(target, read_only=True):
            pass
    beside = target.with_name(f"{target.name}.tmp")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    try:
        _copy(store, beside)
    except sqlite3.Error as error:
        raise AuditError(f"the salt store was not copied ({type(error).__name__})") from None
    fd = disk.open(beside)
    try:
        os.fsync(fd)
    finally:
        disk.close(fd)
    disk.rename(beside, target)
    disk.sync_dir(target.parent)


def _copy(store: Path, target: Path) -> None:
    source = sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)
    copy = sqlite3.connect(target)
    try:
        source.backup(copy)
        copy.execute("PRAGMA integrity_check")
    finally:
        copy.close()
        source.close()


class _Shelf:
    """What a store has of each day; as much of it is remembered as is asked about at a time."""

    def __init__(self, salts: SaltStore) -> None:
        self._salts = salts
        self._places = lru_cache(maxsize=_REMEMBERED_DAYS)(salts.places)

    def has_salt(self, ident: str) -> bool:
        """Tell whether a kept node leads to the salt of a record."""
        places, path = self._places(day_of(ident)), path_of(ident)
        return any(path[:depth] in places for depth in range(LEVELS + 1))

    def is_erased(self, ident: str) -> bool:
        """Tell whether the store says by which record the salt was erased."""
        whole = day_of(ident).isoformat()
        return bool(self._salts.erased_by(ident) or self._salts.erased_by(whole))

    def is_done(self, erasure: dict[str, Any]) -> bool:
        """Tell whether nothing is left of what a record says was erased."""
        days = [date.fromisoformat(day) for day in erasure["days"]]
        left = any(self._places(day) for day in days)
        left = left or any(self.has_salt(ident) for ident in erasure["records"])
        told = all(map(self._salts.erased_by, (*erasure["records"], *erasure["days"])))
        return told and not left


def _records(directory: Path, archives: Sequence[Path]) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, data in read_records(directory, archives=archives):
        if _COMMITMENTS in data or _ERASURE in data:
            try:
                yield index, json.loads(data)
            except ValueError:
                raise VerificationError(f"record {index} of the log is not json") from None
