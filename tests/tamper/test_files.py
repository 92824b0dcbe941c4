# SPDX-License-Identifier: Apache-2.0
"""One change to the files of a small log: one report."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from govshare_policy.audit import LogDamageError, load_trust, verify_log
from govshare_policy.audit.checkpoint import NoteSignature

if TYPE_CHECKING:
    from tests.tamper.conftest import Bench

SEGMENT = "seg/00000000000000000000.seg"
UNKNOWN = NoteSignature(name="witness", key_id=b"abcd", blob=b"x")


FILES: dict[str, tuple[Callable[[Path], object], tuple[str, str, int, int | None]]] = {
    "log.json is missing": (lambda p: (p / "log.json").unlink(), ("manifest", "log.json", 0, None)),
    "log.json is empty": (
        lambda p: (p / "log.json").write_bytes(b""),
        ("manifest", "log.json", 0, None),
    ),
    "log.json is followed by zeros": (
        lambda p: append(p / "log.json", bytes(9000)),
        ("manifest", "log.json", 0, None),
    ),
    "the checkpoint is missing": (
        lambda p: (p / "checkpoint").unlink(),
        ("checkpoint", "checkpoint", 0, None),
    ),
    "the checkpoint is endless": (
        lambda p: append(p / "checkpoint", b"x" * 99999),
        ("checkpoint", "checkpoint", 0, None),
    ),
    "the checkpoint is cosigned": (
        lambda p: append(p / "checkpoint", UNKNOWN.to_line().encode() + b"\n"),
        ("checkpoint", "checkpoint", 0, None),
    ),
    "a file is among the segments": (
        lambda p: (p / "seg" / "note.txt").write_text(""),
        ("stray", "seg/note.txt", 0, None),
    ),
    "a segment starts where none does": (
        lambda p: shutil.copy(p / SEGMENT, p / "seg" / "00000000000000000007.seg"),
        ("stray", "seg/00000000000000000007.seg", 0, None),
    ),
    "a segment follows that is a copy": (
        lambda p: shutil.copy(p / SEGMENT, p / "seg" / "00000000000000065536.seg"),
        ("segment", SEGMENT, 1400, 7),
    ),
    "a segment follows behind a gap": (
        lambda p: shutil.copy(p / SEGMENT, p / "seg" / "00000000000000131072.seg"),
        ("segment", "seg/00000000000000065536.seg", 0, 65536),
    ),
    "there is no segment": (lambda p: (p / SEGMENT).unlink(), ("segment", SEGMENT, 0, 0)),
    "there is no folder of segments": (
        lambda p: shutil.rmtree(p / "seg"),
        ("segment", SEGMENT, 0, 0),
    ),
    "the segment is empty": (lambda p: (p / SEGMENT).write_bytes(b""), ("segment", SEGMENT, 0, 0)),
}


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


@pytest.mark.parametrize(("change", "expected"), FILES.values(), ids=FILES)
def test_a_file_out_of_place_is_found(
    bench: "Bench",
    small: Path,
    change: Callable[[Path], object],
    expected: tuple[str, str, int, int | None],
) -> None:
    """Both verifiers name the file."""
    log = bench.copy(small, "changed")
    change(log)

    report = bench.judge(log)

    if expected[2]:
        expected = (expected[0], expected[1], bench.offset(small, 12), expected[3])
    assert report == expected


def test_a_log_of_the_same_key_is_not_spliced_in(bench: "Bench", small: Path) -> None:
    """Each of its files is found to be of another log."""
    other = bench.make("other", [1, 3, 2])
    log = bench.copy(small, "changed")
    for name, expected in {
        SEGMENT: ("manifest", "log.json", 0, None),
        "log.json": ("manifest", "log.json", 0, None),
        "checkpoint": ("checkpoint", "checkpoint", 0, None),
    }.items():
        log = bench.copy(small, "changed")
        shutil.copy(other / name, log / name)
        assert bench.judge(log) == expected
    bench.put_together(log, [*bench.take_apart(small)[:9], *bench.take_apart(other)[9:]])
    assert bench.judge(log)[:1] == ("root",)


def test_an_older_checkpoint_of_the_log_is_no_damage(bench: "Bench", small: Path) -> None:
    """The file is written from time to time; the segments are ahead of it after a crash."""
    log = bench.copy(small, "changed")
    (log / "checkpoint").write_bytes(bench.take_apart(small)[4][1])
    assert bench.judge(log).code == "good"


def test_a_log_cut_at_a_commit_is_shorter_than_its_checkpoint(bench: "Bench", small: Path) -> None:
    """With the checkpoint set back too, only what was kept elsewhere tells."""
    log = bench.copy(small, "changed")
    bench.put_together(log, bench.take_apart(small)[:9])
    assert bench.judge(log) == ("short", "checkpoint", 0, 5)
    (log / "checkpoint").write_bytes(bench.take_apart(small)[8][1])
    assert bench.judge(log).code == "good"


def test_a_trust_file_for_another_log_does_not_fit(bench: "Bench", small: Path) -> None:
    """The manifest is of another origin, before anything else is looked at."""
    good = bench.trust_file.read_text()
    try:
        bench.trust_file.write_text(good.replace('origin = "audit.example/one"', 'origin = "two"'))
        assert bench.judge(small) == ("manifest", "log.json", 0, None)
        bench.trust_file.write_text(good.replace("from = 0", "from = 3"))
        assert bench.judge(small) == ("signature", SEGMENT, bench.offset(small, 2), 0)
        bench.trust_file.write_text(good.replace("from = 0", "from = 0\nto = 5"))
        assert bench.judge(small) == ("signature", SEGMENT, bench.offset(small, 11), 5)
    finally:
        bench.trust_file.write_text(good)


@pytest.mark.parametrize("name", ["log.json", "checkpoint", SEGMENT])
def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(
    name: str, bench: "Bench", small: Path
) -> None:
    path = bench.copy(small, "piped") / name
    path.unlink()
    os.mkfifo(path)
    with pytest.raises((OSError, LogDamageError)):
        verify_log(bench.directory / "piped", load_trust(bench.trust_file))
