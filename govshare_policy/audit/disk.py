# SPDX-License-Identifier: Apache-2.0
"""Every change the log makes to a disk, in one place, so that tests can make each of them fail."""

import os
from pathlib import Path


class Disk:
    """The system calls that write. Each raises :exc:`OSError` when it did not do its work."""

    def create_beside(self, path: Path) -> int:
        """Return a read-write descriptor of the empty temporary file *path*.

        What a crash left there is overwritten: it holds nothing that the log does not hold.
        """
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)

    def open(self, path: Path) -> int:
        """Return a read-write descriptor of the existing file *path*."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Write at *offset* and return how many bytes were taken, which may be fewer."""
        return os.pwrite(fd, data, offset)

    def truncate(self, fd: int, size: int) -> None:
        """Set the size of the file."""
        os.ftruncate(fd, size)

    def datasync(self, fd: int) -> None:
        """Return once the content and the size of the file are on the disk."""
        os.fdatasync(fd)

    def close(self, fd: int) -> None:
        """Close the descriptor."""
        os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Rename a file, replacing *new*."""
        old.replace(new)

    def remove(self, path: Path) -> None:
        """Remove a file. Only a segment whose stub is on the disk is ever removed."""
        path.unlink()

    def mkdir(self, path: Path) -> None:
        """Make a directory that must not exist."""
        path.mkdir(mode=0o750)

    def sync_dir(self, path: Path) -> None:
        """Return once the names in the directory are on the disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def write_all(self, fd: int, data: bytes, offset: int) -> None:
        """Write all of *data* at *offset*, in as many calls as it takes."""
        view = memoryview(data)
        while view:
            count = self.pwrite(fd, view, offset)
            view, offset = view[count:], offset + count

    def replace(self, path: Path, data: bytes, *, beside: Path | None = None) -> None:
        """Make *data* the content of *path*: all of it or, if this fails, nothing of it.

        Args:
            path: The file; its directory is synced as well.
            data: Its new content.
            beside: The temporary file, on the same file system; ``<path>.tmp`` if not given.
        """
        beside = beside or path.with_name(path.name + ".tmp")
        fd = self.create_beside(beside)
        try:
            self.write_all(fd, data, 0)
            self.datasync(fd)
        finally:
            self.close(fd)
        self.rename(beside, path)
        self.sync_dir(path.parent)


def describe(error: OSError) -> str:
    """Return what the system says about *error*, without the path."""
    return os.strerror(error.errno).lower() if error.errno else "an unknown error"
