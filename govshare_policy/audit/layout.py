# SPDX-License-Identifier: Apache-2.0
"""The names of the files of a log."""

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
# A tail in quarantine that no record of the log speaks of yet.
PENDING: Final = ".pending"


def segment_file(first: int) -> str:
    """Return the name, under the directory of the log, of the segment of record *first*."""
    return f"{SEGMENTS}/{segment_name(first)}"


def list_segments(directory: Path) -> list[int]:
    """Return the first records of the segments in *directory*, ascending; at least one.

    Raises:
        LogDamageError: If a file there is no segment, or a segment is missing.
    """
    with blame(Damage.SEGMENT, segment_file(0), index=0):
        names = sorted(path.name for path in (directory / SEGMENTS).iterdir())
    firsts = [place * SEGMENT_LEAVES for place in range(max(len(names), 1))]
    present = set(names)
    missing = next((first for first in firsts if segment_name(first) not in present), None)
    if missing is None:
        return firsts
    # One name too many or one too few: what is left over tells which.
    expected = {segment_name(first) for first in firsts}
    for name in names:
        if name not in expected and not _is_segment(name):
            part = Part(file=f"{SEGMENTS}/{name}", offset=0, what="the file is no segment")
            raise LogDamageError(Damage.STRAY, part)
    part = Part(file=segment_file(missing), offset=0, what="the segment is missing")
    raise LogDamageError(Damage.SEGMENT, part, missing)


def _is_segment(name: str) -> bool:
    digits = name.removesuffix(".seg")
    if not (digits.isascii() and digits.isdecimal() and segment_name(int(digits)) == name):
        return False
    return int(digits) % SEGMENT_LEAVES == 0
