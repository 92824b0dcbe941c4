# SPDX-License-Identifier: Apache-2.0
"""What a record says of a call, and what it never says."""

import re
from collections.abc import Mapping

import pytest

from govshare_policy.audit.salts import commitment
from govshare_policy.crypto import sm3
from govshare_policy.errors import (
    AuditError,
    FactError,
    VerificationError,
)
from govshare_policy.gate import Outcome
from govshare_policy.identity import Evidence
from govshare_policy.legal import Effect
from govshare_policy.policy import Bundle, Precedence, load_bundle
from tests.unit.gathered import plain_call
from tests.unit.recording import Failing, proven_county, room

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def hubei(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    register = proven_county(tmp_path_factory.mktemp("county"))
    return load_bundle("hubei", register, precedence=Precedence.STRICTEST)


def test_a_call_without_an_id_is_answered_under_the_id_of_its_record(hubei: Bundle) -> None:
    here = room(hubei)

    answer = here.gate.answer(plain_call(id=""), Evidence())

    assert UUID7.fullmatch(answer.record_id)
    assert answer.id == answer.record_id == here.log.documents()[0]["id"]
    assert here.gate.answer(plain_call(), Evidence()).id == "case"


def test_every_record_has_an_id_of_its_own(hubei: Bundle) -> None:
    here = room(hubei)

    for _ in range(50):
        here.gate.answer(plain_call(), Evidence())

    assert len({record["id"] for record in here.log.documents()}) == 50


def test_what_became_of_a_call_is_a_record_that_names_its_decision(hubei: Bundle) -> None:
    here = room(hubei)
    answer = here.gate.answer(plain_call(), Evidence())

    receipt = here.gate.conclude(answer, Outcome(status="released", rows=3, size_bytes=120))

    [_, record] = here.log.documents()
    assert receipt.result(timeout=0).index == 1
    assert UUID7.fullmatch(record.pop("id"))
    assert record == {
        "v": 1,
        "phase": "outcome",
        "t": "2025-09-22T02:00:00.000000Z",
        "decision": answer.record_id,
        "status": "released",
        "rows": 3,
        "bytes": 120,
        "commitments": {},
    }


def test_what_was_released_is_committed_to_under_the_salt_of_the_decision(hubei: Bundle) -> None:
    """So that one erasure leaves nothing of the call to guess at."""
    here = room(hubei)
    answer = here.gate.answer(plain_call(), Evidence(), values={"request": "aa"})
    body = b'[{"id_no": "330102199001011234"}]'

    here.gate.conclude(
        answer, Outcome(status="released", rows=1, size_bytes=len(body), response=sm3(body))
    )

    salt = here.salts.salts[answer.record_id]
    [_, record] = here.log.documents()
    assert record["commitments"] == {"response": commitment(salt, "response", sm3(body).hex())}
    assert list(here.salts.salts) == [answer.record_id]


def test_no_salt_no_word_of_what_was_released(hubei: Bundle) -> None:
    here = room(hubei)
    answer = here.gate.answer(plain_call(), Evidence())
    here.salts.failure = AuditError("the salt was not stored")

    with pytest.raises(AuditError, match="the salt was not stored"):
        here.gate.conclude(answer, Outcome(status="released", response=sm3(b"{}")))


def test_an_erasure_between_answer_and_outcome_leaves_nothing_to_commit_to(hubei: Bundle) -> None:
    """And does not stop the log: the outcome is recorded without the commitment."""
    here = room(hubei)
    answer = here.gate.answer(plain_call(), Evidence())
    here.salts.failure = VerificationError("the salt of the record has been erased")

    here.gate.conclude(answer, Outcome(status="released", rows=1, response=sm3(b"{}"))).result()

    [_, record] = here.log.documents()
    assert (record["rows"], record["commitments"]) == (1, {})


PERSON = "330102199001011234"


def test_a_person_is_in_the_record_as_a_commitment_only(hubei: Bundle) -> None:
    here = room(hubei)
    call = plain_call(
        action="onward", operator=PERSON, recipient={"kind": "person", "id": f"{PERSON}X"}
    )

    answer = here.gate.answer(call, Evidence())

    [record] = here.log.documents()
    salt = here.salts.salts[answer.record_id]
    assert PERSON not in here.log.records[0].decode()
    assert record["call"]["recipient"] == {"kind": "person", "id": ""}
    assert record["commitments"] == {
        "operator": commitment(salt, "operator", PERSON),
        "recipient": commitment(salt, "recipient", f"{PERSON}X"),
    }


def test_what_the_transport_saw_is_committed_to_beside_the_persons(hubei: Bundle) -> None:
    here = room(hubei)
    seen = {"request": sm3(b"GET /x").hex(), "subject_1": PERSON}

    answer = here.gate.answer(plain_call(operator="li"), Evidence(), values=seen)

    [record] = here.log.documents()
    salt = here.salts.salts[answer.record_id]
    values = {**seen, "operator": "li"}
    assert record["commitments"] == {k: commitment(salt, k, v) for k, v in values.items()}
    assert not [v for v in values.values() if v in here.log.records[0].decode().split('"')]


def test_a_person_who_shares_the_id_of_a_department_is_still_a_person(hubei: Bundle) -> None:
    here = room(hubei)

    here.gate.answer(plain_call(recipient={"kind": "person", "id": "D-TRA"}), Evidence())

    assert "D-TRA" not in here.log.records[0].decode()


def test_a_call_that_names_no_person_needs_no_salt(hubei: Bundle) -> None:
    here = room(hubei)
    here.salts.failure = AuditError("not asked for")

    here.gate.answer(plain_call(recipient={"kind": "company", "id": "O-BNK"}), Evidence())

    assert here.log.documents()[0]["commitments"] == {}
    assert here.log.documents()[0]["call"]["recipient"] == {"kind": "company", "id": "O-BNK"}


MADE_UP = "ZZ-王小明"
UNKNOWN: Mapping[str, dict[str, object]] = {
    "department": {"department": MADE_UP},
    "system": {"system": MADE_UP},
    "resource": {"resource": MADE_UP},
    "field": {"fields": ["id_no", MADE_UP]},
    "field of nothing": {"resource": "R99", "fields": [MADE_UP]},
    "grant": {"grant": MADE_UP},
    "consent": {"consent": MADE_UP},
    "department as recipient": {"recipient": {"kind": "department", "id": MADE_UP}},
    "company as recipient": {"recipient": {"kind": "company", "id": MADE_UP}},
    "public as recipient": {"recipient": {"kind": "public", "id": MADE_UP}},
}


@pytest.mark.parametrize("change", UNKNOWN.values(), ids=list(UNKNOWN))
def test_a_name_that_no_register_knows_is_not_in_the_record(
    change: dict[str, object], hubei: Bundle
) -> None:
    """The log is for ever, so nothing that a caller made up goes into it by way of a name."""
    here = room(hubei)

    answer = here.gate.answer(plain_call(**change), Evidence())

    assert answer.decision.effect is Effect.DENY
    assert MADE_UP not in here.log.records[0].decode()
    assert "ZZ" not in here.log.records[0].decode()


def test_unknown_fields_are_counted(hubei: Bundle) -> None:
    here = room(hubei)

    here.gate.answer(plain_call(fields=["id_no", "blood_type", "shoe_size"]), Evidence())
    here.gate.answer(plain_call(fields=["*"]), Evidence())

    named, star = (record["call"] for record in here.log.documents())
    assert (named["fields"], named["unknown_fields"]) == (["id_no"], 2)
    assert (star["fields"], star["unknown_fields"]) == (["*"], 0)


def test_the_record_of_a_call_without_facts_names_nobody(hubei: Bundle) -> None:
    here = room(hubei, facts=Failing(FactError("gone")))
    recipient = {"kind": "department", "id": "D-TRA"}

    here.gate.answer(plain_call(recipient=recipient), Evidence())

    [record] = here.log.documents()
    assert (record["department"], record["system"], record["call"]["resource"]) == ("", "", "")
    assert record["call"]["unknown_fields"] == 2
    assert record["call"]["recipient"] == {"kind": "department", "id": ""}
