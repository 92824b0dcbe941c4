# SPDX-License-Identifier: Apache-2.0
"""The forward proxy: what came in from a provider does not go out to a company."""

import base64
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from tests.e2e.callers import PURPOSE
from tests.e2e.egress_world import OTHERS, PEOPLE, Setting, World, as_json, world

FORMS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "as-is": ("application/json", lambda: as_json(PEOPLE[:2])),
    "renamed": (
        "application/json",
        lambda: as_json([{"zjhm": row["id_no"], "xm": row["name"]} for row in PEOPLE[:2]]),
    ),
    "csv": (
        "text/csv",
        lambda: "\n".join(["a,b", *(f"{r['id_no']},{r['name']}" for r in PEOPLE[:2])]).encode(),
    ),
    "base64": ("text/plain", lambda: base64.b64encode(as_json(PEOPLE[:2]))),
    "prose": (
        "text/plain",
        f"经查，{PEOPLE[0]['name']}（身份证{PEOPLE[0]['id_no']}）已婚。".encode,
    ),
    "gb18030": ("text/plain", lambda: as_json(PEOPLE[:2]).decode().encode("gb18030")),
}


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(Setting(directory=tmp_path_factory.mktemp("egress"))) as made:
        assert made.search(PEOPLE).status == 200
        yield made


@pytest.mark.parametrize("form", FORMS)
def test_what_was_obtained_is_denied_in_any_form_with_receipt_and_clause(
    everybody: World, form: str
) -> None:
    content_type, body = FORMS[form]
    everybody.outside.asked.clear()
    response = everybody.send(body(), content_type)

    problem = response.document
    assert (response.status, problem["type"]) == (403, "urn:govshare:problem:onward")
    assert problem["clauses"][0] == "HU-a24-03"
    (evidence,) = problem["recognised"]["evidence"]
    released = [r for r in everybody.running.deployment.decisions() if r["effect"] == "allow"]
    assert evidence["receipt"] == released[0]["id"]
    assert (evidence["resource"], evidence["grant"]) == ("R08", "G01")
    assert "data.items" not in json.dumps(evidence["fields"])
    assert everybody.outside.asked == []
    record = everybody.onward()[-1]
    assert record["id"] == response.headers["Govshare-Record"]
    assert record["recognised"]["evidence"][0]["receipt"] == evidence["receipt"]
    assert record["call"]["action"] == "onward"
    assert record["call"]["recipient"]["kind"] == "company"


def test_own_data_pass_and_leave_no_record(everybody: World) -> None:
    everybody.outside.asked.clear()
    before = len(everybody.onward())
    response = everybody.send(as_json(OTHERS))

    assert (response.status, response.document) == (200, {"taken": True})
    assert everybody.outside.asked[0].body == as_json(OTHERS)
    assert len(everybody.onward()) == before


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (f"/look/{PEOPLE[0]['id_no']}", {}),
        (f"/look?q={PEOPLE[0]['id_no']}", {}),
        (f"/look?q={quote(quote(PEOPLE[0]['id_no'] + PEOPLE[0]['name']))}", {}),
        ("/look", {"X-About": PEOPLE[0]["id_no"]}),
        ("/look", {"Cookie": f"p={PEOPLE[0]['id_no']}"}),
    ],
    ids=["path", "query", "encoded twice", "header", "cookie"],
)
def test_what_stands_beside_the_body_is_looked_at_too(
    everybody: World, target: str, headers: dict[str, str]
) -> None:
    everybody.outside.asked.clear()
    response = everybody.ask(f"http://{everybody.company}{target}", headers=headers)

    assert response.status == 403, response.body
    assert everybody.outside.asked == []


def test_what_cannot_be_read_is_not_passed_on(everybody: World) -> None:
    everybody.outside.asked.clear()
    noise = bytes(range(1, 256)) * 64
    response = everybody.send(noise, "application/octet-stream")

    assert response.status == 403
    assert response.document["type"] == "urn:govshare:problem:unscannable"
    assert response.document["recognised"]["code"]
    assert everybody.onward()[-1]["recognised"]["code"] == response.document["recognised"]["code"]
    assert everybody.outside.asked == []


def test_a_destination_that_nobody_bound_is_a_third_party(everybody: World) -> None:
    url = f"http://localhost:{everybody.company.rpartition(':')[2]}/x"
    denied = everybody.ask(url, method="POST", body=as_json(PEOPLE[:1]))
    passed = everybody.ask(url, method="POST", body=as_json(OTHERS[:1]))

    assert (denied.status, passed.status) == (403, 200)
    assert denied.document["reasons"][0]["code"] == "onward_to_third_party"


def test_one_record_a_request_ends_in_a_denial(everybody: World) -> None:
    statuses = [
        everybody.send(json.dumps({"n": row["name"]}, ensure_ascii=False).encode()).status
        for row in PEOPLE
    ]
    whole = [everybody.send(as_json([row])).status for row in PEOPLE]

    assert set(whole) == {403}
    assert set(statuses) <= {200, 403}


def test_a_tunnel_is_refused_and_the_refusal_is_on_record(everybody: World) -> None:
    response = everybody.ask(everybody.company, method="CONNECT")

    assert response.status == 403
    assert everybody.onward()[-1]["recognised"]["code"] == "tunnel"


@pytest.mark.parametrize("client", [None, "stranger"])
def test_whoever_is_no_registered_system_sends_nothing(
    everybody: World, client: str | None
) -> None:
    everybody.outside.asked.clear()

    assert everybody.send(as_json(OTHERS), client=client).status == 403
    assert everybody.outside.asked == []


def test_no_system_is_shown_to_a_provider_as_another(everybody: World) -> None:
    everybody.api.asked.clear()
    response = everybody.obtain(PEOPLE[0], client="SYS-CAB-AID")

    assert response.status == 403
    assert everybody.api.asked == []


@pytest.mark.parametrize(
    "target",
    ["/plain", "ftp://h/x", "http://u@h/x", "http://h:0/x", "http://h:99999/x", "http://h\\@i/x"],
)
def test_a_target_that_can_be_read_in_two_ways_goes_nowhere(everybody: World, target: str) -> None:
    assert everybody.ask(target).status == 400


def test_what_the_caller_itself_asked_for_is_not_remembered(everybody: World) -> None:
    row = OTHERS[-1]
    assert everybody.obtain(row).status == 200

    assert everybody.send(as_json([{"id": row["id_no"]}])).status == 200


def test_a_denial_of_the_provider_comes_through(everybody: World) -> None:
    url = f"https://{everybody.provider}/marriages/{OTHERS[3]['id_no']}"
    response = everybody.ask(url, headers={"Govshare-Purpose": "work_reference"})

    assert response.status == 403
    assert response.document["clauses"][0] == "HU-a24-04"


def test_a_question_to_the_provider_may_name_whom_it_told_of(everybody: World) -> None:
    everybody.api.says({**PEOPLE[1]})
    url = f"https://{everybody.provider}/marriages/{PEOPLE[1]['id_no']}"

    assert everybody.ask(url, headers=PURPOSE).status == 200


def test_denials_verify_and_no_value_stands_in_log_index_or_answer(everybody: World) -> None:
    response = everybody.send(as_json(PEOPLE))
    deployment = everybody.running.deployment
    deployment.verify()

    places = [*deployment.log.rglob("*"), *(deployment.directory / "egress").rglob("*")]
    kept = b"".join(path.read_bytes() for path in places if path.is_file()) + response.body
    said = json.dumps(everybody.running.messages).encode()
    for row in PEOPLE:
        assert row["id_no"].encode() not in kept + said
        assert row["name"].encode() not in kept + said
