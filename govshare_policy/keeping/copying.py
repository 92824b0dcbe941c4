# SPDX-License-Identifier: Apache-2.0
"""Copying the files of an archive: what is there stays, and what is new is on the disk."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from govshare_policy.audit.disk import Disk
from govshare_policy.crypto import sm3_new
from govshare_policy.errors import ConfigError
from govshare_policy.keeping.listing import Listed

_BLOCK_BYTES: Final = 1 << 20


def digest_file(path: Path, name: str, *, tick: Callable[[int], None] | None = None) -> Listed:
    """Return length and SM3 of the file *path*, which lists call *name*.

    Raises:
        OSError: If it cannot be read.
    """
    state, size = sm3_new(), 0
    with path.open("rb") as file:
        # Read from the medium, not from what the system remembers of having written it.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while block := file.read(_BLOCK_BYTES):
            state.update(block)
            size += len(block)
            if tick is not None:
                tick(len(block))
    return Listed(path=name, size_bytes=size, digest=state.digest())


def copy_file(source: Path, target: Path, *, disk: Disk) -> None:
    """Have *target* be a copy of *source* that is on the disk. Nothing is overwritten.

    A copy that broke off is begun again; one that is there is only compared.

    Raises:
        ConfigError: If *target* is another file.
        OSError: If the disk failed.
    """
    if target.exists():
        if digest_file(source, "_") != digest_file(target, "_"):
            raise ConfigError(f"`{target.name}` in the archive is another file; keep it, and ask")
        return
    beside = target.parent.parent / "copy.tmp"
    fd = disk.create_beside(beside)
    try:
        place = 0
        with source.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                disk.write_all(fd, block, place)
                place += len(block)
        disk.datasync(fd)
    finally:
        disk.close(fd)
    disk.rename(beside, target)
    disk.sync_dir(target.parent)


def write_new(path: Path, data: bytes, *, disk: Disk) -> None:
    """Have the file *path* hold *data*, on the disk. Nothing is overwritten.

    Raises:
        ConfigError: If it holds something else.
        OSError: If the disk failed.
    """
    if path.exists():
        if path.read_bytes() != data:
            raise ConfigError(f"`{path.name}` in the archive is another file; keep it, and ask")
        return
    disk.replace(path, data)


def make_directory(path: Path, *, disk: Disk) -> None:
    """Have *path* be a directory, on the disk.

    Raises:
        OSError: If the disk failed.
    """
    if not path.is_dir():
        disk.mkdir(path)
        disk.sync_dir(path.parent)
