# SPDX-License-Identifier: Apache-2.0
"""Requests that two servers might read differently: one answer, no second request, no data."""

import re

import pytest

from tests.e2e.department import Department
from tests.e2e.deployment import Running

pytestmark = pytest.mark.usefixtures("api")
GET = b"GET /marriages/ID1 HTTP/1.1\r\n"
POST = b"POST /marriages/search HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
PURPOSE = b"Govshare-Purpose: data_verification\r\n"
HEAD = HOST + PURPOSE
LAST = b"Connection: close\r\n\r\n"
CHUNKED = POST + HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# What would be answered, if what stands before it ended where a careless reader thinks.
HIDDEN = b"GET /marriages/HIDDEN HTTP/1.1\r\n" + HEAD + b"\r\n"

AMBIGUOUS = {
    "a length before chunks": POST
    + HEAD
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length behind chunks": POST
    + HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "chunks behind a space": POST + HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "chunks on a folded line": POST + HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "chunks twice": POST + HEAD + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n",
    "chunks that are not last": POST
    + HEAD
    + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunks misspelt": POST + HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "an encoding that is none": POST + HEAD + b"Transfer-Encoding: identity\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /marriages/search HTTP/1.0\r\n"
    + HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length in a get": GET
    + HEAD
    + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a get with a body": GET + HEAD + b"Content-Length: 5\r\n\r\n12345",
    "lines that end with a line feed": b"GET /marriages/ID1 HTTP/1.1\nHost: x\n\n",
    "a line feed in a header": GET + HEAD + b"X-A: b\nX-B: c\r\n\r\n",
    "a carriage return in a header": GET + HEAD + b"X-A: b\rX-B: c\r\n\r\n",
    "a length with a sign": POST + HEAD + b"Content-Length: +2\r\n\r\n{}",
    "a negative length": POST + HEAD + b"Content-Length: -1\r\n\r\n{}",
    "a length in hex": POST + HEAD + b"Content-Length: 0x2\r\n\r\n{}",
    "a length with an underscore": POST + HEAD + b"Content-Length: 1_0\r\n\r\n{}",
    "a length beyond all": POST + HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "a list of lengths": POST + HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
    "a length twice": POST + HEAD + b"Content-Length: 2\r\n" * 2 + b"\r\n{}",
    "a chunk in 0x": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "a chunk beyond all": CHUNKED + b"10000000000000002\r\n{}\r\n0\r\n\r\n",
    "a negative chunk": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "a chunk with a space": CHUNKED + b"2 \r\n{}\r\n0\r\n\r\n",
    "chunks that end with a line feed": CHUNKED + b"2\n{}\n0\n\n",
    "a chunk extension with a line feed": CHUNKED + b"2;a\n{}\r\n0\r\n\r\n",
    "a chunk that is longer": CHUNKED + b"2\r\n{}x\r\n0\r\n\r\n",
    "a length in the trailer": CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n",
    "two hosts": GET + HOST + HEAD + b"\r\n",
    "no host": GET + PURPOSE + b"\r\n",
    "a name with a null": GET + HOST + b"Govshare-Purpose\x00: data_verification\r\n\r\n",
    "a value with a null": GET + HOST + b"Govshare-Purpose: data_verification\x00\r\n\r\n",
    "a name with a space": GET + HOST + b"Govshare-Purpose : data_verification\r\n\r\n",
    "a first line that is folded": GET + b" " + HEAD + b"\r\n",
    "a method in small letters": b"get /marriages/ID1 HTTP/1.1\r\n" + HEAD + b"\r\n",
    "tabs in the first line": b"GET\t/marriages/ID1\tHTTP/1.1\r\n" + HEAD + b"\r\n",
    "a target with a space": b"GET /marriages/ID1 x HTTP/1.1\r\n" + HEAD + b"\r\n",
    "no version": b"GET /marriages/ID1\r\n\r\n",
    "HTTP/1.2": b"GET /marriages/ID1 HTTP/1.2\r\n" + HEAD + b"\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an upgrade to HTTP/2": GET + HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "a star": b"GET * HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a fragment": b"GET /marriages/ID1#/../x HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a header of 20 KiB": GET + HEAD + b"X-A: " + b"a" * 20_000 + b"\r\n\r\n",
    "300 headers": GET + HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(300)) + b"\r\n",
}


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_can_be_read_in_two_ways_ends_the_connection(
    sidecar: Running, api: Department, request_: bytes
) -> None:
    answers = re.findall(rb"HTTP/\d\.\d (\d+)", sidecar.raw(request_ + HIDDEN))

    assert len(answers) == 1
    assert answers[0][:1] in b"45"
    assert api.asked == []


CONFUSED = {
    "in a trailer": POST
    + HOST
    + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n"
    + PURPOSE
    + b"\r\n",
    "with an underscore": GET + HOST + b"Govshare_Purpose: data_verification\r\n" + LAST,
    "of another name": GET + HOST + b"X-Govshare-Purpose: data_verification\r\n" + LAST,
}


@pytest.mark.parametrize("request_", CONFUSED.values(), ids=CONFUSED)
def test_a_purpose_is_not_believed(sidecar: Running, api: Department, request_: bytes) -> None:
    answer = sidecar.raw(request_)

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b'"purpose_missing"' in answer
    assert api.asked == []


def test_requests_behind_one_another_are_answered_in_order(
    sidecar: Running, api: Department
) -> None:
    other = GET.replace(b"ID1", b"ID2") + HOST + b"Govshare-Purpose: work_reference\r\n\r\n"
    answer = sidecar.raw(GET + HEAD + b"\r\n" + other + GET + HEAD + LAST)

    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"403", b"200"]
    assert [asked.path for asked in api.asked] == ["/marriages/ID1"] * 2


def test_headers_for_this_connection_stay_here(sidecar: Running, api: Department) -> None:
    hop = b"X-Request-Id: r1\r\nAccept: x/y\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
    sidecar.raw(GET + HEAD + hop + b"Connection: close, X-Request-ID\r\n\r\n")
    [asked] = api.asked

    assert asked.headers["Accept"] == "x/y"
    assert not asked.headers.keys() & {"X-Request-Id", "TE", "Keep-Alive", "Connection"}


def test_a_body_in_chunks_arrives_as_it_was_meant(sidecar: Running, api: Department) -> None:
    api.says({"name": "someone"})
    chunks = b"2;a=b\r\n{}\r\n0A\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n"
    answer = sidecar.raw(
        POST + HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks
    )

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert api.asked[0].body == b"{}0123456789"
    assert "Transfer-Encoding" not in api.asked[0].headers
    assert "X-Trailer" not in api.asked[0].headers


def test_chunks_in_http_1_0_are_refused_even_alone(sidecar: Running, api: Department) -> None:
    head = b"POST /marriages/search HTTP/1.0\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

    assert sidecar.raw(head + b"2\r\n{}\r\n0\r\n\r\n").startswith(b"HTTP/1.0 400 ")
    assert api.asked == []


def test_an_http_1_0_client_is_not_told_to_continue(sidecar: Running, api: Department) -> None:
    api.says({"name": "someone"})
    answer = sidecar.raw(
        b"POST /marriages/search HTTP/1.0\r\n"
        + HEAD
        + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
    )

    assert answer.startswith(b"HTTP/1.0 200 ")
