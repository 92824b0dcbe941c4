# SPDX-License-Identifier: Apache-2.0
"""The order of things: no answer before its record, one time and one policy a call."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from govshare_policy.audit import Receipt
from govshare_policy.errors import (
    AuditError,
    CallError,
)
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Answer, Basis, Gate, check
from govshare_policy.identity import AssumedTrust, CertificateTrust, Evidence
from govshare_policy.legal import Effect
from govshare_policy.policy import Bundle, Precedence, load_bundle
from tests.unit.gathered import plain_call
from tests.unit.recording import AT, MemoryLog, MemorySalts, SlowLog, proven_county, room


@pytest.fixture(scope="module")
def hubei(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    register = proven_county(tmp_path_factory.mktemp("county"))
    return load_bundle("hubei", register, precedence=Precedence.STRICTEST)


def test_an_allowed_call_is_answered_with_the_receipt_of_its_record(hubei: Bundle) -> None:
    here = room(hubei)

    answer = here.gate.answer(plain_call(), Evidence())

    [record] = here.log.records
    assert answer.decision.effect is Effect.ALLOW
    assert answer.receipt == Receipt(index=0, record=record, proof=(), checkpoint=b"in memory")


def test_there_is_no_answer_before_the_receipt(hubei: Bundle) -> None:
    here, log = room(hubei), SlowLog()
    gate = replace(here.gate, log=log)

    promised = gate.submit(plain_call(), Evidence())
    assert not promised.done()
    assert len(log.waiting) == 1
    log.sync()

    assert promised.result(timeout=0).receipt is not None


def test_a_caller_that_leaves_does_not_undo_the_record(hubei: Bundle) -> None:
    log = SlowLog()
    promised = replace(room(hubei).gate, log=log).submit(plain_call(), Evidence())

    assert not promised.cancel()
    log.sync()

    assert promised.result(timeout=0).decision.effect is Effect.ALLOW


def test_no_receipt_no_answer(hubei: Bundle) -> None:
    here = room(hubei)
    here.log.failure = AuditError("the log stopped")

    with pytest.raises(AuditError, match="the log stopped"):
        here.gate.answer(plain_call(), Evidence())
    assert here.gate.submit(plain_call(), Evidence()).exception() is here.log.failure


def test_no_salt_no_answer_and_no_record(hubei: Bundle) -> None:
    here = room(hubei)
    here.salts.failure = AuditError("the salt was not stored")

    with pytest.raises(AuditError, match="the salt was not stored"):
        here.gate.answer(plain_call(operator="330102199001011234"), Evidence())
    assert here.log.records == []


def test_a_denial_is_recorded_like_any_answer(hubei: Bundle) -> None:
    here = room(hubei)

    answer = here.gate.answer(plain_call(purpose="marketing"), Evidence())

    [record] = here.log.documents()
    assert answer.receipt is not None
    assert (record["effect"], record["outcome"], record["fields"]) == ("deny", "deny", [])
    assert record["reasons"] == ["purpose_outside_grant", "purpose_outside_grant"]


def test_time_policy_and_registers_are_read_once_a_call(hubei: Bundle) -> None:
    """A reload or a tick in the middle of a call must not show in it."""
    read: list[str] = []
    basis = Basis(trust=AssumedTrust(), facts=RegisterFacts(register=hubei.register), bundle=hubei)

    def now() -> datetime:
        read.append("now")
        return AT

    def current() -> Basis:
        read.append("basis")
        return basis

    gate = Gate(basis=current, log=MemoryLog(), salts=MemorySalts(), now=now)
    gate.answer(plain_call(), Evidence())

    assert sorted(read) == ["basis", "now"]


def test_the_gate_goes_by_its_own_clock_and_not_by_the_callers(hubei: Bundle) -> None:
    """The grant has expired by the gate's clock, whatever instant the call states."""
    here = room(hubei, now=lambda: datetime(2027, 1, 1, tzinfo=UTC))

    answer = here.gate.answer(plain_call(), Evidence())

    assert answer.at == datetime(2027, 1, 1, tzinfo=UTC)
    assert "grant_expired" in [reason.code for reason in answer.decision.reasons]


