# SPDX-License-Identifier: Apache-2.0
"""How many durable, SM2-signed records a second the audit log takes, beside SQLite in one run.

Usage: ``python bench/audit_append.py [--seconds 2] [--rounds 3] [--directory DIR]``. SQLite does
the same work (leaf hash, tree, signature, one transaction a batch, WAL, synchronous=FULL) through
the same queue; compare the ratios, which travel better than the figures.
"""

import argparse
import asyncio
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from govshare_policy.audit import AuditLog, encode_record, load_trust, trust_text, verify_log
from govshare_policy.audit.batch import Batch, prepare
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.merkle import Frontier
from govshare_policy.audit.start import create_ledger
from govshare_policy.crypto import Signer, generate_key, open_signer, provider_name

ORIGIN = "bench.example/log"
CALLERS = (1, 16, 64, 256)
BATCHES = (1, 16, 256)


class Result(NamedTuple):
    """Of one run: records a second, and the latency of one record."""

    rate: float
    p50_ms: float
    p99_ms: float


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def record(number: int) -> bytes:
    """Return a record of a usual size: about 430 bytes."""
    return encode_record(
        {
            "v": 1,
            "t": "2026-01-05T01:02:03.000000Z",
            "phase": "decision",
            "call": f"{number:012d}",
            "department": "D-HCB",
            "system": "SYS-HCB-WEB",
            "resource": "R08",
            "fields": ["id_no", "marital_status", "registered_on"],
            "purpose": "data_verification",
            "effect": "allow",
            "clauses": ["HU-a24-02", "HU-a19-01"],
            "revision": "sm3:" + "ab" * 32,
            "request": "sm3:" + "cd" * 32,
        }
    )


def measure(work: Callable[[int], float], seconds: float) -> Result:
    """Run *work*, which returns a latency in seconds and how many records it was, for a while."""
    latencies: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        latencies.append(work(len(latencies)))
    return summarise(latencies, time.perf_counter() - began)


def summarise(latencies: Sequence[float], elapsed: float) -> Result:
    """Return the figures of a run."""
    ordered = sorted(latencies)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return Result(len(ordered) / elapsed, statistics.median(ordered) * 1e3, p99 * 1e3)


def with_callers(log: AuditLog, callers: int, seconds: float) -> Result:
    """Let *callers* coroutines each append one record after the other."""
    data = record(0)
    latencies: list[float] = []

    async def call(until: float) -> None:
        while (began := time.perf_counter()) < until:
            await asyncio.wrap_future(log.submit(data))
            latencies.append(time.perf_counter() - began)

    async def run() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(call(began + seconds) for _ in range(callers)))
        return time.perf_counter() - began

    return summarise(latencies, asyncio.run(run()))


def log_callers(directory: Path, signer: Signer, callers: int, seconds: float) -> Result:
    """Measure the log as the sidecar uses it."""
    with AuditLog.create(directory / "log", origin=ORIGIN, signer=signer, now=now) as log:
        result = with_callers(log, callers, seconds)
    shutil.rmtree(directory / "log")
    return result


def run_batches(commit: Callable[[list[bytes]], object], batch: int, seconds: float) -> Result:
    """Measure commits of *batch* records, one after the other, in one thread."""
    records = [record(number) for number in range(batch)]

    def work(_: int) -> float:
        began = time.perf_counter()
        commit(records)
        return time.perf_counter() - began

    rate, p50, p99 = measure(work, seconds)
    return Result(rate * batch, p50, p99)


def log_batches(directory: Path, signer: Signer, batch: int, seconds: float) -> Result:
    """Measure the files of the log without its queue."""
    ledger, lock = create_ledger(
        directory / "log",
        origin=ORIGIN,
        signer=signer,
        at=now(),
        pin=None,
        preallocate=1 << 20,
        disk=Disk(),
    )

    def commit(records: list[bytes]) -> None:
        room = ledger.room
        ledger.commit(records[:room], now()).receipts()
        ledger.rotate_if_full()

    result = run_batches(commit, batch, seconds)
    ledger.close()
    lock.release()
    shutil.rmtree(directory / "log")
    return result


