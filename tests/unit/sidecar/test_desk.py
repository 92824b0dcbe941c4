# SPDX-License-Identifier: Apache-2.0
"""The desk answers until the log fails, and never again."""

import asyncio
import threading
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from govshare_policy.audit import Receipt, SaltStore
from govshare_policy.call import Call, call_from_document
from govshare_policy.errors import AuditError
from govshare_policy.gate import Answer, Gate, Outcome
from govshare_policy.identity import Evidence
from govshare_policy.register import Grant
from govshare_policy.subjects import Uncounted
from govshare_sidecar.desk import Desk
from govshare_sidecar.limits import Limits
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.refusal import Cause, RefusedError
from tests.county import PLAIN, basis_over, county_register

CALL: Call = call_from_document(PLAIN)


class MemoryLog:
    """Takes records into memory, when it is told to, until it is told to fail."""

    def __init__(self) -> None:
        self.waiting: list[tuple[bytes, Future[Receipt]]] = []
        self.records: list[bytes] = []

    def submit(self, record: bytes) -> Future[Receipt]:
        future: Future[Receipt] = Future()
        self.waiting.append((record, future))
        return future

    def offer(self, record: bytes) -> "asyncio.Future[Receipt]":
        return asyncio.wrap_future(self.submit(record))

    def take(self) -> None:
        for record, future in self.waiting:
            receipt = Receipt(index=len(self.records), record=record, proof=(), checkpoint=b"")
            self.records.append(record)
            future.set_result(receipt)
        self.waiting.clear()

    def fail(self) -> None:
        for _, future in self.waiting:
            future.set_exception(AuditError("the disk is full"))
        self.waiting.clear()


class SlowSubjects(Uncounted):
    """Has room for everybody, once the disk has."""

    def __init__(self) -> None:
        self.disk = threading.Event()

    def take_all(self, grants: Iterable[Grant], day: date, subject: str) -> bool:
        return self.disk.wait(60)


class World:
    """A desk over a log in memory."""

    def __init__(self, directory: Path) -> None:
        self.basis = basis_over(county_register(directory / "data"), "hubei")
        self.log = MemoryLog()
        self.salts = SaltStore(directory / "salts.sqlite")
        self.metrics = Metrics()
        self.failures = 0
        self.subjects = SlowSubjects()
        gate = Gate(
            basis=lambda: self.basis,
            log=self.log,
            salts=self.salts,
            now=lambda: datetime(2025, 9, 22, 2, tzinfo=UTC),
            subjects=self.subjects,
        )
        limits = Limits(in_flight=2, per_caller=1)
        self.desk = Desk(gate, self.metrics, on_failure=self.failed, limits=limits)

    def failed(self) -> None:
        self.failures += 1

    async def ask(self, call: Call = CALL) -> "asyncio.Task[object]":
        task: asyncio.Task[object] = asyncio.create_task(
            self.desk.answer(call, Evidence(), entrance="test")
        )
        await self.arrived()
        return task

    async def arrived(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)


def run(world: World, scenario: Coroutine[object, object, None]) -> None:
    with world.salts:
        asyncio.run(asyncio.wait_for(scenario, timeout=120))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_no_answer_comes_before_its_record(world: World) -> None:
    async def scenario() -> None:
        task = await world.ask()
        await asyncio.sleep(0.05)
        assert not task.done()
        world.log.take()
        assert (await task).record_id.encode() in world.log.records[0]  # type: ignore[attr-defined]

    run(world, scenario())


def test_the_first_failure_closes_the_desk_for_good_and_is_told_once(world: World) -> None:
    async def scenario() -> None:
        allowed = await world.ask()
        world.log.take()
        answer = await allowed
        tasks = [await world.ask(), await world.ask()]
        world.log.fail()
        for task in tasks:
            with pytest.raises(AuditError, match="could not be recorded"):
                await task
        assert (world.desk.is_open, world.failures) == (False, 1)
        for again in (
            world.desk.answer(CALL, Evidence(), entrance="test"),
            world.desk.conclude(answer, Outcome(status="released")),  # type: ignore[arg-type]
        ):
            with pytest.raises(AuditError, match="until a restart"):
                await again
        assert world.log.waiting == [], "the log is not asked any more"

    run(world, scenario())


def test_a_caller_that_goes_away_does_not_take_its_record_along(world: World) -> None:
    async def scenario() -> None:
        task = await world.ask()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        settled = asyncio.create_task(world.desk.settle())
        await world.arrived()
        assert not settled.done()
        world.log.take()
        await settled
        assert len(world.log.records) == 1

    run(world, scenario())


