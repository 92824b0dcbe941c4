# SPDX-License-Identifier: Apache-2.0
"""Segment files: frames one after another, then zero bytes."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from govshare_policy.audit.frame import (
    FIXED_FRAME_BYTES,
    HEAD,
    HEAD_BYTES,
    LIMITS,
    Frame,
    Kind,
    encode_frame,
    encode_frames,
)
from govshare_policy.audit.nodes import HASH_BYTES, LEAF
from govshare_policy.errors import VerificationError

__all__ = [
    "FIXED_FRAME_BYTES",
    "HEAD_BYTES",
    "SEGMENT_LEAVES",
    "SEGMENT_LEVEL",
    "Frame",
    "FrameReader",
    "Header",
    "Kind",
    "Seal",
    "encode_frame",
    "encode_frames",
    "find_commit",
    "first_nonzero",
    "last_nonzero",
    "read_frame",
    "segment_name",
]

SEGMENT_LEVEL: Final = 16
SEGMENT_LEAVES: Final = 1 << SEGMENT_LEVEL
_FIXED: Final = struct.Struct("<8sQ32s8s")
_MAGIC: Final = b"govslog1"
_SEAL_MAGIC: Final = b"govsseal"
# What is read at first, and then at a time: small enough to stay in the processor's cache.
_FIRST_BYTES: Final = 1 << 12
_READ_BYTES: Final = 1 << 17
_SEARCH_BYTES: Final = 1 << 20
_LEAST_ENTRY: Final = Kind.ENTRY << 24 | LIMITS[Kind.ENTRY][0]
_LARGEST_ENTRY: Final = Kind.ENTRY << 24 | LIMITS[Kind.ENTRY][1]
_CUT_SHORT: Final = "the file ends inside a frame"


class FrameReader:
    """The frames of a file from an offset on, up to the first thing that is not one.

    Attributes:
        offset: Where the next frame starts; after the last one, where reading stopped.
        fault: Why it stopped; none at the end of the file or at eight zero bytes.
        fault_kind: The kind that the head at the fault states, true or not; 0 without a head.
    """

    def __init__(self, file: BinaryIO, offset: int = 0) -> None:
        self._file = file
        self.offset = offset
        self.fault: str | None = None
        self.fault_kind = 0
        # What was read of the file; it starts at or before the next frame.
        self._buffer = b""
        self._base = offset
        self._step = _FIRST_BYTES
        # The crc of the four bytes of a word, for each word of an entry that was met.
        self._seeds: dict[int, int] = {}

    def __iter__(self) -> Iterator[Frame]:
        """Yield every frame; look at :attr:`fault` afterwards."""
        while (frame := self.next_frame()) is not None:
            yield frame

    def next_frame(self) -> Frame | None:
        """Return the next frame; none where reading stops, and :attr:`fault` says why."""
        head = self._peek(HEAD_BYTES)
        if not any(head):
            return None
        if len(head) < HEAD_BYTES:
            self.fault = _CUT_SHORT
            return None
        word, crc = HEAD.unpack(head)
        kind, length = word >> 24, word & 0xFFFFFF
        low, high = LIMITS.get(kind, (1, 0))
        if not low <= length <= high:
            self.fault, self.fault_kind = "these bytes are not the head of a frame", kind
            return None
        payload = self._peek(HEAD_BYTES + length)[HEAD_BYTES:]
        short = len(payload) < length
        if short or zlib.crc32(payload, zlib.crc32(head[:4])) != crc:
            self.fault = _CUT_SHORT if short else "the crc of the frame is wrong"
            self.fault_kind = kind
            return None
        frame = Frame(kind, self.offset, payload)
        self.offset += HEAD_BYTES + length
        return frame

    def read_leaves(self, count: int) -> list[bytes]:
        """Return the leaf hashes of the entries that come next, at most *count*.

        Says nothing about why there are fewer: :meth:`next_frame` does. This is the loop in which
        verifying a log spends its time.
        """
        unpack, crc32, copy, seeds = HEAD.unpack_from, zlib.crc32, LEAF.copy, self._seeds
        leaves: list[bytes] = []
        place, buffer = self.offset - self._base, self._buffer
        size = len(buffer)
        for _ in range(count):
            begin = place + HEAD_BYTES
            if begin > size:
                place, begin, buffer = 0, HEAD_BYTES, self._slide(place, HEAD_BYTES)
                size = len(buffer)
                if begin > size:
                    break
            word, crc = unpack(buffer, place)
            if not _LEAST_ENTRY <= word <= _LARGEST_ENTRY:
                break
            end = begin + (word & 0xFFFFFF)
            if end > size:
                place, begin, buffer = 0, HEAD_BYTES, self._slide(place, end - place)
                size, end = len(buffer), HEAD_BYTES + (word & 0xFFFFFF)
            payload = buffer[begin:end]
            if (seed := seeds.get(word)) is None:
                seed = seeds[word] = crc32(buffer[place : place + 4])
            if end > size or crc32(payload, seed) != crc:
                break
            state = copy()
            state.update(payload)
            leaves.append(state.digest())
            place = end
        self.offset = self._base + place
        return leaves

    def _peek(self, size_bytes: int) -> bytes:
        """Return the next *size_bytes*, or those up to the end of the file."""
        place = self.offset - self._base
        if place + size_bytes > len(self._buffer):
            return self._slide(place, size_bytes)[:size_bytes]
        return self._buffer[place : place + size_bytes]

    def _slide(self, place: int, size_bytes: int) -> bytes:
        """Return a new buffer that begins at *place* of the old one.

        It holds at least *size_bytes*, unless the file ends before.
        """
        kept = self._buffer[place:]
        self._base += place
        self._file.seek(self._base + len(kept))
        self._buffer = kept + self._file.read(max(self._step, size_bytes - len(kept)))
        self._step = min(self._step * 4, _READ_BYTES)
        return self._buffer


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first frame of a segment.

    Attributes:
        first: Number of its first record; a multiple of 65,536.
        genesis: Leaf hash of the first record of the log; 32 bytes.
    """

    first: int
    genesis: bytes

    def to_frame(self) -> bytes:
        """Return the frame; 64 bytes."""
        return encode_frame(Kind.HEADER, _FIXED.pack(_MAGIC, self.first, self.genesis, bytes(8)))

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Return the header that the payload of a frame spells.

        Raises:
            VerificationError: If it does not spell one.
        """
        first, genesis = _unpack(payload, _MAGIC)
        return cls(first=first, genesis=genesis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The last frame of a full segment.

    Attributes:
        commit_offset: Offset of the last commit frame in the file.
        root: Root of the perfect subtree of the segment's 65,536 records; 32 bytes.
    """

    commit_offset: int
    root: bytes

    def to_frame(self) -> bytes:
        """Return the frame; 64 bytes."""
        payload = _FIXED.pack(_SEAL_MAGIC, self.commit_offset, self.root, bytes(8))
        return encode_frame(Kind.SEAL, payload)

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Return the seal that the payload of a frame spells.

        Raises:
            VerificationError: If it does not spell one.
        """
        commit_offset, root = _unpack(payload, _SEAL_MAGIC)
        return cls(commit_offset=commit_offset, root=root)


def segment_name(first: int) -> str:
    """Return the file name of the segment that starts at record *first*."""
    return f"{first:020d}.seg"


def first_nonzero(file: BinaryIO, offset: int) -> int | None:
    """Return the offset of the first byte at or after *offset* that is not zero, if any."""
    file.seek(offset)
    while block := file.read(_SEARCH_BYTES):
        rest = block.lstrip(b"\0")
        if rest:
            return offset + len(block) - len(rest)
        offset += len(block)
    return None


def last_nonzero(file: BinaryIO, offset: int) -> int | None:
    """Return the offset of the last byte at or after *offset* that is not zero, if any."""
    last = None
    file.seek(offset)
    while block := file.read(_SEARCH_BYTES):
        rest = block.rstrip(b"\0")
        if rest:
            last = offset + len(rest) - 1
        offset += len(block)
    return last


def find_commit(file: BinaryIO, offset: int, *, origin: str) -> Frame | None:
    """Return the first whole commit frame at or after *offset*, wherever it starts, if any.

    Behind damage nothing says where the next frame starts, but a note begins with the origin.
    """
    needle, start = origin.encode() + b"\n", offset
    while True:
        file.seek(start)
        block = file.read(_SEARCH_BYTES)
        for place in _places(block, needle):
            at = start + place - HEAD_BYTES
            frame = next(iter(FrameReader(file, at)), None) if at >= offset else None
            if frame is not None and frame.kind == Kind.COMMIT:
                return frame
        if len(block) < _SEARCH_BYTES:
            return None
        # The blocks overlap, so that a needle across their border is found.
        start += _SEARCH_BYTES - len(needle)


def read_frame(path: Path, offset: int, kind: Kind) -> Frame:
    """Return the frame of *kind* that starts at *offset* of the file *path*.

    Raises:
        VerificationError: If there is none.
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        frame = next(iter(FrameReader(file, offset)), None) if offset >= 0 else None
    if frame is None or frame.kind != kind:
        raise VerificationError(f"there is no {kind.name.lower()} at byte {offset}")
    return frame


def _places(block: bytes, needle: bytes) -> Iterator[int]:
    place = block.find(needle)
    while place >= 0:
        yield place
        place = block.find(needle, place + 1)


def _unpack(payload: bytes, magic: bytes) -> tuple[int, bytes]:
    if len(payload) != _FIXED.size:
        raise VerificationError("the frame does not have 64 bytes")
    found, number, digest, reserved = _FIXED.unpack(payload)
    if found != magic or any(reserved) or len(digest) != HASH_BYTES:
        raise VerificationError("the frame is not of this version of the format")
    return number, digest
