# SPDX-License-Identifier: Apache-2.0
"""Whatever fails between a real Envoy and the sidecar, no data leave."""

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import grpc
import pytest

from govshare_policy.errors import AuditError
from govshare_policy.gate import Gate
from tests.e2e.callers import Callers, Response
from tests.e2e.department import Department
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.envoy import NOWHERE, PROVEN, Front, behind_envoy, said
from tests.e2e.rpc_department import SERVICE, marriage, rpc_department
from tests.e2e.test_envoy_rpc import channel
from tests.e2e.test_failures import inside
from tests.e2e.test_grpc_proxy import PURPOSE, QUERY

FULL = "response_body_mode: FULL_DUPLEX_STREAMED"
CLOSED = "failure_mode_allow: false"


def deploy(directory: Path) -> Front:
    return Front(deployment=Deployment(directory=directory, upstream=NOWHERE))


@pytest.fixture
def url(_department: tuple[str, Department]) -> str:
    return _department[0]


def late(running: Running, api: Department, ending: Callable[[], None]) -> Response:
    """Ask, and do *ending* before the department answers."""
    with ThreadPoolExecutor(1) as pool:
        with api.holding():
            asked = pool.submit(running.request, "/marriages/ID1")
            await_(lambda: len(api.asked) == 1)
            ending()
        return asked.result(timeout=60)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_sidecar_that_dies_or_hangs_in_mid_flight_lets_nothing_out(
    tmp_path: Path, api: Department, url: str, number: signal.Signals
) -> None:
    api.says({"id_no": "SECRET"})
    with behind_envoy(deploy(tmp_path), url) as running:
        response = late(running, api, lambda: running.process.send_signal(number))
        again = running.request("/marriages/ID1")
        running.process.kill()

    assert len(api.asked) == 1
    for told in (response, again):
        assert told.status >= 500
        assert b"SECRET" not in told.body
    assert len(running.deployment.decisions()) == 1
    assert running.deployment.outcomes() == []


def test_a_sidecar_that_is_told_to_stop_finishes_what_is_under_way(
    tmp_path: Path, api: Department, url: str
) -> None:
    api.says({"id_no": "ID1", "note": "SECRET"})
    with behind_envoy(deploy(tmp_path), url) as running:
        response = late(running, api, lambda: running.process.send_signal(signal.SIGTERM))
        assert running.process.wait(timeout=60) == 0
        again = running.request("/marriages/ID1")

    assert (response.status, response.document) == (200, {"id_no": "ID1"})
    assert again.status >= 500
    assert [one["status"] for one in running.deployment.outcomes()] == ["released"]


def test_a_stream_ends_with_the_sidecar_that_filters_it(tmp_path: Path) -> None:
    with (
        rpc_department() as (url, api),
        behind_envoy(deploy(tmp_path), rpc_api=url) as running,
        channel(running) as opened,
    ):
        api.replies = [marriage(n) for n in range(20)]
        api.let.clear()
        call = opened.unary_stream(f"{SERVICE}/Watch")(QUERY, metadata=PURPOSE, timeout=60)
        messages = [next(call)]
        running.process.kill()
        running.process.wait(timeout=60)
        api.let.set()
        with pytest.raises(grpc.RpcError):
            messages.extend(call)

    assert len(messages) < 20
    assert not any(b"SECRET" in message for message in messages)


MODES = {
    "GRPC": {FULL: "response_body_mode: GRPC"},
    "BUFFERED": {FULL: "response_body_mode: BUFFERED"},
    "STREAMED": {FULL: "response_body_mode: STREAMED"},
    "NONE": {FULL: "response_body_mode: NONE"},
    "GRPC both ways": {"FULL_DUPLEX_STREAMED": "GRPC"},
    "no response headers": {"response_header_mode: SEND": "response_header_mode: SKIP"},
    "open on failure": {CLOSED: "failure_mode_allow: true"},
    "no attributes": {"                        - connection.mtls\n": ""},
}
SENTENCES = {
    "GRPC": "envoy is not in the mode `FULL_DUPLEX_STREAMED` both ways",
    "BUFFERED": "envoy is not in the mode `FULL_DUPLEX_STREAMED` both ways",
    "STREAMED": "envoy is not in the mode `FULL_DUPLEX_STREAMED` both ways",
    "NONE": "envoy is not in the mode `FULL_DUPLEX_STREAMED` both ways",
    "GRPC both ways": "envoy is not in the mode `FULL_DUPLEX_STREAMED` both ways",
    "no response headers": "envoy did not hand over the headers of the answer",
    "open on failure": "lets a request through when the sidecar fails",
    "no attributes": "envoy does not send the attribute `connection.mtls`",
}


