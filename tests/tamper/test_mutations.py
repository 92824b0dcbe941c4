# SPDX-License-Identifier: Apache-2.0
"""One change to a small log, made by somebody who can repair every crc: one report."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from govshare_policy.audit import Checkpoint, encode_record
from govshare_policy.audit.checkpoint import NoteSignature
from govshare_policy.audit.merkle import leaf_hash, root_hash
from govshare_policy.audit.segment import Kind, Seal

if TYPE_CHECKING:
    from tests.tamper.conftest import Bench

ORIGIN = "audit.example/one"
SEGMENT = "seg/00000000000000000000.seg"
Frames = list[tuple[Kind, bytes]]
UNKNOWN = NoteSignature(name="witness", key_id=b"abcd", blob=b"x")
RECORD = encode_record({"forged": True})


def edit(frames: Frames, number: int, change: Callable[[bytes], bytes]) -> Frames:
    changed = [*frames]
    changed[number] = (frames[number][0], change(frames[number][1]))
    assert changed != frames
    return changed


def drop(frames: Frames, *numbers: int) -> Frames:
    return [frame for number, frame in enumerate(frames) if number not in numbers]


def insert(frames: Frames, number: int, *new: tuple[Kind, bytes]) -> Frames:
    return [*frames[:number], *new, *frames[number:]]


def note(frames: Frames, number: int, change: Callable[[Checkpoint], Checkpoint]) -> Frames:
    return edit(frames, number, lambda data: change(Checkpoint.from_note(data)).to_note())


def refit(frames: Frames, number: int) -> Frames:
    """State the root of the records before frame *number* in it, without a key."""
    leaves = [leaf_hash(data) for kind, data in frames[:number] if kind is Kind.ENTRY]
    return note(frames, number, lambda c: replace(c, root=root_hash(leaves)))


# Name: change, code, frame, index.
MUTATIONS: dict[str, tuple[Callable[[Frames], Frames], str, int, int | None]] = {
    "a record is edited": (
        lambda f: edit(f, 6, lambda d: d.replace(b'"n":1', b'"n":9')),
        "root",
        8,
        2,
    ),
    "a record is made longer": (
        lambda f: edit(f, 6, lambda d: d.replace(b'"n":1', b'"n":11')),
        "root",
        8,
        2,
    ),
    "the first record is edited": (
        lambda f: edit(f, 1, lambda d: d.replace(b"genesis", b"Genesis")),
        "manifest",
        1,
        0,
    ),
    "a record is taken out": (lambda f: drop(f, 6), "note", 7, 2),
    "the last record is taken out": (lambda f: drop(f, 10), "note", 10, 5),
    "a record is put in": (lambda f: insert(f, 6, (Kind.ENTRY, RECORD)), "note", 9, 2),
    "a record is doubled": (lambda f: insert(f, 6, f[6]), "note", 9, 2),
    "two records are swapped": (
        lambda f: edit(edit(f, 5, lambda _: f[6][1]), 6, lambda _: f[5][1]),
        "root",
        8,
        2,
    ),
    "a record moves behind a commit": (lambda f: [*f[:7], f[8], f[7], *f[9:]], "note", 7, 2),
    "a record is replaced by another": (lambda f: edit(f, 9, lambda _: f[5][1]), "root", 11, 5),
    "a batch is taken out with its commit": (lambda f: drop(f, 5, 6, 7, 8), "note", 7, 2),
    "two commits are swapped": (
        lambda f: edit(edit(f, 8, lambda _: f[11][1]), 11, lambda _: f[8][1]),
        "note",
        8,
        2,
    ),
    "a commit is doubled": (lambda f: insert(f, 9, f[8]), "order", 9, 5),
    "a commit stands before any record": (lambda f: insert(f, 1, f[2]), "order", 1, 0),
    "another size is stated": (lambda f: note(f, 8, lambda c: replace(c, size=6)), "note", 8, 2),
    "another origin is stated": (
        lambda f: note(f, 8, lambda c: replace(c, origin="audit.example/two")),
        "note",
        8,
        2,
    ),
    "another root is stated": (
        lambda f: note(f, 8, lambda c: replace(c, root=bytes(32))),
        "root",
        8,
        2,
    ),
    "the root is made to fit an edited record": (
        lambda f: refit(edit(f, 6, lambda d: d.replace(b'"n":1', b'"n":9')), 8),
        "signature",
        8,
        2,
    ),
    "a note has carriage returns": (
        lambda f: edit(f, 8, lambda d: d.replace(b"\n", b"\r\n")),
        "note",
        8,
        2,
    ),
    "a note has no signature": (
        lambda f: edit(f, 8, lambda d: d[: d.index("—".encode())]),
        "note",
        8,
        2,
    ),
    "the header is of another record": (
        lambda f: edit(f, 0, lambda d: d[:8] + b"\1" + d[9:]),
        "segment",
        0,
        0,
    ),
    "the header is of another version": (
        lambda f: edit(f, 0, lambda d: b"govslog2" + d[8:]),
        "segment",
        0,
        0,
    ),
    "the header says more than it may": (
        lambda f: edit(f, 0, lambda d: d[:-1] + b"\1"),
        "segment",
        0,
        0,
    ),
    "there is no header": (lambda f: drop(f, 0), "segment", 0, 0),
    "there are two headers": (lambda f: insert(f, 3, f[0]), "order", 3, 1),
    "there is a seal too early": (
        lambda f: insert(f, 12, (Kind.SEAL, Seal(commit_offset=0, root=bytes(32)).to_frame()[8:])),
        "order",
        12,
        7,
    ),
    "a record follows the last commit": (lambda f: [*f, (Kind.ENTRY, RECORD)], "torn_tail", 12, 7),
    "there is no commit": (lambda f: f[:1], "segment", 1, 0),
    "there is a record and no commit": (lambda f: f[:2], "torn_tail", 1, 0),
}


@pytest.mark.parametrize(("change", "code", "frame", "index"), MUTATIONS.values(), ids=MUTATIONS)
def test_a_change_is_found_in_its_frame(
    bench: "Bench",
    small: Path,
    change: Callable[[Frames], Frames],
    code: str,
    frame: int,
    index: int | None,
) -> None:
    """Both verifiers give the same code, frame and record."""
    log = bench.copy(small, "changed")
    bench.put_together(log, change(bench.take_apart(small)))

    assert bench.judge(log) == (code, SEGMENT, bench.offset(log, frame), index)


UNHARMED: dict[str, Callable[[Frames], Frames]] = {
    "a witness signs as well": lambda f: note(
        f, 8, lambda c: replace(c, signatures=(UNKNOWN, *c.signatures))
    ),
    # The next commit covers its records; only the time between is lost.
    "a commit is taken out between two others": lambda f: drop(f, 4),
}


@pytest.mark.parametrize("change", UNHARMED.values(), ids=UNHARMED)
def test_what_the_format_allows_verifies(
    bench: "Bench", small: Path, change: Callable[[Frames], Frames]
) -> None:
    """The limits that docs/spec/audit-log.md §10 states are where it says."""
    log = bench.copy(small, "changed")
    bench.put_together(log, change(bench.take_apart(small)))

    assert bench.judge(log).code == "good"


def zeroed(data: bytes, start: int, end: int) -> bytes:
    return data[:start] + bytes(end - start) + data[end:]


def test_a_hole_is_damage_where_a_commit_follows(bench: "Bench", small: Path) -> None:
    """And a torn tail where none does."""
    log = bench.copy(small, "changed")
    data = (small / SEGMENT).read_bytes()
    start, middle, end = (bench.offset(small, frame) for frame in (6, 7, 11))

    (log / SEGMENT).write_bytes(zeroed(data, start, middle))
    assert bench.judge(log) == ("frame", SEGMENT, start, 3)
    (log / SEGMENT).write_bytes(zeroed(data, bench.offset(small, 10), len(data)))
    assert bench.judge(log) == ("torn_tail", SEGMENT, bench.offset(small, 9), 5)
    (log / SEGMENT).write_bytes(zeroed(data, end, len(data)))
    assert bench.judge(log) == ("torn_tail", SEGMENT, bench.offset(small, 9), 5)
    (log / SEGMENT).write_bytes(data[: bench.offset(small, 12)] + b"\0\0\0x")
    assert bench.judge(log) == ("torn_tail", SEGMENT, bench.offset(small, 12), 7)
