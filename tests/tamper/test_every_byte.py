# SPDX-License-Identifier: Apache-2.0
"""Every byte of a small log is changed once, and cut off once."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from govshare_policy.audit.segment import FrameReader, Kind

if TYPE_CHECKING:
    from tests.tamper.conftest import Bench

SEGMENT = "seg/00000000000000000000.seg"
# Every bit of every byte with the whole product, one of each otherwise.
BITS = 8 if os.environ.get("GOVSHARE_SOAK") else 1


def frames(log: Path) -> list[tuple[int, int, int, int]]:
    """Return (start, end, records before, records under earlier commits) of every frame."""
    found, records, covered = [], 0, 0
    with (log / SEGMENT).open("rb") as file:
        for frame in FrameReader(file):
            found.append((frame.offset, frame.end, records, covered))
            if frame.kind == Kind.ENTRY:
                records += 1
            elif frame.kind == Kind.COMMIT:
                covered = records
    return found


def test_the_small_log_verifies(bench: "Bench", small: Path) -> None:
    """What the other tests change was good before."""
    assert bench.judge(small) == ("good", "", 0, 7)


def test_a_changed_byte_of_a_segment_is_found_in_its_place(bench: "Bench", small: Path) -> None:
    """Both verifiers name the frame, and the record that it holds or should cover."""
    log = bench.copy(small, "flipped")
    data = bytearray((small / SEGMENT).read_bytes())
    parts = frames(small)
    end = parts[-1][1]
    assert end < len(data)
    for place, turn in ((place, turn) for place in range(end) for turn in range(BITS)):
        bit = 1 << (place + turn) % 8
        data[place] ^= bit
        (log / SEGMENT).write_bytes(data)
        data[place] ^= bit

        report = bench.judge(log)

        start, _, records, covered = next(part for part in parts if part[0] <= place < part[1])
        assert report.file == SEGMENT
        assert report.offset == start
        assert report.record in (records, covered)
        assert report.code in {"segment", "frame", "torn_tail"}


def test_a_changed_byte_of_the_free_space_is_found(bench: "Bench", small: Path) -> None:
    """Nothing hides behind the last commit."""
    log = bench.copy(small, "flipped")
    data = bytearray((small / SEGMENT).read_bytes())
    end = frames(small)[-1][1]
    for place in range(end, len(data)):
        data[place] ^= 1
        (log / SEGMENT).write_bytes(data)
        data[place] ^= 1

        report = bench.judge(log)

        assert (report.code, report.file, report.record) == ("torn_tail", SEGMENT, 7)
        assert end <= report.offset <= place


@pytest.mark.parametrize("name", ["log.json", "checkpoint"])
@pytest.mark.parametrize("bit", [0, 5, 7])
def test_a_changed_byte_of_a_small_file_is_found(
    bench: "Bench", small: Path, name: str, bit: int
) -> None:
    """The files beside the segments say nothing that the segments do not prove."""
    log = bench.copy(small, "flipped")
    data = bytearray((small / name).read_bytes())
    for place in range(len(data)):
        data[place] ^= 1 << bit
        (log / name).write_bytes(data)
        data[place] ^= 1 << bit

        report = bench.judge(log)

        codes = {"log.json": {"manifest"}, "checkpoint": {"checkpoint", "short"}}
        assert report.code in codes[name]
        assert report.file in {name, SEGMENT}


def test_a_log_cut_anywhere_is_found(bench: "Bench", small: Path) -> None:
    """Inside a frame as a torn tail; between them by the checkpoint that is ahead."""
    log = bench.copy(small, "cut")
    data = (small / SEGMENT).read_bytes()
    parts = frames(small)
    end = parts[-1][1]
    for place in range(end):
        (log / SEGMENT).write_bytes(data[:place])

        report = bench.judge(log)

        assert report.code in {"segment", "torn_tail", "short"}
        assert report.file in {SEGMENT, "checkpoint"}
    for place in range(end, len(data)):
        (log / SEGMENT).write_bytes(data[:place])
        assert bench.judge(log).code == "good"
