# SPDX-License-Identifier: Apache-2.0
"""The desk answers until the log fails, and never again."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from govshare_policy.audit import Receipt, SaltStore
from govshare_policy.call import Call, call_from_document
from govshare_policy.errors import AuditError
from govshare_policy.gate import Gate, Outcome
from govshare_policy.identity import Evidence
from govshare_sidecar.desk import Desk
from govshare_sidecar.metrics import Metrics
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


class World:
    """A desk over a log in memory."""

    def __init__(self, directory: Path) -> None:
        basis = basis_over(county_register(directory / "data"), "hubei")
        self.log = MemoryLog()
        self.salts = SaltStore(directory / "salts.sqlite")
        self.metrics = Metrics()
        self.failures = 0
        gate = Gate(
            basis=lambda: basis,
            log=self.log,
            salts=self.salts,
            now=lambda: datetime(2025, 9, 22, 2, tzinfo=UTC),
        )
        self.desk = Desk(gate, self.metrics, on_failure=self.failed)

    def failed(self) -> None:
        self.failures += 1

    async def ask(self) -> "asyncio.Task[object]":
        task: asyncio.Task[object] = asyncio.create_task(
            self.desk.answer(CALL, Evidence(), entrance="test")
        )
        await self.arrived()
        return task

    async def arrived(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)


def run(world: World, scenario: Coroutine[object, object, None]) -> None:
    with world.salts:
        asyncio.run(asyncio.wait_for(scenario, timeout=20))


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
