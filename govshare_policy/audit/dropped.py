# SPDX-License-Identifier: Apache-2.0
"""Verifying a log from which segments were dropped: over their stubs, or from archives."""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from govshare_policy.audit.crew import read_full_segments
from govshare_policy.audit.damage import Damage, LogDamageError, Part, blame
from govshare_policy.audit.layout import regular, segment_file
from govshare_policy.audit.segment import (
    FIXED_FRAME_BYTES,
    SEGMENT_LEAVES,
    Kind,
    Seal,
    read_frame,
)
from govshare_policy.audit.stub import Stub
from govshare_policy.audit.walk import Walk
from govshare_policy.errors import VerificationError


def find_place(directory: Path, first: int, archives: Sequence[Path]) -> Path | None:
    """Return the log, *directory* or one of *archives*, that has the segment; none if none has."""
    places, name = (directory, *archives), segment_file(first)
    return next((place for place in places if regular(place / name).exists()), None)


def verify_archived(directory: Path, stubs: Collection[Stub], archives: Sequence[Path]) -> None:
    """Return only if the segments that *archives* have are those that were dropped.

    Only the seals are read; :func:`read_through` reads the rest.

    Raises:
        LogDamageError: If one has another root than its stub.
        OSError: If one cannot be read.
    """
    for stub in stubs:
        place = find_place(directory, stub.first, archives)
        if place is None:
            continue
        name = segment_file(stub.first)
        with blame(Damage.DROPPED, name):
            offset = (place / name).stat().st_size - FIXED_FRAME_BYTES
            seal = Seal.from_payload(read_frame(place / name, offset, Kind.SEAL).payload)
            if seal.root != stub.root:
                raise VerificationError("the segment in the archive is not the one dropped")


def read_through(
    walk: Walk,
    directory: Path,
    firsts: Sequence[int],
    stubs: Collection[Stub],
    *,
    archives: Sequence[Path],
    workers: int,
) -> tuple[Stub, ...]:
    """Take *walk* through full segments, each where it is, and over those that are nowhere.

    Args:
        walk: Has come to the first of them.
        directory: The log.
        firsts: Ascending, without a gap.
        stubs: What :func:`read_stubs` found among them.
        archives: Logs that may have the segments that were dropped.
        workers: As for :func:`read_full_segments`.

    Returns:
        The stubs of the segments that were not read.

    Raises:
        LogDamageError: At the first thing that breaks a rule.
        OSError: If a file cannot be read.
    """
    standing = {stub.first: stub for stub in stubs}
    unread = []
    for place, run in groupby(firsts, lambda first: find_place(directory, first, archives)):
        if place is None:
            for first in run:
                walk.skip_segment(standing[first].root)
                unread.append(standing[first])
        else:
            read_full_segments(walk, place, list(run), workers=workers)
    return tuple(unread)


def refuse_unread(size: int, walk: Walk, unread: Collection[Stub], *, file: str) -> None:
    """Return only if it can be told which root the log had at *size*.

    Raises:
        LogDamageError: If it lies within a segment that was not read.
    """
    if size in walk.roots:
        return
    for stub in unread:
        if stub.first < size <= stub.first + SEGMENT_LEAVES:
            what = f"size {size} lies in a segment that was dropped; give an archive that has it"
            raise LogDamageError(Damage.DROPPED, Part(file=file, offset=0, what=what), stub.first)


def verify_covered(walk: Walk, unread: Sequence[Stub]) -> None:
    """Return only if a commit behind the segments that were not read vouches for them.

    Raises:
        LogDamageError: If there is none.
    """
    if unread and walk.size <= unread[-1].first + SEGMENT_LEAVES:
        what = "no commit follows the segment that was dropped"
        part = Part(file=unread[-1].file, offset=0, what=what)
        raise LogDamageError(Damage.DROPPED, part, walk.size)


def list_unread(unread: Collection[Stub]) -> tuple[tuple[int, int], ...]:
    """Return the first and the last record of each stretch that was not read."""
    stretches: list[tuple[int, int]] = []
    for stub in unread:
        first, last = stub.first, stub.first + SEGMENT_LEAVES - 1
        if stretches and stretches[-1][1] + 1 == first:
            first = stretches.pop()[0]
        stretches.append((first, last))
    return tuple(stretches)


def warn_dropped(stubs: Collection[Stub], unread: Collection[Stub], *, size: int) -> Iterator[str]:
    """Yield what an auditor should know about the segments that were dropped.

    A log of *size* that ends before its stubs were made is an archive, or was cut.
    """
    later = max((stub.checkpoint.size for stub in stubs), default=0)
    if later > size:
        yield f"segments were dropped at size {later}, which is not reached here"
    for first, last in list_unread(unread):
        yield f"records {first} to {last} were dropped, on record, and not read"
