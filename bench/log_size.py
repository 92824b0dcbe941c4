# SPDX-License-Identifier: Apache-2.0
"""How the audit log grows: what it costs to add to, open, and verify by its number of records.

Usage: ``python -m bench.log_size [--rounds 5] [--quick] [--json FILE]``. Records are those of
``bench.audit_append``; 4,096 were committed at once. Every signature is checked, in every figure.
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.audit_common import describe_machine, make_signer, make_trust, now, record, write_log
from bench.report import Report, Row, options
from govshare_policy.audit import AuditLog, verify_log, verify_range
from govshare_policy.crypto import Signer

SIZES = (1_000, 10_000, 100_000, 1_000_000)
QUICK = SIZES[:-1]
BATCH = 4096
APPENDS = 20


def timed(work: Callable[[], object], rounds: int) -> float:
    """Return the median seconds of *work*."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def measure(log: Path, signer: Signer, *, size: int, rounds: int) -> dict[str, float]:
    """Return the seconds of each piece of work on a log of *size* records."""
    trust = make_trust(signer)
    write_log(log, signer, total=size, batch=BATCH)
    found = {
        "open and close": timed(lambda: AuditLog.open(log, signer=signer, now=now).close(), rounds),
        "verify one record": timed(lambda: verify_range(log, trust, size // 2, size // 2), rounds),
        "verify every record": timed(lambda: verify_log(log, trust), max(1, rounds // 3)),
        "stored bytes a record": sum(path.stat().st_size for path in log.glob("**/*")) / size,
    }
    with AuditLog.open(log, signer=signer, now=now) as opened:
        found["append one record"] = timed(lambda: opened.append(record(1)), APPENDS)
    return found


def main() -> None:
    """Measure every size, print and write."""
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="no log of a million, one round")
    chosen = parser.parse_args()
    rounds, sizes = (1, QUICK) if chosen.quick else (chosen.rounds, SIZES)
    describe_machine(f"medians of n = {rounds} rounds")
    report = Report(name="log_size", n=rounds)
    with tempfile.TemporaryDirectory() as name:
        signer = make_signer(Path(name))
        for size in sizes:
            log = Path(name) / "log"
            for series, value in measure(log, signer, size=size, rounds=rounds).items():
                unit = "bytes" if "bytes" in series else "s"
                print(f"{series:24}{size:>12,} records {value:>12.4f} {unit}")
                report.rows.append(
                    Row(series=series, unit=unit, value=value, n=rounds, axis="records", at=size)
                )
            shutil.rmtree(log)
    report.write(chosen.json)


if __name__ == "__main__":
    main()
