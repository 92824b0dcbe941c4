# SPDX-License-Identifier: Apache-2.0
"""Past its capacity the sidecar refuses at once, stays as large as it is, and goes on by itself."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest

from govshare_policy.audit.disk import Disk
from govshare_sidecar._pb import enforcement_pb2 as pb
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.e2e.callers import Callers
from tests.e2e.deployment import Deployment, Running
from tests.e2e.grpc_calls import batch, reason, retry_after_s
from tests.e2e.pki import NOW
from tests.e2e.test_grpc import request

_T = TypeVar("_T")
Check = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """While it is set, every sync takes a while, so that calls wait for their records."""
    sync, event = Disk.datasync, threading.Event()

    def datasync(disk: Disk, fd: int) -> None:
        if event.is_set():
            time.sleep(0.4)
        sync(disk, fd)

    monkeypatch.setattr(Disk, "datasync", datasync)
    return event


@contextlib.asynccontextmanager
async def channel(callers: Callers, client: str) -> AsyncIterator[Check]:
    credentials = callers.credentials(client)
    async with grpc.aio.secure_channel(callers.addresses["grpc"], credentials) as opened:
        yield opened.unary_unary("/govshare.v1.Enforcement/Check")


async def outcome(check: Check, *, timeout_s: float = 20.0) -> tuple[str, float]:
    """Return what became of one call, and after how many seconds."""
    began = time.monotonic()
    try:
        await check(request().SerializeToString(), timeout=timeout_s)
    except grpc.aio.AioRpcError as error:
        return error.code().name, time.monotonic() - began
    return "OK", time.monotonic() - began


def inside(
    deployment: Deployment,
    slow: threading.Event,
    scenario: Callable[[Callers], Coroutine[Any, Any, _T]],
) -> _T:
    """Run *scenario* against a sidecar in this process, whose disk is slow from then on."""

    async def run() -> _T:
        async with Sidecar.running(load_config(deployment.config), now=lambda: NOW) as sidecar:
            callers = Callers(
                authority=deployment.authority,
                clients=deployment.clients,
                addresses={name: str(at) for name, at in sidecar.addresses.items()},
            )
            slow.set()
            try:
                return await scenario(callers)
            finally:
                slow.clear()

    return asyncio.run(run())


def limited(directory: Path, text: str) -> Deployment:
    deployment = Deployment(directory=directory, upstream=NOWHERE)
    deployment.configure("[metrics]", f"[limits]\n{text}\n[metrics]")
    return deployment


def test_past_capacity_calls_are_refused_at_once_and_service_resumes_by_itself(
    tmp_path: Path,
    slow: threading.Event,
) -> None:
    deployment = limited(tmp_path, "in_flight = 4\nper_caller = 4")

    async def scenario(callers: Callers) -> tuple[list[tuple[str, float]], tuple[str, float]]:
        async with channel(callers, "SYS-HCB-PRH") as check:
            await outcome(check)
            crowd = await asyncio.gather(*(outcome(check) for _ in range(12)))
            return list(crowd), await outcome(check)

    crowd, after = inside(deployment, slow, scenario)

    assert Counter(code for code, _ in crowd) == {"OK": 4, "RESOURCE_EXHAUSTED": 8}
    assert max(took for code, took in crowd if code != "OK") < 0.35
    assert after[0] == "OK"
    assert len(deployment.decisions()) == 6, "a refusal is not recorded, an answer is"


def test_one_caller_cannot_take_all_places(tmp_path: Path, slow: threading.Event) -> None:
    deployment = limited(tmp_path, "in_flight = 8\nper_caller = 2")

    async def scenario(callers: Callers) -> tuple[Counter[str], str]:
        async with (
            channel(callers, "SYS-HCB-PRH") as greedy,
            channel(callers, "SYS-CAB-AID") as modest,
        ):
            await asyncio.gather(outcome(greedy), outcome(modest))
            crowd = [asyncio.create_task(outcome(greedy)) for _ in range(8)]
            await asyncio.sleep(0.1)
            mine, _ = await outcome(modest)
            return Counter([code for code, _ in await asyncio.gather(*crowd)]), mine

    crowd, mine = inside(deployment, slow, scenario)

    assert crowd == {"OK": 2, "RESOURCE_EXHAUSTED": 6}
    assert mine == "OK"


def test_a_batch_past_capacity_says_so_for_each_call_and_when_to_come_again(
    tmp_path: Path,
    slow: threading.Event,
) -> None:
    deployment = limited(tmp_path, "in_flight = 4\nper_caller = 2")

    async def scenario(callers: Callers) -> list[pb.CheckResult]:
        return await asyncio.to_thread(batch, callers, [request()] * 5)

    results = inside(deployment, slow, scenario)
    failures = [one.failure for one in results if one.HasField("failure")]

    assert len(results) - len(failures) == 2
    assert {(one.code, one.reason, one.retry_after_s) for one in failures} == {(8, "BUSY", 1)}


def test_a_refusal_says_in_its_details_and_over_http_in_a_header_when_to_come_again(
    tmp_path: Path,
    slow: threading.Event,
) -> None:
    deployment = limited(tmp_path, "in_flight = 1")

    def refused(callers: Callers) -> tuple[str, int, int, str]:
        with pytest.raises(grpc.RpcError) as caught:
            callers.check(request())
        response = callers.request("/marriages/ID1", headers={"Accept-Language": "en"})
        assert response.document["type"] == "urn:govshare:problem:busy"
        error = caught.value
        retry = response.headers["Retry-After"]
        return reason(error), retry_after_s(error), response.status, retry

    async def scenario(callers: Callers) -> tuple[str, int, int, str]:
        async with channel(callers, "SYS-CAB-AID") as check:
            waiting = asyncio.create_task(_keep_busy(check))
            await asyncio.sleep(0.1)
            try:
                return await asyncio.to_thread(refused, callers)
            finally:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)

    assert inside(deployment, slow, scenario) == ("BUSY", 1, 503, "1")


async def _keep_busy(check: Check) -> None:
    """Have one call under way at any time: the next comes while the last is being answered."""
    calls = {asyncio.create_task(outcome(check)) for _ in range(2)}
    while True:
        done, calls = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        calls |= {asyncio.create_task(outcome(check)) for _ in done}
        await asyncio.sleep(0.001)


def test_a_call_past_its_deadline_is_not_answered_but_its_record_stands(
    tmp_path: Path, slow: threading.Event
) -> None:
    deployment = Deployment(directory=tmp_path, upstream=NOWHERE)

    async def scenario(callers: Callers) -> str:
        async with channel(callers, "SYS-HCB-PRH") as check:
            await outcome(check)
            code, _ = await outcome(check, timeout_s=0.2)
            return code

    assert inside(deployment, slow, scenario) == "DEADLINE_EXCEEDED"
    assert [record["effect"] for record in deployment.decisions()] == ["allow", "allow"]
    deployment.verify()


def resident_kib(running: Running) -> int:
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_a_crowd_leaves_the_process_as_large_as_it_was(tmp_path: Path) -> None:
    deployment = limited(tmp_path, "in_flight = 8\nper_caller = 8\nreleases = 64")

    async def crowd(running: Running, calls: int) -> Counter[str]:
        told: Counter[str] = Counter()

        async def caller(check: Check) -> None:
            for _ in range(calls):
                told[(await outcome(check))[0]] += 1

        async with channel(running, "SYS-HCB-PRH") as check:
            await asyncio.gather(*(caller(check) for _ in range(64)))
        return told

    with deployment.start() as running:
        asyncio.run(crowd(running, 8))
        before = resident_kib(running)
        told = asyncio.run(crowd(running, 30))
        grown = resident_kib(running) - before
        assert running.check(request()).answer.effect == "allow"
        assert running.metric("govshare_in_flight") == 0
        counter = 'govshare_refused_total{cause="busy",entrance="grpc_check"}'
        assert running.metric(counter) >= told["RESOURCE_EXHAUSTED"]

    assert set(told) == {"OK", "RESOURCE_EXHAUSTED"}
    assert told["RESOURCE_EXHAUSTED"] > 0
    assert grown < 16_384, "at most 16 MiB"
    deployment.verify()
