# SPDX-License-Identifier: Apache-2.0
"""A log over a few decisions of the sample county, for the commands of auditors."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from govshare_policy.audit import AuditLog, SaltStore, trust_text
from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.gate import Gate, Outcome
from govshare_policy.identity import Evidence
from govshare_policy.policy import Precedence
from govshare_policy.register import load_register
from tests.county import basis_over
from tests.unit.gathered import plain_call

ORIGIN = "qinglan/audit"
AT = datetime(2025, 9, 22, 2, tzinfo=UTC)
OPERATOR = "330102199001011234"


class Audited(NamedTuple):
    """A log, what vouches for it, what opens it, and what one caller kept."""

    log: Path
    trust: Path
    salts: Path
    receipt: Path


def make(here: Path, data: Path) -> Audited:
    """Make a log: genesis, an allowed call, a refused one, the outcome, a call of the next day."""
    generate_key(here / "key.pem", b"correct horse")
    signer = open_signer(f"file:{here / 'key.pem'}", b"correct horse")
    made = Audited(here / "log", here / "trust.toml", here / "salts.sqlite", here / "receipt")
    made.trust.write_text(trust_text(ORIGIN, signer.public), "utf-8")
    basis = basis_over(load_register(data), "hubei", Precedence.STRICTEST)
    now = [AT]
    with (
        AuditLog.create(
            made.log, origin=ORIGIN, signer=signer, now=lambda: now[0], preallocate=1024
        ) as log,
        SaltStore(made.salts) as salts,
    ):
        gate = Gate(basis=lambda: basis, log=log, salts=salts, now=lambda: now[0])
        answer = gate.answer(plain_call(operator=OPERATOR), Evidence())
        gate.answer(plain_call(grant="G99"), Evidence())
        gate.conclude(answer, Outcome(status="released", rows=1, size_bytes=40)).result()
        now[0] += timedelta(days=1)
        gate.answer(plain_call(), Evidence())
        assert answer.receipt is not None
        made.receipt.write_text(answer.receipt.to_text(), "utf-8", newline="")
    return made
