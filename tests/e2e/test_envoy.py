# SPDX-License-Identifier: Apache-2.0
"""A real Envoy with ``ext_proc``, real clients over TLS and a real department behind it."""

import ssl
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote

import pytest

from govshare_policy.audit import Receipt, verify_receipt
from tests.e2e.callers import PURPOSE, Response
from tests.e2e.conftest import TRANSPORTS
from tests.e2e.department import Department
from tests.e2e.deployment import Deployment, Running
from tests.e2e.envoy import Front, behind_envoy

pytestmark = pytest.mark.usefixtures("api")
RELEASED = {"id_no": "ID1", "name": "示例甲", "marital_status": "已婚"}


@pytest.fixture(scope="module", params=TRANSPORTS)
def envoy(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    _department: tuple[str, Department],
) -> Iterator[Running]:
    """One Envoy and one sidecar for all tests that leave them as they are."""
    deployment = Deployment(directory=tmp_path_factory.mktemp("envoy"), upstream=_department[0])
    # The department is given less time, so that nobody has to wait long for it to be late.
    late = {"{cluster: department_http, timeout: 10s}": "{cluster: department_http, timeout: 1.5s}"}
    front = Front(deployment=deployment, transport=request.param)
    with behind_envoy(front, _department[0], change=late) as running:
        yield running


def outcome(running: Running, response: Response) -> Mapping[str, object]:
    record = response.headers["govshare-record"]
    [one] = [one for one in running.deployment.outcomes() if one["decision"] == record]
    return one


def test_an_allowed_call_gets_exactly_the_released_fields(envoy: Running, api: Department) -> None:
    api.says({**RELEASED, "note": "SECRET"}, headers=SPOILED)
    response = envoy.request("/marriages/ID1")

    assert response.status == 200, response.body
    assert response.document == RELEASED
    assert response.headers["content-type"] == "application/json"
    assert response.headers["govshare-clauses"].startswith("HU-a24-01")
    assert "SECRET" not in str(response.headers)


SPOILED = {
    "Content-Type": "application/json",
    "Set-Cookie": "a=SECRET",
    "Govshare-Duties": "SECRET",
    "X-Next": "SECRET",
}


def test_an_allowed_call_is_recorded_twice_before_its_data_leave(envoy: Running) -> None:
    response = envoy.request("/marriages/ID1")
    record = envoy.deployment.records()[int(response.headers["govshare-log-index"])]

    assert (record["id"], record["system"]) == (response.headers["govshare-record"], "SYS-HCB-PRH")
    assert record["commitments"].keys() == {"request", "subject_1"}
    ended = outcome(envoy, response)
    assert (ended["status"], ended["rows"], ended["bytes"]) == ("released", 1, len(response.body))


def test_the_receipt_is_there_for_the_holder_of_the_same_key(envoy: Running) -> None:
    place = envoy.request("/marriages/ID1").headers["govshare-receipt"]

    receipt = Receipt.from_text(envoy.request(place).body.decode())
    verify_receipt(receipt, envoy.deployment.trust)
    assert envoy.request(place, client="SYS-CAB-AID").status == 404
    assert envoy.request(place, method="POST").status == 405


def test_a_denial_is_a_problem_with_the_whole_answer_and_its_clause(
    envoy: Running, api: Department
) -> None:
    english = {"Govshare-Purpose": "work_reference", "Accept-Language": "en"}
    response = envoy.request("/marriages/ID1", headers=english)

    assert response.status == 403
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["content-language"] == "en"
    problem = response.document
    assert (problem["effect"], problem["clauses"][0]) == ("deny", "HU-a24-04")
    assert problem["instance"] == f"urn:uuid:{response.headers['govshare-record']}"
    assert envoy.deployment.decisions()[-1]["id"] == response.headers["govshare-record"]
    assert api.asked == []


