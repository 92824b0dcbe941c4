# SPDX-License-Identifier: Apache-2.0
"""Taking up a log that is pinned elsewhere: a backup does not pass for the log."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pytest

from govshare_policy.audit import (
    AuditLog,
    Damage,
    FilePin,
    LogDamageError,
    Mark,
    encode_record,
)
from govshare_policy.audit.segment import FrameReader, Kind
from govshare_policy.crypto import Signer

ORIGIN = "audit.example/one"
SEGMENT = "seg/00000000000000000000.seg"
Open = Callable[..., AuditLog]


class Clock(Protocol):
    """What the fixture of the same name is."""

    def __call__(self) -> datetime: ...
    def move(self, seconds: int) -> None: ...


@pytest.fixture
def log(create: Callable[[], AuditLog], tmp_path: Path) -> Path:
    """A closed log of four records, one commit each."""
    with create() as writer:
        for number in range(1, 4):
            writer.append(encode_record({"n": number, "text": "x" * 1200}))
    return tmp_path / "log"


@pytest.fixture
def reopen(log: Path, signer: Signer, clock: Callable[[], datetime]) -> Open:
    def start(pin: FilePin | None = None) -> AuditLog:
        return AuditLog.open(log, signer=signer, now=clock, pin=pin, preallocate=1024)

    return start


def frames(log: Path) -> list[tuple[int, int, int, bytes]]:
    """Return (kind, start, end, payload) of every frame."""
    with (log / SEGMENT).open("rb") as file:
        return [(f.kind, f.offset, f.end, f.payload) for f in FrameReader(file)]


def commits(log: Path) -> list[tuple[int, int, int, bytes]]:
    return [frame for frame in frames(log) if frame[0] == Kind.COMMIT]


def snapshot(log: Path) -> dict[str, bytes]:
    files = (path for path in log.rglob("*") if path.is_file())
    return {str(path.relative_to(log)): path.read_bytes() for path in files}


def write_at(log: Path, offset: int, data: bytes) -> None:
    with (log / SEGMENT).open("r+b") as file:
        file.seek(offset)
        file.write(data)


def refused(
    log: Path, reopen: Open, kind: Damage, says: str, pin: FilePin | None = None
) -> LogDamageError:
    """Check that the log does not open, and stays as it is."""
    before = snapshot(log)
    with pytest.raises(LogDamageError, match=says) as caught:
        reopen(pin)
    assert caught.value.kind is kind
    assert snapshot(log) == before
    return caught.value


def rewrite(pin: FilePin, change: Callable[[Mark], Mark]) -> None:
    """Change the mark in the file, as somebody who may write to it can."""
    mark = pin.load()
    assert mark is not None
    pin.path.write_bytes(change(mark).to_bytes())


@pytest.fixture
def pin(tmp_path: Path) -> FilePin:
    return FilePin(path=tmp_path / "pin")


def test_a_restored_backup_is_refused(
    log: Path, reopen: Open, pin: FilePin, tmp_path: Path
) -> None:
    """It lacks what the pin remembers, and the message says how much."""
    shutil.copytree(log, tmp_path / "backup")
    with reopen(pin) as writer:
        writer.append(encode_record({"n": 4}))
        writer.append(encode_record({"n": 5}))
    shutil.rmtree(log)
    shutil.copytree(tmp_path / "backup", log)

    says = "ends at size 4 but its pin is at 6: 2 records from 4 on are lost, written not before"
    error = refused(log, reopen, Damage.SHORT, says, pin)

    assert error.index == 4


def test_the_sentence_says_what_was_lost_and_from_when(
    log: Path, signer: Signer, clock: Clock, pin: FilePin, tmp_path: Path
) -> None:
    """Between the last commit that is left and the last one that the pin knows."""
    shutil.copytree(log, tmp_path / "backup")
    with AuditLog.open(log, signer=signer, now=clock, pin=pin, preallocate=1024) as writer:
        clock.move(90)
        writer.append(encode_record({"n": 4}))
    shutil.rmtree(log)
    shutil.copytree(tmp_path / "backup", log)

    for time in (" and not after 2026-01-05T01:03:33Z, in", ", in"):
        says = f"pin is at 5: record 4 is lost, written not before 2026-01-05T01:02:03Z{time}"
        with pytest.raises(LogDamageError, match=says):
            AuditLog.open(log, signer=signer, now=clock, pin=pin)
        rewrite(pin, lambda mark: replace(mark, time=None))


def test_a_rewritten_future_is_refused(
    log: Path, reopen: Open, pin: FilePin, tmp_path: Path
) -> None:
    """A backup that went on without its pin has another root at the pinned size."""
    shutil.copytree(log, tmp_path / "backup")
    with reopen(pin) as writer:
        writer.append(encode_record({"n": 4}))
    shutil.rmtree(log)
    shutil.copytree(tmp_path / "backup", log)
    with reopen() as writer:
        writer.append(encode_record({"n": "another"}))
    refused(log, reopen, Damage.FORK, "at size 5 the log is not the pinned one", pin)
    with reopen() as writer:
        writer.append(encode_record({"n": 6}))
    refused(log, reopen, Damage.FORK, "at size 5 the log is not the pinned one", pin)


def test_a_pin_of_another_log_is_refused(log: Path, reopen: Open, pin: FilePin) -> None:
    """It would never find anything."""
    reopen(pin).close()
    rewrite(pin, lambda mark: replace(mark, origin=mark.origin.replace("/one", "/two")))
    refused(log, reopen, Damage.FORK, "the pin is of another log", pin)


def test_a_pin_that_is_behind_is_moved_up(reopen: Open, pin: FilePin) -> None:
    """A crash between the sync and the pin leaves it at the commit before."""
    reopen(pin).close()
    with reopen() as writer:
        writer.append(encode_record({"n": 4}))
    reopen(pin).close()
    mark = pin.load()
    assert mark is not None
    assert mark.size == 5
    reopen(pin).close()
    assert pin.load() == mark


def test_a_pin_beside_any_commit_is_refused(log: Path, reopen: Open, pin: FilePin) -> None:
    """Every pin was a commit once."""
    reopen(pin).close()
    rewrite(pin, lambda mark: replace(mark, size=0))
    refused(log, reopen, Damage.FORK, "at size 0", pin)


def test_nothing_is_put_aside_before_the_pin_agrees(log: Path, reopen: Open, pin: FilePin) -> None:
    """A tail that the pin remembers as more than a tail stays where it is."""
    with reopen(pin) as writer:
        writer.append(encode_record({"n": 4}))
    _, start, _, _ = frames(log)[-2]
    older = commits(log)[-2][3]
    write_at(log, start, bytes(-start % 512))
    (log / "checkpoint").write_bytes(older)
    refused(log, reopen, Damage.SHORT, "ends at size 4 but its pin is at 5", pin)
