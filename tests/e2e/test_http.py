# SPDX-License-Identifier: Apache-2.0
"""The reverse proxy, with real clients over TLS and a real department behind it."""

import ssl
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

import pytest

from tests.e2e.department import Department
from tests.e2e.deployment import Running

pytestmark = pytest.mark.usefixtures("api")
RELEASED = {"id_no": "ID1", "name": "示例甲", "marital_status": "已婚"}


def test_an_allowed_call_gets_exactly_the_released_fields(sidecar: Running) -> None:
    response = sidecar.request("/marriages/ID1")

    assert response.status == 200, response.body
    assert response.document == RELEASED
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"


def test_an_allowed_call_is_recorded_twice_before_its_data_leave(sidecar: Running) -> None:
    _, headers, body = sidecar.request("/marriages/ID1")
    size_bytes = len(body)
    records = sidecar.deployment.records()
    number = int(headers["Govshare-Log-Index"])

    assert records[number]["id"] == headers["Govshare-Record"]
    assert records[number]["system"] == "SYS-HCB-PRH"
    [outcome] = [r for r in records if r.get("decision") == headers["Govshare-Record"]]
    assert (outcome["status"], outcome["rows"]) == ("released", 1)
    assert outcome["bytes"] == size_bytes


def test_the_answer_says_what_it_obliges_to(sidecar: Running) -> None:
    headers = sidecar.request("/marriages/ID1").headers

    assert "purpose_only=data_verification" in headers["Govshare-Duties"].split(", ")
    assert headers["Govshare-Clauses"].startswith("HU-a24-01")


def test_no_record_names_the_person_asked_about(sidecar: Running, api: Department) -> None:
    api.says({"id_no": "NOBODY-4711", "name": "某某"})
    sidecar.request("/marriages/NOBODY-4711", headers={"Govshare-Operator": "CLERK-0815"})

    [segment] = sidecar.deployment.log.rglob("*.seg")
    log = segment.read_bytes()
    assert b"SYS-HCB-PRH" in log
    assert b"NOBODY-4711" not in log
    assert b"CLERK-0815" not in log


def test_a_denied_call_is_never_shown_to_the_department(sidecar: Running, api: Department) -> None:
    response = sidecar.request("/marriages/ID1", client="SYS-CAB-AID")

    assert response.status == 403
    assert response.headers["Content-Type"] == "application/problem+json"
    assert api.asked == []


def test_a_denial_is_a_problem_with_the_whole_answer(sidecar: Running) -> None:
    response = sidecar.request(
        "/marriages/ID1",
        headers={"Govshare-Purpose": "work_reference", "Accept-Language": "en-GB,en;q=0.9"},
    )
    problem = response.document

    assert problem["type"] == "urn:govshare:problem:deny"
    assert problem["status"] == response.status == 403
    assert problem["instance"] == f"urn:uuid:{response.headers['Govshare-Record']}"
    assert (problem["effect"], problem["clauses"][0]) == ("deny", "HU-a24-04")
    assert problem["detail"].startswith("the purpose of the call is not one that grant `G01`")
    assert problem["reasons"][0]["text_zh"].startswith("调用用途不在授权")
    assert response.headers["Content-Language"] == "en"


def test_people_read_chinese_unless_they_ask_for_english(sidecar: Running) -> None:
    response = sidecar.request("/marriages/ID1", headers={"Govshare-Purpose": "work_reference"})

    assert response.headers["Content-Language"] == "zh-CN"
    assert response.document["title"] == "不予提供"


def test_the_purpose_may_be_percent_encoded(sidecar: Running) -> None:
    purpose = quote("数据核验")
    response = sidecar.request("/marriages/ID1", headers={"Govshare-Purpose": purpose})

    assert response.status == 403
    assert sidecar.deployment.decisions()[-1]["call"]["purpose"] == "数据核验"


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
    sidecar: Running, api: Department, client: str | None, code: str
) -> None:
    response = sidecar.request("/marriages/ID1", client=client)

    assert response.status == 403
    assert response.document["reasons"][0]["code"] == code
    assert sidecar.deployment.decisions()[-1]["reasons"][0] == code
    assert api.asked == []


def test_a_certificate_of_another_authority_does_not_get_past_the_handshake(
    sidecar: Running, api: Department
) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        sidecar.request("/marriages/ID1", client="foreign")
    assert api.asked == []


def test_the_department_is_asked_for_the_same_path_and_told_the_record(
    sidecar: Running, api: Department
) -> None:
    sent = {"Authorization": "Bearer x", "Cookie": "a=b", "X-HTTP-Method-Override": "DELETE"}
    named = {"Govshare-System": "SYS-OTHER", "Range": "bytes=0-1", "Accept": "application/json"}
    response = sidecar.request("/marriages/%E5%BC%A0?a=1&b=%26", headers={**sent, **named})
    [asked] = api.asked

    assert (asked.method, asked.path) == ("GET", "/marriages/%E5%BC%A0?a=1&b=%26")
    assert asked.headers["Govshare-Record"] == response.headers["Govshare-Record"]
    assert asked.headers["Accept"] == "application/json"
    assert not asked.headers.keys() & {*sent, "Govshare-System", "Govshare-Purpose", "Range"}


