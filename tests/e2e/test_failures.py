# SPDX-License-Identifier: Apache-2.0
"""What fails unforeseen, or between the sidecar and the department, releases nothing."""

import asyncio
import http.client
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import grpc
import pytest

from govshare_policy.gate import Answer, Gate
from govshare_sidecar.config import load_config
from govshare_sidecar.logs import JsonLines
from govshare_sidecar.server import Sidecar
from tests.e2e.callers import PURPOSE, Callers
from tests.e2e.department import Department, department
from tests.e2e.deployment import Deployment, Running
from tests.e2e.pki import NOW, Authority
from tests.e2e.test_grpc import request

_T = TypeVar("_T")
NOWHERE = "http://127.0.0.1:1"


async def inside(deployment: Deployment, ask: Callable[[Callers], _T]) -> _T:
    """Run a sidecar in this process while *ask* uses it."""
    async with Sidecar.running(load_config(deployment.config), now=lambda: NOW) as sidecar:
        callers = Callers(
            authority=deployment.authority,
            clients=deployment.clients,
            addresses={name: str(at) for name, at in sidecar.addresses.items()},
        )
        return await asyncio.to_thread(ask, callers)


def test_an_unforeseen_error_says_nothing_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    deployment = Deployment(directory=tmp_path, upstream=NOWHERE)

    def fails(_gate: Gate, *_call: object, **_values: object) -> Future[Answer]:
        raise KeyError("4711")

    def ask(callers: Callers) -> tuple[int, bytes, str]:
        response = callers.request("/marriages/4711")
        with pytest.raises(grpc.RpcError) as caught:
            callers.check(request())
        assert caught.value.code() is grpc.StatusCode.INTERNAL
        return response.status, response.body, caught.value.details() or ""

    monkeypatch.setattr(Gate, "decide", fails)
    with caplog.at_level(logging.ERROR):
        status, body, details = asyncio.run(inside(deployment, ask))

    assert status == 500
    assert b'"type": "urn:govshare:problem:internal"' in body
    assert details == "the gateway failed"
    lines = [JsonLines().format(record) for record in caplog.records]
    assert sum('"exception": "KeyError"' in line for line in lines) == 2
    assert "4711" not in f"{body!r} {lines}"


@pytest.mark.parametrize(
    "rest",
    [
        (b"Content-Length: 9\r\n\r\nhalf",),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", b"zz\r\n"),
    ],
    ids=["half a body", "a chunk that breaks"],
)
def test_a_body_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: tuple[bytes, ...]
) -> None:
    deployment = Deployment(directory=tmp_path, upstream=NOWHERE)
    monkeypatch.setattr("govshare_sidecar.door.BODY_TIMEOUT_S", 0.5)
    monkeypatch.setattr("govshare_sidecar.door.LINGER_S", 0.2)

    def ask(callers: Callers) -> bytes:
        return callers.raw(b"POST /marriages/search HTTP/1.1\r\nHost: x\r\n", *rest)

    assert asyncio.run(inside(deployment, ask)).startswith(b"HTTP/1.1 408 ")


def test_a_department_that_cannot_be_reached_is_a_bad_gateway(tmp_path: Path) -> None:
    with Deployment(directory=tmp_path, upstream=NOWHERE).start() as running:
        response = running.request("/marriages/ID1")

    assert response.status == 502
    assert running.deployment.outcomes()[-1]["status"] == "upstream_unreachable"


@pytest.mark.parametrize(("known", "status"), [(True, 200), (False, 502)])
def test_a_department_behind_tls_has_to_prove_who_it_is(
    tmp_path: Path, *, known: bool, status: int
) -> None:
    authority = Authority(tmp_path / "theirs", "theirs")
    pair = authority.issue("department", server=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    with department(tls) as (upstream, api):
        deployment = Deployment(directory=tmp_path / "ours", upstream=upstream)
        if known:
            deployment.configure("[http]", f'[http]\nupstream_ca = "{authority.path}"')
        with deployment.start() as running:
            assert running.request("/marriages/ID1").status == status
        assert len(api.asked) == known


def test_callers_at_the_same_time_get_an_answer_and_a_record_each(
    sidecar: Running, api: Department
) -> None:
    def ask(number: int) -> tuple[int, str]:
        client = "SYS-HCB-PRH" if number % 2 else "SYS-CAB-AID"
        response = sidecar.request(f"/marriages/{number}", client=client)
        return response.status, response.headers["Govshare-Record"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(40)))

    assert [status for status, _ in answers] == [403, 200] * 20
    recorded = {record["id"]: record["effect"] for record in sidecar.deployment.decisions()}
    assert [recorded[record] for _, record in answers] == ["deny", "allow"] * 20
    assert len({record for _, record in answers}) == 40
    assert len(api.asked) == 20


def test_one_connection_carries_call_after_call(sidecar: Running, api: Department) -> None:
    host, _, port = sidecar.addresses["http"].partition(":")
    connection = http.client.HTTPSConnection(
        host, int(port), context=sidecar.tls("SYS-HCB-PRH"), timeout=60
    )
    statuses = []
    for purpose in ("data_verification", "work_reference", "data_verification"):
        connection.request("GET", "/marriages/1", headers={**PURPOSE, "Govshare-Purpose": purpose})
        response = connection.getresponse()
        statuses.append((response.status, len(response.read()) > 0))
    connection.close()

    assert statuses == [(200, True), (403, True), (200, True)]
    assert len(api.asked) == 2


def test_a_large_answer_is_released_like_a_small_one(sidecar: Running, api: Department) -> None:
    records = [{"name": str(number), "note": "x" * 100} for number in range(4000)]
    api.says({"data": {"items": records}})
    response = sidecar.request("/pages/1?fields=name")

    assert len(api.reply.body) > 400_000
    assert response.document == {
        "data": {"items": [{"name": str(number)} for number in range(4000)]}
    }


def test_the_monitor_shows_two_pages_and_takes_nothing(sidecar: Running) -> None:
    assert sidecar.monitor("/healthz").body == b"serving\n"
    assert sidecar.monitor("/nothing").status == 404
    assert sidecar.monitor("/metrics", method="POST").status == 405
    assert sidecar.monitor("/metrics").headers["Content-Type"].startswith("text/plain")