@pytest.mark.parametrize(
    ("client", "code"),
    [
        (None, "no_certificate"),
        ("stranger", "certificate_unregistered"),
        ("expired", "certificate_expired"),
        ("early", "certificate_not_yet_valid"),
        ("SYS-HCB-WEB", "system_outside_grant"),
        ("SYS-CAB-AID", "grant_missing"),
    ],
)
def test_whoever_does_not_prove_to_be_the_granted_system_gets_a_recorded_denial(
    envoy: Running, api: Department, client: str | None, code: str
) -> None:
    response = envoy.request("/marriages/ID1", client=client)

    assert response.status == 403
    assert response.document["reasons"][0]["code"] == code
    assert envoy.deployment.decisions()[-1]["reasons"][0] == code
    assert api.asked == []


def test_a_certificate_of_another_authority_does_not_get_past_envoy(
    envoy: Running, api: Department
) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        envoy.request("/marriages/ID1", client="foreign")
    assert api.asked == []


@pytest.mark.parametrize("client", [None, "stranger"])
def test_a_certificate_that_stands_in_a_header_is_nobodys(
    envoy: Running, api: Department, client: str | None
) -> None:
    pair = envoy.clients["SYS-HCB-PRH"]
    pem = quote(pair.certificate.read_text(), safe="")
    forged = {"X-Forwarded-Client-Cert": f'Hash={"0" * 64};Cert="{pem}"'}

    assert envoy.request("/marriages/ID1", client=client, headers=forged).status == 403
    assert api.asked == []


def test_the_department_gets_nothing_from_outside_but_what_may_go_on(
    envoy: Running, api: Department
) -> None:
    sent = {
        "Authorization": "Bearer x",
        "Cookie": "a=b",
        "Range": "bytes=0-1",
        "Govshare-System": "SYS-OTHER",
        "Govshare-Record": "forged",
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Client-Cert": "By=me",
        "X-Envoy-Original-Path": "/other",
        "X-HTTP-Method-Override": "DELETE",
    }
    accepted = {"Accept": "application/json", "X-Request-Id": "r1"}
    response = envoy.request("/marriages/%E5%BC%A0", headers={**sent, **accepted})
    [asked] = api.asked

    assert (asked.method, asked.path) == ("GET", "/marriages/%E5%BC%A0")
    got = {name.lower(): value for name, value in asked.headers.items()}
    assert got["govshare-record"] == response.headers["govshare-record"]
    assert got.keys() == {
        "host",
        "accept",
        "accept-encoding",
        "x-request-id",
        "govshare-record",
    }


def test_named_fields_are_asked_for_and_passed_on(envoy: Running, api: Department) -> None:
    api.says({"data": {"items": [{"id_no": "ID1", "name": "甲", "note": "x"}, {}], "total": 9}})
    response = envoy.request("/pages/1?size=2&fields=id_no,name")

    assert response.document == {"data": {"items": [{"id_no": "ID1", "name": "甲"}, {}]}}
    assert api.asked[0].path == "/pages/1?size=2&fields=id_no%2Cname"


def test_a_field_beyond_the_grant_refuses_the_whole_call(envoy: Running, api: Department) -> None:
    response = envoy.request("/pages/1?fields=id_no,reg_date")

    assert response.document["reasons"][0]["code"] == "fields_beyond_grant"
    assert api.asked == []


@pytest.mark.parametrize("size", [15, 60_000])
def test_a_post_carries_its_body_to_the_department(
    envoy: Running, api: Department, size: int
) -> None:
    api.says([{"name": "甲", "reg_date": "2016-05-20"}])
    body = b"x" * size
    chunks = [body[start : start + 7000] for start in range(0, size, 7000)]
    response = envoy.request("/marriages/search", method="POST", body=chunks)

    assert response.document == [{"name": "甲"}]
    assert api.asked[0].body == body


@pytest.mark.parametrize("size_bytes", [70_000, 3_000_000])
def test_a_body_that_is_too_large_is_refused_and_counted(
    envoy: Running, api: Department, size_bytes: int
) -> None:
    counter = 'govshare_refused_total{cause="too_large",entrance="envoy_ext_proc"}'
    before = envoy.metric(counter)
    response = envoy.request("/marriages/search", method="POST", body=b"x" * size_bytes)

    assert response.status == 413
    assert response.document["type"] == "urn:govshare:problem:call_unreadable"
    assert envoy.metric(counter) == before + 1
    assert api.asked == []


