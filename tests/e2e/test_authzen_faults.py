# SPDX-License-Identifier: Apache-2.0
"""The Authorization API when something fails, or comes in a form that is none."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from govshare_policy.gate import Answer, Gate
from tests.e2e.callers import Callers, Response
from tests.e2e.decision_point import (
    ALLOWED,
    DENIED,
    JSON,
    MANY,
    ONE,
    ask,
    at_authzen,
    decision_point,
    decisions,
)
from tests.e2e.deployment import Running
from tests.e2e.test_failures import inside
from tests.e2e.test_lifecycle import fill_disk


@pytest.fixture(scope="module")
def pdp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with decision_point(tmp_path_factory.mktemp("authzen")).start() as running:
        yield at_authzen(running)


def test_a_log_that_cannot_be_written_gives_no_decision(tmp_path: Path) -> None:
    with decision_point(tmp_path).start() as running:
        at_authzen(running)
        fill_disk(running)
        for document, path in ((ALLOWED, ONE), ({"evaluations": [ALLOWED, DENIED]}, MANY)):
            response = ask(running, document, path, headers={"X-Request-ID": "7"})
            assert response.status == response.document["status"] == 503
            assert response.headers["X-Request-ID"] == "7"
            assert not response.document.keys() & {"decision", "evaluations"}


def test_what_is_over_the_limits_is_an_error_of_its_own_evaluation(tmp_path: Path) -> None:
    limits = "[limits]\nin_flight = 1\nper_caller = 1\nwindow = 8\nbatch = 8\n"
    with decision_point(tmp_path, limits).start() as running:
        at_authzen(running)
        response = ask(running, {"evaluations": [ALLOWED] * 8}, MANY)
        assert decisions(response) == [True, *[False] * 7]
        error = response.document["evaluations"][7]["context"]["error"]
        assert (error["status"], error["retry_after_s"]) == (503, 1)
        assert ask(running, ALLOWED).document["decision"] is True


HEAD = b"POST /access/v1/evaluation HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((b"POST / HTTP/9.9\r\n\r\n",), 400),
        ((b"no http at all\r\n\r\n",), 400),
        ((HEAD, b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"), 400),
        ((HEAD, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 400),
        ((HEAD, b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 415),
        ((HEAD, b"Content-Length: 200000\r\n\r\n"), 413),
    ],
)
def test_what_is_framed_wrongly_is_refused_and_the_connection_ends(
    pdp: Running, parts: tuple[bytes, ...], status: int
) -> None:
    answered = pdp.raw(*parts)

    assert answered[8:13] == f" {status} ".encode()
    assert answered.count(b"Content-Type: application/problem+json") == 1


def test_a_caller_that_asks_before_it_sends_is_told_to_go_on(pdp: Running) -> None:
    body = json.dumps(ALLOWED).encode()
    head = b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    answered = pdp.raw(HEAD, head, body)

    assert answered.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert b'"decision": true' in answered


def test_an_unforeseen_error_says_nothing_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = decision_point(tmp_path)

    def fails(_gate: Gate, *_call: object, **_values: object) -> Future[Answer]:
        raise KeyError("4711")

    def asked(callers: Callers) -> list[Response]:
        at_authzen(callers)
        several = {"evaluations": [ALLOWED, ALLOWED]}
        return [
            callers.request(path, method="POST", headers=JSON, body=json.dumps(document).encode())
            for path, document in ((ONE, ALLOWED), (MANY, several))
        ]

    monkeypatch.setattr(Gate, "decide", fails)
    for response in asyncio.run(inside(deployment, asked)):
        assert response.status == response.document["status"] == 500
        assert b"4711" not in response.body


def test_a_body_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = decision_point(tmp_path)
    monkeypatch.setattr("govshare_sidecar.door.BODY_TIMEOUT_S", 0.3)
    monkeypatch.setattr("govshare_sidecar.door.LINGER_S", 0.2)

    def asked(callers: Callers) -> bytes:
        at_authzen(callers)
        return callers.raw(HEAD, b"Content-Length: 9\r\n\r\nhalf")

    assert asyncio.run(inside(deployment, asked)).startswith(b"HTTP/1.1 408 ")
