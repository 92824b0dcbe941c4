# SPDX-License-Identifier: Apache-2.0
"""How fast a log is verified and opened, and how much memory that and writing it take.

Usage: ``python -m bench.audit_verify [--rounds 3] [--share 1] [--directory DIR] [--quick]``. It
writes logs of up to ten million records (4.5 GB) into a temporary directory under DIR, and takes
them away again; ``--share 10`` makes do with a tenth, ``--quick`` with a hundredth and one round.
Every signature is checked, in every figure.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.audit_common import (
    describe_machine,
    make_signer,
    make_trust,
    now,
    record,
    spread,
    write_log,
)
from bench.report import Report, Row, options
from govshare_policy.audit import AuditLog, verify_log, verify_range
from govshare_policy.audit.segment import SEGMENT_LEAVES
from govshare_policy.crypto import Signer

LARGE_BATCH = 4096
# Records a commit, and records. Two processes share full segments, of which one record a commit
# would take too long to make.
SPEEDS = ((1, 8_000), (16, 6 * SEGMENT_LEAVES), (256, 24 * SEGMENT_LEAVES))
MEMORY = (200_000, 2_000_000)
OPENED = 10_000_000
QUICK_SHARE, QUICK_LEAST = 100, 2_000


class Cost(NamedTuple):
    """Seconds of time and of one core that a piece of work took."""

    wall: float
    cpu: float


def cost_of(work: Callable[[], object]) -> Cost:
    """Return what *work* costs in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def print_speeds(
    directory: Path, signer: Signer, report: Report, *, rounds: int, totals: Mapping[int, int]
) -> None:
    """Print how fast logs of *totals*, by records a commit, are verified by one process and two."""
    trust, log = make_trust(signer), directory / "log"
    print("a commit   records   rec/s of one core   rec/s by two    two : one")
    for batch, total in totals.items():
        write_log(log, signer, total=total, batch=batch)
        ones, twos = [], []
        for _ in range(rounds):
            ones.append(cost_of(lambda: verify_log(log, trust)))
            twos.append(cost_of(lambda: verify_log(log, trust, workers=2)))
        shutil.rmtree(log)
        one = total / statistics.median(cost.cpu for cost in ones)
        two = total / statistics.median(cost.wall for cost in twos)
        ratio = spread([a.wall / b.wall for a, b in zip(ones, twos, strict=True)])
        print(f"{batch:8d} {total:9,d} {one:19,.0f} {two:14,.0f}    {ratio}")
        report.rows += [
            Row(series="verify, one process, of a core", unit="records/s", value=one, n=rounds,
                axis="a commit", at=batch),
            Row(series="verify, two processes", unit="records/s", value=two, n=rounds,
                axis="a commit", at=batch, beside="verify, one process, of a core"),
        ]  # fmt: skip


def print_opening(
    directory: Path, signer: Signer, report: Report, *, rounds: int, share: int
) -> None:
    """Print how long a large log takes to be opened, and a range of it to be verified."""
    trust, log, total = make_trust(signer), directory / "log", OPENED // share
    write_log(log, signer, total=total, batch=LARGE_BATCH)
    middle = total // 2
    opened, ranged = [], []
    for _ in range(rounds):
        opened.append(cost_of(lambda: AuditLog.open(log, signer=signer, now=now).close()))
        ranged.append(cost_of(lambda: verify_range(log, trust, middle, middle)))
    print(f"\nof {total:,d} records, {total % SEGMENT_LEAVES:,d} of them in the last segment")
    print(f"open and close       {spread([cost.wall for cost in opened])} s")
    print(f"verify one record    {spread([cost.wall for cost in ranged])} s")
    for series, costs in (("open and close", opened), ("verify one record", ranged)):
        value = statistics.median(cost.wall for cost in costs)
        report.rows.append(
            Row(series=series, unit="s", value=value, n=rounds, axis="records", at=total)
        )
    shutil.rmtree(log)


def print_memory(directory: Path, report: Report, *, share: int) -> None:
    """Print the most memory that a process needs that writes a log, and that verifies one."""
    print("\nrecords      writer MB   verify MB   verify by two MB (each of the two)")
    for total in (count // share for count in MEMORY):
        write, one, two = (
            in_another_process(step, directory, total) for step in ("write", "verify", "verify2")
        )
        print(f"{total:9,d} {write:11.1f} {one:11.1f} {two:11.1f}")
        for series, value in (("writer", write), ("verify", one), ("verify, each of two", two)):
            # A log of one segment is verified by one process, whatever was asked for.
            if value:
                report.rows.append(
                    Row(series=series, unit="MB", value=value, n=1, axis="records", at=total)
                )
        shutil.rmtree(directory / "log")


def in_another_process(step: str, directory: Path, total: int) -> float:
    """Return the megabytes that *step* takes at most."""
    command = [sys.executable, __file__, "--step", step, "--directory", str(directory)]
    done = subprocess.run(
        [*command, "--records", str(total)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def run_step(step: str, directory: Path, total: int) -> None:
    """Do one step, and print the most megabytes that it took."""
    signer, log = make_signer(directory), directory / "log"
    if step == "write":
        with AuditLog.create(log, origin="bench.example/log", signer=signer, now=now) as writer:
            for number in range(0, total, 1000):
                futures = [writer.submit(record(n)) for n in range(number, number + 1000)]
                futures[-1].result()
        whose = resource.RUSAGE_SELF
    else:
        verify_log(log, make_trust(signer), workers=2 if step == "verify2" else 1)
        whose = resource.RUSAGE_CHILDREN if step == "verify2" else resource.RUSAGE_SELF
    print(resource.getrusage(whose).ru_maxrss / 1024)


def main() -> None:
    """Print the tables."""
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=None)
    parser.add_argument("--share", type=int, default=1, help="logs of so small a part")
    parser.add_argument("--quick", action="store_true", help="logs of a hundredth, one round")
    parser.add_argument("--step", choices=("write", "verify", "verify2"), help=argparse.SUPPRESS)
    parser.add_argument("--records", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.step:
        run_step(chosen.step, chosen.directory, chosen.records)
        return
    rounds, share = (1, QUICK_SHARE) if chosen.quick else (chosen.rounds, chosen.share)
    least = QUICK_LEAST if chosen.quick else 2 * SEGMENT_LEAVES
    report = Report(name="audit_verify", n=rounds)
    describe_machine(f"median (and range) of n = {rounds} rounds")
    with tempfile.TemporaryDirectory(dir=chosen.directory) as name:
        directory = Path(name)
        signer = make_signer(directory)
        totals = {batch: max(most // share, min(most, least)) for batch, most in SPEEDS}
        print_speeds(directory, signer, report, rounds=rounds, totals=totals)
        print_opening(directory, signer, report, rounds=rounds, share=share)
        print_memory(directory, report, share=share)
    report.write(chosen.json)


if __name__ == "__main__":
    main()