@pytest.mark.parametrize("name", MODES)
def test_an_envoy_that_would_fail_open_gets_no_answers_from_the_start(
    tmp_path: Path, api: Department, url: str, name: str
) -> None:
    api.says({"id_no": "SECRET"})
    front = deploy(tmp_path)
    front.configure()
    with (
        front.running(url, change=MODES[name]),
        front.deployment.start() as running,
    ):
        running.addresses["http"] = front.address
        await_(lambda: said(running, SENTENCES[name]))
        response = running.request("/marriages/ID1")

        assert response.status >= 500
        assert b"SECRET" not in response.body
        assert not said(running, PROVEN)
    assert api.asked == []
    assert running.deployment.decisions() == []


def test_an_envoy_that_hides_the_certificate_gets_no_answers(
    tmp_path: Path, api: Department, url: str
) -> None:
    change = {"SANITIZE_SET": "SANITIZE"}
    with behind_envoy(deploy(tmp_path), url, change=change) as running:
        assert running.request("/marriages/ID1").status == 500
        assert said(running, "envoy does not forward exactly the certificate of the connection")
    assert api.asked == []


def test_an_envoy_that_forwards_what_a_client_sent_is_not_believed(
    tmp_path: Path, api: Department, url: str
) -> None:
    change = {"SANITIZE_SET": "ALWAYS_FORWARD_ONLY"}
    with behind_envoy(deploy(tmp_path), url, change=change) as running:
        pem = quote(running.clients["SYS-HCB-PRH"].certificate.read_text(), safe="")
        forged = {"X-Forwarded-Client-Cert": f'Cert="{pem}"'}
        response = running.request("/marriages/ID1", client="SYS-CAB-AID", headers=forged)
        nobody = running.request("/marriages/ID1", client=None, headers=forged)

        assert response.status == 500
        assert nobody.document["reasons"][0]["code"] == "no_certificate"
        assert said(running, "envoy forwards another certificate than that of the connection")
    assert api.asked == []


def test_an_envoy_that_is_not_registered_gets_no_answers(
    tmp_path: Path, api: Department, url: str
) -> None:
    change = {"tls/envoy.": "tls/SYS-HCB-PRH."}
    front = deploy(tmp_path)
    front.configure()
    with (
        front.running(url, change=change),
        front.deployment.start() as running,
    ):
        running.addresses["http"] = front.address
        await_(lambda: running.metric(STRANGERS) > 0)
        response = running.request("/marriages/ID1")

    assert response.status == 403
    assert response.document["type"] == "urn:govshare:problem:stranger"
    assert api.asked == []


STRANGERS = 'govshare_refused_total{cause="stranger",entrance="envoy_ext_proc"}'


@pytest.mark.parametrize(
    ("name", "what", "asked"),
    [("filter", "decide", 0), ("filter", "offer_outcome", 1), ("exact", "decide", 0)],
)
def test_without_a_log_nothing_is_let_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    api: Department,
    url: str,
    name: str,
    what: str,
    asked: int,
) -> None:
    api.says({"id_no": "SECRET"})
    front = Front(deployment=Deployment(directory=tmp_path, upstream=NOWHERE), name=name)
    front.configure()

    def fails(*_call: object, **_values: object) -> object:
        raise AuditError("the disk is full")

    def ask(callers: Callers) -> list[Response]:
        with front.running(url):
            callers.addresses["http"] = front.address
            await_(lambda: callers.request("/nowhere").status == 404)
            return [callers.request("/marriages/ID1") for _ in range(2)]

    monkeypatch.setattr(Gate, what, fails)
    for response in asyncio.run(inside(front.deployment, ask)):
        assert response.status == 503
        assert response.document["type"] == "urn:govshare:problem:audit_unavailable"
        assert b"SECRET" not in response.body
    assert len(api.asked) == asked
