# SPDX-License-Identifier: Apache-2.0
"""Past its capacity the sidecar refuses at once, stays as large as it is, and goes on by itself."""

import asyncio
import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest

from govshare_policy.audit.disk import Disk
from govshare_sidecar._pb import enforcement_pb2 as pb
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.e2e.callers import Callers
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.grpc_calls import batch, reason, retry_after_s
from tests.e2e.pki import NOW
from tests.e2e.test_grpc import request

_T = TypeVar("_T")
Check = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
NOWHERE = "http://127.0.0.1:1"
IN_FLIGHT = "govshare_in_flight"


@pytest.fixture
def let(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While it is clear no sync returns, so that calls wait for their records."""
    sync, event = Disk.datasync, threading.Event()
    event.set()

    def datasync(disk: Disk, fd: int) -> None:
        assert event.wait(60)
        sync(disk, fd)

    monkeypatch.setattr(Disk, "datasync", datasync)
    yield event
    event.set()


@contextlib.asynccontextmanager
async def channel(callers: Callers, client: str) -> AsyncIterator[Check]:
    credentials = callers.credentials(client)
    async with grpc.aio.secure_channel(callers.addresses["grpc"], credentials) as opened:
        yield opened.unary_unary("/govshare.v1.Enforcement/Check")


async def outcome(check: Check, *, timeout_s: float = 60.0) -> str:
    """Return what became of one call."""
    try:
        await check(request().SerializeToString(), timeout=timeout_s)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"


def asking(check: Check) -> "asyncio.Task[str]":
    return asyncio.create_task(outcome(check))


async def first(crowd: Sequence["asyncio.Task[str]"], count: int) -> Counter[str]:
    """Return what became of the *count* that heard first."""
    return Counter([await one for one in itertools.islice(asyncio.as_completed(crowd), count)])


async def shows(callers: Callers, metric: str, value: float) -> None:
    """Return once *metric* is *value*."""
    await asyncio.to_thread(await_, lambda: callers.metric(metric) == value)


def inside(
    deployment: Deployment,
    let: threading.Event,
    scenario: Callable[[Callers], Coroutine[Any, Any, _T]],
) -> _T:
    """Run *scenario* against a sidecar in this process, whose disk goes on at its end."""

    async def run() -> _T:
        async with Sidecar.running(load_config(deployment.config), now=lambda: NOW) as sidecar:
            callers = Callers(
                authority=deployment.authority,
                clients=deployment.clients,
                addresses={name: str(at) for name, at in sidecar.addresses.items()},
            )
            try:
                return await scenario(callers)
            finally:
                let.set()

    return asyncio.run(run())


def limited(directory: Path, text: str) -> Deployment:
    deployment = Deployment(directory=directory, upstream=NOWHERE)
    deployment.configure("[metrics]", f"[limits]\n{text}\n[metrics]")
    return deployment


def test_past_capacity_calls_are_refused_at_once_and_service_resumes_by_itself(
    tmp_path: Path,
    let: threading.Event,
) -> None:
    deployment = limited(tmp_path, "in_flight = 4\nper_caller = 4")

    async def scenario(callers: Callers) -> tuple[Counter[str], Counter[str], str]:
        async with channel(callers, "SYS-HCB-PRH") as check:
            await outcome(check)
            let.clear()
            crowd = [asking(check) for _ in range(12)]
            at_once = await first(crowd, 8)
            let.set()
            return at_once, Counter(await asyncio.gather(*crowd)), await outcome(check)

    at_once, crowd, after = inside(deployment, let, scenario)

    assert at_once == {"RESOURCE_EXHAUSTED": 8}, "while nothing could be recorded"
    assert crowd == {"OK": 4, "RESOURCE_EXHAUSTED": 8}
    assert after == "OK"
    assert len(deployment.decisions()) == 6, "a refusal is not recorded, an answer is"


def test_one_caller_cannot_take_all_places(tmp_path: Path, let: threading.Event) -> None:
    deployment = limited(tmp_path, "in_flight = 8\nper_caller = 2")

    async def scenario(callers: Callers) -> tuple[Counter[str], str]:
        async with (
            channel(callers, "SYS-HCB-PRH") as greedy,
            channel(callers, "SYS-CAB-AID") as modest,
        ):
            await asyncio.gather(outcome(greedy), outcome(modest))
            let.clear()
            crowd = [asking(greedy) for _ in range(8)]
            assert await first(crowd, 6) == {"RESOURCE_EXHAUSTED": 6}
            mine = asking(modest)
            await shows(callers, IN_FLIGHT, 3)
            let.set()
            return Counter(await asyncio.gather(*crowd)), await mine

    crowd, mine = inside(deployment, let, scenario)

    assert crowd == {"OK": 2, "RESOURCE_EXHAUSTED": 6}
    assert mine == "OK"


def test_a_batch_past_capacity_says_so_for_each_call_and_when_to_come_again(
    tmp_path: Path,
    let: threading.Event,
) -> None:
    deployment = limited(tmp_path, "in_flight = 4\nper_caller = 2")

    async def scenario(callers: Callers) -> list[pb.CheckResult]:
        let.clear()
        asked = asyncio.create_task(asyncio.to_thread(batch, callers, [request()] * 5))
        await shows(callers, 'govshare_refused_total{cause="busy",entrance="grpc_batch"}', 3)
        let.set()
        return await asked

    results = inside(deployment, let, scenario)
    failures = [one.failure for one in results if one.HasField("failure")]

    assert len(results) - len(failures) == 2
    assert {(one.code, one.reason, one.retry_after_s) for one in failures} == {(8, "BUSY", 1)}


def test_a_refusal_says_in_its_details_and_over_http_in_a_header_when_to_come_again(
    tmp_path: Path,
    let: threading.Event,
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
            let.clear()
            waiting = asking(check)
            await shows(callers, IN_FLIGHT, 1)
            try:
                return await asyncio.to_thread(refused, callers)
            finally:
                let.set()
                await waiting

    assert inside(deployment, let, scenario) == ("BUSY", 1, 503, "1")


def test_a_call_past_its_deadline_is_not_answered_but_its_record_stands(
    tmp_path: Path, let: threading.Event
) -> None:
    deployment = Deployment(directory=tmp_path, upstream=NOWHERE)

    async def scenario(callers: Callers) -> str:
        async with channel(callers, "SYS-HCB-PRH") as check:
            await outcome(check)
            let.clear()
            return await outcome(check, timeout_s=1.0)

    assert inside(deployment, let, scenario) == "DEADLINE_EXCEEDED"
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
                told[await outcome(check)] += 1

        async with channel(running, "SYS-HCB-PRH") as check:
            await asyncio.gather(*(caller(check) for _ in range(64)))
        return told

    with deployment.start() as running:
        asyncio.run(crowd(running, 8))
        before = resident_kib(running)
        told = asyncio.run(crowd(running, 30))
        grown = resident_kib(running) - before
        assert running.check(request()).answer.effect == "allow"
        assert running.metric(IN_FLIGHT) == 0
        counter = 'govshare_refused_total{cause="busy",entrance="grpc_check"}'
        assert running.metric(counter) >= told["RESOURCE_EXHAUSTED"]

    assert set(told) == {"OK", "RESOURCE_EXHAUSTED"}
    assert told["RESOURCE_EXHAUSTED"] > 0
    assert grown < 16_384, "at most 16 MiB"
    deployment.verify()
