# SPDX-License-Identifier: Apache-2.0
"""The last segment of a log, as a writer that takes it up reads it."""

from dataclasses import dataclass
from typing import BinaryIO

from govshare_policy.audit.damage import Damage, blame
from govshare_policy.audit.layout import segment_file
from govshare_policy.audit.merkle import Frontier, Tree, leaf_hash
from govshare_policy.audit.segment import (
    FIXED_FRAME_BYTES,
    SEGMENT_LEAVES,
    Frame,
    FrameReader,
    Header,
    Kind,
)
from govshare_policy.errors import VerificationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A segment up to the first thing that is not a frame in its place.

    Attributes:
        first: Number of its first record.
        part: Tree of its own records up to the last commit.
        commit: The last commit; none in a new segment.
        end: Offset behind the last commit or seal.
        sealed: Whether a seal follows the last commit.
        stopped: Offset where reading stopped.
        records: How many whole records were read, under a commit or not.
        fault: What is wrong at *stopped*; empty where the free space begins.
    """

    first: int
    part: Frontier
    commit: Frame | None
    end: int
    sealed: bool
    stopped: int
    records: int
    fault: str

    @property
    def seal_root(self) -> bytes | None:
        """The root that the seal states or lacks; 32 bytes, none in a segment not full."""
        return self.part.nodes[0] if self.part.size == SEGMENT_LEAVES else None


def scan_segment(file: BinaryIO, *, first: int, genesis: bytes) -> Scan:
    """Return what makes sense of the segment in *file*; no signature is verified.

    Raises:
        LogDamageError: If its header is not that of segment *first* of the log of *genesis*.
    """
    reader, tree = FrameReader(file), Tree()
    commit, end, part, sealed, fault = None, FIXED_FRAME_BYTES, Frontier(), False, ""
    with blame(Damage.SEGMENT, segment_file(first), index=first):
        _check_header(reader.next_frame(), Header(first=first, genesis=genesis))
    while True:
        tree.extend(reader.read_leaves(SEGMENT_LEAVES - tree.size))
        if (frame := reader.next_frame()) is None:
            break
        committed = tree.size == part.size
        if frame.kind == Kind.ENTRY and tree.size < SEGMENT_LEAVES:
            tree.append(leaf_hash(frame.payload))
        elif frame.kind == Kind.COMMIT and not committed:
            commit, end, part = frame, frame.end, tree.frontier()
        elif frame.kind == Kind.SEAL and committed and tree.size == SEGMENT_LEAVES and not sealed:
            sealed, end = True, frame.end
        else:
            fault, reader.offset = "the frame is out of place", frame.offset
            break
    return Scan(
        first=first,
        part=part,
        commit=commit,
        end=end,
        sealed=sealed,
        stopped=reader.offset,
        records=tree.size,
        fault=fault or reader.fault or "",
    )


def _check_header(frame: Frame | None, expected: Header) -> None:
    if frame is None or frame.kind != Kind.HEADER:
        raise VerificationError("the segment has no header")
    if Header.from_payload(frame.payload) != expected:
        raise VerificationError("the header is of another segment")
