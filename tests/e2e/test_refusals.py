# SPDX-License-Identifier: Apache-2.0
"""Requests that say no call: refused with one sentence, counted, and shown to nobody."""

import json
import socket
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from tests.e2e.department import Department
from tests.e2e.deployment import Running, await_

pytestmark = pytest.mark.usefixtures("api")


class Refused(NamedTuple):
    """A request that says no call."""

    path: str = "/marriages/ID1"
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: bytes | list[bytes] | None = None
    status: int = 400
    cause: str = "bad_target"


REFUSED = {
    "no route": Refused(path="/nowhere", status=404, cause="no_route"),
    "a route of another method": Refused(
        path="/marriages/search/", method="POST", status=400, cause="bad_target"
    ),
    "another method": Refused(method="DELETE", status=405, cause="method"),
    "options": Refused(method="OPTIONS", status=405, cause="method"),
    "an encoded slash": Refused(path="/marriages/ID1%2F..%2Fsecret"),
    "an encoded backslash": Refused(path="/marriages/ID1%5Csecret"),
    "a dot segment": Refused(path="/marriages/../marriages"),
    "an encoded dot segment": Refused(path="/marriages/%2e%2E"),
    "an empty segment": Refused(path="//marriages/ID1"),
    "a path parameter": Refused(path="/marriages/ID1;x=1"),
    "a control character": Refused(path="/marriages/ID1%00"),
    "no utf-8 in the path": Refused(path="/marriages/%FF"),
    "half an escape": Refused(path="/marriages/%4"),
    "no utf-8 in the query": Refused(path="/pages/1?a=%FF"),
    "fields twice": Refused(path="/pages/1?fields=id_no&fields=name"),
    "a parameter that would pick records by a field that was not granted": Refused(
        path="/marriages/ID1?a=1&reg_date=2016-05-20", cause="parameter"
    ),
    "a parameter that would change the method": Refused(
        path="/marriages/search?_method=DELETE", method="POST", body=b"{}", cause="parameter"
    ),
    "no utf-8 in the purpose": Refused(headers={"Govshare-Purpose": "%FF"}, cause="bad_header"),
    "half an escape in the purpose": Refused(
        headers={"Govshare-Purpose": "%4"}, cause="bad_header"
    ),
    "a control character in the purpose": Refused(
        headers={"Govshare-Purpose": "a%0Ab"}, cause="bad_call"
    ),
    "a field twice": Refused(path="/pages/1?fields=id_no,id_no", cause="bad_call"),
    "a get with a body": Refused(body=b"{}", cause="bad_body"),
    "a body that is too large": Refused(
        path="/marriages/search", method="POST", body=b"x" * 65537, status=413, cause="too_large"
    ),
    "a body of ten megabytes": Refused(
        path="/marriages/search",
        method="POST",
        body=b"x" * 10_000_000,
        status=413,
        cause="too_large",
    ),
    "a body in chunks that is too large": Refused(
        path="/marriages/search",
        method="POST",
        body=[b"x" * 40_000] * 2,
        status=413,
        cause="too_large",
    ),
    "a body packed in a way that is not passed on": Refused(
        path="/marriages/search",
        method="POST",
        body=b"x",
        status=415,
        cause="encoded",
        headers={"Content-Encoding": "br"},
    ),
    "a body packed on the way": Refused(
        path="/marriages/search",
        method="POST",
        body=b"1\r\nx\r\n0\r\n\r\n",
        status=415,
        cause="encoded",
        headers={"Transfer-Encoding": "gzip, chunked"},
    ),
    "a websocket": Refused(
        headers={"Upgrade": "websocket", "Connection": "upgrade"}, status=501, cause="upgrade"
    ),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_what_is_no_call_gets_one_clear_sentence_and_is_counted(
    sidecar: Running, api: Department, refused: Refused
) -> None:
    counter = f'govshare_refused_total{{cause="{refused.cause}",entrance="http_proxy"}}'
    before, size = sidecar.metric(counter), sidecar.metric("govshare_log_records")
    response = sidecar.request(
        refused.path, method=refused.method, headers=refused.headers, body=refused.body
    )

    assert (response.status, response.document["status"]) == (refused.status, refused.status)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "\n" not in response.document["detail"]
    assert sidecar.metric(counter) == before + 1
    assert sidecar.metric("govshare_log_records") == size
    assert api.asked == []


HOST = b" HTTP/1.1\r\nHost: x\r\n"
READ = b"GET /marriages/ID1" + HOST
SEARCH = b"POST /marriages/search" + HOST
RAW = {
    "no http": (b"hello\r\n\r\n",),
    "two lengths": (SEARCH, b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
    "a length and chunks": (
        SEARCH,
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "a purpose twice": (READ, b"Govshare-Purpose: a\r\nGovshare-Purpose: b\r\n\r\n"),
    "no utf-8 in a header": (READ, b"Govshare-Purpose: \xff\r\n\r\n"),
    "a whole address": (b"GET http://127.0.0.1/marriages/ID1" + HOST, b"\r\n"),
    "another version": (b"GET /marriages/ID1 HTTP/2.0\r\nHost: x\r\n\r\n",),
    "broken chunks": (SEARCH, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
}


@pytest.mark.parametrize("parts", RAW.values(), ids=RAW)
def test_malformed_http_is_a_problem_and_ends_the_connection(
    sidecar: Running, api: Department, parts: tuple[bytes, ...]
) -> None:
    head, _, body = sidecar.raw(*parts).partition(b"\r\n\r\n")

    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ", b"HTTP/2.0 400 "))
    assert json.loads(body)["status"] == 400
    assert api.asked == []


def test_a_tunnel_is_not_opened(sidecar: Running) -> None:
    answer = sidecar.raw(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 405 ")


def test_a_client_that_waits_to_be_told_to_continue_is_told(
    sidecar: Running, api: Department
) -> None:
    api.says({"name": "someone"})
    answer = sidecar.raw(
        b"POST /marriages/search HTTP/1.1\r\nHost: x\r\nGovshare-Purpose: data_verification\r\n"
        b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    )

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert answer.endswith(b'{"name":"someone"}')


def test_plain_http_gets_no_answer(sidecar: Running) -> None:
    host, _, port = sidecar.addresses["http"].partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as plain:
        plain.sendall(b"GET /marriages/ID1 HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = plain.recv(65536)

    assert not answer.startswith(b"HTTP")


def test_a_client_that_goes_away_in_the_middle_is_counted_and_nothing_more(
    sidecar: Running, api: Department
) -> None:
    counter = 'govshare_refused_total{cause="bad_body",entrance="http_proxy"}'
    before, size = sidecar.metric(counter), sidecar.metric("govshare_log_records")
    said = len(sidecar.messages)  # it has served other tests before
    sidecar.leave(SEARCH, b"Content-Length: 9\r\n\r\nhalf")

    await_(lambda: sidecar.metric(counter) == before + 1)
    assert sidecar.metric("govshare_log_records") == size
    assert api.asked == []
    assert "error" not in [message["level"] for message in sidecar.messages[said:]]
