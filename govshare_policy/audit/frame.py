# SPDX-License-Identifier: Apache-2.0
"""Frames: what segment files consist of.

A frame is ``u32le word || u32le crc || payload`` where *word* is ``kind << 24 | length`` and *crc*
is the CRC-32 of the four bytes of *word* and the payload. CRC finds accidents; only the signed
root finds intent.
"""

import struct
import zlib
from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

from govshare_policy.audit.checkpoint import MAX_NOTE_BYTES
from govshare_policy.audit.record import MAX_RECORD_BYTES, MIN_RECORD_BYTES

HEAD_BYTES: Final = 8
# A header or a seal, with its head.
FIXED_FRAME_BYTES: Final = 64
HEAD: Final = struct.Struct("<II")
_WORD: Final = struct.Struct("<I")


class Kind(IntEnum):
    """What a frame holds."""

    HEADER = 1
    ENTRY = 2
    COMMIT = 3
    SEAL = 4


_FIXED_BYTES: Final = FIXED_FRAME_BYTES - HEAD_BYTES
# The least and the most bytes of a payload; by plain number, which is asked for once a frame.
LIMITS: Final[dict[int, tuple[int, int]]] = {
    int(Kind.HEADER): (_FIXED_BYTES, _FIXED_BYTES),
    int(Kind.ENTRY): (MIN_RECORD_BYTES, MAX_RECORD_BYTES),
    int(Kind.COMMIT): (1, MAX_NOTE_BYTES),
    int(Kind.SEAL): (_FIXED_BYTES, _FIXED_BYTES),
}


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
    return encode_frames(kind, (payload,))


def encode_frames(kind: Kind, payloads: Iterable[bytes]) -> bytes:
    """Return the bytes of a frame for each of *payloads*, one behind the other."""
    low, high = LIMITS[kind]
    pack_head, pack_word, crc32, top = HEAD.pack, _WORD.pack, zlib.crc32, kind << 24
    parts = []
    for payload in payloads:
        length = len(payload)
        if not low <= length <= high:
            raise ValueError("the payload does not fit its kind of frame")
        word = top | length
        parts.append(pack_head(word, crc32(payload, crc32(pack_word(word)))))
        parts.append(payload)
    return b"".join(parts)
