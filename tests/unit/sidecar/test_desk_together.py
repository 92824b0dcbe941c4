# SPDX-License-Identifier: Apache-2.0
"""Calls that come together are answered as each by itself, and wait for the log once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from govshare_policy.audit import Receipt, parse_record
from govshare_policy.call import Call
from govshare_policy.errors import AuditError
from govshare_policy.gate import Answer
from govshare_policy.identity import Evidence
from govshare_policy.usage import Usage
from govshare_sidecar.asked import Asked
from govshare_sidecar.refusal import Cause, RefusedError
from tests.e2e.deployment import await_
from tests.unit.sidecar.test_desk import CALL, MemoryLog, World, run

CALLS = [replace(CALL, id=name) for name in "abc"]
NOT_GRANTED = replace(CALL, id="d", purpose="marketing")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


class ShortLog(MemoryLog):
    """Takes so many records and then no more."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def offer(self, record: bytes) -> "asyncio.Future[Receipt]":
        if len(self.waiting) == self.most:
            raise AuditError("the disk is full")
        return super().offer(record)


class HeldUp(Usage):
    """Counts, but for the second call."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def take_all(self, quotas: Mapping[str, int], day: date) -> bool:
        self.asked += 1
        if self.asked == 2:
            raise RefusedError(Cause.BUSY)
        return super().take_all(quotas, day)


def asked(calls: Sequence[Call]) -> list[Asked]:
    return [Asked(call, Evidence(), "test") for call in calls]


def told(answers: Sequence[object]) -> list[tuple[str, str]]:
    found = [answer for answer in answers if isinstance(answer, Answer)]
    assert len(found) == len(answers)
    for answer in found:
        assert answer.receipt is not None
        assert parse_record(answer.receipt.record)["id"] == answer.record_id
    return [(answer.id, answer.decision.outcome.value) for answer in found]


def test_each_is_answered_as_by_itself_and_recorded_in_order(world: World) -> None:
    async def scenario() -> None:
        calls = [*CALLS, NOT_GRANTED]
        task = asyncio.create_task(world.desk.answer_together(asked(calls)))
        await world.arrived()
        assert len(world.log.waiting) == 4, "all are offered before one is waited for"
        assert not task.done()
        world.log.take()
        together = told(await task)

        alone = []
        for call in calls:
            one = await world.ask(call)
            world.log.take()
            alone += told([await one])
        assert together == alone
        assert [outcome for _, outcome in together] == ["allow"] * 3 + ["deny"]
        ids = [parse_record(record)["call"]["id"] for record in world.log.records]
        assert ids == list("abcd") * 2

    run(world, scenario())


def test_one_whose_subject_is_counted_makes_them_wait_for_no_less(world: World) -> None:
    async def scenario() -> None:
        named = replace(CALL, id="s", subject="3301")
        task = asyncio.create_task(world.desk.answer_together(asked([CALLS[0], named])))
        await world.arrived()
        world.log.take()
        await world.arrived()
        assert not task.done()
        world.subjects.disk.set()
        await asyncio.to_thread(await_, lambda: len(world.log.waiting) == 1)
        world.log.take()
        assert [name for name, _ in told(await task)] == ["a", "s"]

    run(world, scenario())


def test_where_one_cannot_be_recorded_none_is_answered_and_the_desk_closes(world: World) -> None:
    async def scenario() -> None:
        task = asyncio.create_task(world.desk.answer_together(asked(CALLS)))
        await world.arrived()
        world.log.fail()
        with pytest.raises(AuditError, match="could not be recorded"):
            await task
        assert (world.desk.is_open, world.failures) == (False, 1)
        with pytest.raises(AuditError, match="until a restart"):
            await world.desk.answer_together(asked(CALLS))

    run(world, scenario())


def test_records_that_were_offered_before_the_log_refused_one_go_to_their_end(
    world: World,
) -> None:
    log = ShortLog(2)
    gate = replace(world.desk._records._gate, log=log)
    world.desk._records._gate = gate

    async def scenario() -> None:
        with pytest.raises(AuditError, match="could not be recorded"):
            await world.desk.answer_together(asked(CALLS))
        settled = asyncio.create_task(world.desk.settle())
        await world.arrived()
        assert not settled.done()
        log.take()
        await settled
        assert len(log.records) == 2
        assert not world.desk.is_open

    run(world, scenario())


def test_one_that_is_refused_on_the_way_is_told_so_and_the_others_are_answered(
    world: World,
) -> None:
    gate = world.desk._records._gate
    world.desk._records._gate = replace(gate, usage=HeldUp())

    async def scenario() -> None:
        task = asyncio.create_task(world.desk.answer_together(asked(CALLS)))
        await world.arrived()
        world.log.take()
        first, held_up, last = await task
        assert isinstance(held_up, RefusedError)
        assert told([first, last]) == [("a", "allow"), ("c", "allow")]

    run(world, scenario())


def test_a_caller_that_goes_away_takes_none_of_its_records_along(world: World) -> None:
    async def scenario() -> None:
        task = asyncio.create_task(world.desk.answer_together(asked(CALLS)))
        await world.arrived()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        world.log.take()
        await world.desk.settle()
        assert len(world.log.records) == 3

    run(world, scenario())


def test_each_is_counted_and_measured(world: World) -> None:
    async def scenario() -> None:
        task = asyncio.create_task(world.desk.answer_together(asked([*CALLS, NOT_GRANTED])))
        await world.arrived()
        world.log.take()
        await task
        shown = generate_latest(world.metrics.registry).decode()
        for line in (
            'govshare_answers_total{entrance="test",outcome="allow"} 3.0',
            'govshare_answers_total{entrance="test",outcome="deny"} 1.0',
            'govshare_call_seconds_count{entrance="test"} 4.0',
            "govshare_decision_seconds_count 4.0",
            "govshare_commit_seconds_count 4.0",
        ):
            assert line in shown, line

    run(world, scenario())


def test_there_is_room_for_as_many_as_the_caller_and_the_desk_have_places(world: World) -> None:
    async def scenario() -> None:
        with world.desk.room(Evidence(), 5) as room:
            assert room == 1, "the share of one caller"
            with world.desk.room(Evidence(), 1) as more:
                assert more == 0
            with world.desk.room(Evidence(spki=b"x"), 5) as others:
                assert others == 1
        assert world.desk.in_flight == 0
        task = asyncio.create_task(world.desk.answer_together(asked(CALLS)))
        await world.arrived()
        with world.desk.room(Evidence(), 1) as room:
            assert room == 0, "as many records are under way as there are places"
        world.log.take()
        await task

    run(world, scenario())


def test_nothing_asked_is_nothing_answered(world: World) -> None:
    async def scenario() -> None:
        assert list(await world.desk.answer_together([])) == []

    run(world, scenario())
