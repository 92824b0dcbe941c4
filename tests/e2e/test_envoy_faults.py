# SPDX-License-Identifier: Apache-2.0
"""Whatever fails between a real Envoy and the sidecar, no data leave."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import grpc
import pytest

from govshare_sidecar._pb import envoy_pb2 as pb
from govshare_sidecar.config import load_config
from govshare_sidecar.envoy.canary import CanaryError, Prober, Proofs, Tokens, origin
from govshare_sidecar.envoy.processor import SERVICE as SERVICE_OF_ENVOY
from govshare_sidecar.listeners import HttpListener
from tests.e2e.callers import Response
from tests.e2e.department import Department
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.envoy import EXAMPLE, NOWHERE, PROVEN, Front, behind_envoy, said
from tests.e2e.rpc_department import SERVICE, marriage, rpc_department
from tests.e2e.test_envoy_rpc import channel
from tests.e2e.test_grpc_proxy import PURPOSE, QUERY

FULL = "response_body_mode: FULL_DUPLEX_STREAMED"
CLOSED = "failure_mode_allow: false"


def deploy(directory: Path) -> Front:
    return Front(deployment=Deployment(directory=directory, upstream=NOWHERE))


@pytest.fixture
def url(_department: tuple[str, Department]) -> str:
    return _department[0]


def late(running: Running, api: Department, ending: Callable[[], None]) -> Response:
    """Ask for what takes a second to answer, and do *ending* meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(running.request, "/marriages/ID1")
        await_(lambda: len(api.asked) == 1)
        ending()
        return asked.result(timeout=20)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_sidecar_that_dies_or_hangs_in_mid_flight_lets_nothing_out(
    tmp_path: Path, api: Department, url: str, number: signal.Signals
) -> None:
    api.says({"id_no": "SECRET"}, delay_s=1.0)
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
    api.says({"id_no": "ID1", "note": "SECRET"}, delay_s=1.0)
    with behind_envoy(deploy(tmp_path), url) as running:
        response = late(running, api, lambda: running.process.send_signal(signal.SIGTERM))
        assert running.process.wait(timeout=20) == 0
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
        api.replies, api.delay_s = [marriage(n) for n in range(20)], 0.2
        call = opened.unary_stream(f"{SERVICE}/Watch")(QUERY, metadata=PURPOSE, timeout=20)
        messages = [next(call)]
        running.process.kill()
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


async def _obliging(
    messages: AsyncIterator[pb.ProcessingRequest], _context: object
) -> AsyncIterator[pb.ProcessingResponse]:
    """Be a processor that looks at no mode: what it says would be right in the right one."""
    nonce = ""
    async for message in messages:
        response = pb.ProcessingResponse()
        kind = message.WhichOneof("request") or ""
        match kind:
            case "request_headers":
                path = next(h for h in message.request_headers.headers.headers if h.key == ":path")
                nonce = path.raw_value.decode().rpartition("=")[2]
            case "response_body":
                if not message.response_body.end_of_stream:
                    continue
                body = f'{{"kept":"{nonce}"}}'.encode()
                mutation = response.response_body.response.body_mutation
                mutation.streamed_response.body = body
                mutation.streamed_response.end_of_stream = True
            case "response_headers":
                changes = response.response_headers.response.header_mutation
                changes.remove_headers.append("content-length")
            case _:
                pass
        getattr(response, kind).SetInParent()
        yield response


async def _tried_out(front: Front) -> None:
    """Put Envoy to the test before that processor."""
    config = load_config(front.deployment.config)
    assert config.envoy is not None
    process = grpc.stream_stream_rpc_method_handler(
        _obliging, pb.ProcessingRequest.FromString, pb.ProcessingResponse.SerializeToString
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE_OF_ENVOY, {"Process": process}),)
    )
    pair = (config.tls.key.read_bytes(), config.tls.certificate.read_bytes())
    server.add_secure_port(f"127.0.0.1:{front.sidecar}", grpc.ssl_server_credentials([pair]))
    await server.start()
    canary = await HttpListener.start(origin(), config.envoy.canary, key="", tls=None)
    prober = await Prober.open(
        config.envoy.proxies, Tokens(b"secret"), Proofs(config.envoy.proxies)
    )
    try:
        await prober.try_out(config.envoy.proxies[0])
    finally:
        await prober.stop()
        await canary.stop()
        await server.stop(None)


@pytest.mark.parametrize("mode", ["GRPC", "BUFFERED", "STREAMED", "NONE"])
def test_the_self_test_sees_what_envoy_passes_over_in_silence(tmp_path: Path, mode: str) -> None:
    """Envoy 1.40 takes a `streamed_response` in these modes, and lets the body by as it is."""
    front = deploy(tmp_path)
    front.configure()
    with (
        front.running(change={FULL: f"response_body_mode: {mode}"}),
        pytest.raises(CanaryError, match="lets data through that the sidecar took out"),
    ):
        asyncio.run(_tried_out(front))


def test_the_self_test_sees_that_nothing_filters_at_all(tmp_path: Path) -> None:
    front = deploy(tmp_path)
    front.configure()
    text = (EXAMPLE / "filter.yaml").read_text()
    begin, end = (
        text.index(f"- name: envoy.filters.http.{name}") for name in ("ext_proc", "router")
    )
    with (
        front.running(change={text[begin:end]: ""}),
        pytest.raises(CanaryError, match="lets data through that the sidecar took out"),
    ):
        asyncio.run(_tried_out(front))


def test_what_is_right_in_the_right_mode_is_let_go(tmp_path: Path) -> None:
    """The processor of these tests is held to the rest of the test, which it does not know."""
    front = deploy(tmp_path)
    front.configure()
    with front.running(), pytest.raises(CanaryError, match="another certificate"):
        asyncio.run(_tried_out(front))
