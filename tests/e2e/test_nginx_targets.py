# SPDX-License-Identifier: Apache-2.0
"""What is decided on, what nginx passes on and what the department reads are one and the same."""

from collections.abc import Iterator

import pytest

from tests.e2e.nginx import EXACT, PATH, Front, front_at

REST = b"Host: x\r\nGovshare-Purpose: data_verification\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def _front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with front_at(tmp_path_factory.mktemp("nginx")) as front:
        yield front


@pytest.fixture
def front(_front: Front) -> Front:
    _front.api.says(EXACT)
    _front.api.asked.clear()
    return _front


@pytest.mark.parametrize(
    ("line", "status", "asked"),
    [
        (b"GET http://elsewhere/marriages/ID1/status HTTP/1.1", 200, [PATH]),
        (b"GET /marriages/ID1/status HTTP/1.0", 200, [PATH]),
        (b"GET /marriages/ID1/status#x HTTP/1.1", 400, []),
        (b"GET /marriages/ID1/./status HTTP/1.1", 400, []),
        (b"GET /marriages/ID1/status?a HTTP/1.1", 400, []),
        (b"GET /marriages/a SUCCESS/status HTTP/1.1", 400, []),
        (b"GET /marriages/ID1/%73tatus HTTP/1.1", 200, ["/marriages/ID1/%73tatus"]),
    ],
)
def test_a_target_means_the_same_to_nginx_and_to_the_department_or_is_refused(
    front: Front, line: bytes, status: int, asked: list[str]
) -> None:
    answered = front.callers.raw(line + b"\r\n" + REST)

    assert answered[8:13] == f" {status} ".encode()
    assert [seen.path for seen in front.api.asked] == asked


def test_a_second_request_behind_a_body_is_asked_about_for_itself(front: Front) -> None:
    second = b"GET /marriages/ID2 HTTP/1.1\r\n" + REST
    first = b"GET /marriages/ID1/status HTTP/1.1\r\nContent-Length: %d\r\n" % len(second)
    answered = front.callers.raw(first + REST + second)

    assert answered.count(b"Govshare-Record") == 1
    assert [seen.path for seen in front.api.asked] == [PATH]


def test_two_readings_of_where_a_body_ends_are_refused(front: Front) -> None:
    head = b"GET /marriages/ID1/status HTTP/1.1\r\n"
    both = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
    answered = front.callers.raw(head + both + REST + b"0\r\n\r\n")

    assert answered[8:13] == b" 400 "
    assert front.api.asked == []


@pytest.mark.parametrize(
    ("header", "status"),
    [("Govshare_Original", 200), ("GOVSHARE-ORIGINAL", 200), ("Govshare-Original ", 400)],
)
def test_no_spelling_of_the_header_gets_past_nginx(front: Front, header: str, status: int) -> None:
    line = f"{header}: GET {PATH} NONE\r\n".encode()
    answered = front.callers.raw(b"GET /marriages/ID1/status HTTP/1.1\r\n" + line + REST)

    assert answered[8:13] == f" {status} ".encode()
    assert len(front.api.asked) == (status == 200)
