# SPDX-License-Identifier: Apache-2.0
"""What a real Envoy passes over in silence, and that the self-test sees it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from govshare_sidecar._pb import envoy_pb2 as pb
from govshare_sidecar.config import load_config
from govshare_sidecar.envoy.canary import CanaryError, Prober, Proofs, Tokens, origin
from govshare_sidecar.envoy.processor import SERVICE as SERVICE_OF_ENVOY
from govshare_sidecar.listeners import HttpListener
from tests.e2e.envoy import EXAMPLE, Front
from tests.e2e.test_envoy_faults import FULL, deploy


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
