# SPDX-License-Identifier: Apache-2.0
"""Logs of more than one segment: what seals and names protect."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from govshare_policy.audit import read_records
from govshare_policy.audit.segment import (
    FrameReader,
    Header,
    Kind,
    Seal,
    encode_frame,
    segment_name,
)

if TYPE_CHECKING:
    from tests.tamper.conftest import Bench

FIRST = segment_name(0)
SECOND = segment_name(65536)
SEAL_BYTES = 64


@pytest.fixture(scope="session")
def big(bench: "Bench") -> Path:
    """One sealed segment of two commits, and a record in the next."""
    return bench.make("big", [65_000, 535, 1])


def seal_of(log: Path) -> Seal:
    data = (log / "seg" / FIRST).read_bytes()
    return Seal.from_payload(data[-SEAL_BYTES + 8 :])


def reseal(log: Path, seal: Seal) -> None:
    path = log / "seg" / FIRST
    path.write_bytes(path.read_bytes()[:-SEAL_BYTES] + seal.to_frame())


def change_byte(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def change_header(path: Path) -> None:
    header = Header(first=65536, genesis=bytes(32)).to_frame()
    path.write_bytes(header + path.read_bytes()[len(header) :])


def cut(path: Path, size: int) -> Path:
    path.write_bytes(path.read_bytes()[:size])
    return path


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


def swap(log: Path) -> None:
    first, second = log / "seg" / FIRST, log / "seg" / SECOND
    first.rename(log / "first")
    second.rename(first)
    (log / "first").rename(second)


def test_a_sealed_log_verifies(bench: "Bench", big: Path) -> None:
    """And holds exactly 65,536 records in its first segment."""
    assert bench.judge(big) == ("good", "", 0, 65537)
    with (big / "seg" / FIRST).open("rb") as file:
        kinds = [frame.kind for frame in FrameReader(file)]
    assert (kinds.count(Kind.ENTRY), kinds[-2:]) == (65536, [Kind.COMMIT, Kind.SEAL])


# Name: change, code, file, index.
CHANGES: dict[str, tuple[Callable[[Path], object], str, str, int | None]] = {
    "a seal has another root": (
        lambda p: reseal(p, replace(seal_of(p), root=bytes(32))),
        "segment",
        FIRST,
        65536,
    ),
    "a seal has another offset": (
        lambda p: reseal(p, replace(seal_of(p), commit_offset=64)),
        "segment",
        FIRST,
        65536,
    ),
    "a byte of a seal is changed": (
        lambda p: change_byte(p / "seg" / FIRST, -1),
        "frame",
        FIRST,
        65536,
    ),
    "a seal is missing": (lambda p: cut(p / "seg" / FIRST, -SEAL_BYTES), "segment", FIRST, 65536),
    "half a seal is missing": (
        lambda p: cut(p / "seg" / FIRST, -SEAL_BYTES // 2),
        "frame",
        FIRST,
        65536,
    ),
    "a seal is missing and the rest is zero": (
        lambda p: append(cut(p / "seg" / FIRST, -SEAL_BYTES), bytes(64)),
        "segment",
        FIRST,
        65536,
    ),
    "a zero follows the seal": (
        lambda p: append(p / "seg" / FIRST, b"\0"),
        "segment",
        FIRST,
        65536,
    ),
    "a frame follows the seal": (
        lambda p: append(p / "seg" / FIRST, encode_frame(Kind.ENTRY, b"{}")),
        "segment",
        FIRST,
        65536,
    ),
    "the last commit is missing": (
        lambda p: cut(p / "seg" / FIRST, seal_of(p).commit_offset),
        "segment",
        FIRST,
        65001,
    ),
    "the first segment is missing": (lambda p: (p / "seg" / FIRST).unlink(), "segment", FIRST, 0),
    "the last header is of another log": (
        lambda p: change_header(p / "seg" / SECOND),
        "segment",
        SECOND,
        65536,
    ),
    "the last segment is missing": (lambda p: (p / "seg" / SECOND).unlink(), "short", "", 65536),
    "the segments are swapped": (swap, "segment", FIRST, 0),
    "the first segment is there twice": (
        lambda p: shutil.copy(p / "seg" / FIRST, p / "seg" / SECOND),
        "segment",
        SECOND,
        65536,
    ),
    "the last segment has no commit": (lambda p: cut(p / "seg" / SECOND, 64), "short", "", 65536),
}


@pytest.mark.parametrize(("change", "code", "name", "index"), CHANGES.values(), ids=CHANGES)
def test_a_change_at_the_border_is_found(
    bench: "Bench",
    big: Path,
    change: Callable[[Path], object],
    code: str,
    name: str,
    index: int | None,
) -> None:
    """Both verifiers name the segment."""
    log = bench.copy(big, "changed")
    change(log)

    report = bench.judge(log)

    file = f"seg/{name}" if name else "checkpoint"
    assert (report.code, report.file, report.record) == (code, file, index)


def test_a_full_segment_may_wait_for_its_seal(bench: "Bench", big: Path) -> None:
    """A crash between the commit and the seal harms nothing; a wrong seal does."""
    log = bench.copy(big, "changed")
    first = log / "seg" / FIRST
    data = first.read_bytes()
    (log / "seg" / SECOND).unlink()
    commit = data[seal_of(log).commit_offset + 8 : -SEAL_BYTES]
    (log / "checkpoint").write_bytes(commit)
    for rest, code in {
        data[-SEAL_BYTES:]: "good",
        data[-SEAL_BYTES:] + bytes(100): "good",
        b"": "good",
        data[-SEAL_BYTES:-1]: "torn_tail",
        data[-SEAL_BYTES:] + b"\0\1": "torn_tail",
        encode_frame(Kind.ENTRY, b"{}"): "order",
    }.items():
        first.write_bytes(data[:-SEAL_BYTES] + rest)
        report = bench.judge(log)
        assert (report.code, report.record) == (code, 65536)


def commit_of(log: Path) -> bytes:
    """Return the note of the last commit of the log's last segment."""
    *_, last = sorted((log / "seg").iterdir())
    with last.open("rb") as file:
        notes = [frame.payload for frame in FrameReader(file) if frame.kind == Kind.COMMIT]
    return notes[-1]


FORGED = encode_frame(Kind.ENTRY, b'{"forged":true}')

# Name: what follows the seal of the last segment, given the log; the code.
BEHIND: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "a record": (lambda _: FORGED, "torn_tail"),
    "a record and what is no note": (
        lambda _: FORGED + encode_frame(Kind.COMMIT, b"not even a note"),
        "torn_tail",
    ),
    "a record and a note of this log": (
        lambda p: FORGED + encode_frame(Kind.COMMIT, commit_of(p)),
        "frame",
    ),
}


@pytest.mark.parametrize(("tail", "code"), BEHIND.values(), ids=list(BEHIND))
def test_nothing_counts_behind_the_seal_of_the_last_segment(
    tail: Callable[[Path], bytes], code: str, bench: "Bench", big: Path
) -> None:
    """No writer is at work there, whatever it looks like."""
    spoilt = bench.copy(big, "ends-sealed")
    # The log of an archive: it ends with the segment that is full.
    (spoilt / "seg" / SECOND).unlink()
    (spoilt / "checkpoint").write_bytes(commit_of(spoilt))
    assert bench.judge(spoilt).code == "good"

    append(spoilt / "seg" / FIRST, tail(spoilt))

    assert bench.judge(spoilt).code == code
    assert len([*read_records(spoilt)]) == 65536
