# SPDX-License-Identifier: Apache-2.0
"""How many durable, SM2-signed records a second the audit log takes, beside SQLite in one run.

Usage: ``python bench/audit_append.py [--seconds 2] [--rounds 3] [--directory DIR] [--quick]``.
SQLite does the same work (leaf hash, tree, signature, one transaction a batch, WAL,
synchronous=FULL) with the same batches; compare the ratios, which travel better than the figures.
"""

import asyncio
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import uvloop

from bench.audit_common import (
    ORIGIN,
    describe_machine,
    make_signer,
    now,
    open_files,
    record,
    spread,
)
from bench.report import Report, Row, options
from govshare_policy.audit import AuditLog, Receipt
from govshare_policy.audit.batch import Batch, prepare
from govshare_policy.audit.merkle import Frontier
from govshare_policy.crypto import Signer

CALLERS = (1, 16, 64, 256)
BATCHES = (1, 16, 256)
RECEIPTS = (1, 16, 256, 4096)
Append = Callable[[AuditLog, bytes], Awaitable[Receipt]]


class Result(NamedTuple):
    """Of one run: records a second of time and of one core, and the latency of one commit."""

    rate: float
    cpu_rate: float
    p50_ms: float
    p99_ms: float


def summarise(latencies: Sequence[float], *, records: int, wall: float, cpu: float) -> Result:
    """Return the figures of a run."""
    ordered = sorted(latencies)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return Result(records / wall, records / cpu, statistics.median(ordered) * 1e3, p99 * 1e3)


def median(runs: Sequence[Result]) -> Result:
    """Return the median of each figure."""
    return Result(*(statistics.median(values) for values in zip(*runs, strict=True)))


def as_coroutine(log: AuditLog, data: bytes) -> Awaitable[Receipt]:
    """Append as a coroutine does."""
    return log.append_async(data)


def as_future(log: AuditLog, data: bytes) -> Awaitable[Receipt]:
    """Append with a future of a thread, and have the loop wait for that."""
    return asyncio.wrap_future(log.submit(data))


def run_callers(
    directory: Path, signer: Signer, append: Append, *, callers: int, seconds: float
) -> Result:
    """Let *callers* coroutines each append one record after the other."""
    data = record(0)
    latencies: list[float] = []

    async def call(log: AuditLog, until: float) -> None:
        while (began := time.perf_counter()) < until:
            await append(log, data)
            latencies.append(time.perf_counter() - began)

    async def run(log: AuditLog) -> tuple[float, float]:
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(call(log, began + seconds) for _ in range(callers)))
        return time.perf_counter() - began, time.process_time() - cpu

    with AuditLog.create(directory / "log", origin=ORIGIN, signer=signer, now=now) as log:
        # The loop of the sidecar.
        wall, cpu = uvloop.run(run(log))
    shutil.rmtree(directory / "log")
    return summarise(latencies, records=len(latencies), wall=wall, cpu=cpu)


def run_batches(commit: Callable[[list[bytes]], object], batch: int, seconds: float) -> Result:
    """Measure commits of *batch* records, one after the other, in one thread."""
    records = [record(number) for number in range(batch)]
    latencies: list[float] = []
    first, cpu = time.perf_counter(), time.process_time()
    while (began := time.perf_counter()) < first + seconds:
        commit(records)
        latencies.append(time.perf_counter() - began)
    wall, cpu = time.perf_counter() - first, time.process_time() - cpu
    return summarise(latencies, records=len(latencies) * batch, wall=wall, cpu=cpu)


def log_batches(directory: Path, signer: Signer, batch: int, seconds: float) -> Result:
    """Measure the files of the log without its queue."""
    with open_files(directory / "log", signer) as ledger:

        def commit(records: list[bytes]) -> None:
            while records:
                room = ledger.room
                ledger.commit(records[:room], now()).receipts()
                ledger.rotate_if_full()
                records = records[room:]

        result = run_batches(commit, batch, seconds)
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


