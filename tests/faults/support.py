# SPDX-License-Identifier: Apache-2.0
"""Disks that fail on purpose, and what must hold afterwards."""

import errno
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    Receipt,
    TrustPolicy,
    parse_trust,
    read_records,
    trust_text,
    verify_log,
    verify_receipt,
)
from govshare_policy.audit.disk import Disk
from govshare_policy.crypto import Signer, generate_key, open_signer

ORIGIN = "audit.example/one"


class Crash(SystemExit):
    """The process is gone; nobody handles this, and threads end on it in silence."""


class FaultyDisk(Disk):
    """Fails at call number *nth*, from 1; with 0 it only counts.

    Modes: ``failed`` does nothing and raises, ``persisted`` does all and raises, ``half`` writes
    half and raises, ``crashed`` does half and ends the process, ``crashed late`` does all first.
    """

    def __init__(self, nth: int = 0, mode: str = "failed") -> None:
        self.nth, self.mode = nth, mode
        self.calls: list[str] = []
        self.dead = False

    @property
    def has_failed(self) -> bool:
        """Whether the call that fails is over."""
        return 0 < self.nth <= len(self.calls)

    def _do(self, name: str, call: Callable[[], int | None]) -> int | None:
        if self.dead:
            raise Crash
        self.calls.append(name)
        if len(self.calls) != self.nth:
            return call()
        if self.mode in ("persisted", "crashed late"):
            call()
        if self.mode.startswith("crashed"):
            self.dead = True
            raise Crash
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def create_beside(self, path: Path) -> int:
        return self._do("create", lambda: super(FaultyDisk, self).create_beside(path)) or 0

    def open(self, path: Path) -> int:
        return self._do("open", lambda: super(FaultyDisk, self).open(path)) or 0

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        if len(self.calls) + 1 == self.nth and self.mode in ("half", "crashed") and not self.dead:
            super().pwrite(fd, data[: len(data) // 2], offset)
        return self._do("pwrite", lambda: super(FaultyDisk, self).pwrite(fd, data, offset)) or 0

    def truncate(self, fd: int, size: int) -> None:
        self._do("truncate", lambda: super(FaultyDisk, self).truncate(fd, size))

    def datasync(self, fd: int) -> None:
        self._do("datasync", lambda: super(FaultyDisk, self).datasync(fd))

    def close(self, fd: int) -> None:
        # A dead process closes its files too.
        if self.dead:
            super().close(fd)
        else:
            self._do("close", lambda: super(FaultyDisk, self).close(fd))

    def rename(self, old: Path, new: Path) -> None:
        self._do("rename", lambda: super(FaultyDisk, self).rename(old, new))

    def mkdir(self, path: Path) -> None:
        self._do("mkdir", lambda: super(FaultyDisk, self).mkdir(path))

    def sync_dir(self, path: Path) -> None:
        self._do("sync_dir", lambda: super(FaultyDisk, self).sync_dir(path))


class Laboratory:
    """A key, a clock, and the rules that hold after every fault."""

    def __init__(self, directory: Path) -> None:
        self.key = directory / "key.pem"
        generate_key(self.key, b"correct horse")
        self.signer: Signer = open_signer(f"file:{self.key}", b"correct horse")
        self.trust: TrustPolicy = parse_trust(trust_text(ORIGIN, self.signer.public))

    def now(self) -> datetime:
        return datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)

    def create(self, path: Path, disk: Disk) -> AuditLog:
        return AuditLog.create(
            path, origin=ORIGIN, signer=self.signer, now=self.now, preallocate=512, disk=disk
        )

    def open(self, path: Path, disk: Disk | None = None) -> AuditLog:
        disk = disk or Disk()
        return AuditLog.open(path, signer=self.signer, now=self.now, preallocate=512, disk=disk)

    def copy(self, path: Path, copy: Path) -> None:
        """Copy a log to another place."""
        shutil.copytree(path, copy)

    def check(self, path: Path, receipts: list[Receipt]) -> None:
        """Take the log up and check that nothing acknowledged was lost, and that it goes on."""
        with self.open(path) as log:
            size = log.size
            receipts = [*receipts, log.append(b'{"after":"the fault"}')]
        # The log may have put a record of its own before: of a clock that went back.
        assert receipts[-1].index >= size
        records = dict(read_records(path))
        for receipt in receipts:
            assert records[receipt.index] == receipt.record
            verify_receipt(receipt, self.trust)
        known = [Checkpoint.from_note(receipt.checkpoint) for receipt in receipts]
        assert verify_log(path, self.trust, known=known).size == receipts[-1].index + 1
