# SPDX-License-Identifier: Apache-2.0
"""The OpenID Authorization API 1.0, with real clients over TLS."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from govshare_policy.audit import Receipt, verify_receipt
from tests.e2e.decision_point import (
    ALLOWED,
    DENIED,
    MANY,
    ONE,
    ask,
    at_authzen,
    decision_point,
    decisions,
)
from tests.e2e.deployment import Running


@pytest.fixture(scope="module")
def pdp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with decision_point(tmp_path_factory.mktemp("authzen")).start() as running:
        yield at_authzen(running)


def test_an_allowed_call_is_a_decision_with_the_fields_and_duties_to_enforce(pdp: Running) -> None:
    response = ask(pdp, ALLOWED)
    context = response.document["context"]

    assert (response.status, response.document["decision"]) == (200, True)
    assert response.headers["Content-Type"] == "application/json"
    assert context["fields"] == ["id_no", "marital_status"]
    assert "purpose_only" in [duty["code"] for duty in context["duties"]]
    assert context["clauses"][0].startswith("HU-a24-01")


def test_the_receipt_proves_the_record_that_the_decision_names(pdp: Running) -> None:
    response = ask(pdp, ALLOWED)
    receipt = response.document["context"]["receipt"]

    verify_receipt(Receipt.from_text(receipt["text"]), pdp.deployment.trust)
    record = pdp.deployment.records()[receipt["log_index"]]
    assert record["id"] == receipt["record_id"] == response.headers["Govshare-Record"]
    assert (record["system"], record["call"]["resource"]) == ("SYS-HCB-PRH", "R08")
    assert "request" in record["commitments"]


def test_a_denial_is_status_200_and_says_why_in_both_languages(pdp: Running) -> None:
    response = ask(pdp, DENIED)
    [reason, *_] = response.document["context"]["reasons"]

    assert (response.status, response.document["decision"]) == (200, False)
    assert response.document["context"]["clauses"][0] == "HU-a24-04"
    assert reason["text_zh"].startswith("调用用途不在授权")
    assert response.document["context"]["fields"] == []


@pytest.mark.parametrize(
    ("client", "code"),
    [
        (None, "no_certificate"),
        ("stranger", "certificate_unregistered"),
        ("expired", "certificate_expired"),
        ("SYS-HCB-WEB", "claim_differs"),
    ],
)
def test_the_subject_is_a_claim_that_the_certificate_has_to_bear_out(
    pdp: Running, client: str | None, code: str
) -> None:
    response = ask(pdp, ALLOWED, client=client)

    assert (response.status, response.document["decision"]) == (200, False)
    assert response.document["context"]["reasons"][0]["code"] == code
    assert pdp.deployment.decisions()[-1]["reasons"][0] == code


def test_what_the_standard_tells_to_ignore_changes_nothing(pdp: Running) -> None:
    more = {
        **ALLOWED,
        "foo": {"nested": True},
        "subject": {**ALLOWED["subject"], "properties": {"role": "admin"}, "more": 1},
        "resource": {**ALLOWED["resource"], "properties": {}},
    }

    assert ask(pdp, more).document["decision"] is True


def without(key: str, member: str = "") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(ALLOWED))
    del (document[key] if member else document)[member or key]
    return document


class Bad(NamedTuple):
    """A request that says no call."""

    document: object
    path: str = ONE
    headers: Mapping[str, str] = {}
    status: int = 400
    cause: str = "bad_call"


BAD = {
    "no subject": Bad(without("subject")),
    "no action": Bad(without("action")),
    "no resource": Bad(without("resource")),
    "a subject without a type": Bad(without("subject", "type")),
    "a subject without an id": Bad(without("subject", "id")),
    "an action without a name": Bad(without("action", "name")),
    "a resource without a type": Bad(without("resource", "type")),
    "a resource without an id": Bad(without("resource", "id")),
    "an empty subject": Bad({**ALLOWED, "subject": {"type": "system", "id": ""}}),
    "a subject that is a text": Bad({**ALLOWED, "subject": "SYS-HCB-PRH"}),
    "a name that is a number": Bad({**ALLOWED, "action": {"name": 1}}),
    "properties that are a list": Bad({**ALLOWED, "action": {"name": "read", "properties": []}}),
    "a context that is a list": Bad({**ALLOWED, "context": []}),
    "no fields": Bad(without("context", "fields")),
    "no purpose": Bad(without("context", "purpose")),
    "an unknown key in the context": Bad(
        {**ALLOWED, "context": {**ALLOWED["context"], "comercial": True}}
    ),
    "a context that speaks of another system": Bad(
        {**ALLOWED, "context": {**ALLOWED["context"], "system": "SYS-HCB-WEB"}}
    ),
    "an action that nobody knows": Bad({**ALLOWED, "action": {"name": "write"}}),
    "no json": Bad(b"{"),
    "a key twice": Bad(b'{"subject": {}, "subject": {}}'),
    "nothing": Bad(b""),
    "a list": Bad([]),
    "another type": Bad(ALLOWED, headers={"Content-Type": "text/plain"}),
    "another charset": Bad(ALLOWED, headers={"Content-Type": "application/json; charset=gbk"}),
    "compressed": Bad(ALLOWED, headers={"Content-Encoding": "gzip"}, status=415, cause="encoded"),
    "a websocket": Bad(
        ALLOWED,
        headers={"Upgrade": "websocket", "Connection": "Upgrade"},
        status=501,
        cause="upgrade",
    ),
    "too large": Bad(b" " * 70_000, status=413, cause="too_large"),
    "elsewhere": Bad(ALLOWED, path="/access/v1/search/subject", status=404, cause="no_route"),
    "with a query": Bad(ALLOWED, path=f"{ONE}?a=1", status=404, cause="no_route"),
    "a get of the document": Bad(
        ALLOWED, path="/.well-known/authzen-configuration", status=405, cause="method"
    ),
    "evaluations that are no list": Bad({**ALLOWED, "evaluations": {}}, path=MANY),
    "an evaluation that is no object": Bad({**ALLOWED, "evaluations": [1]}, path=MANY),
    "too many evaluations": Bad({"evaluations": [{}] * 257}, path=MANY),
    "another semantic": Bad(
        {**ALLOWED, "evaluations": [{}], "options": {"evaluations_semantic": "any"}}, path=MANY
    ),
    "a request id that is too long": Bad(
        ALLOWED, headers={"X-Request-ID": "x" * 257}, cause="bad_header"
    ),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_says_no_call_is_refused_counted_and_not_recorded(pdp: Running, bad: Bad) -> None:
    counter = f'govshare_refused_total{{cause="{bad.cause}",entrance="authzen"}}'
    counted, recorded = pdp.metric(counter), len(pdp.deployment.records())
    response = ask(pdp, bad.document, bad.path, headers=bad.headers)

    assert response.status == response.document["status"] == bad.status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (pdp.metric(counter), len(pdp.deployment.records())) == (counted + 1, recorded)


@pytest.mark.parametrize("document", [ALLOWED, DENIED, {}], ids=["allowed", "denied", "refused"])
def test_the_request_id_comes_back(pdp: Running, document: object) -> None:
    sent = "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"

    assert ask(pdp, document, headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent
    assert "X-Request-ID" not in ask(pdp, document).headers


def test_the_discovery_document_is_for_everybody_and_believes_no_host(pdp: Running) -> None:
    path = "/.well-known/authzen-configuration"
    response = pdp.request(path, client=None, headers={"Host": "evil.test"})

    assert response.document == {
        "policy_decision_point": "https://pdp.test",
        "access_evaluation_endpoint": f"https://pdp.test{ONE}",
        "access_evaluations_endpoint": f"https://pdp.test{MANY}",
    }


def test_several_evaluations_are_answered_in_their_order(pdp: Running) -> None:
    before = len(pdp.deployment.decisions())
    response = ask(pdp, {"evaluations": [ALLOWED, DENIED, ALLOWED]}, MANY)

    assert decisions(response) == [True, False, True]
    records = [item["context"]["receipt"] for item in response.document["evaluations"]]
    new = pdp.deployment.decisions()[before:]
    assert [record["record_id"] for record in records] == [record["id"] for record in new]


def test_defaults_are_taken_as_a_whole_or_not_at_all(pdp: Running) -> None:
    items: list[dict[str, Any]] = [
        {},
        {"context": {**ALLOWED["context"], "purpose": "work_reference"}},
        {"context": {"purpose": "data_verification"}},
    ]
    response = ask(pdp, {**ALLOWED, "evaluations": items}, MANY)

    assert decisions(response) == [True, False, False]
    error = response.document["evaluations"][2]["context"]["error"]
    assert (error["status"], error["message"]) == (400, "the call has no `fields`")
    assert error["message_zh"].startswith("调用不符合接口规定")


@pytest.mark.parametrize("more", [{}, {"evaluations": []}], ids=["left out", "empty"])
def test_without_evaluations_the_request_is_a_single_one(
    pdp: Running, more: Mapping[str, object]
) -> None:
    response = ask(pdp, {**ALLOWED, **more}, MANY)

    assert response.document["decision"] is True
    assert "evaluations" not in response.document


@pytest.mark.parametrize(
    ("semantic", "items", "expected"),
    [
        ("execute_all", [DENIED, ALLOWED, {}], [False, True, False]),
        ("deny_on_first_deny", [ALLOWED, DENIED, ALLOWED], [True, False]),
        ("deny_on_first_deny", [ALLOWED, {}, ALLOWED], [True, False]),
        ("permit_on_first_permit", [DENIED, ALLOWED, DENIED], [False, True]),
        ("permit_on_first_permit", [{}, DENIED], [False, False]),
    ],
)
def test_what_a_semantic_cuts_off_is_neither_decided_nor_recorded(
    pdp: Running, semantic: str, items: list[dict[str, Any]], expected: list[bool]
) -> None:
    before = len(pdp.deployment.decisions())
    options = {"evaluations_semantic": semantic, "another_option": 1}
    response = ask(pdp, {"evaluations": items, "options": options}, MANY)

    assert decisions(response) == expected
    calls = sum(1 for item in items[: len(expected)] if item)
    assert len(pdp.deployment.decisions()) == before + calls


def test_no_record_and_no_message_names_the_person(pdp: Running) -> None:
    context = {**ALLOWED["context"], "operator": "CLERK-0815"}
    assert ask(pdp, {**ALLOWED, "context": context}).document["decision"] is True
    ask(pdp, {**ALLOWED, "context": {"operator": "CLERK-0815", "CLERK-0815!": 1}})

    log = b"".join(path.read_bytes() for path in pdp.deployment.log.rglob("*.seg"))
    assert b"SYS-HCB-PRH" in log
    assert b"CLERK-0815" not in log
    assert "CLERK-0815" not in str(pdp.messages)
