# SPDX-License-Identifier: Apache-2.0
"""What registers of many grants cost to load, to keep, and to load again when a grant changes.

Usage: ``python -m bench.growth [--most 1000000] [--quick]``. Every size is loaded by a process of
its own, so that its memory is its own; the row that changes stands in the middle of the file.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.audit_common import describe_machine
from bench.decision import SIDE, write_registers
from bench.report import Report, Row, options
from govshare_policy.register import load_register

MIB = 1 << 20
QUICK_MOST = 10_000
GIVEN = "\tdata_verification\tid_no,name,status\tapi\t2025-01-{1:02}\t2026-12-31\tprovider\n"
ROW = "G{0:07}\tR{2:04}\tD{3:04}\tS{3:04}" + GIVEN


def write_grants(path: Path, count: int) -> None:
    """Add *count* rows to the file at *path*."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(
            ROW.format(number, number % 28 + 1, number // SIDE, number % SIDE)
            for number in range(count)
        )


def change_one(path: Path) -> None:
    """Let the grant in the middle of the file at *path* end a day earlier."""
    data = path.read_bytes()
    at = data.index(b"2026-12-31", len(data) // 2)
    path.write_bytes(data[:at] + b"2026-12-30" + data[at + 10 :])


def load(directory: Path) -> None:
    """Load what stands in *directory*, change it, load it again; print the figures as JSON."""
    began, used = time.perf_counter(), time.process_time()
    before = load_register(directory)
    whole, whole_cpu = time.perf_counter() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    change_one(directory / "grants.tsv")
    began, used = time.perf_counter(), time.process_time()
    after = load_register(directory, before=before)
    again, again_cpu = time.perf_counter() - began, time.process_time() - used
    if after.resources is not before.resources or after.digest == before.digest:
        raise RuntimeError("the change was not taken over")
    peak_again = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    figures = {
        "load": whole, "load, processor": whole_cpu, "a grant changed": again,
        "a grant changed, processor": again_cpu, "peak memory": peak / MIB,
        "peak memory, old and new": peak_again / MIB,
    }  # fmt: skip
    print(json.dumps(figures))


def measure(count: int) -> dict[str, float]:
    """Return the figures of a register of *count* grants."""
    with TemporaryDirectory() as name:
        write_registers(Path(name))
        write_grants(Path(name) / "grants.tsv", count)
        command = [sys.executable, "-m", "bench.growth", "--load", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Measure for about a minute."""
    parser = options(__doc__)
    parser.add_argument("--most", type=int, default=1_000_000, help="grants")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_MOST:,} grants at most")
    parser.add_argument("--load", type=Path, help="measure one directory, and change it")
    chosen = parser.parse_args()
    if chosen.load:
        load(chosen.load)
        return
    most = min(QUICK_MOST, chosen.most) if chosen.quick else chosen.most
    describe_machine("each size once, each in a process of its own")
    report = Report(name="growth")
    for count in (10, 1_000, 10_000, 100_000, 1_000_000):
        if count > most:
            continue
        print(f"{count:>9,} grants")
        for series, value in measure(count).items():
            unit = "MiB" if "memory" in series else "s"
            print(f"{series:>34} {value:10.3f} {unit}")
            report.rows.append(
                Row(series=series, unit=unit, value=value, n=1, axis="grants", at=count)
            )
    report.write(chosen.json)


if __name__ == "__main__":
    main()
