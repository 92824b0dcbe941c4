# SPDX-License-Identifier: Apache-2.0
"""Where the index is kept, and when it is thrown away.

An index that came with a log may have been made to hide records, and nothing can tell but making
it anew. So it is not kept in the log but where only the auditor writes: in a cache directory. A
sum over the file finds accidents; an index that fails any check is made anew from the log.
"""

import fcntl
import os
import sqlite3
import tempfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from govshare_policy.errors import AuditError, ConfigError
from govshare_policy.inspection.index import APPLICATION_ID, Index, Progress, StaleIndexError
from govshare_policy.inspection.reading import read_manifest

_FORMAT: Final = b"govshare-index/v1"
_SUM_SUFFIX: Final = ".sum"
_READ_BYTES: Final = 1 << 20
_MAGIC: Final = b"SQLite format 3\0"
_ID_AT: Final = 68

T = TypeVar("T")
Use = Callable[[Index], T]


def use_index(
    directory: Path,
    use: Use[T],
    *,
    place: Path | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> T:
    """Return what *use* makes of the index of the log in *directory*, brought up to date.

    Args:
        directory: The log; nothing is written to it.
        use: May raise :exc:`StaleIndexError` if the log contradicts the index; it is then called
            a second time, with an index made anew.
        place: The file to keep the index in.
        cache: The directory to keep it in where no file is named. Without either, or where
            nothing can be written, the index is kept no longer than this call.
        progress: Told the records indexed so far, and those there are as far as is known.

    Raises:
        ConfigError: If *place* cannot be written, or holds something else than an index.
        LogDamageError: If the log contradicts itself.
        AuditError: If there is no room for the index, or the log keeps contradicting a new one.
        OSError: If the log cannot be read.
    """
    name = f"{read_manifest(directory).genesis.hex()}.sqlite"
    with ExitStack() as stack:
        path, lock = _shelf(place, cache, name, stack)
        try:
            return _attempt(directory, use, path, lock, progress)
        except (StaleIndexError, sqlite3.DatabaseError):
            _forget(path, lock)
        try:
            return _attempt(directory, use, path, lock, progress)
        except sqlite3.Error as error:
            kind = type(error).__name__
            raise AuditError(f"the index cannot be kept in `{path.name}` ({kind})") from None


def _attempt(
    directory: Path, use: Use[T], path: Path, lock: BinaryIO, progress: Progress | None
) -> T:
    if not _is_whole(path, lock):
        _forget(path, lock)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        # What broke off is made anew, so nothing has to survive a crash.
        db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF")
        index = Index(db, directory) if path.stat().st_size else Index.create(db, directory)
        db.execute("BEGIN")
        changed = index.update(progress)
        db.execute("COMMIT")
        if changed:
            _seal(path, lock)
        return use(index)


def _shelf(
    place: Path | None, cache: Path | None, name: str, stack: ExitStack
) -> tuple[Path, BinaryIO]:
    """Return a file for the index and the open, locked file of its sum."""
    if place is not None:
        _refuse_others(place)
        try:
            return place, _locked(place, stack)
        except OSError as error:
            raise ConfigError(
                f"the index cannot be kept in `{place.name}` ({error.strerror}); name another file"
            ) from None
    if cache is not None:
        with suppress(OSError):
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cache / name, _locked(cache / name, stack)
    path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="govshare-"))) / name
    return path, _locked(path, stack)


def _locked(path: Path, stack: ExitStack) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    os.close(os.open(path, flags, 0o600))
    fd = os.open(path.with_name(path.name + _SUM_SUFFIX), flags, 0o600)
    lock = stack.enter_context(os.fdopen(fd, "r+b", buffering=0))
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _refuse_others(path: Path) -> None:
    """Return only if nothing but an index can be lost by writing to *path*."""
    try:
        with path.open("rb") as file:
            head = file.read(_ID_AT + 4)
        beside = path.with_name(path.name + _SUM_SUFFIX)
        summed = beside.is_file() and beside.read_bytes().startswith(_FORMAT)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"`{path.name}` cannot be read ({error.strerror})") from None
    ours = head.startswith(_MAGIC) and head[_ID_AT:] == APPLICATION_ID.to_bytes(4)
    if head and not ours and not summed:
        raise ConfigError(f"`{path.name}` is not an index; name another file")


def _is_whole(path: Path, lock: BinaryIO) -> bool:
    """Tell whether the file is as it was left, or is a new one."""
    lock.seek(0)
    return path.stat().st_size == 0 or lock.read() == _sum(path)


def _seal(path: Path, lock: BinaryIO) -> None:
    stated = _sum(path)
    lock.seek(0)
    lock.truncate()
    lock.write(stated)


def _sum(path: Path) -> bytes:
    crc, size = 0, 0
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            crc, size = zlib.crc32(block, crc), size + len(block)
    return b"%s %d %08x\n" % (_FORMAT, size, crc)


def _forget(path: Path, lock: BinaryIO) -> None:
    lock.truncate(0)
    with path.open("r+b") as file:
        file.truncate()
