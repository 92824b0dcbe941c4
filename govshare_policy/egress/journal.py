# SPDX-License-Identifier: Apache-2.0
"""The journal of an index: what came last, frame by frame, and how much of it was acknowledged.

Two marks stand at the beginning and are written in turn: each says up to where frames were on the
disk. A frame is acknowledged when its mark is. So a journal that is shorter than its mark, or that
is damaged before it, was not interrupted but harmed, and is refused; what an interruption left
behind the mark was never acknowledged.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from govshare_policy.audit.disk import Disk, describe
from govshare_policy.egress.files import MAC_BYTES
from govshare_policy.egress.tags import Mac
from govshare_policy.errors import ConfigError, VerificationError

_SLOT: Final = struct.Struct(">QQ32s")
_SLOT_BYTES: Final = 512
_START: Final = 2 * _SLOT_BYTES
_HEAD: Final = struct.Struct(">4sQ")
_MAGIC: Final = b"GSF1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a journal was read: its next byte, the chain up to there, and its last mark."""

    at: int
    chain: bytes
    turn: int


class Journal:
    """One file of frames. Whoever calls holds the lock of the index."""

    def __init__(self, fd: int, *, path: Path, disk: Disk, mac: Mac) -> None:
        self._fd = fd
        self._path = path
        self._disk = disk
        self._mac = mac

    @classmethod
    def open(cls, path: Path, *, disk: Disk, mac: Mac, write: bool) -> Self:
        """Return the existing journal at *path*.

        Raises:
            ConfigError: If it cannot be opened.
        """
        try:
            flags = os.O_CLOEXEC | (os.O_RDWR if write else os.O_RDONLY)
            fd = os.open(path, flags)
        except OSError as error:
            raise ConfigError(f"cannot open the journal `{path}`: {describe(error)}") from None
        return cls(fd, path=path, disk=disk, mac=mac)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def start(self) -> Place:
        """Return the place before the first frame."""
        return Place(at=_START, chain=self._mac.digest(self._path.name.encode()), turn=0)

    def marks(self) -> bytes:
        """Return the bytes of both marks, which change with every frame."""
        return os.pread(self._fd, _START, 0)

    def read(self, place: Place) -> tuple[list[bytes], Place]:
        """Return the frames behind *place*, and the place behind them.

        Raises:
            VerificationError: If anything that was acknowledged is missing or changed.
        """
        marks = [mark for turn in (0, 1) if (mark := self._mark(turn)) is not None]
        if not marks:
            raise VerificationError(f"the marks of the journal `{self._path}` are damaged")
        turn, acknowledged = max(marks)
        data = os.pread(self._fd, max(0, os.fstat(self._fd).st_size - place.at), place.at)
        frames, used, chain = self._frames(data, place.chain)
        end = place.at + used
        # With a mark lost, nobody can say any more that what does not read was never acknowledged.
        if end < acknowledged or (used < len(data) and len(marks) == 1):
            raise VerificationError(f"the journal `{self._path}` is damaged or cut short")
        return frames, Place(at=end, chain=chain, turn=turn)

    def append(self, payload: bytes, place: Place) -> Place:
        """Put *payload* behind *place*, the end of what reads; on the disk when this returns.

        Raises:
            OSError: If it may not be. The next reading shows which.
        """
        chain = self._mac.digest(place.chain, payload)
        frame = _HEAD.pack(_MAGIC, len(payload)) + payload + chain
        self._disk.truncate(self._fd, place.at)
        self._disk.write_all(self._fd, frame, place.at)
        self._disk.datasync(self._fd)
        turn, end = place.turn + 1, place.at + len(frame)
        self._disk.write_all(self._fd, self._slot(turn, end), turn % 2 * _SLOT_BYTES)
        self._disk.datasync(self._fd)
        return Place(at=end, chain=chain, turn=turn)

    def _frames(self, data: bytes, chain: bytes) -> tuple[list[bytes], int, bytes]:
        frames: list[bytes] = []
        at = 0
        while at + _HEAD.size <= len(data):
            magic, size = _HEAD.unpack_from(data, at)
            begin = at + _HEAD.size
            end = begin + size + MAC_BYTES
            if magic != _MAGIC or end > len(data):
                break
            payload = data[begin : begin + size]
            found = self._mac.digest(chain, payload)
            if found != data[begin + size : end]:
                break
            frames.append(payload)
            at, chain = end, found
        return frames, at, chain

    def _mark(self, slot: int) -> tuple[int, int] | None:
        raw = os.pread(self._fd, _SLOT.size, slot * _SLOT_BYTES)
        if len(raw) < _SLOT.size:
            return None
        turn, end, _ = _SLOT.unpack(raw)
        return (turn, end) if raw == self._slot(turn, end) else None

    def _slot(self, turn: int, end: int) -> bytes:
        body = struct.pack(">QQ", turn, end)
        return body + self._mac.digest(b"mark ", self._path.name.encode(), body)


def create_journal(path: Path, *, disk: Disk, mac: Mac) -> None:
    """Write a journal without frames to *path*; on the disk when this returns.

    Raises:
        OSError: If it is not. Nothing of the index refers to it yet.
    """
    blank = Journal(-1, path=path, disk=disk, mac=mac)
    slots = (blank._slot(turn, _START).ljust(_SLOT_BYTES, b"\0") for turn in (0, 1))  # noqa: SLF001
    disk.replace(path, b"".join(slots))