def sqlite_batches(directory: Path, signer: Signer, batch: int, seconds: float) -> Result:
    """Measure the same hashes, signature and receipts, kept in SQLite."""
    base = sqlite3.connect(directory / "log.sqlite", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE record (i INTEGER PRIMARY KEY, data BLOB)")
    base.execute("CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note BLOB)")
    state: list[Batch] = []

    def commit(records: list[bytes]) -> None:
        frontier = state[0].growth.frontier() if state else Frontier()
        done = prepare(records, frontier, origin=ORIGIN, signer=signer, time=1, offset=0)
        base.execute("BEGIN")
        rows = enumerate(records, done.growth.first)
        base.executemany("INSERT INTO record VALUES (?, ?)", rows)
        note = done.checkpoint.to_note()
        base.execute("INSERT INTO checkpoint VALUES (?, ?)", (done.growth.size, note))
        base.execute("COMMIT")
        done.receipts()
        state[:] = [done]

    result = run_batches(commit, batch, seconds)
    base.close()
    for path in directory.glob("log.sqlite*"):
        path.unlink()
    return result


def verify_speed(directory: Path, signer: Signer, batch: int, total: int) -> float:
    """Return how many records a second are verified, every signature checked."""
    trust = directory / "trust.toml"
    trust.write_text(trust_text(ORIGIN, signer.public))
    ledger, lock = create_ledger(
        directory / "log",
        origin=ORIGIN,
        signer=signer,
        at=now(),
        pin=None,
        preallocate=1 << 20,
        disk=Disk(),
    )
    records = [record(number) for number in range(batch)]
    for _ in range(total // batch):
        ledger.commit(records[: ledger.room], now())
        ledger.rotate_if_full()
    ledger.publish()
    ledger.close()
    lock.release()
    began = time.process_time()
    size = verify_log(directory / "log", load_trust(trust)).size
    rate = size / (time.process_time() - began)
    shutil.rmtree(directory / "log")
    return rate


def median(runs: Sequence[Result]) -> Result:
    """Return the median of each figure."""
    return Result(*(statistics.median(values) for values in zip(*runs, strict=True)))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=None)
    options = parser.parse_args()
    describe_machine(options.rounds, options.seconds)
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        directory = Path(name)
        generate_key(directory / "key.pem", b"bench")
        signer = open_signer(f"file:{directory / 'key.pem'}", b"bench")
        rounds = range(options.rounds)
        print("callers    records/s     p50 ms     p99 ms")
        for callers in CALLERS:
            runs = [log_callers(directory, signer, callers, options.seconds) for _ in rounds]
            rate, p50, p99 = median(runs)
            print(f"{callers:7d} {rate:12,.0f} {p50:10.2f} {p99:10.2f}")
        print("\nbatch    log rec/s  p50/p99 ms    SQLite rec/s  p50/p99 ms   log : SQLite")
        for batch in BATCHES:
            pairs = [
                (
                    log_batches(directory, signer, batch, options.seconds / 2),
                    sqlite_batches(directory, signer, batch, options.seconds / 2),
                )
                for _ in rounds
            ]
            ours, theirs = (median([pair[side] for pair in pairs]) for side in (0, 1))
            ratio = statistics.median(a.rate / b.rate for a, b in pairs)
            print(
                f"{batch:5d} {ours.rate:12,.0f} {ours.p50_ms:5.2f}/{ours.p99_ms:5.2f}"
                f" {theirs.rate:15,.0f} {theirs.p50_ms:5.2f}/{theirs.p99_ms:5.2f} {ratio:14.2f}"
            )
        print("\nverify, every signature, one core of CPU time")
        for batch, total in ((1, 4_000), (16, 40_000), (256, 200_000)):
            rate = verify_speed(directory, signer, batch, total)
            print(f"{batch:5d} records a commit {rate:12,.0f} records/s")


def describe_machine(rounds: int, seconds: float) -> None:
    """Print what the figures depend on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    head = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(head, capture_output=True, text=True, check=False).stdout.strip()
    print(f"{cpu}, {os.cpu_count()} cpus, load {os.getloadavg()[0]:.1f}, {platform.platform()}")
    libraries = f"SM2 by {provider_name()}, SQLite {sqlite3.sqlite_version}"
    print(f"Python {platform.python_version()}, {libraries}")
    print(f"commit {commit or 'none'}, median of n = {rounds} rounds of {seconds} s\n")


if __name__ == "__main__":
    main()
