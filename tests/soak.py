# SPDX-License-Identifier: Apache-2.0
"""A long life of one log: millions of records, and a fault every few thousand.

Usage: ``python -m tests.soak [--records N] [--seed S] [--directory DIR]``. A round opens the log on
a disk that fails or loses power at some call, or kills the writer's process; the next one takes the
log up. Every round follows from the seed and its number. With a directory, a run that was stopped
goes on where it was; ten million records take about 2 GB there.

At the end, and every million records: what was acknowledged is in the log byte for byte, the log
verifies, and it went through every checkpoint that was ever handed out.
"""

import argparse
import json
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    Receipt,
    encode_record,
    leaf_hash,
    parse_trust,
    read_records,
    trust_text,
    verify_log,
    verify_receipt,
)
from govshare_policy.audit.disk import Disk
from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.errors import AuditError
from tests.faults.support import ORIGIN, Crash, FaultyDisk

SECTOR = 512
HASH_BYTES = 32
CHECK_EVERY = 1_000_000
MODES = ["failed", "persisted", "half", "crashed", "crashed late"]
ROOT = Path(__file__).parents[1]


class UnreliableDisk(FaultyDisk):
    """A disk that fails at one call, and then may have lost what was not synced."""

    def __init__(self, nth: int, mode: str) -> None:
        super().__init__(nth, mode)
        self._paths: dict[int, Path] = {}
        self._unsynced: list[tuple[Path, int, int]] = []

    def open(self, path: Path) -> int:
        fd = super().open(path)
        self._paths[fd] = path
        return fd

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        if fd in self._paths:
            self._unsynced.append((self._paths[fd], offset, offset + len(data)))
        return super().pwrite(fd, data, offset)

    def datasync(self, fd: int) -> None:
        super().datasync(fd)
        self._unsynced.clear()

    def close(self, fd: int) -> None:
        self._paths.pop(fd, None)
        super().close(fd)

    def lose_sectors(self, chance: random.Random) -> None:
        """Give some sectors of the last write back the zeros that they held before."""
        for path, start, end in self._unsynced:
            data = bytearray(path.read_bytes())
            for sector in range(start // SECTOR * SECTOR, end, SECTOR):
                low, high = max(sector, start), min(sector + SECTOR, end, len(data))
                if low < high and chance.random() < chance.choice([0.1, 0.9]):
                    data[low:high] = bytes(high - low)
            path.write_bytes(data)


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where a run is: what the state file holds."""

    seed: int
    round: int = 0
    records: int = 0
    checked: int = 0
    faults: int = 0


class Soak:
    """One run, in one directory."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.directory = directory
        self.log = directory / "log"
        self._state = directory / "state.json"
        self._hashes = (directory / "acknowledged").open("a+b")
        self._kept = directory / "checkpoints"
        self._key = directory / "key.pem"
        if not self._key.exists():
            generate_key(self._key, b"correct horse")
        self._signer = open_signer(f"file:{self._key}", b"correct horse")
        self._trust = parse_trust(trust_text(ORIGIN, self._signer.public))
        self.at = Progress(seed=seed)
        if self._state.exists():
            self.at = Progress(**json.loads(self._state.read_text()))
        if not (self.log / "log.json").exists():
            AuditLog.create(
                self.log, origin=ORIGIN, signer=self._signer, now=now, preallocate=1 << 16
            ).close()

    def close(self) -> None:
        self._hashes.close()

    def run(self, records: int) -> None:
        """Go on until the log has *records*."""
        while self.at.records < records:
            chance = random.Random(f"{self.at.seed}:{self.at.round}")  # noqa: S311 - repeatable
            fault = self._play(chance)
            self._settle()
            say(f"round {self.at.round}: {fault}; {self.at.records} records")
            self.at.round += 1
            self.at.faults += fault != "none"
            self._hashes.flush()
            self._state.write_text(json.dumps(asdict(self.at)))
            if self.at.records - self.at.checked >= CHECK_EVERY:
                self.check()
        self.check()

    def _play(self, chance: random.Random) -> str:
        """Write for a round; return the fault that it met."""
        kind = chance.random()
        if kind < 0.05:
            self._kill(chance)
            return "killed"
        if kind < 0.15:
            disk = Disk()
            self._write(chance, disk)
            return "none"
        # Opening takes some ten calls, a commit two or three, publishing eight a second.
        nth = int(chance.expovariate(1 / chance.choice([20, 400, 4000]))) + 1
        faulty = UnreliableDisk(nth, chance.choice(MODES))
        self._write(chance, faulty)
        if faulty.dead:
            faulty.lose_sectors(chance)
        return f"{faulty.mode} at call {nth}"

    def _write(self, chance: random.Random, disk: Disk) -> None:
        try:
            log = AuditLog.open(
                self.log, signer=self._signer, now=now, preallocate=1 << 16, disk=disk
            )
        except (AuditError, Crash):
            return
        window = chance.choice([1, 16, 256, 2048])
        for _ in range(chance.randint(1, 40)):
            batch = [log.submit(make_record(chance)) for _ in range(window)]
            if not self._take(batch, chance):
                break
        log.close()

    def _take(self, batch: list[Future[Receipt]], chance: random.Random) -> bool:
        """Remember what was acknowledged; return whether the log still goes on."""
        alive = True
        for future in batch:
            try:
                receipt = future.result(60)
            except AuditError:
                alive = False
                continue
            # A log that refused one record refuses all that follow.
            assert alive
            self._remember(receipt.index, leaf_hash(receipt.record))
            if chance.random() < 0.002:
                verify_receipt(receipt, self._trust)
                self._keep(receipt.checkpoint)
        return alive

    def _kill(self, chance: random.Random) -> None:
        """Have another process write, and end it in the middle."""
        command = [sys.executable, "-m", "tests.faults.kill_me", str(self.log), str(self._key)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            time.sleep(chance.random())
            process.kill()
            lines += process.stdout.readlines()
        for line in lines:
            index, _, record = line.partition(b" ")
            if record.endswith(b"\n"):
                self._remember(int(index), leaf_hash(record[:-1]))

    def _remember(self, index: int, digest: bytes) -> None:
        self._hashes.write(index.to_bytes(8) + digest)

    def _keep(self, note: bytes) -> None:
        with self._kept.open("ab") as file:
            file.write(len(note).to_bytes(4) + note)

    def _settle(self) -> None:
        """Take the log up as after any fault."""
        with AuditLog.open(self.log, signer=self._signer, now=now, preallocate=1 << 16) as log:
            assert log.size >= self.at.records
            self.at.records = log.size
            self._keep(log.checkpoint().to_note())
        assert not list((self.log / "quarantine").glob("*.pending"))

    def check(self) -> None:
        """Check everything that was ever acknowledged."""
        began = time.monotonic()
        verdict = verify_log(self.log, self._trust, known=self._checkpoints())
        assert verdict.size == self.at.records
        assert verdict.warnings == ()
        expected = bytearray(verdict.size * HASH_BYTES)
        self._hashes.flush()
        self._hashes.seek(0)
        count = 0
        while entry := self._hashes.read(8 + HASH_BYTES):
            place = int.from_bytes(entry[:8]) * HASH_BYTES
            before = expected[place : place + HASH_BYTES]
            assert not any(before) or before == entry[8:], "two records had one number"
            expected[place : place + HASH_BYTES] = entry[8:]
            count += 1
        for index, record in read_records(self.log):
            digest = expected[index * HASH_BYTES : (index + 1) * HASH_BYTES]
            assert not any(digest) or digest == leaf_hash(record), index
        self.at.checked = self.at.records
        took = time.monotonic() - began
        say(f"checked {verdict.size} records, {count} of them acknowledged, in {took:.0f} s")

    def _checkpoints(self) -> list[Checkpoint]:
        """Return every checkpoint that was kept."""
        data, found = self._kept.read_bytes(), []
        while data:
            size = int.from_bytes(data[:4])
            found.append(Checkpoint.from_note(data[4 : 4 + size]))
            data = data[4 + size :]
        return found


def make_record(chance: random.Random) -> bytes:
    """Return a record of some size; now and then the largest there is."""
    size = 61_000 if chance.random() < 0.0005 else chance.randint(1, 250)
    return encode_record({"n": chance.getrandbits(48), "text": "x" * size})


def now() -> datetime:
    return datetime.now(UTC)


def pass_over_crashes(args: threading.ExceptHookArgs) -> None:
    """Say nothing of a writer that is meant to be gone."""
    if args.exc_type is not Crash:
        sys.__excepthook__(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description="Let a log live through many faults.")
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run, to repeat it")
    parser.add_argument("--directory", type=Path, help="where to work, and to go on")
    options = parser.parse_args()
    seed = secrets.randbelow(10**9) if options.seed is None else options.seed
    threading.excepthook = pass_over_crashes
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.directory or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        soak = Soak(directory, seed)
        say(f"seed {soak.at.seed}, to {options.records} records")
        with closing(soak):
            soak.run(options.records)
        say(f"{soak.at.faults} faults in {soak.at.round} rounds; nothing acknowledged was lost")


if __name__ == "__main__":
    main()
