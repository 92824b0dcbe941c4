# SPDX-License-Identifier: Apache-2.0
"""One change to a signature in a small log: never taken for a signature."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from govshare_policy.audit import Checkpoint
from govshare_policy.audit.checkpoint import NoteSignature, sign_checkpoint
from govshare_policy.audit.segment import Kind

if TYPE_CHECKING:
    from tests.tamper.conftest import Bench

ORIGIN = "audit.example/one"
SEGMENT = "seg/00000000000000000000.seg"
Frames = list[tuple[Kind, bytes]]
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
FORGED = bytes(64)
UNKNOWN = NoteSignature(name="witness", key_id=b"abcd", blob=b"x")


def edit(frames: Frames, number: int, change: Callable[[bytes], bytes]) -> Frames:
    changed = [*frames]
    changed[number] = (frames[number][0], change(frames[number][1]))
    assert changed != frames
    return changed


def note(frames: Frames, number: int, change: Callable[[Checkpoint], Checkpoint]) -> Frames:
    return edit(frames, number, lambda data: change(Checkpoint.from_note(data)).to_note())


def blob(frames: Frames, number: int, change: Callable[[bytes], bytes]) -> Frames:
    def changed(checkpoint: Checkpoint) -> Checkpoint:
        [line] = checkpoint.signatures
        return replace(checkpoint, signatures=(replace(line, blob=change(line.blob)),))

    return note(frames, number, changed)


def der(r: bytes, s: bytes) -> bytes:
    body = b"\x02" + bytes([len(r)]) + r + b"\x02" + bytes([len(s)]) + s
    return b"\x30" + bytes([len(body)]) + body


def numbers(blob: bytes) -> tuple[bytes, bytes]:
    r = blob[12 : 12 + blob[11]]
    return r, blob[14 + blob[11] :]


def positive(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1)


def reencode(change: Callable[[bytes, bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: data[:8] + change(*numbers(data))


def other_line(checkpoint: Checkpoint, **changes: Any) -> Checkpoint:  # noqa: ANN401
    return replace(checkpoint, signatures=(replace(checkpoint.signatures[0], **changes),))


MUTATIONS: dict[str, Callable[[Frames], Frames]] = {
    "a note has another's signature alone": lambda f: note(
        f, 8, lambda c: replace(c, signatures=(UNKNOWN,))
    ),
    "a signature is one of another commit": lambda f: note(
        f, 8, lambda c: replace(c, signatures=Checkpoint.from_note(f[4][1]).signatures)
    ),
    "a signature has another name": lambda f: note(f, 8, lambda c: other_line(c, name="other")),
    "a signature has another key id": lambda f: note(
        f, 8, lambda c: other_line(c, key_id=bytes(4))
    ),
    "a signature is dated otherwise": lambda f: blob(f, 8, lambda b: bytes(8) + b[8:]),
    "a signature is dated beyond all calendars": lambda f: blob(
        f, 8, lambda b: b"\xff" * 8 + b[8:]
    ),
    "a signature is missing": lambda f: blob(f, 8, lambda b: b[:8]),
    "a signature is garbage": lambda f: blob(f, 8, lambda b: b[:8] + FORGED),
    "bytes follow a signature": lambda f: blob(f, 8, lambda b: b + b"\0"),
    "a signature has its numbers swapped": lambda f: blob(f, 8, reencode(lambda r, s: der(s, r))),
    "a number has a superfluous zero": lambda f: blob(
        f, 8, reencode(lambda r, s: der(b"\0" + r, s))
    ),
    "a length is in its long form": lambda f: blob(f, 8, lambda b: b[:8] + b"\x30\x81" + b[9:]),
    "a number is zero": lambda f: blob(f, 8, reencode(lambda r, _: der(r, b"\0"))),
    "a number is the order of the curve": lambda f: blob(
        f, 8, reencode(lambda r, _: der(r, positive(N)))
    ),
    "a number is larger by the order": lambda f: blob(
        f, 8, reencode(lambda r, s: der(r, positive(int.from_bytes(s) + N)))
    ),
    "the numbers add up to the order": lambda f: blob(
        f, 8, reencode(lambda r, _: der(r, positive(N - int.from_bytes(r))))
    ),
    "a number is negative": lambda f: blob(f, 8, reencode(lambda r, s: der(r, b"\xff" + s))),
}


@pytest.mark.parametrize("change", MUTATIONS.values(), ids=MUTATIONS)
def test_a_changed_signature_is_found_in_its_commit(
    bench: "Bench", small: Path, change: Callable[[Frames], Frames]
) -> None:
    """Both verifiers refuse it, whatever their libraries would say."""
    log = bench.copy(small, "changed")
    bench.put_together(log, change(bench.take_apart(small)))

    assert bench.judge(log) == ("signature", SEGMENT, bench.offset(log, 8), 2)


def sign(bench: "Bench", frames: Frames, number: int, *, time: int) -> Frames:
    """Sign a commit anew, with the key of the log."""
    return note(
        frames,
        number,
        lambda c: sign_checkpoint(replace(c, signatures=()), bench.signer, name=ORIGIN, time=time),
    )


def test_time_that_goes_back_is_found(bench: "Bench", small: Path) -> None:
    """Even under the right key."""
    log = bench.copy(small, "changed")
    [line] = Checkpoint.from_note(bench.take_apart(small)[4][1]).signatures
    time, _ = line.stamped()
    bench.put_together(log, sign(bench, bench.take_apart(small), 8, time=time))
    assert bench.judge(log).code == "good"

    bench.put_together(log, sign(bench, bench.take_apart(small), 8, time=time - 1))
    assert bench.judge(log) == ("clock", SEGMENT, bench.offset(log, 8), 2)
