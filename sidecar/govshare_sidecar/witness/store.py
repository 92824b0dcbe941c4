# SPDX-License-Identifier: Apache-2.0
"""What a witness signed last of each log, on a disk, before anybody hears of it."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from govshare_policy.audit import Checkpoint
from govshare_policy.audit.checkpoint import MAX_NOTE_BYTES
from govshare_policy.audit.disk import Disk, describe
from govshare_policy.audit.witness import Witness
from govshare_policy.crypto import sm3
from govshare_policy.errors import AuditError, VerificationError

_LOCK: Final = "lock"
_DISK: Final = Disk()


def log_id(origin: str) -> str:
    """Return the digits under which a log is kept and asked for: SM3 of its origin, in hex."""
    return sm3(origin.encode()).hex()


class Store:
    """The last checkpoints of a witness: read once, then in memory and on the disk alike.

    After an error of the disk it is not used again: what the disk kept is unknown.
    """

    def __init__(self, directory: Path, *, lock: int, disk: Disk) -> None:
        """Begin with nothing; call :meth:`open` instead."""
        self._directory = directory
        self._lock = lock
        self._disk = disk
        self._last: dict[str, Checkpoint] = {}
        self._failed = False

    @classmethod
    def open(cls, directory: Path, witness: Witness, *, disk: Disk = _DISK) -> Self:
        """Return what *witness* signed so far; nothing, if *directory* is not there yet.

        Raises:
            AuditError: If another process has it open, or what is kept is not what *witness*
                signed. Never guess here: a witness that forgets signs a fork.
        """
        try:
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise AuditError(
                f"the state of the witness cannot be used: {describe(error)}"
            ) from None
        store = cls(directory, lock=lock, disk=disk)
        try:
            store._acquire()
            for origin in witness.logs:
                store._load(origin, witness)
        except BaseException:
            store.close()
            raise
        return store

    def last(self, origin: str) -> Checkpoint | None:
        """Return the last cosigned checkpoint of the log *origin*, or none.

        Raises:
            AuditError: If the disk failed since the store was opened.
        """
        self._verify_usable()
        return self._last.get(origin)

    def find(self, digits: str) -> Checkpoint | None:
        """Return the last cosigned checkpoint of the log whose :func:`log_id` is *digits*."""
        self._verify_usable()
        return next((kept for kept in self._last.values() if log_id(kept.origin) == digits), None)

    def keep(self, cosigned: Checkpoint) -> None:
        """Return once *cosigned* is on the disk as the last one of its log.

        Raises:
            AuditError: If the disk failed. Nothing may be given out, now or later.
        """
        self._verify_usable()
        try:
            self._disk.replace(self._path(cosigned.origin), cosigned.to_note())
        except OSError as error:
            self._failed = True
            raise AuditError(f"the state of the witness was not kept: {describe(error)}") from error
        self._last[cosigned.origin] = cosigned

    def close(self) -> None:
        """Let the next process in."""
        with suppress(OSError):
            os.close(self._lock)

    def _path(self, origin: str) -> Path:
        return self._directory / f"{log_id(origin)}.note"

    def _verify_usable(self) -> None:
        if self._failed:
            raise AuditError("the disk of the witness failed, so nothing is signed until a restart")

    def _acquire(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AuditError("the state of the witness is open in another process") from None

    def _load(self, origin: str, witness: Witness) -> None:
        path = self._path(origin)
        try:
            with path.open("rb") as file:
                kept = Checkpoint.from_note(file.read(MAX_NOTE_BYTES + 1))
            witness.verify_stored(kept, origin)
        except FileNotFoundError:
            return
        except VerificationError as error:
            raise AuditError(
                f"the state `{path.name}` is not what this witness signed: {error}"
            ) from None
        except OSError as error:
            raise AuditError(f"the state `{path.name}` cannot be read: {describe(error)}") from None
        self._last[origin] = kept
