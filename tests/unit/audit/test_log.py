# SPDX-License-Identifier: Apache-2.0
"""The writer: receipts, order, pressure, the clock and who else may write."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    FilePin,
    LogDamageError,
    Receipt,
    TrustKey,
    TrustPolicy,
    batch,
    encode_record,
    parse_record,
    read_records,
    verify_consistency,
    verify_log,
    verify_receipt,
)
from govshare_policy.audit.merkle import leaf_hash, prove_consistency
from govshare_policy.audit.segment import Kind, encode_frames
from govshare_policy.crypto import Signer
from govshare_policy.errors import AuditError


class Clock(Protocol):
    """The clock of the fixtures."""

    def __call__(self) -> datetime: ...

    def move(self, seconds: int) -> None: ...


Create = Callable[[], AuditLog]
ORIGIN = "audit.example/one"


def record(number: int) -> bytes:
    return encode_record({"n": number})


def test_a_log_begins_with_its_name_and_key(create: Create, tmp_path: Path, signer: Signer) -> None:
    """Record 0 is what log.json and the headers hang from."""
    log = create()

    assert (log.origin, log.size, log.public) == (ORIGIN, 1, signer.public)
    [(index, data)] = read_records(tmp_path / "log")
    genesis = parse_record(data)
    assert (index, genesis["event"], genesis["origin"]) == (0, "genesis", ORIGIN)
    assert genesis["key"] == {"name": ORIGIN, "spki": signer.public.to_spki().hex()}


def test_every_record_gets_a_receipt_that_verifies(
    create: Create, tmp_path: Path, trust: TrustPolicy
) -> None:
    """In the order in which they came, whatever batches they fell into."""
    log = create()
    futures = [log.submit(record(n)) for n in range(50)]
    receipts = [log.append(record(50)), *(future.result() for future in futures)]
    log.close()

    assert sorted(receipt.index for receipt in receipts) == list(range(1, 52))
    for receipt in receipts:
        verify_receipt(Receipt.from_text(receipt.to_text()), trust)
    assert list(read_records(tmp_path / "log"))[1:] == [(n + 1, record(n)) for n in range(51)]
    assert verify_log(tmp_path / "log", trust).size == 52


def test_a_log_is_taken_up_where_it_was_left(
    create: Create, tmp_path: Path, trust: TrustPolicy, signer: Signer, clock: Clock
) -> None:
    """The later checkpoint continues the earlier one."""
    with create() as log:
        log.append(record(1))
        old = log.checkpoint()
    with AuditLog.open(tmp_path / "log", signer=signer, now=clock) as log:
        assert log.checkpoint() == old
        assert log.append(record(2)).index == 2
        new = log.checkpoint()

    leaves = [leaf_hash(data) for _, data in read_records(tmp_path / "log")]
    proof = prove_consistency(leaves, old.size)
    verify_consistency(old.size, old.root, size=new.size, root=new.root, proof=proof)
    assert verify_log(tmp_path / "log", trust, known=[old, new]).size == 3


def test_the_checkpoint_file_follows(create: Create, tmp_path: Path, clock: Clock) -> None:
    """At once in a new second, soon when idle, and on closing."""
    log = create()
    path = tmp_path / "log" / "checkpoint"
    clock.move(1)
    log.append(record(1))
    log.append(record(2))
    assert Checkpoint.from_note(path.read_bytes()).size == 2
    deadline = time.monotonic() + 60
    while Checkpoint.from_note(path.read_bytes()).size < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert Checkpoint.from_note(path.read_bytes()) == log.checkpoint()
    log.append(record(3))
    log.close()
    assert Checkpoint.from_note(path.read_bytes()) == log.checkpoint()


@pytest.mark.parametrize("data", [b"", b"{", b"{\n}", b"x" * 61441], ids=len)
def test_what_is_no_record_is_refused(create: Create, data: bytes) -> None:
    """And the log goes on."""
    log = create()

    with pytest.raises(AuditError, match="one line of 2 to 61440 bytes"):
        log.append(data)
    assert log.failure is None
    assert log.append(b"{" + b"x" * 61438 + b"}").index == 1


def test_a_closed_log_refuses(create: Create) -> None:
    """Closing twice is closing once; what was waiting was written."""
    log = create()
    futures = [log.submit(record(n)) for n in range(5)]
    log.close()
    log.close()

    assert [future.result().index for future in futures] == [1, 2, 3, 4, 5]
    with pytest.raises(AuditError, match="the log is closed"):
        log.append(record(6))
    assert log.failure is None


def test_a_directory_in_use_is_not_made_a_log(
    create: Create, tmp_path: Path, signer: Signer, clock: Clock
) -> None:
    """Neither over a log nor over anything else."""
    create().close()

    with pytest.raises(AuditError, match="`log` is not empty"):
        create()
    with pytest.raises(AuditError, match="`nothing` cannot be opened: no such file"):
        AuditLog.open(tmp_path / "nothing", signer=signer, now=clock)
    (tmp_path / "key").write_text("")
    with pytest.raises(AuditError, match="`key` cannot be created: file exists"):
        AuditLog.create(tmp_path / "key", origin=ORIGIN, signer=signer, now=clock)


def test_a_second_writer_is_kept_out(
    create: Create, tmp_path: Path, signer: Signer, clock: Clock
) -> None:
    """In this process and in another, until the first one lets go."""
    log = create()
    with pytest.raises(AuditError, match="open in another process"):
        AuditLog.open(tmp_path / "log", signer=signer, now=clock)
    script = (
        "import sys; from pathlib import Path; from govshare_policy.audit.start import Lock\n"
        "Lock.acquire(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "log")]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert "open in another process" in done.stderr
    log.close()
    AuditLog.open(tmp_path / "log", signer=signer, now=clock).close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_process_does_not_write(create: Create) -> None:
    """After a fork there is no writer thread in the child, and two would be one too many."""
    log = create()
    pid = os.fork()
    if not pid:  # pragma: no cover - runs in the child
        try:
            future = log.submit(record(1))
            log.close()
            os._exit(0 if "parent process" in str(future.exception(timeout=60)) else 1)
        finally:
            os._exit(2)  # whatever went wrong, the tests are the parent's
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert log.append(record(1)).index == 1


def test_coroutines_wait_without_a_thread_each(create: Create, trust: TrustPolicy) -> None:
    """A future of the log is one of asyncio's by one call."""
    log = create()

    async def call(number: int) -> Receipt:
        return await asyncio.wrap_future(log.submit(record(number)))

    async def run() -> list[Receipt]:
        return await asyncio.gather(*(call(n) for n in range(300)))

    receipts = asyncio.run(run())
    assert [receipt.index for receipt in receipts] == list(range(1, 301))
    verify_receipt(receipts[123], trust)


