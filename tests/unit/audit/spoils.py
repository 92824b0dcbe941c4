# SPDX-License-Identifier: Apache-2.0
"""A log of some full segments, and ways to spoil it."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from govshare_policy.audit import encode_record
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.frame import Frame, encode_frame
from govshare_policy.audit.segment import SEGMENT_LEAVES, FrameReader, Kind, Seal, segment_name
from govshare_policy.audit.start import create_ledger
from govshare_policy.crypto import Signer

ORIGIN = "audit.example/one"
START = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
FULL = 3


def make(path: Path, signer: Signer, *, back_at: int | None = None) -> Path:
    """Make a log of three full segments, of four commits each, and ten records.

    From the first commit of segment *back_at* on, the times start again.
    """
    ledger, lock = create_ledger(
        path, origin=ORIGIN, signer=signer, at=START, pin=None, preallocate=1 << 16, disk=Disk()
    )
    records = [encode_record({"n": number}) for number in range(SEGMENT_LEAVES)]
    at = START
    for segment in range(FULL):
        for share in (5, 4, 2, 1):
            at += timedelta(seconds=10)
            if back_at == segment and share == 5:
                ledger.time, at = 0, START
            ledger.commit(records[: -(-ledger.room // share)], at)
        ledger.rotate_if_full()
    ledger.commit(records[:10], at)
    ledger.publish()
    ledger.close()
    lock.release()
    return path


def frames_of(data: bytes) -> list[Frame]:
    return list(FrameReader(io.BytesIO(data)))


@dataclass(frozen=True)
class Spoil:
    """One change to one segment."""

    segment: int
    way: str
    where: float

    def apply(self, log: Path) -> None:
        path = log / "seg" / segment_name(self.segment * SEGMENT_LEAVES)
        data = path.read_bytes()
        if frames := frames_of(data):
            number = int(self.where * (len(frames) - 1))
            path.write_bytes(WAYS[self.way](data, frames, number))


def flip(data: bytes, frames: list[Frame], number: int) -> bytes:
    place = frames[number].offset + number % (8 + len(frames[number].payload))
    return data[:place] + bytes([data[place] ^ 1 << number % 8]) + data[place + 1 :]


def drop(data: bytes, frames: list[Frame], number: int) -> bytes:
    return data[: frames[number].offset] + data[frames[number].end :]


def double(data: bytes, frames: list[Frame], number: int) -> bytes:
    return data[: frames[number].end] + data[frames[number].offset :]


def cut(data: bytes, frames: list[Frame], number: int) -> bytes:
    return data[: frames[number].offset]


def forge(data: bytes, frames: list[Frame], number: int) -> bytes:
    """Change a payload and make its crc right."""
    frame = frames[number]
    payload = frame.payload[:-2] + bytes([frame.payload[-2] ^ 1]) + frame.payload[-1:]
    new = encode_frame(Kind(frame.kind), payload)
    return data[: frame.offset] + new + data[frame.end :]


def reseal(data: bytes, frames: list[Frame], number: int) -> bytes:
    if frames[-1].kind != Kind.SEAL:
        return flip(data, frames, number)
    seal = Seal.from_payload(frames[-1].payload)
    wrong = replace(seal, root=bytes(32)) if number % 2 else replace(seal, commit_offset=64)
    return data[: frames[-1].offset] + wrong.to_frame()


def forge_commit(data: bytes, frames: list[Frame], number: int) -> bytes:
    commits = [n for n, frame in enumerate(frames) if frame.kind == Kind.COMMIT] or [number]
    return forge(data, frames, commits[number % len(commits)])


WAYS: dict[str, Callable[[bytes, list[Frame], int], bytes]] = {
    "flip a bit": flip,
    "drop a frame": drop,
    "double a frame": double,
    "cut the segment": cut,
    "forge a frame": forge,
    "forge a commit": forge_commit,
    "forge the seal": reseal,
}
