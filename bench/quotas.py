# SPDX-License-Identifier: Apache-2.0
"""What a daily quota costs a call: counted in one process, and by several workers together.

Usage: ``python -m bench.quotas [--quick] [--json FILE]``.
"""

import multiprocessing
import statistics
import tempfile
import time
from datetime import date
from pathlib import Path

from bench.audit_common import describe_machine
from bench.report import Report, Row, options
from govshare_policy.usage import Tally, Usage
from govshare_sidecar.quotas import SharedUsage, make_counts

N, QUICK_N = 5_000, 500
DAY = date(2026, 9, 22)
PLENTY = {"G01": 1_000_000_000}


def calls_us(usage: Tally, n: int) -> list[float]:
    """Return how long looking up and counting took, in microseconds, for each of *n* calls."""
    took = []
    for _ in range(n):
        began = time.perf_counter()
        usage.of("G01", DAY)
        usage.take_all(PLENTY, DAY)
        took.append((time.perf_counter() - began) * 1e6)
    return took


def worker(directory: str, n: int) -> list[float]:
    """Return :func:`calls_us` of a process among others."""
    with SharedUsage.open(Path(directory)) as usage:
        return calls_us(usage, n)


def show(name: str, took: list[float], report: Report, *, workers: int) -> None:
    """Print and keep the median and the 99th percentile of *took*."""
    p99 = statistics.quantiles(took, n=100)[98]
    print(
        f"{name:<36} n={len(took):<7} median {statistics.median(took):8.1f} us  p99 {p99:8.1f} us"
    )
    axis = "workers" if workers else ""
    for unit, value in (("us", statistics.median(took)), ("us p99", p99)):
        series = "one quota, counted by all" if workers else name
        report.rows.append(
            Row(series=series, unit=unit, value=value, n=len(took), axis=axis, at=workers)
        )


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_N} calls a process")
    chosen, report = parser.parse_args(), Report(name="quotas")
    n = QUICK_N if chosen.quick else N
    describe_machine(f"looking up and counting one call, {n} times a process")
    show("in one process, in memory", calls_us(Usage(), n), report, workers=0)
    for workers in (1, 2, 4):
        with tempfile.TemporaryDirectory() as directory:
            make_counts(Path(directory), ())
            with multiprocessing.get_context("spawn").Pool(workers) as pool:
                found = pool.starmap(worker, [(directory, n)] * workers, chunksize=1)
            every = [us for took in found for us in took]
            show(f"shared by {workers} workers, one grant", every, report, workers=workers)
    report.write(chosen.json)


if __name__ == "__main__":
    main()
