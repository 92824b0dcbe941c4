# SPDX-License-Identifier: Apache-2.0
"""What the index of the onward guard costs: memory a value, time to open, look up and register.

Usage: ``python bench/egress_index.py [--values 10000000] [--rows 20000] [--directory DIR]``.
The large index has random tags, which is what HMAC-SM3 makes; its releases have 100 rows of
7 values. Memory is what opening and looking up add to a process that only does that.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.audit_common import describe_machine
from bench.report import Report, Row, options
from govshare_policy.audit.disk import Disk
from govshare_policy.egress.files import write_run
from govshare_policy.egress.index import Index
from govshare_policy.egress.keys import DepartmentKey
from govshare_policy.egress.manifest import Manifest, store_manifest
from govshare_policy.egress.register import ReleasedRows, ReleaseMeta
from govshare_policy.egress.runs import NEVER, RELEASE, Loose
from govshare_policy.egress.tags import Mac, Tagger

KEY = DepartmentKey(epoch=1, secret=bytes(range(32)))
FIELDS = ("id_no", "name", "phone", "born", "address", "company", "amount")
ROWS = 100
SEED = 7


def describe(receipt: str) -> ReleaseMeta:
    """Return the description of a release."""
    return ReleaseMeta(
        receipt_id=receipt,
        grant="G01",
        resource="R08",
        provider="D-MZJ",
        fields=FIELDS,
        registered_at=datetime(2026, 1, 5, tzinfo=UTC),
    )


def make_large(directory: Path, values: int) -> None:
    """Write an index of *values* random tags."""
    Index.create(directory, key=KEY).close()
    random = np.random.default_rng(SEED)
    rows = values // len(FIELDS)
    releases = np.zeros(-(-rows // ROWS), dtype=RELEASE)
    text = describe("R-00000000").to_json()
    releases["first"] = np.arange(releases.size) * ROWS
    releases["rows"], releases["day"], releases["size"] = ROWS, NEVER, len(text)
    releases["at"] = np.arange(releases.size) * len(text)
    # A prefilter knows a beginning or two beside each second value.
    quick = random.integers(0, 2**32, values * 3 // 2, dtype=np.uint32)
    part = Loose.of(
        postings=(
            random.integers(0, 2**64, values, dtype=np.uint64),
            np.minimum(np.arange(values) // len(FIELDS), rows - 1).astype(np.uint32),
            (np.arange(values) % len(FIELDS)).astype(np.uint8),
            np.full(values, 20, dtype=np.uint8),
        ),
        quick=quick,
        first=np.zeros(quick.size, dtype=np.uint32),
        releases=releases,
        descriptions=text * releases.size,
    )
    mac = Mac.of(KEY.derive("files"))
    write_run(Disk(), directory / "run-1", part, mac=mac)
    manifest = Manifest(
        generation=1, next_row=rows, runs=("run-1",), journal="journal-0", dropped=frozenset()
    )
    store_manifest(Disk(), directory, manifest, key=KEY, mac=mac)


def resident_bytes() -> int:
    """Return the resident memory of this process, shared pages of files included."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure_large(directory: Path, values: int, report: Report) -> None:
    """Open the large index and look it up all over, so that every page is touched."""
    random = np.random.default_rng(SEED)
    stored = random.integers(0, 2**32, values * 3 // 2, dtype=np.uint32)[:1_000_000]
    wanted = random.integers(0, 2**64, values, dtype=np.uint64)[:500_000].copy()
    absent = random.integers(0, 2**64, 1_000_000, dtype=np.uint64)
    before = resident_bytes()
    began = time.perf_counter()
    index = Index.open(directory, "read", key=KEY)
    opened = time.perf_counter() - began
    run = index._shelf.runs[0]  # noqa: SLF001 - every page is to be counted
    for array in (run.tags, run.rows, run.fields, run.bits, run.bloom, run.releases["first"]):
        array.max()
    resident = resident_bytes() - before
    print(f"opened, every byte checked: {opened:.1f} s")
    print(f"resident, every page touched: {resident / values:.1f} bytes a value")
    keep(report, "open the index, every byte checked", "s", opened, values)
    keep(report, "memory of the index, every page touched", "MB", resident / 1e6, values)
    began = time.perf_counter()
    known = index.might_hold(absent)
    rate = absent.size / (time.perf_counter() - began) / 1e6
    print(f"prefilter: {rate:.1f} million a second, {known.mean():.2%} wrongly let through")
    missing = ~index.might_hold(stored.astype(np.uint64) << np.uint64(32))
    print(f"prefilter: {int(missing.sum())} of {stored.size} stored ones missed")
    for name, tags in (("found", wanted), ("absent", absent[:500_000])):
        began = time.perf_counter()
        found = index.lookup(tags)
        rate = tags.size / (time.perf_counter() - began) / 1e6
        print(f"lookups of {name} tags: {rate:.2f} million a second, {found.row.size} postings")
        keep(report, f"look up {name} tags", "us", 1 / rate, values)


def keep(report: Report, series: str, unit: str, value: float, values: int) -> None:
    """Put a figure of an index of so many values into *report*."""
    report.rows.append(Row(series=series, unit=unit, value=value, n=1, axis="values", at=values))


def measure_register(directory: Path, rows: int, report: Report) -> None:
    """Register releases of one row and of many."""

    def row(number: int) -> dict[str, str]:
        return {
            "id_no": f"41072719900101{number:04}", "name": f"王{chr(0x4E00 + number % 8000)}",
            "phone": f"138{number:08}", "born": f"19{50 + number % 50}-03-04",
            "address": f"封丘县幸福路{number}号", "company": f"封丘县第{number}商贸有限公司",
            "amount": f"{number}.37",
        }  # fmt: skip

    with Index.create(directory, key=KEY) as index:
        began = time.perf_counter()
        many = ReleasedRows(meta=describe("R-many"), rows=[row(each) for each in range(rows)])
        counts = index.register(many).counts
        took = time.perf_counter() - began
        print(
            f"one release of {rows} rows: {counts.kept / took / 1e3:.0f} thousand values a second"
        )
        began = time.perf_counter()
        for number in range(300):
            index.register(ReleasedRows(meta=describe(f"R-{number}"), rows=[row(number)]))
        one_ms = (time.perf_counter() - began) / 300 * 1e3
        print(f"a release of one row: {one_ms:.2f} ms, synced")
        report.rows += [
            Row(series="register one release", unit="values/s", value=counts.kept / took, n=1),
            Row(series="register a release of one row", unit="ms", value=one_ms, n=300),
        ]
    values = [f"value {number}" for number in range(200_000)]
    tagger = Tagger(KEY)
    for name, make in (("tags", tagger.tags), ("quick hashes", tagger.quick)):
        began = time.perf_counter()
        make(values)
        print(f"{name}: {len(values) / (time.perf_counter() - began) / 1e3:.0f} thousand a second")


def main() -> None:
    """Run the benchmark."""
    parser = options(__doc__)
    parser.add_argument("--values", type=int, default=10_000_000)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--open", type=Path, help="only measure the large index that is there")
    wanted = parser.parse_args()
    report = Report(name="egress_index")
    if wanted.open:
        measure_large(wanted.open, wanted.values, report)
        report.write(wanted.json)
        return
    describe_machine(f"{wanted.values} values in one sorted file; {wanted.rows} rows registered")
    with tempfile.TemporaryDirectory(dir=wanted.directory) as name:
        large = Path(name) / "large"
        make_large(large, wanted.values)
        sys.stdout.flush()
        alone = ["-m", "bench.egress_index", "--open", str(large), "--values", str(wanted.values)]
        found = Path(name) / "large.json"
        subprocess.run([sys.executable, *alone, "--json", str(found)], check=True)
        rows = json.loads(found.read_text(encoding="utf-8"))["rows"]
        report.rows += [Row(**row) for row in rows]
        print("\nregistering", flush=True)
        measure_register(Path(name) / "small", wanted.rows, report)
    report.write(wanted.json)


if __name__ == "__main__":
    main()