@pytest.mark.parametrize(
    ("path", "status", "cause"),
    [
        ("/elsewhere", 404, "no_route"),
        ("/marriages/a%2e%2e/b", 404, "no_route"),
        ("/marriages/..", 400, "bad_target"),
        ("/marriages/a;b", 400, "bad_target"),
        ("/pages/1?size=2&sort=name", 400, "parameter"),
    ],
)
def test_what_says_no_call_is_refused_and_counted(
    envoy: Running, api: Department, path: str, status: int, cause: str
) -> None:
    counter = f'govshare_refused_total{{cause="{cause}",entrance="envoy_ext_proc"}}'
    before = envoy.metric(counter)

    assert envoy.request(path).status == status
    assert envoy.metric(counter) == before + 1
    assert api.asked == []


def test_a_header_of_ours_that_stands_twice_is_refused(envoy: Running, api: Department) -> None:
    purpose = b"Govshare-Purpose: data_verification\r\n"
    request = b"GET /marriages/ID1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    answer = envoy.raw(request + 2 * purpose + b"\r\n")

    assert b"400 Bad Request" in answer.splitlines()[0]
    assert api.asked == []


class Bad(NamedTuple):
    """What a department might answer, and what becomes of it."""

    body: bytes = b'{"id_no": "SECRET"}'
    status: int = 200
    headers: Mapping[str, str] = {"Content-Type": "application/json"}
    delay_s: float = 0.0
    expected: int = 502
    outcome: str = "upstream_unreadable"


BAD = {
    "no json": Bad(body=b"SECRET"),
    "a key twice": Bad(body=b'{"id_no": "SECRET", "id_no": "SECRET"}'),
    "nothing": Bad(body=b""),
    "html": Bad(headers={"Content-Type": "text/html"}),
    "too large": Bad(body=b'{"id_no": "%s"}' % (b"x" * (2 << 20)), outcome="upstream_too_large"),
    "not found": Bad(status=404, expected=404, outcome="no_such_record"),
    "failed": Bad(status=500, outcome="upstream_error"),
    "a part": Bad(status=206, outcome="upstream_error"),
    "elsewhere": Bad(status=302, headers={"Location": "/marriages/ID2"}, outcome="upstream_error"),
    "late": Bad(delay_s=6.0, expected=504, outcome="upstream_timeout"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_cannot_be_released_stays_inside_and_is_recorded(
    envoy: Running, api: Department, bad: Bad
) -> None:
    api.says(bad.body, status=bad.status, headers=dict(bad.headers), delay_s=bad.delay_s)
    response = envoy.request("/marriages/ID1")

    assert response.status == response.document["status"] == bad.expected
    assert b"SECRET" not in response.body
    ended = outcome(envoy, response)
    assert (ended["status"], ended["rows"], ended["bytes"]) == (bad.outcome, 0, 0)


def test_a_large_answer_is_filtered_whole(envoy: Running, api: Department) -> None:
    items = [{"id_no": f"ID{n}", "name": "甲" * 20, "note": "SECRET"} for n in range(5000)]
    api.says({"data": {"items": items}})
    response = envoy.request("/pages/1?fields=id_no,name")

    assert len(response.document["data"]["items"]) == 5000
    assert b"SECRET" not in response.body


def test_the_self_test_leaves_no_record(envoy: Running) -> None:
    resources = {record["call"]["resource"] for record in envoy.deployment.decisions()}

    assert "canary" not in resources


def test_a_canary_that_is_not_the_sidecars_own_is_refused(envoy: Running, api: Department) -> None:
    for path in ("/.well-known/govshare/canary?nonce=1", "/marriages/ID1"):
        forged = {**PURPOSE, "Govshare-Canary": f"filter.{'0' * 32}.{'0' * 64}"}
        assert envoy.request(path, headers=forged).status == 400
    assert api.asked == []
