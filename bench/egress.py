# SPDX-License-Identifier: Apache-2.0
"""What the onward guard sees, what it takes for released wrongly, and how fast it looks.

Usage: ``python -m bench.egress [--released 20000] [--documents 4000] [--values 0] [--quick]``.
Each of four generators releases rows; own documents of 100 rows each come from other seeds, in
six shapes. Speed is that of one core over own text, reading included; with ``--values`` also over
an index of so many values besides. The largest body is scanned last, for its memory.
"""

import json
import os
import platform
import resource
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench import report as reports
from bench.egress_index import KEY, make_large
from govshare_policy.egress.accumulator import Accumulator
from govshare_policy.egress.guard import Guard
from govshare_policy.egress.index import Index
from govshare_policy.egress.scan import Scanner
from govshare_policy.egress.tags import Tagger
from govshare_policy.egress.verdict import Outcome
from tests.egress.forms import WHOLE, Form, as_csv, as_json, prose, xml
from tests.egress.generators import GENERATORS, Row, rows
from tests.egress.guarded import Guarded, make_guarded
from tests.egress.roles import role_of

SHAPES = ("as released (JSON)", "CSV", "XML", "prose without delimiters", "HTML table", "INI")
SMALL_BYTES = 10_000
SMALL_BODIES = 60
LARGEST_BYTES = 30 << 20
MEGABYTE = 1_000_000


def as_lines(rows: list[Row]) -> bytes:
    """Return a JSON object a line."""
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def with_units(rows: list[Row]) -> bytes:
    """Return a table whose header has a unit in brackets."""
    return as_csv([{f"{key}(元)": value for key, value in row.items()} for row in rows])


def aligned(rows: list[Row]) -> bytes:
    """Return prose in which everything begins at the same place in every line."""
    return prose([{**row, role_of(row, "name"): row[role_of(row, "name")][:2]} for row in rows])


FAST: dict[str, Form] = {
    "CSV": as_csv, "CSV with units": with_units, "JSON": as_json, "NDJSON": as_lines, "XML": xml,
    "prose": prose, "aligned prose": aligned, "INI": WHOLE["INI"],
}  # fmt: skip


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
    """Print the rate over own text."""
    for name, make in GENERATORS.items():
        own = rows(make, 4_000, seed=3)
        for shape, form in FAST.items():
            body = form(own)
            begin, done = time.process_time(), 0
            while time.process_time() - begin < seconds:
                guarded.scan(body)
                done += len(body)
            rate = done / (time.process_time() - begin) / MEGABYTE
            print(f"speed {name} {shape}: {rate:.1f} MB/s a core ({len(body) / MEGABYTE:.1f} MB)")
            keep(report, f"scan own {name} {shape}", "MB/s", rate, 1)


def bench_small(guarded: Guarded, bodies: int, report: reports.Report) -> None:
    """Print what *bodies* of 10 KB take in every form, in time of this process."""
    worst: tuple[float, str] = (0.0, "")
    all_ms: list[float] = []
    for shape, form in {**WHOLE, "NDJSON": as_lines}.items():
        took: list[float] = []
        for at in range(bodies):
            make = list(GENERATORS.values())[at % len(GENERATORS)]
            own = rows(make, 60, seed=100 + at)
            count = max(1, 60 * SMALL_BYTES // len(form(own)))
            body = form(own[:count])
            begin = time.process_time()
            guarded.scan(body)
            took.append((time.process_time() - begin) * 1e3)
        all_ms += took
        worst = max(worst, (max(took), shape))
    all_ms.sort()
    p99 = all_ms[len(all_ms) * 99 // 100]
    print(f"10 KB of every form: p50 {statistics.median(all_ms):.1f} ms, p99 {p99:.1f} ms")
    print(f"slowest: {worst[0]:.1f} ms, {worst[1]}")
    keep(report, "scan 10 KB of every form", "ms", statistics.median(all_ms), len(all_ms))
    keep(report, "scan 10 KB of every form", "ms p99", p99, len(all_ms))


def bench_large(directory: Path, values: int, seconds: float, report: reports.Report) -> None:
    """Print the rate over own text with an index of so many values."""
    (directory / "large").mkdir()
    make_large(directory / "large" / "index", values)
    with Index.open(directory / "large" / "index", "read", key=KEY) as index:
        guard = Guard(
            scanner=Scanner(index=index, tagger=Tagger(KEY)),
            accumulator=Accumulator(directory / "large" / "day.sqlite"),
        )
        guarded = Guarded(index=index, guard=guard)
        print(f"with {values} values:")
        large = reports.Report(name="large")
        bench_speed(guarded, seconds, large)
        report.rows += [
            reports.Row(
                series=f"{one.series}, {values} values", unit=one.unit, value=one.value, n=1
            )
            for one in large.rows
        ]
        guard.accumulator.close()


def bench_largest(guarded: Guarded, report: reports.Report) -> None:
    """Print by how much the largest body makes this process grow."""
    own = rows(GENERATORS["household"], 20_000, seed=5)
    for shape, form in (("JSON", as_json), ("prose", prose)):
        count = LARGEST_BYTES // (len(form(own)) // len(own))
        body = form([own[at % len(own)] for at in range(count)])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.process_time()
        outcome = guarded.scan(body).outcome
        took = time.process_time() - begin
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        size = len(body) / (1 << 20)
        print(f"{size:.0f} MiB of {shape}: {outcome}, {took:.1f} s, peak grown by {grown:.0f} MiB")
        keep(report, f"peak of {size:.0f} MiB of {shape}", "MiB", grown, 1)


def main() -> None:
    """Run the parts."""
    parser = reports.options(__doc__)
    parser.add_argument("--released", type=int, default=20_000)
    parser.add_argument("--documents", type=int, default=4_000)
    parser.add_argument("--values", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each rate")
    parser.add_argument("--quick", action="store_true", help="a hundred rows, forty documents")
    arguments, report = parser.parse_args(), reports.Report(name="egress")
    released = 100 if arguments.quick else arguments.released
    documents = 40 if arguments.quick else arguments.documents
    print(platform.machine(), platform.python_version(), f"{os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as directory:
        guarded = make_guarded(Path(directory))
        with guarded:
            held = release(guarded, released)
            print(f"released {released} rows of each generator, {guarded.index.postings} postings")
            seconds = 0.01 if arguments.quick else arguments.seconds
            bench_speed(guarded, seconds, report)
            bench_small(guarded, 4 if arguments.quick else SMALL_BODIES, report)
            if arguments.values:
                bench_large(Path(directory), arguments.values, seconds, report)
            bench_forms(guarded, held, 1 if arguments.quick else 5, report)
            bench_own(guarded, documents, report)
            if not arguments.quick:
                bench_largest(guarded, report)
    report.write(arguments.json)


if __name__ == "__main__":
    main()
