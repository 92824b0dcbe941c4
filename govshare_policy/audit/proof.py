# SPDX-License-Identifier: Apache-2.0
"""Proofs about a log that lies on a disk, without reading all of it.

A segment is a perfect subtree and its seal states the root of it, so that a proof reads the
records of the one or two segments that it is about, and of every other segment 64 bytes.
"""

from itertools import islice
from pathlib import Path
from typing import Final

from govshare_policy.audit.checkpoint import Checkpoint
from govshare_policy.audit.damage import Damage, LogDamageError, Part, blame
from govshare_policy.audit.layout import is_followed, segment_file
from govshare_policy.audit.manifest import load_manifest
from govshare_policy.audit.merkle import HASH_BYTES, leaf_hash, node_hash, root_hash
from govshare_policy.audit.receipt import Receipt
from govshare_policy.audit.recovery import read_root
from govshare_policy.audit.segment import SEGMENT_LEAVES, FrameReader, Kind
from govshare_policy.errors import VerificationError

_BLOCK_LEAVES: Final = 256
# A proof is about two segments at most: where it starts, and where the log ends.
_REMEMBERED_SEGMENTS: Final = 2


class LogTree:
    """The tree over the records of the log in a directory, read as far as it is asked about.

    Nothing is verified: a proof from a damaged log does not verify. What was read of the last two
    segments is remembered, 2 MB each, so that a log that grows is not read again. Do not ask
    about records that are not under a commit yet.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._manifest = load_manifest(directory)
        self._leaves: dict[int, _Leaves] = {}
        self._roots: dict[tuple[int, int], bytes] = {}

    def root(self, size: int) -> bytes:
        """Return the root over the first *size* records, at least one; 32 bytes.

        Raises:
            LogDamageError: If the log ends before, or a seal is damaged.
            OSError: If the log cannot be read.
        """
        _check_range(0, size)
        return self._root(0, size)

    def prove_inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Return the proof that record *index* is one of the first *size*.

        Raises:
            LogDamageError: As :meth:`root`.
            OSError: As :meth:`root`.

        Source:
            RFC 6962 §2.1.1.
        """
        _check_range(index, size)
        proof: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            split = start + _split(end - start)
            left, right = (start, split), (split, end)
            (start, end), other = (left, right) if index < split else (right, left)
            proof.append(self._root(*other))
        return tuple(reversed(proof))

    def prove_consistency(self, old_size: int, size: int) -> tuple[bytes, ...]:
        """Return the proof that the first *old_size* records, at least one, begin the *size*.

        Raises:
            LogDamageError: As :meth:`root`.
            OSError: As :meth:`root`.

        Source:
            RFC 6962 §2.1.2.
        """
        _check_range(old_size - 1, size)
        proof: list[bytes] = []
        start, end = 0, size
        while old_size != end:
            split = start + _split(end - start)
            left, right = (start, split), (split, end)
            (start, end), other = (left, right) if old_size <= split else (right, left)
            proof.append(self._root(*other))
        # The old tree itself, if it is a whole node, is known to whoever verifies.
        if start:
            proof.append(self._root(start, end))
        return tuple(reversed(proof))

    def _root(self, start: int, end: int) -> bytes:
        """Return the root over the records from *start* to before *end*, a node of the tree."""
        width = end - start
        is_whole = width & (width - 1) == 0
        if is_whole and (start, end) in self._roots:
            return self._roots[start, end]
        if width == SEGMENT_LEAVES and self._is_sealed(start):
            root = read_root(self._directory, start, self._manifest)
        elif width <= _BLOCK_LEAVES:
            root = root_hash(self._read(start, end))
        else:
            split = start + _split(width)
            root = node_hash(self._root(start, split), self._root(split, end))
        if is_whole and width >= _BLOCK_LEAVES:
            self._roots[start, end] = root
        return root

    def _read(self, start: int, end: int) -> list[bytes]:
        """Return the leaf hashes of these records, which lie in one segment."""
        first = start // SEGMENT_LEAVES * SEGMENT_LEAVES
        if first not in self._leaves:
            while len(self._leaves) >= _REMEMBERED_SEGMENTS:
                self._forget(min(self._leaves))
            self._leaves[first] = _Leaves(self._directory, first)
        return self._leaves[first].read(start - first, end - first)

    def _forget(self, first: int) -> None:
        """Remember of a segment only its root, so that memory does not grow with the log."""
        del self._leaves[first]
        inside = range(first, first + SEGMENT_LEAVES)
        for start, end in list(self._roots):
            if start in inside and end - start < SEGMENT_LEAVES:
                del self._roots[start, end]

    def _is_sealed(self, first: int) -> bool:
        """Tell whether another segment follows, without which a full one may lack its seal."""
        return is_followed(self._directory, first)