def test_a_bit_that_flips_before_the_write_is_not_signed(
    create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records are hashed again as they lie in the buffer."""
    log = create()

    def flip(kind: Kind, payloads: Sequence[bytes]) -> bytes:
        frames = bytearray(encode_frames(kind, payloads))
        frames[10] ^= 4
        return bytes(frames)

    monkeypatch.setattr(batch, "encode_frames", flip)
    with pytest.raises(AuditError, match="changed in memory"):
        log.append(record(1))


def test_time_never_goes_back(
    create: Create, tmp_path: Path, clock: Clock, trust: TrustPolicy
) -> None:
    """A step of the clock is recorded once, and checkpoints keep the last time until it is over."""
    log = create()
    clock.move(100)
    log.append(record(1))
    clock.move(-60)
    log.append(record(2))
    log.append(record(3))
    clock.move(70)
    log.append(record(4))
    clock.move(-20)
    log.append(record(5))
    log.close()

    records = [parse_record(data) for _, data in read_records(tmp_path / "log")]
    steps = [r for r in records if r.get("event") == "clock_step"]
    assert [(step["behind_s"], step["clock"]) for step in steps] == [
        (60, "2026-01-05T01:02:43.000000Z"),
        (20, "2026-01-05T01:03:33.000000Z"),
    ]
    assert [r.get("n") for r in records if "n" in r] == [1, 2, 3, 4, 5]
    verdict = verify_log(tmp_path / "log", trust)
    assert (verdict.last_time - verdict.first_time).total_seconds() == 110


def test_a_clock_without_a_zone_is_our_mistake(tmp_path: Path, signer: Signer) -> None:
    """Nobody knows what it says."""
    with pytest.raises(ValueError, match="time zone"):
        AuditLog.create(
            tmp_path / "log",
            origin=ORIGIN,
            signer=signer,
            now=lambda: datetime(2026, 1, 5),  # noqa: DTZ001
        )


def test_a_pin_is_moved_before_the_receipt(tmp_path: Path, signer: Signer, clock: Clock) -> None:
    """A receipt that is out is remembered elsewhere."""
    pin = FilePin(path=tmp_path / "pin")
    with AuditLog.create(tmp_path / "log", origin=ORIGIN, signer=signer, now=clock, pin=pin) as log:
        for n in range(1, 4):
            log.append(record(n))
            mark, last = pin.load(), log.checkpoint()
            assert mark is not None
            assert (mark.origin, mark.size, mark.root) == (ORIGIN, last.size, last.root)
    with pytest.raises(AuditError, match="already remembers"):
        AuditLog.create(tmp_path / "new", origin=ORIGIN, signer=signer, now=clock, pin=pin)


def test_a_pin_that_is_moved_elsewhere_stops_the_log(
    tmp_path: Path, signer: Signer, clock: Clock
) -> None:
    """Somebody else believes to be the writer."""
    pin = FilePin(path=tmp_path / "pin")
    log = AuditLog.create(tmp_path / "log", origin=ORIGIN, signer=signer, now=clock, pin=pin)
    (tmp_path / "pin").unlink()

    with pytest.raises(AuditError, match="moved by another writer"):
        log.append(record(1))
    log.close()


def test_a_log_is_opened_with_its_own_key(
    create: Create, tmp_path: Path, other_signer: Signer, clock: Clock
) -> None:
    """Another key would make a log that no trust file covers."""
    create().close()

    with pytest.raises(LogDamageError, match="not signed with the key at hand"):
        AuditLog.open(tmp_path / "log", signer=other_signer, now=clock)


def test_the_last_microsecond_there_is_does_not_round_up(signer: Signer, tmp_path: Path) -> None:
    """The second after it is of no year, and could be read from no checkpoint."""
    last = datetime.max.replace(tzinfo=UTC)
    with AuditLog.create(tmp_path / "late", origin=ORIGIN, signer=signer, now=lambda: last):
        pass
    policy = TrustPolicy(origin=ORIGIN, keys=(TrustKey(name=ORIGIN, public=signer.public),))

    assert verify_log(tmp_path / "late", policy).last_time == last.replace(microsecond=0)