def test_named_fields_are_asked_for_and_passed_on(sidecar: Running, api: Department) -> None:
    api.says({"data": {"items": [{"id_no": "ID1", "name": "甲", "note": "x"}, {}], "total": 9}})
    response = sidecar.request("/pages/1?size=2&fields=id_no,name")

    assert response.document == {"data": {"items": [{"id_no": "ID1", "name": "甲"}, {}]}}
    assert api.asked[0].path == "/pages/1?size=2&fields=id_no%2Cname"


def test_without_named_fields_whatever_is_granted_is_asked_for(
    sidecar: Running, api: Department
) -> None:
    api.says({"data": {"items": [{"name": "甲", "reg_date": "2016-05-20"}]}})
    response = sidecar.request("/pages/1")

    assert response.document == {"data": {"items": [{"name": "甲"}]}}
    assert api.asked[0].path == "/pages/1?fields=id_no%2Cname%2Cmarital_status"


def test_a_field_beyond_the_grant_refuses_the_whole_call(sidecar: Running, api: Department) -> None:
    response = sidecar.request("/pages/1?fields=id_no,reg_date")

    assert response.document["reasons"][0]["code"] == "fields_beyond_grant"
    assert api.asked == []


def test_a_post_carries_its_body_to_the_department(sidecar: Running, api: Department) -> None:
    api.says([{"name": "甲", "reg_date": "2016-05-20"}])
    response = sidecar.request(
        "/marriages/search",
        method="POST",
        body=b'{"id_no":"ID1"}',
        headers={"Content-Type": "application/json"},
    )

    assert response.document == [{"name": "甲"}]
    assert api.asked[0].body == b'{"id_no":"ID1"}'
    assert api.asked[0].headers["Content-Type"] == "application/json"


def test_numbers_keep_every_digit(sidecar: Running, api: Department) -> None:
    api.says(b'{"id_no": 12345678901234567890.10, "name": 1.10, "marital_status": 1e5}')

    assert sidecar.request("/marriages/1").body == (
        b'{"id_no":12345678901234567890.10,"name":1.10,"marital_status":1e5}'
    )


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
    "cut off": Bad(body=b'{"id_no": "SECRET"'),
    "a key twice": Bad(body=b'{"id_no": "SECRET", "id_no": "SECRET"}'),
    "a key twice inside": Bad(body=b'{"id_no": {"a": "SECRET", "\\u0061": 1}}'),
    "nan": Bad(body=b'{"id_no": NaN, "name": "SECRET"}'),
    "not utf-8": Bad(body=b'{"id_no": "SECRET\xff"}'),
    "utf-16": Bad(body='{"id_no": "SECRET"}'.encode("utf-16")),
    "nothing": Bad(body=b""),
    "a text": Bad(body=b'"SECRET"'),
    "a list with a text": Bad(body=b'[{"id_no": 1}, "SECRET"]'),
    "lists in a list": Bad(body=b'[[{"id_no": "SECRET"}]]'),
    "bottomless": Bad(body=b'{"id_no":' * 100 + b'"SECRET"' + b"}" * 100),
    "html": Bad(headers={"Content-Type": "text/html"}),
    "csv": Bad(body=b"id_no\nSECRET\n", headers={"Content-Type": "text/csv"}),
    "no type": Bad(headers={}),
    "another charset": Bad(headers={"Content-Type": "application/json; charset=gbk"}),
    "compressed": Bad(headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}),
    "too large": Bad(body=b'{"id_no": "%s"}' % (b"x" * (1 << 20)), outcome="upstream_too_large"),
    "not found": Bad(status=404, expected=404, outcome="no_such_record"),
    "forbidden": Bad(status=403, outcome="upstream_error"),
    "failed": Bad(status=500, outcome="upstream_error"),
    "a part": Bad(status=206, outcome="upstream_error"),
    "an answer cut off": Bad(
        headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    ),
    "not changed": Bad(status=304, body=b"", outcome="upstream_error"),
    "elsewhere": Bad(status=302, headers={"Location": "/marriages/ID2"}, outcome="upstream_error"),
    "late": Bad(delay_s=6.0, expected=504, outcome="upstream_timeout"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_cannot_be_released_stays_inside_and_is_recorded(
    sidecar: Running, api: Department, bad: Bad
) -> None:
    api.says(bad.body, status=bad.status, headers=dict(bad.headers), delay_s=bad.delay_s)
    fault = f'govshare_upstream_errors_total{{fault="{bad.outcome}"}}'
    before = sidecar.metric(fault)
    response = sidecar.request("/marriages/ID1")

    assert response.status == response.document["status"] == bad.expected
    assert b"SECRET" not in response.body
    last = sidecar.deployment.outcomes()[-1]
    assert (last["decision"], last["status"]) == (response.headers["Govshare-Record"], bad.outcome)
    assert (last["rows"], last["bytes"]) == (0, 0)
    assert len(api.asked) == 1
    assert sidecar.metric(fault) == before + 1


def test_every_answer_is_counted_by_outcome(sidecar: Running) -> None:
    allowed = 'govshare_answers_total{entrance="http_proxy",outcome="allow"}'
    before = sidecar.metric(allowed)
    sidecar.request("/marriages/ID1")

    assert sidecar.metric(allowed) == before + 1
    assert sidecar.metric("govshare_serving") == 1
    assert sidecar.metric("govshare_log_records") == len(sidecar.deployment.records())