def test_a_failure_that_nobody_waits_for_closes_the_desk_too(world: World) -> None:
    async def scenario() -> None:
        task = await world.ask()
        task.cancel()
        await world.arrived()
        world.log.fail()
        await world.desk.settle()
        assert not world.desk.is_open

    run(world, scenario())


def test_answers_are_counted_once_they_are_recorded(world: World) -> None:
    async def scenario() -> None:
        line = b'govshare_answers_total{entrance="test",outcome="allow"} 1.0'
        task = await world.ask()
        assert line not in generate_latest(world.metrics.registry)
        world.log.take()
        await task
        assert line in generate_latest(world.metrics.registry)

    run(world, scenario())


def test_records_of_callers_who_have_gone_count_against_the_capacity(world: World) -> None:
    async def scenario() -> None:
        tasks = [await world.ask(), await world.ask()]
        for task in tasks:
            task.cancel()
        await world.arrived()
        with pytest.raises(RefusedError) as caught:
            await world.desk.answer(CALL, Evidence(), entrance="test")
        assert caught.value.cause is Cause.BUSY
        world.log.take()
        await world.desk.settle()
        again = await world.ask()
        world.log.take()
        await again
        assert len(world.log.records) == 3, "what was refused was not recorded"

    run(world, scenario())


def test_what_becomes_of_an_allowed_call_is_recorded_at_any_load(world: World) -> None:
    async def scenario() -> None:
        task = await world.ask()
        world.log.take()
        answer = await task
        assert isinstance(answer, Answer)
        await world.ask()
        await world.ask()
        concluded = asyncio.create_task(world.desk.conclude(answer, Outcome(status="released")))
        await world.arrived()
        world.log.take()
        assert (await concluded).index == 3

    run(world, scenario())


def test_a_slow_disk_holds_up_the_calls_and_not_the_loop(world: World) -> None:
    """Those behind a call that waits for it keep their places, so that times do not run back."""

    async def scenario() -> None:
        counted = await world.ask(replace(CALL, subject="ID1"))
        plain = await world.ask()
        await asyncio.sleep(0.1)
        assert world.log.waiting == []
        world.subjects.disk.set()
        while len(world.log.waiting) < 2:  # noqa: ASYNC110  it is filled from another thread
            await asyncio.sleep(0.01)
        world.log.take()
        for number, task in enumerate((counted, plain)):
            answer = await task
            assert isinstance(answer, Answer)
            assert answer.record_id.encode() in world.log.records[number]
            assert answer.decision.outcome == "allow"

    run(world, scenario())


def test_a_call_that_waited_its_turn_takes_up_one_place(world: World) -> None:
    """Neither it nor its record is counted beside the other."""

    async def scenario() -> None:
        world.subjects.disk.set()
        tasks = [await world.ask(replace(CALL, subject="ID1"))]
        while not world.log.waiting:  # noqa: ASYNC110  it is filled from another thread
            await asyncio.sleep(0.01)
        assert world.desk.queued == 1
        tasks.append(await world.ask())
        assert world.desk.queued == 2
        tasks[0].cancel()
        settled = asyncio.create_task(world.desk.settle())
        await world.arrived()
        assert not settled.done()
        world.log.take()
        await settled
        assert isinstance(await tasks[1], Answer)

    run(world, scenario())


def test_a_place_is_for_one_request_of_one_caller(world: World) -> None:
    async def scenario() -> None:
        mine, yours = Evidence(spki=bytes(32)), Evidence(spki=bytes([1]) * 32)
        with world.desk.place(mine):
            with pytest.raises(RefusedError), world.desk.place(mine):
                pass
            with world.desk.place(yours):
                assert world.desk.in_flight == 2
        assert world.desk.in_flight == 0

    run(world, scenario())


@pytest.mark.parametrize("change", ["nothing", "registers", "caller"])
def test_an_answer_is_in_force_until_the_policy_changes_or_the_caller_does(
    world: World, tmp_path: Path, change: str
) -> None:
    async def scenario() -> None:
        task = await world.ask()
        world.log.take()
        answer = await task
        assert isinstance(answer, Answer)
        call = CALL
        if change == "registers":
            grants = {"grants.tsv": [{"grant_id": "G02", "note": "read again"}]}
            world.basis = basis_over(county_register(tmp_path / "more", grants), "hubei")
        if change == "caller":
            call = replace(CALL, system="SYS-CAB-AID")
        if change == "nothing":
            world.desk.verify_in_force(call, answer, Evidence())
            return
        with pytest.raises(RefusedError) as caught:
            world.desk.verify_in_force(call, answer, Evidence())
        assert caught.value.cause is Cause.NO_RELEASE

    run(world, scenario())
