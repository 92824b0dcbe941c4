# SPDX-License-Identifier: Apache-2.0
"""Real logs of real decisions over the sample county, on days that a test chooses."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from govshare_policy.audit import AuditLog, TrustPolicy, encode_record, parse_trust, trust_text
from govshare_policy.call import call_from_document
from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.gate import Answer, Gate, Outcome
from govshare_policy.identity import SHANGHAI, Evidence
from govshare_policy.policy import Precedence
from govshare_policy.register import Register, load_register
from tests.county import COUNTY, PLAIN, basis_over
from tests.unit.recording import MemorySalts

FIRST = datetime(2025, 1, 1, tzinfo=SHANGHAI)
ORIGIN = "report.example/one"


@cache
def county() -> Register:
    return load_register(COUNTY)


def make_signer(directory: Path) -> Signer:
    path = directory / "key.pem"
    generate_key(path, b"correct horse")
    return open_signer(f"file:{path}", b"correct horse")


def trust_in(signer: Signer, origin: str = ORIGIN) -> TrustPolicy:
    return parse_trust(trust_text(origin, signer.public))


@dataclass
class Diary:
    """A log with a gate in front of it and a clock that only goes forward."""

    log: AuditLog
    gate: Gate
    clock: dict[str, datetime]
    answers: list[Answer] = field(default_factory=list)
    endings: dict[str, str] = field(default_factory=dict)

    def call(self, at: datetime, **change: object) -> Answer:
        """Make the plain call, changed, at an instant not before the last one."""
        self.clock["now"] = at
        document: dict[str, Any] = {**PLAIN, "at": at.isoformat(), **change}
        answer = self.gate.answer(call_from_document(document), Evidence())
        self.answers.append(answer)
        return answer

    def conclude(self, answer: Answer, status: str, *, after_s: int = 0, rows: int = 0) -> None:
        """Record what became of an allowed call, some seconds later."""
        self.clock["now"] += timedelta(seconds=after_s)
        self.gate.conclude(answer, Outcome(status=status, rows=rows, size_bytes=10 * rows)).result()
        self.endings[answer.record_id] = status

    def append(self, record: Mapping[str, object]) -> None:
        """Append a record as it is."""
        self.clock["now"] = max(self.clock["now"], datetime.fromisoformat(str(record["t"])))
        self.log.append(encode_record(record))


@contextmanager
def diary(
    directory: Path,
    signer: Signer,
    *,
    profile: str = "hubei",
    precedence: Precedence = Precedence.LOCAL,
    origin: str = ORIGIN,
) -> Iterator[Diary]:
    """Make a log in *directory* and close it at the end."""
    clock = {"now": FIRST}

    def now() -> datetime:
        return clock["now"]

    basis = basis_over(county(), profile, precedence)
    log = AuditLog.create(directory, origin=origin, signer=signer, now=now, preallocate=4096)
    gate = Gate(basis=lambda: basis, log=log, salts=MemorySalts(), now=now)
    try:
        yield Diary(log=log, gate=gate, clock=clock)
    finally:
        log.close()


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI)
