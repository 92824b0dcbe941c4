# SPDX-License-Identifier: Apache-2.0
"""Logs of records that anybody might have written, well-meaning or not."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

from govshare_policy.audit import (
    AuditLog,
    TrustPolicy,
    encode_record,
    format_time,
    new_record_id,
    parse_trust,
    trust_text,
)
from govshare_policy.crypto import Signer, generate_key, open_signer

ORIGIN: Final = "inspection.example/one"
START: Final = datetime(2025, 6, 1, tzinfo=UTC)
HOSTILE: Final = "<script>alert(1)</script>&\"'"
FORMULA: Final = '=HYPERLINK("x")'
DEPARTMENTS: Final = ("D-HCB", "D-TRA", "", "民政局", FORMULA)
SYSTEMS: Final = ("SYS-A", "SYS_B", "SYS%B", "")
RESOURCES: Final = ("R08", "R12", HOSTILE, "")
GRANTS: Final = ("G01", "G02", "")
OUTCOMES: Final = ("allow", "deny", "needs_grant", "suspended")
CLAUSES: Final = ("HU-a24-02", "NR-a20-01", "FQ-1.1-01", "x'); DROP TABLE record; --")
STATUSES: Final = ("released", "no_such_record", "upstream_timeout")
# What no gate of ours would write, and a log may hold all the same.
FOREIGN: Final = (
    b"[]",
    b"not json",
    b"\xff\xfe",
    b'{"phase":5,"clauses":"HU-a24-02","t":"yesterday","commitments":[],"call":7}',
    b'{"department":"\\ud800","clauses":[1,"\\udfff"],"t":"2025-06-01"}',
    b'{"phase":"decision","t":"9999-12-31T23:59:59Z","outcome":"allow","clauses":["a"]}',
    b'{"phase":"wish","t":"2025-06-01T00:00:00+08:00","department":"D-HCB"}',
)
# A log that is taken up again must not find its clock behind.
_SECONDS = count()


@dataclass
class World:
    """A log and what it takes to judge it."""

    directory: Path
    trust: TrustPolicy
    signer: Signer

    def records(self) -> list[bytes]:
        from govshare_policy.audit import read_records  # noqa: PLC0415  only here

        return [data for _, data in read_records(self.directory)]


def make_signer(directory: Path) -> Signer:
    path = directory / "key.pem"
    generate_key(path, b"correct horse")
    return open_signer(f"file:{path}", b"correct horse")


@contextmanager
def writer(directory: Path, signer: Signer) -> Iterator[AuditLog]:
    """Make a log, or take one up, and close it at the end."""

    def now() -> datetime:
        return START + timedelta(days=300, seconds=next(_SECONDS))

    if (directory / "log.json").exists():
        log = AuditLog.open(directory, signer=signer, now=now, preallocate=4096)
    else:
        log = AuditLog.create(directory, origin=ORIGIN, signer=signer, now=now, preallocate=4096)
    with log:
        yield log


def write(directory: Path, signer: Signer, records: Iterable[bytes], *, batch: int = 7) -> World:
    """Append *records*, some of them at a time."""
    with writer(directory, signer) as log:
        waiting = []
        for record in records:
            waiting.append(log.submit(record))
            if len(waiting) == batch:
                for one in waiting:
                    one.result()
                waiting.clear()
        for one in waiting:
            one.result()
    trust = parse_trust(trust_text(ORIGIN, signer.public))
    return World(directory=directory, trust=trust, signer=signer)


def decision(at: datetime, **change: Any) -> dict[str, Any]:  # noqa: ANN401  any member
    """Return a decision record as a gate would write it, changed."""
    record: dict[str, Any] = {
        "v": 1,
        "phase": "decision",
        "id": new_record_id(at),
        "t": format_time(at),
        "call": {
            "id": "c1",
            "action": "read",
            "resource": "R08",
            "fields": ["id_no", "marital_status"],
            "unknown_fields": 0,
            "purpose": "data_verification",
            "channel": "api",
            "item": "",
            "consent": "",
            "derived": False,
            "commercial": False,
        },
        "department": "D-HCB",
        "system": "SYS-A",
        "network": "extranet",
        "outcome": "allow",
        "effect": "allow",
        "clauses": ["HU-a24-02"],
        "reasons": ["within_grant"],
        "fields": ["id_no"],
        "duties": [{"code": "mask", "value": "id_no", "clause": "HU-a24-02"}],
        "grant": "G01",
        "grants": ["G01", "G02"],
        "policy": {"profile": "hubei", "precedence": "local", "revision": "sm3:00"},
        "texts": [],
        "commitments": {},
        "certificate": "ab" * 32,
    }
    call = {**record["call"], **change.pop("call", {})}
    return {**record, **change, "call": call}


def outcome(at: datetime, decided: str, status: str = "released") -> dict[str, Any]:
    """Return an outcome record as a gate would write it."""
    return {
        "v": 1,
        "phase": "outcome",
        "id": new_record_id(at),
        "t": format_time(at),
        "decision": decided,
        "status": status,
        "rows": 2,
        "bytes": 90,
        "commitments": {},
    }


def step(at: datetime) -> dict[str, Any]:
    """Return the record of a step as a workflow would write it."""
    return {
        "v": 1,
        "phase": "workflow",
        "id": new_record_id(at),
        "t": format_time(at),
        "kind": "application",
        "step": "approve",
        "outcome": "taken",
        "matter": "A-1",
        "department": "D-CAB",
        "resource": "R08",
        "clauses": ["HU-a11-02"],
        "commitments": {"actor": "cd" * 32},
    }


def some_records(number: int, seed: int) -> list[bytes]:
    """Return records of every kind, in no particular order of kinds."""
    rnd = random.Random(seed)  # noqa: S311  the same records every time
    at, records, last = START, [], ""
    for _ in range(number):
        at += timedelta(minutes=rnd.randrange(1, 200))
        match rnd.randrange(8):
            case 0:
                records.append(rnd.choice(FOREIGN))
            case 1:
                records.append(encode_record(step(at)))
            case 2 if last:
                records.append(encode_record(outcome(at, last, rnd.choice(STATUSES))))
            case _:
                record = _decision(at, rnd)
                last = record["id"]
                records.append(encode_record(record))
    return records


def _decision(at: datetime, rnd: random.Random) -> dict[str, Any]:
    effect = rnd.choice(("allow", "deny"))
    grants = rnd.sample(GRANTS, rnd.randrange(3))
    return decision(
        at,
        department=rnd.choice(DEPARTMENTS),
        system=rnd.choice(SYSTEMS),
        call={"resource": rnd.choice(RESOURCES)},
        grant=grants[0] if grants else "",
        grants=grants,
        effect=effect,
        outcome="allow" if effect == "allow" else rnd.choice(OUTCOMES[1:]),
        clauses=rnd.sample(CLAUSES, rnd.randrange(1, 4)),
        commitments={"operator": "ab" * 32} if rnd.random() < 0.3 else {},
    )
