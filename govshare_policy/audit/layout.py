# SPDX-License-Identifier: Apache-2.0
"""The names of the files of a log."""

import errno
from pathlib import Path
from typing import Final

from govshare_policy.audit.damage import Damage, LogDamageError, Part, blame
from govshare_policy.audit.segment import SEGMENT_LEAVES, segment_name

MANIFEST: Final = "log.json"
SEGMENTS: Final = "seg"
CHECKPOINT: Final = "checkpoint"
QUARANTINE: Final = "quarantine"
WITNESS: Final = "witness"
EVIDENCE: Final = "evidence"
SEGMENT: Final = ".seg"
STUB: Final = ".stub"
# A tail in quarantine that no record of the log speaks of yet.
PENDING: Final = ".pending"


def segment_file(first: int) -> str:
    """Return the name, under the directory of the log, of the segment of record *first*."""
    return f"{SEGMENTS}/{segment_name(first)}"


def stub_file(first: int) -> str:
    """Return the name of what stands for the segment of record *first* once it was dropped."""
    return f"{SEGMENTS}/{segment_name(first).removesuffix(SEGMENT)}{STUB}"


def is_dropped(directory: Path, first: int) -> bool:
    """Tell whether only a stub stands for the segment of record *first*."""
    stub, segment = directory / stub_file(first), directory / segment_file(first)
    return stub.exists() and not segment.exists()


def is_followed(directory: Path, first: int) -> bool:
    """Tell whether another segment follows that of record *first*, or a stub of one."""
    following = first + SEGMENT_LEAVES
    names = (segment_file(following), stub_file(following))
    return any((directory / name).exists() for name in names)


def regular(path: Path) -> Path:
    """Return *path*, unless something stands there that is no file: a pipe would never end.

    Raises:
        OSError: If it is a directory, a pipe or a device.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return path


def list_segments(directory: Path) -> list[int]:
    """Return the first records of the segments in *directory*, ascending; at least one.

    A dropped segment for which a stub stands is one of them, but never the last.

    Raises:
        LogDamageError: If a file there is no segment, or a segment is missing.
    """
    with blame(Damage.SEGMENT, segment_file(0), index=0):
        names = sorted(path.name for path in (directory / SEGMENTS).iterdir())
    present = {_segment_of(name) for name in names}
    firsts = [place * SEGMENT_LEAVES for place in range(max(len(present), 1))]
    missing = next((first for first in firsts if segment_name(first) not in present), None)
    if missing is None and segment_name(firsts[-1]) not in names:
        missing = firsts[-1]
    if missing is None:
        return firsts
    # One name too many or one too few: what is left over tells which.
    expected = {segment_name(first) for first in firsts}
    for name in names:
        if name not in expected and not _is_segment(_segment_of(name)):
            part = Part(file=f"{SEGMENTS}/{name}", offset=0, what="the file is no segment")
            raise LogDamageError(Damage.STRAY, part)
    part = Part(file=segment_file(missing), offset=0, what="the segment is missing")
    raise LogDamageError(Damage.SEGMENT, part, missing)


def _segment_of(name: str) -> str:
    """Return the name of the segment that the stub *name* stands for; of anything else, *name*."""
    return f"{name.removesuffix(STUB)}{SEGMENT}" if name.endswith(STUB) else name


def _is_segment(name: str) -> bool:
    digits = name.removesuffix(SEGMENT)
    if not (digits.isascii() and digits.isdecimal() and segment_name(int(digits)) == name):
        return False
    return int(digits) % SEGMENT_LEAVES == 0
