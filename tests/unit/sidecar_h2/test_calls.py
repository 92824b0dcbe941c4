# SPDX-License-Identifier: Apache-2.0
"""Calls of a real grpcio client get what grpcio's own server would give."""

import asyncio

import grpc
import pytest
from grpc import StatusCode

from govshare_sidecar.h2.settings import Settings
from tests.unit.sidecar_h2.served import DETAILS, ends, method, run, serving, until


def test_a_call_is_answered() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            assert await method(channel, "Echo")(b"data") == b"data"
            assert await method(channel, "Echo")(b"") == b""

    run(scenario())


def test_messages_are_turned_into_values_and_back() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            assert await method(channel, "Parsed")(b"41") == b"42"
            code, words = await ends(method(channel, "Parsed")(b"none"))
            assert (code, words) == (StatusCode.INTERNAL, "the gateway failed")

    run(scenario())


def test_messages_larger_than_any_window_go_both_ways() -> None:
    async def scenario() -> None:
        data = bytes(range(256)) * (20_000)
        async with serving() as world, world.channel() as channel:
            assert await method(channel, "Echo")(data) == data

    run(scenario())


def test_many_calls_at_once_are_not_mixed_up() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            echo = method(channel, "Echo")
            answers = await asyncio.gather(*(echo(b"%d" % number) for number in range(300)))
            assert answers == [b"%d" % number for number in range(300)]
            assert world.connections == 1

    run(scenario())


def test_a_message_over_the_limit_is_refused() -> None:
    async def scenario() -> None:
        async with serving(Settings(message_bytes=100_000)) as world, world.channel() as channel:
            echo = method(channel, "Echo")
            assert len(await echo(bytes(100_000))) == 100_000
            code, words = await ends(echo(bytes(100_001)))
            assert (code, words) == (
                StatusCode.RESOURCE_EXHAUSTED,
                "a message is larger than 100000 bytes",
            )
            assert world.servicer.began == 1

    run(scenario())


def test_an_abort_carries_its_words_and_details() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await method(channel, "Abort")(b"NOT_FOUND")
            assert caught.value.code() is StatusCode.NOT_FOUND
            assert caught.value.details() == "nothing — 没有 100%\n"
            trailing = caught.value.trailing_metadata()
            assert trailing is not None
            assert tuple(trailing) == DETAILS

    run(scenario())


def test_an_abort_never_means_that_all_is_well() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            code, _ = await ends(method(channel, "Abort")(b"OK"))
            assert code is StatusCode.UNKNOWN

    run(scenario())


@pytest.mark.parametrize("name", ["Fail", "Misuse", "Nothing"])
def test_the_text_of_an_unforeseen_error_stays_here(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            for data in (b"twice", b"status"):
                code, words = await ends(method(channel, name)(data))
                assert (code, words) == (StatusCode.INTERNAL, "the gateway failed")

    run(scenario())
    assert "unforeseen" in caplog.text


def test_a_servicer_that_cancels_itself_does_not_end_well() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            code, _ = await ends(method(channel, "Cancel")(b""))
            assert (code, world.under_way) == (StatusCode.CANCELLED, 0)

    run(scenario())


def test_metadata_goes_both_ways() -> None:
    async def scenario() -> None:
        sent = (("x", "y"), ("z-bin", b"\xff\0"))
        async with serving() as world, world.channel() as channel:
            call = method(channel, "Metadata")(b"", metadata=sent)
            await call
            assert tuple(await call.initial_metadata()) == (("a", "b"), ("c-bin", b"\0\1"))
            assert tuple(await call.trailing_metadata()) == (("t", "u"),)
            agent, *seen, shown = world.servicer.seen
            assert (agent[0], tuple(seen), shown) == ("user-agent", sent, {})

    run(scenario())


@pytest.mark.parametrize("path", ["/test.Service/None", "/other.Service/Echo", "/"])
def test_an_unknown_method_is_unimplemented(path: str) -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            code, _ = await ends(method(channel, path)(b""))
            assert code is StatusCode.UNIMPLEMENTED

    run(scenario())


def test_a_deadline_ends_the_servicer() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            # The connection stands before the time runs.
            assert await method(channel, "Echo")(b"a") == b"a"
            code, _ = await ends(method(channel, "Wait")(b"", timeout=1.0))
            assert code is StatusCode.DEADLINE_EXCEEDED
            await until(lambda: world.servicer.cancelled == 1 and world.under_way == 0)
            assert 0 < world.servicer.seen[0] < 1.05

    run(scenario())


def test_without_a_deadline_there_is_no_time_remaining() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            world.servicer.gate.set()
            await method(channel, "Wait")(b"")
            assert world.servicer.seen == [None]

    run(scenario())


def test_a_caller_that_goes_ends_its_servicer_and_no_other() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            staying = method(channel, "Wait")(b"stays")
            going = method(channel, "Wait")(b"goes")
            await until(lambda: world.servicer.began == 2)
            going.cancel()
            await until(lambda: world.servicer.cancelled == 1 and world.under_way == 1)
            world.servicer.gate.set()
            assert await staying == b"stays"

    run(scenario())


def test_a_channel_that_is_closed_ends_its_servicers() -> None:
    async def scenario() -> None:
        async with serving() as world:
            async with world.channel() as channel:
                call = method(channel, "Wait")(b"")
                await until(lambda: world.servicer.began == 1)
            assert call.cancelled()
            await until(lambda: world.servicer.cancelled == 1 and world.under_way == 0)

    run(scenario())


@pytest.mark.parametrize("is_read", [True, False])
def test_packed_messages_are_read_where_that_is_allowed_and_refused_elsewhere(
    is_read: bool,  # noqa: FBT001  a parameter of pytest
) -> None:
    async def scenario() -> None:
        data = b"a" * 50_000
        async with serving(Settings(gzip=is_read)) as world, world.channel() as channel:
            call = method(channel, "Echo")(data, compression=grpc.Compression.Gzip)
            if is_read:
                assert await call == data
            else:
                assert (await ends(call))[0] is StatusCode.UNIMPLEMENTED

    run(scenario())


def test_metadata_over_the_limit_is_refused() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel(max_metadata_size=1 << 20) as channel:
            big = (("k", "v" * 17_000),)
            code, words = await ends(method(channel, "Echo")(b"", metadata=big))
            assert code is StatusCode.RESOURCE_EXHAUSTED
            assert world.servicer.began == 0
            assert await method(channel, "Echo")(b"next") == b"next"
            assert "metadata" in words

    run(scenario())


def test_what_is_over_the_number_of_calls_is_refused_on_another_connection_too() -> None:
    async def scenario() -> None:
        async with (
            serving(Settings(streams=2)) as world,
            world.channel() as one,
            world.channel() as other,
        ):
            waiting = [asyncio.ensure_future(method(one, "Wait")(b"")) for _ in range(2)]
            await until(lambda: world.servicer.began == 2)
            code, words = await ends(method(other, "Echo")(b""))
            assert (code, words) == (
                StatusCode.RESOURCE_EXHAUSTED,
                "the gateway is full; ask again shortly",
            )
            world.servicer.gate.set()
            await asyncio.gather(*waiting)
            assert await method(other, "Echo")(b"again") == b"again"

    run(scenario())
