# SPDX-License-Identifier: Apache-2.0
"""One commit, in memory: records become frames, leaves, a root, a signature and proofs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from govshare_policy.audit.checkpoint import Checkpoint, sign_checkpoint
from govshare_policy.audit.merkle import Frontier, Growth
from govshare_policy.audit.nodes import leaf_hashes
from govshare_policy.audit.receipt import Receipt
from govshare_policy.audit.segment import (
    HEAD_BYTES,
    SEGMENT_LEAVES,
    SEGMENT_LEVEL,
    Kind,
    Seal,
    encode_frame,
    encode_frames,
)
from govshare_policy.crypto import Signer
from govshare_policy.errors import AuditError


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A commit that is ready to be written.

    Attributes:
        records: Their bytes, in order.
        growth: The tree with them.
        checkpoint: The new checkpoint, signed.
        data: The bytes to write: entries, the commit, and the seal if the segment is full.
        commit_offset: Of the commit frame in the file.
    """

    records: Sequence[bytes]
    growth: Growth
    checkpoint: Checkpoint
    data: bytes
    commit_offset: int

    def receipts(self) -> list[Receipt]:
        """Return the receipt of every record, in order."""
        note, first = self.checkpoint.to_note(), self.growth.first
        pairs = zip(self.records, self.growth.proofs(), strict=True)
        return [
            Receipt(index=first + place, record=record, proof=proof, checkpoint=note)
            for place, (record, proof) in enumerate(pairs)
        ]


def prepare(
    records: Sequence[bytes],
    frontier: Frontier,
    *,
    origin: str,
    signer: Signer,
    time: int,
    offset: int,
    successor: Signer | None = None,
) -> Batch:
    """Return the commit of *records* after *frontier*.

    1. Hash the records and grow the tree.
    2. Build the bytes to write, then hash the records again as they stand there: a bit that
       flipped in memory in between must not be signed.
    3. Sign the root, and verify that signature.

    Args:
        records: At least one, at most what the segment has room for.
        frontier: The tree before.
        origin: Name of the log and of its key.
        signer: Holds the key.
        time: Of the signature; Unix seconds.
        offset: Where the bytes will be written in the segment.
        successor: Holds the key that takes over with this commit, which both keys sign.

    Raises:
        AuditError: If the bytes changed in memory.
        SignatureError: If the signer's signature does not verify.
    """
    # 1.
    leaves = leaf_hashes(records)
    growth = Growth(frontier, leaves)
    # 2.
    entries = encode_frames(Kind.ENTRY, records)
    _recheck(entries, records, leaves)
    # 3.
    unsigned = Checkpoint(origin=origin, size=growth.size, root=growth.root)
    checkpoint = sign_checkpoint(unsigned, signer, name=origin, time=time)
    if successor is not None:
        checkpoint = sign_checkpoint(checkpoint, successor, name=origin, time=time)
    data = entries + encode_frame(Kind.COMMIT, checkpoint.to_note())
    commit_offset = offset + len(entries)
    if growth.size % SEGMENT_LEAVES == 0:
        seal = Seal(commit_offset=commit_offset, root=growth.perfect(SEGMENT_LEVEL))
        data += seal.to_frame()
    return Batch(
        records=records,
        growth=growth,
        checkpoint=checkpoint,
        data=data,
        commit_offset=commit_offset,
    )


def _recheck(entries: bytes, records: Sequence[bytes], leaves: Sequence[bytes]) -> None:
    ends = accumulate(HEAD_BYTES + len(record) for record in records)
    places = zip(ends, records, strict=True)
    if leaf_hashes(entries[end - len(record) : end] for end, record in places) != leaves:
        raise AuditError("a record changed in memory before it was written")
