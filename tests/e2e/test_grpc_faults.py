# SPDX-License-Identifier: Apache-2.0
"""When something behind the service fails, every method refuses and says nothing of the cause."""

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from govshare_policy.crypto._front import CheckedSigner
from govshare_policy.errors import SignatureError
from govshare_policy.gate import Answer, Gate
from govshare_sidecar._pb import enforcement_pb2 as pb
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.e2e.callers import Callers
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.grpc_calls import batch, release, stream
from tests.e2e.pki import NOW
from tests.e2e.test_grpc import request
from tests.e2e.test_lifecycle import fill_disk

NOWHERE = "http://127.0.0.1:1"


def ask_all(callers: Callers, record_id: str) -> list[tuple[grpc.StatusCode, str]]:
    """Return with what status and message every method ends."""
    body = pb.ReleaseRequest(record_id=record_id, body=b"{}")
    asked: list[Callable[[], object]] = [
        lambda: callers.check(request()),
        lambda: batch(callers, [request(), request()]),
        lambda: list(stream(callers, [pb.CheckStreamRequest(request=request())])),
        lambda: release(callers, body),
    ]
    ended = []
    for ask in asked:
        with pytest.raises(grpc.RpcError) as caught:
            ask()
        ended.append((caught.value.code(), caught.value.details() or ""))
    return ended


def inside(
    deployment: Deployment, scenario: Callable[[Callers], None], now: Callable[[], datetime]
) -> None:
    async def run() -> None:
        async with Sidecar.running(load_config(deployment.config), now=now) as sidecar:
            callers = Callers(
                authority=deployment.authority,
                clients=deployment.clients,
                addresses={name: str(at) for name, at in sidecar.addresses.items()},
            )
            await asyncio.to_thread(scenario, callers)

    asyncio.run(run())


def test_with_a_full_disk_every_method_refuses(rpc_deployment: Deployment) -> None:
    with rpc_deployment.start() as running:
        record_id = running.check(request()).receipt.record_id
        fill_disk(running)
        ended = ask_all(running, record_id)

    assert {code for code, _ in ended} == {grpc.StatusCode.UNAVAILABLE}
    assert len(rpc_deployment.decisions()) == 1
    assert rpc_deployment.outcomes() == []


def test_with_a_signer_that_fails_every_method_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = Deployment(directory=tmp_path, upstream=NOWHERE)

    def fails(*_: object, **__: object) -> bytes:
        raise SignatureError("the device does not answer")

    def scenario(callers: Callers) -> None:
        record_id = callers.check(request()).receipt.record_id
        monkeypatch.setattr(CheckedSigner, "sign", fails)
        ended = ask_all(callers, record_id)
        assert {code for code, _ in ended} == {grpc.StatusCode.UNAVAILABLE}
        assert not any("device" in text for _, text in ended)

    inside(deployment, scenario, lambda: NOW)
    assert deployment.outcomes() == []


@pytest.mark.parametrize("step", [timedelta(hours=2), -timedelta(hours=2)])
def test_while_the_clock_is_wrong_every_method_refuses(tmp_path: Path, step: timedelta) -> None:
    deployment = Deployment(directory=tmp_path, upstream=NOWHERE)
    clock = [NOW]

    def scenario(callers: Callers) -> None:
        record_id = callers.check(request()).receipt.record_id
        clock[0] = NOW + step
        ended = ask_all(callers, record_id)
        assert {code for code, _ in ended} == {grpc.StatusCode.UNAVAILABLE}
        assert all("the clock was set" in text for _, text in ended)
        assert callers.request("/marriages/ID1").status == 503
        assert callers.monitor("/healthz").status == 503
        clock[0] = NOW
        assert callers.check(request()).answer.effect == "allow"

    inside(deployment, scenario, lambda: clock[0])
    assert len(deployment.decisions()) == 2


def test_an_unforeseen_error_says_nothing_of_itself_in_any_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = Deployment(directory=tmp_path, upstream=NOWHERE)

    def fails(_gate: Gate, *_call: object, **_values: object) -> Future[Answer]:
        raise KeyError("4711")

    def scenario(callers: Callers) -> None:
        record_id = callers.check(request()).receipt.record_id
        monkeypatch.setattr(Gate, "decide", fails)
        monkeypatch.setattr(Gate, "offer_outcome", fails)
        ended = ask_all(callers, record_id)
        assert set(ended) == {(grpc.StatusCode.INTERNAL, "the gateway failed")}

    inside(deployment, scenario, lambda: NOW)


def health(callers: Callers, service: str) -> int:
    with callers.channel("SYS-HCB-PRH") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        asked = health_pb2.HealthCheckRequest(service=service)
        status: int = stub.Check(asked, timeout=60).status
        return status


def test_both_services_are_healthy_and_described(sidecar: Running) -> None:
    with sidecar.channel("SYS-HCB-PRH") as channel:
        services = set(ProtoReflectionDescriptorDatabase(channel).get_services())

    assert {"govshare.v1.Enforcement", "govshare.v1.Audit"} <= services
    for name in ("govshare.v1.Enforcement", "govshare.v1.Audit"):
        assert health(sidecar, name) == health_pb2.HealthCheckResponse.SERVING


def test_not_serving_is_said_for_a_while_before_the_drain(rpc_deployment: Deployment) -> None:
    rpc_deployment.configure("[metrics]", "[limits]\nnotice_s = 3\n[metrics]")
    with rpc_deployment.start() as running:
        running.process.send_signal(signal.SIGTERM)
        await_(lambda: health(running, "") == health_pb2.HealthCheckResponse.NOT_SERVING)
        assert running.check(request()).answer.effect == "allow"
        assert running.request("/marriages/ID1", client="SYS-CAB-AID").status == 403
        assert running.process.poll() is None
        assert running.stop() == 0
    rpc_deployment.verify()
