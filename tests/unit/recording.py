# SPDX-License-Identifier: Apache-2.0
"""A gate over a log and salts that live in memory: what both promise, and nothing on a disk."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from govshare_policy.audit import Receipt, parse_record
from govshare_policy.audit.salts import commitment
from govshare_policy.call import Call
from govshare_policy.errors import AuditError, GovshareError
from govshare_policy.facts import Facts, FactSource, RegisterFacts
from govshare_policy.gate import Basis, Gate
from govshare_policy.identity import AssumedTrust, Evidence, Identity, Trust
from govshare_policy.policy import Bundle
from govshare_policy.register import Register
from govshare_policy.usage import Usage
from tests.county import Change, county_register

AT = datetime(2025, 9, 22, 2, tzinfo=UTC)


@dataclass
class MemoryLog:
    """Keeps records and gives receipts at once; once it has failed, it takes nothing more."""

    records: list[bytes] = field(default_factory=list)
    failure: AuditError | None = None
    lock: Lock = field(default_factory=Lock)

    def submit(self, record: bytes) -> Future[Receipt]:
        done: Future[Receipt] = Future()
        if self.failure is not None:
            done.set_exception(self.failure)
            return done
        with self.lock:
            self.records.append(record)
            index = len(self.records) - 1
        done.set_result(Receipt(index=index, record=record, proof=(), checkpoint=b"in memory"))
        return done

    def offer(self, record: bytes) -> "asyncio.Future[Receipt]":
        return asyncio.wrap_future(self.submit(record))

    def documents(self) -> list[dict[str, Any]]:
        return [parse_record(record) for record in self.records]


@dataclass
class SlowLog:
    """Takes records, and gives no receipt before :meth:`sync`."""

    waiting: list[tuple[bytes, Future[Receipt]]] = field(default_factory=list)

    def submit(self, record: bytes) -> Future[Receipt]:
        done: Future[Receipt] = Future()
        self.waiting.append((record, done))
        return done

    def offer(self, record: bytes) -> "asyncio.Future[Receipt]":
        return asyncio.wrap_future(self.submit(record))

    def sync(self) -> None:
        for index, (record, done) in enumerate(self.waiting):
            done.set_result(Receipt(index=index, record=record, proof=(), checkpoint=b"in memory"))
        self.waiting.clear()


@dataclass
class MemorySalts:
    """Keeps one salt a record."""

    salts: dict[str, bytes] = field(default_factory=dict)
    failure: AuditError | None = None

    def commit(self, record_id: str, values: Mapping[str, str]) -> dict[str, str]:
        if self.failure is not None:
            raise self.failure
        salt = self.salts.setdefault(record_id, len(self.salts).to_bytes(32))
        return {name: commitment(salt, name, value) for name, value in values.items()}


@dataclass
class Room:
    """A gate with everything around it."""

    gate: Gate
    log: MemoryLog
    salts: MemorySalts


def room(
    bundle: Bundle,
    *,
    trust: Trust | None = None,
    facts: FactSource | None = None,
    usage: Usage | None = None,
    now: Callable[[], datetime] = lambda: AT,
) -> Room:
    """Return a gate that decides by *bundle*, with the claims assumed unless *trust* says."""
    counted = usage or Usage()
    log, salts = MemoryLog(), MemorySalts()
    basis = Basis(
        trust=trust or AssumedTrust(),
        facts=facts or RegisterFacts(register=bundle.register, used=counted.of),
        bundle=bundle,
    )
    gate = Gate(basis=lambda: basis, log=log, salts=salts, now=now, usage=counted)
    return Room(gate=gate, log=log, salts=salts)


@dataclass(frozen=True)
class Failing:
    """A trust and a source of facts that raise what they are told to."""

    error: GovshareError

    def identify(self, call: Call, evidence: Evidence, *, at: datetime) -> Identity:
        raise self.error

    def gather(self, call: Call, identity: Identity, *, at: datetime) -> Facts:
        raise self.error


def proven_county(directory: Path, change: Change | None = None) -> Register:
    """Return the county with a certificate of SYS-HCB-PRH whose key has the digest 07 … 07."""
    certificate = {
        "system_id": "SYS-HCB-PRH",
        "spki": "07" * 32,
        "valid_from": "2025-01-01",
        "valid_to": "2025-12-31",
        "revoked_on": "",
    }
    return county_register(directory, {"certificates.tsv": [certificate], **(change or {})})
