# SPDX-License-Identifier: Apache-2.0
"""Reading the records of a log with their places, commit by commit, from any commit on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from govshare_policy.audit.checkpoint import Checkpoint
from govshare_policy.audit.damage import Damage, LogDamageError, Part, blame
from govshare_policy.audit.layout import MANIFEST, is_dropped, is_followed, segment_file
from govshare_policy.audit.manifest import Manifest, load_manifest
from govshare_policy.audit.merkle import Frontier, Tree
from govshare_policy.audit.segment import (
    FIXED_FRAME_BYTES,
    SEGMENT_LEAVES,
    SEGMENT_LEVEL,
    FrameReader,
    Kind,
    read_frame,
)
from govshare_policy.audit.stub import read_stub
from govshare_policy.errors import VerificationError

_READ_BYTES: Final = 1 << 20


class Entry(NamedTuple):
    """One record under a commit.

    Attributes:
        number: From 0, through all segments.
        offset: Of its frame in the file of its segment, in bytes.
        data: Its bytes.
    """

    number: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place between two commits, from which reading can go on.

    Attributes:
        size: Number of records before it.
        segment: First record of the segment that it lies in.
        offset: Where the next frame starts in the file of the segment.
        commit: Offset of the commit frame before it; none at the start of the log.
    """

    size: int = 0
    segment: int = 0
    offset: int = FIXED_FRAME_BYTES
    commit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The records of one commit.

    Attributes:
        entries: In order; never empty.
        note: The signed note over all records up to here, not verified.
        end: The place behind the commit.
    """

    entries: tuple[Entry, ...]
    note: bytes
    end: Mark = field(default_factory=Mark)


def read_manifest(directory: Path) -> Manifest:
    """Return what the log in *directory* says it is.

    Raises:
        LogDamageError: If it says nothing, or not in this format.
        OSError: If it cannot be read.
    """
    with blame(Damage.MANIFEST, MANIFEST):
        return load_manifest(directory)


def first_mark(directory: Path) -> tuple[Mark, Frontier]:
    """Return where the records of a log begin that were not dropped, and the tree up to there.

    Raises:
        LogDamageError: If a stub cannot be read.
        OSError: If the log cannot be read.
    """
    tree, first = Tree(), 0
    while is_dropped(directory, first):
        root = read_stub(directory, first, read_manifest(directory)).root
        tree.append(root, level=SEGMENT_LEVEL)
        first += SEGMENT_LEAVES
    return Mark(size=first, segment=first), tree.frontier()


def read_batches(directory: Path, start: Mark | None = None) -> Iterator[Batch]:
    """Yield the commits of a log from *start* on; by default, all but those that were dropped.

    Says nothing about trust. Memory does not grow with the log. A write that is under way is left
    out: it has no commit yet.

    Raises:
        LogDamageError: If a segment is missing, or reading stops before the last segment does.
        OSError: If the log cannot be read.
    """
    mark = start if start is not None else first_mark(directory)[0]
    while True:
        size = mark.size
        for batch in _read_segment(directory, mark):
            yield batch
            mark = batch.end
        full = mark.size == mark.segment + SEGMENT_LEAVES
        following = mark.segment + SEGMENT_LEAVES
        if not (directory / segment_file(following)).exists():
            return
        if not full:
            part = Part(file=segment_file(mark.segment), offset=mark.offset, what="it ends early")
            raise LogDamageError(Damage.SEGMENT, part, max(size, mark.size))
        mark = Mark(size=following, segment=following)


def read_note(directory: Path, mark: Mark) -> bytes:
    """Return the signed note of the commit before *mark*, not verified.

    Raises:
        VerificationError: If there is no commit there.
        OSError: If the segment cannot be read.
    """
    if mark.commit is None:
        raise VerificationError("the log has no commit yet")
    path = directory / segment_file(mark.segment)
    return read_frame(path, mark.commit, Kind.COMMIT).payload


def newest_commit(directory: Path) -> Checkpoint:
    """Return the last checkpoint of the log, not verified.

    Raises:
        VerificationError: If there is none.
        OSError: If the log cannot be read.
    """
    segment = 0
    while is_followed(directory, segment):
        segment += SEGMENT_LEAVES
    last = None
    # A segment may have been begun, and no more.
    while last is None and segment >= 0:
        for batch in _read_segment(directory, Mark(size=segment, segment=segment)):
            last = batch
        segment -= SEGMENT_LEAVES
    if last is None:
        raise VerificationError("the log has no commit yet")
    return checked_note(last)


def checked_note(batch: Batch) -> Checkpoint:
    """Return the checkpoint that the note of *batch* spells.

    Raises:
        LogDamageError: If it is no note, or of another size than the records before it.
    """
    end = batch.end
    with blame(
        Damage.NOTE,
        segment_file(end.segment),
        offset=end.commit or 0,
        index=batch.entries[0].number,
    ):
        checkpoint = Checkpoint.from_note(batch.note)
        if checkpoint.size != end.size:
            raise VerificationError("the note is of another size than the records before it")
    return checkpoint


def _read_segment(directory: Path, mark: Mark) -> Iterator[Batch]:
    name, number = segment_file(mark.segment), mark.size
    waiting: list[Entry] = []
    with (
        blame(Damage.SEGMENT, name, index=mark.size),
        (directory / name).open("rb", buffering=_READ_BYTES) as file,
    ):
        reader = FrameReader(file, mark.offset)
        for frame in reader:
            if frame.kind == Kind.ENTRY:
                waiting.append(Entry(number + len(waiting), frame.offset, frame.payload))
            elif frame.kind == Kind.COMMIT and waiting:
                number += len(waiting)
                end = Mark(size=number, segment=mark.segment, offset=frame.end, commit=frame.offset)
                yield Batch(entries=tuple(waiting), note=frame.payload, end=end)
                waiting = []
            else:
                # A seal; a frame that is anything else here ends what can be read.
                return