def test_evidence_that_proves_nobody_is_a_recorded_denial_with_its_flaw(hubei: Bundle) -> None:
    here = room(hubei, trust=CertificateTrust(register=hubei.register))
    shown = Evidence(
        spki=bytes([7]) * 32, not_before=AT - timedelta(days=9), not_after=AT - timedelta(days=1)
    )

    answer = here.gate.answer(plain_call(), shown)

    [record] = here.log.documents()
    assert [reason.code for reason in answer.decision.reasons] == ["certificate_expired"] * 2
    assert (record["department"], record["system"]) == ("", "")
    assert record["certificate"] == "07" * 32


def test_the_certificate_that_proved_the_caller_is_in_the_record(hubei: Bundle) -> None:
    here = room(hubei, trust=CertificateTrust(register=hubei.register))
    day = timedelta(days=1)
    shown = Evidence(spki=bytes([7]) * 32, not_before=AT - day, not_after=AT + day)

    answer = here.gate.answer(replace(plain_call(), network=""), shown)

    [record] = here.log.documents()
    assert answer.decision.effect is Effect.ALLOW
    assert (record["department"], record["certificate"]) == ("D-HCB", "07" * 32)


def test_an_answer_has_the_shape_of_the_contract(hubei: Bundle) -> None:
    answer = room(hubei).gate.answer(plain_call(), Evidence())

    document = answer.to_document()

    assert list(document) == [
        *("id", "effect", "outcome", "clauses", "reasons", "fields", "duties", "grant"),
        *("grants", "policy", "texts"),
    ]
    assert (document["id"], document["effect"], document["outcome"]) == ("case", "allow", "allow")
    assert document["fields"] == ["id_no", "marital_status"]
    assert (document["grant"], document["grants"]) == ("G01", ["G01"])
    assert document["policy"] == {
        "profile": "hubei",
        "precedence": "strictest",
        "revision": f"sm3:{hubei.revision.hex()}",
    }
    assert keys(document["reasons"]) == {
        ("code", "clause", "text", "text_zh", "remedy", "remedy_zh")
    }
    assert keys(document["duties"]) == {("code", "value", "clause")}
    assert keys(document["texts"]) == {("profile", "outcome", "clauses")}


def keys(documents: object) -> set[tuple[str, ...]]:
    assert isinstance(documents, list)
    assert documents
    return {tuple(document) for document in documents}


def test_a_denial_has_the_same_shape_with_nothing_released(hubei: Bundle) -> None:
    allowed = room(hubei).gate.answer(plain_call(), Evidence()).to_document()

    denied = room(hubei).gate.answer(plain_call(grant="G99"), Evidence()).to_document()

    assert list(denied) == list(allowed)
    assert (denied["effect"], denied["fields"], denied["duties"]) == ("deny", [], [])
    assert denied["grants"] == []
    assert denied["grant"] == ""


def test_the_offline_check_records_nothing_and_says_the_same(hubei: Bundle) -> None:
    basis = Basis(trust=AssumedTrust(), facts=RegisterFacts(register=hubei.register), bundle=hubei)

    offline = check(plain_call(), basis)
    recorded = room(hubei).gate.answer(plain_call(), Evidence())

    assert offline.receipt is None
    assert without_ids(offline) == without_ids(recorded)


def without_ids(answer: Answer) -> dict[str, Any]:
    return {**answer.to_document(), "id": "", "at": answer.at}


def test_the_offline_check_needs_the_instant_of_the_call(hubei: Bundle) -> None:
    basis = Basis(trust=AssumedTrust(), facts=RegisterFacts(register=hubei.register), bundle=hubei)

    with pytest.raises(CallError, match=r"^the call has no `at`$"):
        check(replace(plain_call(), at=None), basis)
