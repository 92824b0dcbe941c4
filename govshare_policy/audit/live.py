# SPDX-License-Identifier: Apache-2.0
"""Reading a log that somebody writes to: a write under way is not damage."""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from govshare_policy.audit.checkpoint import Checkpoint
from govshare_policy.audit.layout import MANIFEST
from govshare_policy.audit.segment import FrameReader, Kind
from govshare_policy.errors import VerificationError

_TRIES: Final = 30
_PAUSE_S: Final = 0.1


def is_in_use(directory: Path) -> bool:
    """Tell whether a writer of this host has the log in *directory* open."""
    try:
        fd = os.open(directory / MANIFEST, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # A file system without locks, such as a read-only medium: nobody writes to it.
        return False
    finally:
        os.close(fd)
    return False


def becomes_commit(directory: Path, path: Path, offset: int, *, origin: str) -> bool:
    """Tell whether the bytes of *path* from *offset* on become a commit of *origin* before long.

    A writer that is at work finishes; the remains of one that broke off stay as they are. What
    only looks like a commit counts for nothing.
    """
    for _ in range(_TRIES):
        # Asked before reading: a writer that has just let go of the log has finished its write.
        in_use = is_in_use(directory)
        with path.open("rb") as file:
            commits = (frame for frame in FrameReader(file, offset) if frame.kind == Kind.COMMIT)
            if any(_is_note_of(origin, frame.payload) for frame in commits):
                return True
        if not in_use:
            return False
        time.sleep(_PAUSE_S)
    return False


def _is_note_of(origin: str, note: bytes) -> bool:
    try:
        return Checkpoint.from_note(note).origin == origin
    except VerificationError:
        return False