class _Leaves:
    """The leaf hashes of one segment, as far as they were read."""

    def __init__(self, directory: Path, first: int) -> None:
        self._directory = directory
        self._first = first
        self._offset = 0
        self._hashes = bytearray()

    def read(self, start: int, end: int) -> list[bytes]:
        """Return the hashes of the records from *start* to before *end* of the segment."""
        if len(self._hashes) < end * HASH_BYTES:
            self._read_on(end)
        places = range(start * HASH_BYTES, end * HASH_BYTES, HASH_BYTES)
        return [bytes(self._hashes[place : place + HASH_BYTES]) for place in places]

    def _read_on(self, end: int) -> None:
        place = segment_file(self._first)
        with blame(Damage.SEGMENT, place), (self._directory / place).open("rb") as file:
            reader = FrameReader(file, self._offset)
            for frame in reader:
                if frame.kind == Kind.ENTRY:
                    self._hashes += leaf_hash(frame.payload)
                    if len(self._hashes) == end * HASH_BYTES:
                        self._offset = frame.end
                        return
        self._offset = reader.offset
        have = self._first + len(self._hashes) // HASH_BYTES
        part = Part(file=place, offset=reader.offset, what="the log ends here, or is damaged")
        raise LogDamageError(Damage.SHORT, part, have)


def prove_log_inclusion(directory: Path, index: int, size: int) -> tuple[bytes, ...]:
    """Return the proof that record *index* is one of the first *size* of the log in *directory*.

    Raises:
        LogDamageError: If the log ends before, or what the proof needs is damaged.
        OSError: If the log cannot be read.
    """
    return LogTree(directory).prove_inclusion(index, size)


def prove_log_consistency(directory: Path, old_size: int, size: int) -> tuple[bytes, ...]:
    """Return the proof that the log in *directory* at *size* continues itself at *old_size*.

    Raises:
        LogDamageError: If the log ends before, or what the proof needs is damaged.
        OSError: If the log cannot be read.
    """
    return LogTree(directory).prove_consistency(old_size, size)


def prove_log_receipt(directory: Path, index: int, checkpoint: Checkpoint) -> Receipt:
    """Return the receipt of record *index* under *checkpoint*, a state of the log in *directory*.

    Raises:
        LogDamageError: If the log ends before, or what the proof needs is damaged.
        OSError: If the log cannot be read.
    """
    proof = prove_log_inclusion(directory, index, checkpoint.size)
    return Receipt(
        index=index,
        record=_read_record(directory, index),
        proof=proof,
        checkpoint=checkpoint.to_note(),
    )


def read_commit(directory: Path, size: int) -> Checkpoint:
    """Return the checkpoint that the log in *directory* has at *size*, unverified.

    Raises:
        LogDamageError: If no commit ends there.
        OSError: If the log cannot be read.
    """
    first = (size - 1) // SEGMENT_LEAVES * SEGMENT_LEAVES
    place, count = segment_file(first), first
    with blame(Damage.SEGMENT, place), (directory / place).open("rb") as file:
        for frame in FrameReader(file):
            count += frame.kind == Kind.ENTRY
            if frame.kind == Kind.COMMIT and count >= size:
                checkpoint = Checkpoint.from_note(frame.payload)
                if checkpoint.size == size:
                    return checkpoint
                break
        raise VerificationError(f"the log has no commit at size {size}")


def _read_record(directory: Path, index: int) -> bytes:
    first = index // SEGMENT_LEAVES * SEGMENT_LEAVES
    with (directory / segment_file(first)).open("rb") as file:
        entries = (frame.payload for frame in FrameReader(file) if frame.kind == Kind.ENTRY)
        return next(islice(entries, index - first, None))


def _split(size: int) -> int:
    """Return the largest power of two below *size*, where RFC 6962 splits a tree."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_range(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise ValueError("the proof is about a record outside the tree")
