# SPDX-License-Identifier: Apache-2.0
"""What the onward guard sees, what it takes for released wrongly, and how fast it looks.

Usage: ``python bench/egress.py [--released 20000] [--documents 3000] [--quick]``.
Each of three generators releases rows; own documents of 100 rows each come from other seeds, in
six shapes. Speed is that of one core over own text, reading included.
"""

import os
import platform
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench import report as reports
from govshare_policy.egress.verdict import Outcome
from tests.egress.forms import WHOLE, Form, as_csv, as_json
from tests.egress.generators import GENERATORS, Row, rows
from tests.egress.guarded import Guarded, make_guarded

SHAPES = ("as released (JSON)", "CSV", "XML", "prose without delimiters", "HTML table", "INI")
SMALL_ROWS = 35
MEGABYTE = 1_000_000


def release(guarded: Guarded, count: int) -> dict[str, tuple[int, list[Row]]]:
    """Register *count* rows of each generator; return them with the first reference."""
    out = {}
    for name, make in GENERATORS.items():
        released = rows(make, count, seed=1)
        out[name] = (guarded.release(released, receipt=f"R-{name}"), released)
    return out


def keep(report: reports.Report, series: str, unit: str, value: float, n: int) -> None:
    """Put a figure into *report*."""
    report.rows.append(reports.Row(series=series, unit=unit, value=value, n=n))


def bench_forms(
    guarded: Guarded, released: dict[str, tuple[int, list[Row]]], each: int, report: reports.Report
) -> None:
    """Print the share of documents denied and of rows recognised, over all forms."""
    denied = documents = known = total = 0
    worst: Counter[str] = Counter()
    for name, form in WHOLE.items():
        for first, records in released.values():
            for at in range(0, min(each * 100, len(records)), 100):
                body = form(records[at : at + 100])
                denied += guarded.scan(body).outcome is Outcome.DENY
                span = range(first + at, first + at + 100)
                found = len(guarded.recognised(body) & set(span))
                documents, known, total = documents + 1, known + found, total + 100
                worst[name] += 100 - found
    print(f"denied {denied}/{documents} documents, recognised {known}/{total} rows")
    keep(report, "documents denied", "share", denied / documents, documents)
    keep(report, "released rows recognised", "share", known / total, total)
    print("missed:", {name: count for name, count in worst.items() if count} or "none")


def bench_own(guarded: Guarded, documents: int, report: reports.Report) -> None:
    """Print how many own documents are denied, and how many own rows look like released ones."""
    false = hard = 0
    per = documents // len(GENERATORS)
    forms = [WHOLE[shape] for shape in SHAPES]
    for make in GENERATORS.values():
        own = rows(make, per * 100, seed=2)
        for at in range(per):
            form: Form = forms[at % len(forms)]
            verdict = guarded.scan(form(own[at * 100 : at * 100 + 100]))
            false += verdict.outcome is not Outcome.PASS
            hard += sum(one.certain for one in verdict.evidence)
    print(f"own: {false}/{per * len(GENERATORS)} documents not passed, {hard} certain rows")
    count = per * len(GENERATORS)
    keep(report, "own documents not passed", "share", false / count, count)


def bench_speed(guarded: Guarded, seconds: float, report: reports.Report) -> None:
    """Print the rate over own text, and what a body of 10 KB takes."""
    for name, make in GENERATORS.items():
        own = rows(make, 8_000, seed=3)
        for shape, form in (("CSV", as_csv), ("JSON", as_json)):
            body = form(own)
            begin, done = time.process_time(), 0
            while time.process_time() - begin < seconds:
                guarded.scan(body)
                done += len(body)
            rate = done / (time.process_time() - begin) / MEGABYTE
            print(f"speed {name} {shape}: {rate:.1f} MB/s a core ({len(body) / MEGABYTE:.1f} MB)")
            keep(report, f"scan own {name} {shape}", "MB/s", rate, 1)
    small = [as_json(rows(GENERATORS["household"], SMALL_ROWS, seed=at)) for at in range(300)]
    took = []
    for body in small:
        begin = time.perf_counter()
        guarded.scan(body)
        took.append((time.perf_counter() - begin) * 1e3)
    took.sort()
    size = statistics.mean(map(len, small)) / 1e3
    print(f"{size:.1f} KB: p50 {statistics.median(took):.1f} ms, p99 {took[-4]:.1f} ms")
    series = f"scan {size:.0f} KB"
    keep(report, series, "ms", statistics.median(took), len(took))
    keep(report, series, "ms p99", took[-4], len(took))


def main() -> None:
    """Run the parts."""
    parser = reports.options(__doc__)
    parser.add_argument("--released", type=int, default=20_000)
    parser.add_argument("--documents", type=int, default=3_000)
    parser.add_argument("--quick", action="store_true")
    arguments, report = parser.parse_args(), reports.Report(name="egress")
    released = 2_000 if arguments.quick else arguments.released
    documents = 300 if arguments.quick else arguments.documents
    print(platform.machine(), platform.python_version(), f"{os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as directory:
        guarded = make_guarded(Path(directory))
        with guarded:
            held = release(guarded, released)
            print(f"released {released} rows of each generator, {guarded.index.postings} postings")
            bench_speed(guarded, 0.5 if arguments.quick else 3.0, report)
            bench_forms(guarded, held, 1 if arguments.quick else 5, report)
            bench_own(guarded, documents, report)
    report.write(arguments.json)


if __name__ == "__main__":
    main()
