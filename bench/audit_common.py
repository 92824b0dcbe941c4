# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of the audit log share: the machine, the record, and logs to measure on."""

import platform
import sqlite3
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.report import commit, machine
from govshare_policy.audit import TrustPolicy, encode_record, parse_trust, trust_text
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.ledger import Ledger
from govshare_policy.audit.start import create_ledger
from govshare_policy.crypto import Signer, generate_key, open_signer, provider_name

ORIGIN = "bench.example/log"
PREALLOCATE_BYTES = 1 << 20


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def record(number: int) -> bytes:
    """Return a record of a usual size: 441 bytes."""
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


def make_signer(directory: Path) -> Signer:
    """Return a signer with a key in *directory*, made there if there is none."""
    path = directory / "key.pem"
    if not path.exists():
        generate_key(path, b"bench")
    return open_signer(f"file:{path}", b"bench")


def make_trust(signer: Signer) -> TrustPolicy:
    """Return the trust in a log of *signer*."""
    return parse_trust(trust_text(ORIGIN, signer.public))


@contextmanager
def open_files(path: Path, signer: Signer) -> Iterator[Ledger]:
    """Lend the files of a new log, without its queue."""
    ledger, lock = create_ledger(
        path,
        origin=ORIGIN,
        signer=signer,
        at=now(),
        pin=None,
        preallocate=PREALLOCATE_BYTES,
        disk=Disk(),
    )
    try:
        yield ledger
    finally:
        ledger.publish()
        ledger.close()
        lock.release()


def write_log(path: Path, signer: Signer, *, total: int, batch: int) -> None:
    """Write a log of *total* records, *batch* a commit."""
    records = [record(number) for number in range(batch)]
    with open_files(path, signer) as ledger:
        while (missing := total - ledger.checkpoint.size) > 0:
            ledger.commit(records[: min(ledger.room, missing)], now())
            ledger.rotate_if_full()


def spread(values: Sequence[float]) -> str:
    """Return the median of *values*, and from where to where they lie."""
    return f"{statistics.median(values):,.2f} ({min(values):,.2f} to {max(values):,.2f})"


def describe_machine(what: str) -> None:
    """Print what the figures depend on, and *what* was measured how often."""
    here = machine()
    print(f"{here['cpu']}, {here['processors']} cpus, load {here['load']}, {here['system']}")
    libraries = f"SM2 by {provider_name()}, SQLite {sqlite3.sqlite_version}"
    print(f"Python {platform.python_version()}, {libraries}")
    print(f"commit {commit()}, {what}\n", flush=True)
