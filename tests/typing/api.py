# SPDX-License-Identifier: Apache-2.0
"""The library as a caller sees it. Type-checked, never run."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_type

from govshare_policy import (
    Answer,
    AssumedTrust,
    Basis,
    Call,
    Evidence,
    Gate,
    GovshareError,
    RegisterFacts,
    check,
    load_bundle,
    load_register,
    parse_call,
)
from govshare_policy.audit import AuditLog, Receipt, SaltStore
from govshare_policy.crypto import Signer
from govshare_policy.gate import RecordLog, Salts
from govshare_policy.identity import CertificateTrust, Trust
from govshare_policy.policy import Bundle, Precedence
from govshare_policy.register import Register

register = load_register(Path("data"))
assert_type(register, Register)
bundle = load_bundle("hubei", register, precedence=Precedence.STRICTEST)
assert_type(bundle, Bundle)

call = parse_call(b"{}", on_the_wire=True)
assert_type(call, Call)
assert_type(call.fields, tuple[str, ...])
assert_type(call.at, datetime | None)

facts = RegisterFacts(register=register)
basis = Basis(trust=AssumedTrust(), facts=facts, bundle=bundle)
answer = check(call, basis)
assert_type(answer, Answer)
assert_type(answer.receipt, Receipt | None)
assert_type(answer.to_document(), dict[str, object])

by_certificate: Trust = CertificateTrust(register=register)


def now() -> datetime:
    return datetime.now(UTC)


class Recorder:
    """Anything of this shape is a log."""

    def submit(self, record: bytes) -> Future[Receipt]:
        raise GovshareError

    def offer(self, record: bytes) -> asyncio.Future[Receipt]:
        raise GovshareError


class Committer:
    """Anything of this shape keeps salts."""

    def commit(self, record_id: str, values: Mapping[str, str]) -> dict[str, str]:
        raise GovshareError


def wired(signer: Signer) -> Gate:
    """The parts of the library fit the protocols of the gate."""
    log = AuditLog.create(Path("log"), origin="example/audit", signer=signer, now=now)
    return Gate(basis=lambda: basis, log=log, salts=SaltStore(Path("salts")), now=now)


own_log: RecordLog = Recorder()
own_salts: Salts = Committer()
gate = Gate(basis=lambda: basis, log=own_log, salts=own_salts, now=now)
assert_type(gate.answer(call, Evidence()), Answer)
assert_type(gate.submit(call, Evidence()), Future[Answer])

# What must not type-check; an unused ignore is an error.
Gate(lambda: basis, own_log, own_salts, now)  # type: ignore[call-arg]
gate.answer(b"{}", Evidence())  # type: ignore[arg-type]
check(call, bundle)  # type: ignore[arg-type]
load_bundle("hubei", register, precedence="strictest")  # type: ignore[arg-type]
call.purpose = "another"  # type: ignore[misc]