def receipt_costs(signer: Signer, batch: int, rounds: int) -> tuple[list[float], list[float]]:
    """Return the microseconds of processor time a receipt takes, and its text on top."""
    records = [record(number) for number in range(batch)]
    before = Frontier(size=0b1011 << 12, nodes=(bytes(32),) * 3)
    done = prepare(records, before, origin=ORIGIN, signer=signer, time=1, offset=0)
    repeats = max(1, 20_000 // batch)
    costs, texts = [], []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(repeats):
            done.receipts()
        middle = time.process_time()
        for receipt in done.receipts():
            receipt.to_text()
        costs.append((middle - began) / repeats / batch * 1e6)
        texts.append((time.process_time() - middle) / batch * 1e6 - costs[-1])
    return costs, texts


def print_callers(
    directory: Path, signer: Signer, report: Report, *, rounds: int, seconds: float
) -> None:
    """Print what callers in one loop get from the log, as the sidecar's do."""
    print("callers   way          records/s    per core    p50 ms    p99 ms")
    ways: list[tuple[int, str, Append]] = [(count, "coroutine", as_coroutine) for count in CALLERS]
    for callers, way, append in [*ways, (64, "future", as_future)]:
        runs = [
            run_callers(directory, signer, append, callers=callers, seconds=seconds)
            for _ in range(rounds)
        ]
        rate, cpu_rate, p50, p99 = median(runs)
        print(f"{callers:7d}   {way:9s} {rate:12,.0f} {cpu_rate:11,.0f} {p50:9.2f} {p99:9.2f}")
        report.figures(
            f"append, {way}", callers=callers, rate=rate, median_ms=p50, p99_ms=p99, n=rounds
        )


def print_batches(
    directory: Path, signer: Signer, report: Report, *, rounds: int, seconds: float
) -> None:
    """Print the log and SQLite side by side."""
    print(
        "\nbatch    log rec/s  p50/p99 ms    SQLite rec/s  p50/p99 ms   log : SQLite   of one core"
    )
    for batch in BATCHES:
        pairs = [
            (
                log_batches(directory, signer, batch, seconds),
                sqlite_batches(directory, signer, batch, seconds),
            )
            for _ in range(rounds)
        ]
        ours, theirs = (median([pair[side] for pair in pairs]) for side in (0, 1))
        ratio = spread([a.rate / b.rate for a, b in pairs])
        print(
            f"{batch:5d} {ours.rate:12,.0f} {ours.p50_ms:5.2f}/{ours.p99_ms:5.2f}"
            f" {theirs.rate:15,.0f} {theirs.p50_ms:5.2f}/{theirs.p99_ms:5.2f}   {ratio}"
            f"   {spread([a.cpu_rate / b.cpu_rate for a, b in pairs])}"
        )
        for series, rate in (("the log, a commit", ours.rate), ("SQLite", theirs.rate)):
            report.rows.append(
                Row(series=series, unit="records/s", value=rate, n=rounds, axis="a commit",
                    at=batch, beside="" if series == "SQLite" else "SQLite")
            )  # fmt: skip


def print_receipts(signer: Signer, report: Report, *, rounds: int) -> None:
    """Print what receipts cost, and their texts."""
    print("\nbatch    receipt, µs of one core    its text, µs more")
    for batch in RECEIPTS:
        costs, texts = receipt_costs(signer, batch, rounds)
        print(f"{batch:5d}    {spread(costs):24s} {spread(texts)}")
        value = statistics.median(costs)
        report.rows.append(
            Row(series="a receipt", unit="us", value=value, n=rounds, axis="a commit", at=batch)
        )


def main() -> None:
    """Print the tables."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=None)
    parser.add_argument("--quick", action="store_true", help="one round of half a second")
    chosen = parser.parse_args()
    rounds, seconds = (1, 0.5) if chosen.quick else (chosen.rounds, chosen.seconds)
    report = Report(name="audit_append", n=rounds)
    describe_machine(f"median (and range) of n = {rounds} rounds of {seconds} s")
    with tempfile.TemporaryDirectory(dir=chosen.directory) as name:
        directory = Path(name)
        signer = make_signer(directory)
        print_callers(directory, signer, report, rounds=rounds, seconds=seconds)
        print_batches(directory, signer, report, rounds=rounds, seconds=seconds / 2)
        print_receipts(signer, report, rounds=rounds)
    report.write(chosen.json)


if __name__ == "__main__":
    main()
