# SPDX-License-Identifier: Apache-2.0
"""Segment files: frames one after another, then zero bytes.

A frame is ``u32le word || u32le crc || payload`` where *word* is ``kind << 24 | length`` and *crc*
is the CRC-32 of the four bytes of *word* and the payload. CRC finds accidents; only the signed
root finds intent.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Self

from govshare_policy.audit.checkpoint import MAX_NOTE_BYTES
from govshare_policy.audit.merkle import HASH_BYTES
from govshare_policy.audit.record import MAX_RECORD_BYTES, MIN_RECORD_BYTES
from govshare_policy.errors import VerificationError

SEGMENT_LEVEL: Final = 16
SEGMENT_LEAVES: Final = 1 << SEGMENT_LEVEL
HEAD_BYTES: Final = 8
FIXED_FRAME_BYTES: Final = 64
_HEAD: Final = struct.Struct("<II")
_WORD: Final = struct.Struct("<I")
_FIXED: Final = struct.Struct("<8sQ32s8s")
_MAGIC: Final = b"govslog1"
_SEAL_MAGIC: Final = b"govsseal"
_READ_BYTES: Final = 1 << 20
_CUT_SHORT: Final = "the file ends inside a frame"


class Kind(IntEnum):
    """What a frame holds."""

    HEADER = 1
    ENTRY = 2
    COMMIT = 3
    SEAL = 4


_LENGTHS: Final = {
    Kind.HEADER: (_FIXED.size, _FIXED.size),
    Kind.ENTRY: (MIN_RECORD_BYTES, MAX_RECORD_BYTES),
    Kind.COMMIT: (1, MAX_NOTE_BYTES),
    Kind.SEAL: (_FIXED.size, _FIXED.size),
}
# The limits by plain number: the reader asks for them once a frame.
_LIMITS: Final = {int(kind): limits for kind, limits in _LENGTHS.items()}


class Frame(NamedTuple):
    """A frame whose crc is right.

    Attributes:
        kind: One of :class:`Kind`.
        offset: Of its first byte in the file.
        payload: What it holds.
    """

    kind: int
    offset: int
    payload: bytes

    @property
    def end(self) -> int:
        """The offset of the first byte behind the frame."""
        return self.offset + HEAD_BYTES + len(self.payload)


def encode_frame(kind: Kind, payload: bytes) -> bytes:
    """Return the bytes of a frame; 8 more than *payload*."""
    low, high = _LENGTHS[kind]
    if not low <= len(payload) <= high:
        raise ValueError("the payload does not fit its kind of frame")
    word = kind << 24 | len(payload)
    return _HEAD.pack(word, zlib.crc32(payload, zlib.crc32(_WORD.pack(word)))) + payload


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

    def __iter__(self) -> Iterator[Frame]:
        """Yield every frame; look at :attr:`fault` afterwards."""
        read, crc32 = self._file.read, zlib.crc32
        self._file.seek(self.offset)
        while head := read(HEAD_BYTES):
            if not any(head):
                return
            if len(head) < HEAD_BYTES:
                self.fault = _CUT_SHORT
                return
            word, crc = _HEAD.unpack(head)
            kind, length = word >> 24, word & 0xFFFFFF
            low, high = _LIMITS.get(kind, (1, 0))
            if not low <= length <= high:
                self.fault = "these bytes are not the head of a frame"
                self.fault_kind = kind
                return
            payload = read(length)
            if len(payload) < length or crc32(payload, crc32(head[:4])) != crc:
                short = len(payload) < length
                self.fault = _CUT_SHORT if short else "the crc of the frame is wrong"
                self.fault_kind = kind
                return
            frame = Frame(kind, self.offset, payload)
            self.offset += HEAD_BYTES + length
            yield frame


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
    while block := file.read(_READ_BYTES):
        rest = block.lstrip(b"\0")
        if rest:
            return offset + len(block) - len(rest)
        offset += len(block)
    return None


def last_nonzero(file: BinaryIO, offset: int) -> int | None:
    """Return the offset of the last byte at or after *offset* that is not zero, if any."""
    last = None
    file.seek(offset)
    while block := file.read(_READ_BYTES):
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
        block = file.read(_READ_BYTES)
        for place in _places(block, needle):
            at = start + place - HEAD_BYTES
            frame = next(iter(FrameReader(file, at)), None) if at >= offset else None
            if frame is not None and frame.kind == Kind.COMMIT:
                return frame
        if len(block) < _READ_BYTES:
            return None
        # The blocks overlap, so that a needle across their border is found.
        start += _READ_BYTES - len(needle)


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
