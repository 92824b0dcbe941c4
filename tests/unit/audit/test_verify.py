# SPDX-License-Identifier: Apache-2.0
"""Verifying a log: what is told besides yes, what is found with help, and logs in use."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    Damage,
    LogDamageError,
    TrustPolicy,
    encode_record,
    read_records,
    verify_log,
)
from govshare_policy.audit import live as live_module
from govshare_policy.audit.segment import FrameReader, Kind
from govshare_policy.audit.start import Lock
from govshare_policy.crypto import Signer
from govshare_policy.errors import VerificationError

SEGMENT = "seg/00000000000000000000.seg"


@pytest.fixture
def log(create: Callable[[], AuditLog], tmp_path: Path) -> Path:
    """A closed log of four records, one commit each."""
    with create() as writer:
        for number in range(1, 4):
            writer.append(encode_record({"n": number}))
    return tmp_path / "log"


def notes(log: Path) -> list[bytes]:
    with (log / SEGMENT).open("rb") as file:
        return [frame.payload for frame in FrameReader(file) if frame.kind == Kind.COMMIT]


def test_a_verdict_says_what_was_verified(log: Path, trust: TrustPolicy, signer: Signer) -> None:
    """Enough for a report, and nothing that was not checked."""
    verdict = verify_log(log, trust)

    last = Checkpoint.from_note(notes(log)[-1])
    assert (verdict.origin, verdict.size, verdict.root) == (last.origin, last.size, last.root)
    assert (verdict.checkpoints, verdict.segments) == (4, 1)
    assert verdict.first_time.isoformat() == "2026-01-05T01:02:03+00:00"
    assert verdict.last_time == verdict.first_time
    assert verdict.key_fingerprints == (signer.public.fingerprint,)
    assert verdict.warnings == ()


def test_what_is_beside_a_log_is_mentioned(log: Path, trust: TrustPolicy) -> None:
    """It is no part of the evidence; what is known to be derived is passed over."""
    (log / "readme.txt").touch()
    (log / "index.sqlite-wal").touch()
    (log / "witness").mkdir()
    (log / "quarantine" / "x.tail.pending").touch()

    assert verify_log(log, trust).warnings == (
        "`readme.txt` is no part of a log",
        "no record speaks of `quarantine/x.tail.pending` yet",
    )


def test_progress_is_told_in_bytes(log: Path, trust: TrustPolicy) -> None:
    """It never exceeds the total and ends where the records end."""
    told: list[tuple[int, int]] = []
    verify_log(log, trust, progress=lambda done, total: told.append((done, total)))

    size = (log / SEGMENT).stat().st_size
    assert [total for _, total in told] == [size] * len(told)
    assert 0 < told[-1][0] <= size


def test_a_kept_checkpoint_finds_a_log_cut_short(log: Path, trust: TrustPolicy) -> None:
    """Its own files agree with each other; only what was kept elsewhere does not."""
    kept = Checkpoint.from_note(notes(log)[-1])
    data = (log / SEGMENT).read_bytes()
    place = data.index(notes(log)[1]) + len(notes(log)[1])
    older = notes(log)[1]
    (log / SEGMENT).write_bytes(data[:place])
    (log / "checkpoint").write_bytes(older)
    assert verify_log(log, trust, known=[Checkpoint.from_note(older)]).size == 2

    with pytest.raises(
        LogDamageError, match="size 4 was kept but the log ends at size 2"
    ) as caught:
        verify_log(log, trust, known=[kept])
    assert (caught.value.kind, caught.value.index) == (Damage.SHORT, 2)


def test_a_kept_checkpoint_finds_a_fork(
    log: Path, trust: TrustPolicy, signer: Signer, clock: Callable[[], datetime], tmp_path: Path
) -> None:
    """Two futures under the true key: each verifies alone, and not with the other's checkpoint."""
    twin = log.rename(tmp_path / "twin")
    log.mkdir()
    for path in sorted(twin.rglob("*")):
        if path.is_dir():
            (log / path.relative_to(twin)).mkdir()
        else:
            (log / path.relative_to(twin)).write_bytes(path.read_bytes())
    kept = []
    for number, directory in enumerate((log, twin)):
        with AuditLog.open(directory, signer=signer, now=clock) as writer:
            writer.append(encode_record({"future": number}))
            kept.append(writer.checkpoint())
            writer.append(encode_record({"later": number}))

    assert verify_log(log, trust, known=[kept[0]]).size == 6
    with pytest.raises(LogDamageError, match="at size 5 it is not the log") as caught:
        verify_log(log, trust, known=kept)
    assert caught.value.kind is Damage.FORK


