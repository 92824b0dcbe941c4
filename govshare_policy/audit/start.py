# SPDX-License-Identifier: Apache-2.0
"""How a log comes into being, and how it is taken up again."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from govshare_policy.audit.damage import Damage, LogDamageError, Part
from govshare_policy.audit.disk import Disk, describe
from govshare_policy.audit.layout import (
    MANIFEST,
    PENDING,
    QUARANTINE,
    SEGMENTS,
    segment_file,
)
from govshare_policy.audit.ledger import Ledger
from govshare_policy.audit.manifest import Manifest, genesis_record
from govshare_policy.audit.merkle import leaf_hash
from govshare_policy.audit.pin import Mark, Pin, Worn, furthest, load_marks, load_worn
from govshare_policy.audit.record import encode_record, format_time, new_record_id
from govshare_policy.audit.recovery import State, inspect, list_pending, put_aside, root_at
from govshare_policy.audit.segment import Seal
from govshare_policy.crypto import Signer
from govshare_policy.errors import AuditError, VerificationError


class Lock:
    """Keeps a second writer away from a log, in this process or another on this host."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def acquire(cls, directory: Path) -> Self:
        """Return the lock of the log in *directory*.

        Raises:
            AuditError: If somebody holds it.
            OSError: If there is no log.
        """
        fd = os.open(directory / MANIFEST, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise AuditError(f"the log `{directory.name}` is open in another process") from None
        return cls(fd)

    def release(self) -> None:
        """Let the next writer in."""
        os.close(self._fd)


def create_ledger(
    directory: Path,
    *,
    origin: str,
    signer: Signer,
    at: datetime,
    pin: Pin | None,
    preallocate: int,
    disk: Disk,
) -> tuple[Ledger, Lock]:
    """Return a new log that holds its first record. ``log.json``, written last, makes it one.

    Raises:
        AuditError: If *directory* is not empty, the pin remembers a log, or a write failed.
    """
    record = genesis_record(origin, signer.public, at=at)
    manifest = Manifest(origin=origin, created=format_time(at), genesis=leaf_hash(record))
    if pin is not None and pin.load() is not None:
        raise AuditError("the pin of a new log already remembers a log")
    ledger = Ledger(directory, manifest, signer=signer, disk=disk, preallocate=preallocate)
    ledger.pin = pin
    with _refusing(f"the log `{directory.name}` cannot be created"), ExitStack() as undo:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise AuditError(f"the directory `{directory.name}` is not empty")
        disk.mkdir(directory / SEGMENTS)
        disk.mkdir(directory / QUARANTINE)
        disk.sync_dir(directory.parent)
        undo.callback(ledger.close)
        ledger.create_segment()
        ledger.commit([record], at)
        ledger.publish()
        disk.replace(directory / MANIFEST, manifest.to_bytes())
        lock = Lock.acquire(directory)
        undo.pop_all()
    return ledger, lock


def open_ledger(
    directory: Path,
    *,
    signer: Signer,
    at: datetime,
    pin: Pin | None,
    preallocate: int,
    disk: Disk,
) -> tuple[Ledger, Lock]:
    """Return the log in *directory* as its last commit left it, repaired and pinned.

    Raises:
        LogDamageError: If the log is damaged or shorter than *pin*. Nothing was changed.
        VerificationError: If *pin* lost what no crash takes from it. Nothing was changed.
        AuditError: If somebody else writes to it, or the disk failed.
    """
    with _refusing(f"the log `{directory.name}` cannot be opened"), ExitStack() as undo:
        lock = Lock.acquire(directory)
        undo.callback(lock.release)
        state = inspect(directory, signer.public)
        marks = [mark for mark in load_marks(pin) if mark is not None]
        for mark in marks:
            verify_mark(directory, mark, state)
        worn = load_worn(pin)
        for one in worn:
            verify_worn(one, state)
        ledger = Ledger(
            directory, state.manifest, signer=signer, disk=disk, preallocate=preallocate
        )
        undo.callback(ledger.close)
        ledger.restore(state.frontier, state.checkpoint, time=state.time)
        ledger.pin, ledger.mark = pin, furthest(marks)
        put_aside(directory, state, disk=disk)
        _take_up(ledger, state)
        _record_worn(ledger, worn, at=at)
        _record_tails(ledger, at=at, disk=disk)
        ledger.advance_pin()
        ledger.publish()
        undo.pop_all()
    return ledger, lock


def verify_mark(directory: Path, mark: Mark, state: State) -> None:
    """Return only if the log in *state* went through *mark*.

    Raises:
        LogDamageError: If it is another log, ends before the mark, or was different there.
        OSError: If the log cannot be read.
    """
    last, file = state.checkpoint, segment_file(state.last.first)
    if mark.origin != last.origin:
        part = Part(file=MANIFEST, offset=0, what="the pin is of another log")
        raise LogDamageError(Damage.FORK, part)
    if mark.size > last.size:
        what = (
            f"the log ends at size {last.size} but its pin is at {mark.size}: {_lost(mark, state)}"
        )
        part = Part(file=file, offset=state.last.end, what=what)
        raise LogDamageError(Damage.SHORT, part, last.size)
    root = last.root if mark.size == last.size else root_at(directory, mark.size, state.manifest)
    if root != mark.root:
        what = f"at size {mark.size} the log is not the pinned one"
        raise LogDamageError(Damage.FORK, Part(file=file, offset=0, what=what))


def verify_worn(worn: Worn, state: State) -> None:
    """Return only if a crash explains that the pin lost something, or it does not matter.

    A pin is written once its commit is on the disk. If a crash broke that off, the log goes on
    behind the mark that is left; and where it does, it holds the commit that was pinned last. A
    log that ends at the mark may lack it.

    Raises:
        VerificationError: If the log ends at the mark.
    """
    if worn.mark.size >= state.checkpoint.size:
        raise VerificationError(
            f"the pin `{worn.name}` is damaged, and the log ends at the mark that is left in it, "
            f"size {worn.mark.size}: its last commit may be missing; compare the log with what "
            "witnesses and callers hold, then move the pin away"
        )


def _lost(mark: Mark, state: State) -> str:
    """Say which records the log lacks, and from when to when they were written."""
    first, count = state.checkpoint.size, mark.size - state.checkpoint.size
    which = f"record {first} is lost" if count == 1 else f"{count} records from {first} on are lost"
    until = "" if mark.time is None else f" and not after {_utc(mark.time)}"
    return f"{which}, written not before {_utc(state.time)}{until}"


def _utc(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _take_up(ledger: Ledger, state: State) -> None:
    """Open the last segment where it ends; seal it and begin the next one if it is full."""
    last = state.last
    ledger.open_segment(ledger.directory / segment_file(last.first), end=last.end)
    if last.seal_root is None or last.commit is None:
        return
    if not last.sealed:
        seal = Seal(commit_offset=last.commit.offset, root=last.seal_root)
        ledger.write_seal(seal.to_frame())
    ledger.rotate_if_full()


def _record_worn(ledger: Ledger, worn: Iterable[Worn], *, at: datetime) -> None:
    """Append a record of every pin that lost something; that commit writes the pin anew."""
    for one in worn:
        record = encode_record(
            {
                "v": 1,
                "id": new_record_id(at),
                "t": format_time(at),
                "phase": "recovery",
                "event": "worn_pin",
                "pin": one.name,
                "size": one.mark.size,
            }
        )
        ledger.commit([record], at)
        ledger.rotate_if_full()


def _record_tails(ledger: Ledger, *, at: datetime, disk: Disk) -> None:
    """Append a record of every tail in quarantine that none speaks of, then give it its name."""
    for path, size, digest in list(list_pending(ledger.directory)):
        record = encode_record(
            {
                "v": 1,
                "id": new_record_id(at),
                "t": format_time(at),
                "phase": "recovery",
                "event": "torn_tail",
                "file": path.name.removesuffix(PENDING),
                "bytes": size,
                "sm3": digest.hex(),
            }
        )
        ledger.commit([record], at)
        ledger.rotate_if_full()
        disk.rename(path, path.with_suffix(""))
        disk.sync_dir(path.parent)


@contextmanager
def _refusing(sentence: str) -> Iterator[None]:
    """Say *sentence* and what the system said, where a system call fails."""
    try:
        yield
    except OSError as error:
        raise AuditError(f"{sentence}: {describe(error)}") from error
