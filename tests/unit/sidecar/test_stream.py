# SPDX-License-Identifier: Apache-2.0
"""A stream answers in order, reads no further than its window, and ends whole."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from govshare_policy.errors import AuditError, EvaluationError, GovshareError
from govshare_sidecar.stream import Streams


class World:
    """Messages as they are sent, and what becomes of each."""

    def __init__(self, *, window: int = 4, together: bool = False) -> None:
        self.together = together
        self.streams: Streams[bytes] = Streams(window=window)
        self.sent: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.begun: list[bytes] = []
        self.groups: list[int] = []
        self.cancelled: list[bytes] = []
        self.gates: dict[bytes, asyncio.Event] = {}
        self.errors: dict[bytes, Exception] = {}

    def send(self, *messages: bytes | None) -> None:
        for message in messages:
            self.sent.put_nowait(message)

    async def messages(self) -> AsyncIterator[bytes]:
        while (message := await self.sent.get()) is not None:
            yield message
            if not self.together:
                await asyncio.sleep(0)

    async def answer(self, messages: Sequence[bytes]) -> list[bytes]:
        self.begun += messages
        self.groups.append(len(messages))
        try:
            for message in messages:
                if message in self.gates:
                    await self.gates[message].wait()
        except asyncio.CancelledError:
            self.cancelled += messages
            raise
        for message in messages:
            if message in self.errors:
                raise self.errors[message]
        return [message.upper() for message in messages]

    def answers(self) -> Any:  # noqa: ANN401  an async generator of bytes
        def told(error: BaseException) -> GovshareError:
            return error if isinstance(error, GovshareError) else EvaluationError("unforeseen")

        return self.streams.answers(self.messages(), self.answer, told=told)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, timeout=60))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_answers_come_in_order_though_the_first_takes_longest() -> None:
    async def scenario() -> None:
        world = World()
        world.gates[b"a"] = asyncio.Event()
        world.send(b"a", b"b", b"c", None)
        asyncio.get_running_loop().call_later(0.05, world.gates[b"a"].set)

        assert [answer async for answer in world.answers()] == [b"A", b"B", b"C"]
        assert world.begun == [b"a", b"b", b"c"]

    run(scenario())


def test_no_more_is_begun_than_the_window_until_an_answer_is_taken() -> None:
    async def scenario() -> None:
        world = World(window=2)
        world.send(b"a", b"b", b"c", b"d", None)
        async with aclosing(world.answers()) as answers:
            assert await anext(answers) == b"A"
            await settle()
            assert world.begun == [b"a", b"b"]
            assert await anext(answers) == b"B"
            await settle()
            assert world.begun == [b"a", b"b", b"c"]

    run(scenario())


def test_messages_that_are_there_together_are_answered_together() -> None:
    async def scenario() -> None:
        world = World(window=3, together=True)
        world.send(b"a", b"b", b"c", b"d", None)

        assert [answer async for answer in world.answers()] == [b"A", b"B", b"C", b"D"]
        assert world.begun == [b"a", b"b", b"c", b"d"]
        assert world.groups == [3, 1]

    run(scenario())


def test_a_group_that_nobody_waits_for_any_more_is_not_begun() -> None:
    async def scenario() -> None:
        world, before = World(together=True), asyncio.all_tasks()
        answers = world.answers()
        task = asyncio.create_task(anext(answers))
        await settle()
        world.send(b"a")
        task.cancel()  # at the turn of the loop in which the message is read
        await asyncio.gather(task, return_exceptions=True)
        await settle()
        assert world.begun == []
        assert asyncio.all_tasks() == before

    run(scenario())


@pytest.mark.parametrize(
    ("error", "kind"), [(AuditError("full"), AuditError), (KeyError("4711"), EvaluationError)]
)
def test_an_error_ends_the_stream_behind_the_answers_before_it(
    error: Exception, kind: type[GovshareError]
) -> None:
    async def scenario() -> None:
        world = World()
        world.errors[b"b"] = error
        world.gates[b"c"] = asyncio.Event()
        world.send(b"a", b"b", b"c")
        async with aclosing(world.answers()) as answers:
            assert await anext(answers) == b"A"
            await settle()
            with pytest.raises(kind):
                await anext(answers)
        assert world.cancelled == [b"c"]

    run(scenario())


def test_a_caller_that_goes_away_leaves_nothing_running() -> None:
    async def scenario() -> None:
        world, before = World(), asyncio.all_tasks()
        world.gates[b"a"] = asyncio.Event()
        world.send(b"a")
        answers = world.answers()
        task = asyncio.create_task(anext(answers))
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert world.cancelled == [b"a"]
        assert asyncio.all_tasks() == before

    run(scenario())


def test_a_drain_answers_what_was_read_and_then_ends_the_stream() -> None:
    async def scenario() -> None:
        world = World()
        world.gates[b"a"] = asyncio.Event()
        world.send(b"a")
        async with aclosing(world.answers()) as answers:
            first = asyncio.create_task(anext(answers))
            await settle()
            world.streams.drain()
            world.send(b"b")
            world.gates[b"a"].set()
            assert await first == b"A"
            with pytest.raises(AuditError, match="is being stopped"):
                await anext(answers)
        assert world.begun == [b"a"]

    run(scenario())


def test_a_stream_that_comes_during_a_drain_ends_at_once() -> None:
    async def scenario() -> None:
        world = World()
        world.streams.drain()
        world.send(b"a")
        with pytest.raises(AuditError, match="is being stopped"):
            await anext(world.answers())
        assert world.begun == []

    run(scenario())


def test_messages_that_break_off_end_the_stream() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise OSError("the connection is gone")

    async def scenario() -> None:
        world = World()
        answers = world.streams.answers(
            broken(), world.answer, told=lambda _: EvaluationError("unforeseen")
        )
        async with aclosing(answers):
            assert await anext(answers) == b"A"
            with pytest.raises(EvaluationError):
                await anext(answers)

    run(scenario())