def test_a_kept_checkpoint_has_to_be_trusted(log: Path, trust: TrustPolicy) -> None:
    """Otherwise anyone could make a good log look bad."""
    kept = Checkpoint.from_note(notes(log)[-1])
    with pytest.raises(VerificationError, match="no trusted key"):
        verify_log(log, trust, known=[replace(kept, signatures=())])


def test_a_log_in_use_verifies_at_any_time(
    create: Callable[[], AuditLog], tmp_path: Path, trust: TrustPolicy
) -> None:
    """A write that is under way is not damage."""
    stop = threading.Event()
    with create() as writer:

        def work() -> None:
            while not stop.is_set():
                for future in [writer.submit(b'{"text":"' + b"x" * 900 + b'"}') for _ in range(9)]:
                    future.result()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            sizes = [verify_log(tmp_path / "log", trust).size for _ in range(12)]
        finally:
            stop.set()
            thread.join()
    # How far it came in the meantime is the scheduler's to say, but it may never seem shorter.
    assert sizes == sorted(sizes)
    assert verify_log(tmp_path / "log", trust).size >= sizes[-1]


def test_a_write_under_way_is_awaited(log: Path, trust: TrustPolicy) -> None:
    """Half a commit becomes a whole one while the writer holds the lock."""
    data = (log / SEGMENT).read_bytes()
    end = data.index(notes(log)[-1]) + len(notes(log)[-1])
    (log / "checkpoint").write_bytes(notes(log)[-2])
    (log / SEGMENT).write_bytes(data[: end - 10])
    lock = Lock.acquire(log)
    timer = threading.Timer(0.3, lambda: (log / SEGMENT).write_bytes(data))
    timer.start()
    try:
        verdict = verify_log(log, trust)
    finally:
        timer.join()
        lock.release()

    assert (verdict.size, len(verdict.warnings)) == (3, 1)
    assert "a write was under way" in verdict.warnings[0]
    assert verify_log(log, trust).size == 4


def test_a_tail_that_stays_torn_is_damage(
    log: Path, trust: TrustPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while somebody holds the lock."""
    monkeypatch.setattr(live_module, "_TRIES", 2)
    data = (log / SEGMENT).read_bytes()
    end = data.index(notes(log)[-1]) + len(notes(log)[-1])
    (log / "checkpoint").write_bytes(notes(log)[-2])
    (log / SEGMENT).write_bytes(data[: end - 10])
    lock = Lock.acquire(log)
    try:
        with pytest.raises(LogDamageError) as caught:
            verify_log(log, trust)
    finally:
        lock.release()
    assert caught.value.kind is Damage.TORN_TAIL


def test_a_file_system_without_locks_has_no_writer(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as that of a read-only medium."""

    def refuse(*_: int) -> None:
        raise OSError(95, "not supported")

    assert not live_module.is_in_use(log)
    assert not live_module.is_in_use(log / "nothing")
    monkeypatch.setattr("fcntl.flock", refuse)
    assert not live_module.is_in_use(log)


def test_records_are_read_without_being_believed(log: Path) -> None:
    """Numbers and bytes of what commits cover; the tail is left out."""
    data = (log / SEGMENT).read_bytes()
    (log / SEGMENT).write_bytes(data.rstrip(b"\0") + b"torn")

    records = list(read_records(log))

    assert [index for index, _ in records] == [0, 1, 2, 3]
    assert [data for _, data in records[1:]] == [encode_record({"n": n}) for n in range(1, 4)]


def test_a_damage_says_where_and_what(log: Path, trust: TrustPolicy) -> None:
    """In one sentence, without the bytes."""
    data = (log / SEGMENT).read_bytes()
    place = data.index(b'{"n":2}')
    (log / SEGMENT).write_bytes(data.replace(b'{"n":2}', b'{"n":3}'))

    with pytest.raises(LogDamageError) as caught:
        verify_log(log, trust)

    error = caught.value
    assert (error.kind, error.index, error.part.offset) == (Damage.FRAME, 2, place - 8)
    assert str(error) == (
        f"the crc of the frame is wrong, in `{SEGMENT}` at byte {place - 8}"
        "; the first bad record is 2"
    )
