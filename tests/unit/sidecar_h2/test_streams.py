# SPDX-License-Identifier: Apache-2.0
"""Streams go both ways, each no faster than whoever reads it."""

import asyncio

import grpc
import pytest
from grpc import StatusCode

from govshare_sidecar.h2.framing import framed
from govshare_sidecar.h2.settings import Settings
from tests.unit.sidecar_h2.raw import (
    DATA,
    END_STREAM,
    HEADERS,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Raw,
    call,
    call_fields,
    data,
    frame,
    headers,
)
from tests.unit.sidecar_h2.served import method, run, serving, until


def test_messages_are_answered_while_more_come() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            stream = method(channel, "Each", "stream_stream")()
            for number in range(20):
                await stream.write(b"%d" % number)
                assert await stream.read() == b"%d" % number
            await stream.done_writing()
            assert await stream.read() == grpc.aio.EOF
            assert await stream.code() is StatusCode.OK
            assert world.servicer.closed == 1

    run(scenario())


def test_many_messages_keep_their_order() -> None:
    async def scenario() -> None:
        sent = [b"%d" % number * (number % 7) for number in range(3000)]
        async with serving() as world, world.channel() as channel:
            stream = method(channel, "Each", "stream_stream")(iter(sent))
            assert [message async for message in stream] == sent

    run(scenario())


def test_messages_of_any_size_reach_one_answer() -> None:
    async def scenario() -> None:
        sizes = [0, 1, 70_000, 1_000_000, 3]
        async with serving() as world, world.channel() as channel:
            world.servicer.gate.set()
            answer = await method(channel, "Slowly", "stream_unary")(map(bytes, sizes))
            assert answer == b"5"
            assert world.servicer.seen == sizes

    run(scenario())


def test_a_stream_of_answers_may_be_written_by_its_context() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            stream = method(channel, "Many", "unary_stream")(b"50")
            assert [len(message) async for message in stream] == [10_000] * 50
            empty = method(channel, "Many", "unary_stream")(b"0")
            assert [message async for message in empty] == []
            assert await empty.code() is StatusCode.OK

    run(scenario())


def test_a_servicer_waits_for_whoever_does_not_read() -> None:
    """Of an answer without end, no more is made than fits into what waits to leave."""

    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(call(1, b"1000", method="Many"))
            await until(lambda: world.servicer.written > 5)
            await asyncio.sleep(0.1)
            stood = world.servicer.written
            # The window of 64 KiB, what may be queued, and the one that waits.
            assert stood <= 15
            more = (200_000).to_bytes(4)
            raw.send(frame(WINDOW_UPDATE, more, stream=1) + frame(WINDOW_UPDATE, more))
            await until(lambda: world.servicer.written >= stood + 15)
            assert world.servicer.written < 100

    run(scenario())


def test_a_peer_that_reads_slowly_gets_everything() -> None:
    """Its windows are open, but the socket is full again and again."""

    async def scenario() -> None:
        wide = frame(SETTINGS, b"\0\4\x7f\xff\xff\xff") + frame(WINDOW_UPDATE, b"\x7f\xff\0\0")
        async with serving(room=4096) as world, Raw.to(world.port, room=4096) as raw:
            raw.send(wide + call(1, b"300", method="Many"))
            await until(lambda: world.servicer.written > 5)
            await asyncio.sleep(0.05)
            assert world.servicer.written < 150
            size = 0
            while (found := await raw.first(DATA, HEADERS)) is not None:
                size += len(found.payload) if found.kind == DATA else 0
                if found.flags & END_STREAM:
                    break
            assert size == 300 * 10_005

    run(scenario())


def test_whoever_goes_while_a_servicer_waits_ends_it() -> None:
    async def scenario() -> None:
        async with serving() as world:
            async with Raw.to(world.port) as raw:
                raw.send(call(1, b"1000", method="Many") + call(3, b"1000", method="Many"))
                await until(lambda: world.servicer.written > 10)
                raw.send(frame(RST_STREAM, bytes(4), stream=1))
                await until(lambda: world.servicer.cancelled == 1)
            await until(lambda: world.servicer.cancelled == 2)
            await until(lambda: world.under_way == 0 and world.connections == 0)

    run(scenario())


def test_whoever_is_not_read_from_is_not_let_send_more() -> None:
    """A window of messages waits for the servicer, and the caller for the servicer."""

    async def scenario() -> None:
        settings = Settings(window_bytes=70_000)
        async with serving(settings) as world, Raw.to(world.port) as raw:
            sent, part = 0, framed(bytes(9_995))
            raw.send(headers(1, call_fields("Slowly")))
            granted = 65_535
            while sent + len(part) <= granted:
                raw.send(data(1, part, ends=False))
                sent += len(part)
            raw.send(call(3))
            assert (await raw.fields(3))["grpc-status"] == "0"
            assert world.servicer.read == 0
            world.servicer.gate.set()
            async for update in raw.frames(WINDOW_UPDATE):
                if update.stream == 1:
                    break
            await until(lambda: world.servicer.read == sent // 10_000)

    run(scenario())


def test_one_stream_that_is_not_read_keeps_no_other_waiting() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            stuck = method(channel, "Slowly", "stream_unary")()
            for _ in range(20):
                await stuck.write(bytes(10_000))
            big = bytes(3_000_000)
            assert await method(channel, "Echo")(big) == big
            world.servicer.gate.set()
            await stuck.done_writing()
            assert await stuck == b"20"

    run(scenario())


@pytest.mark.parametrize("wrong", [b"\7\0\0\0\0", b"\0\xff\xff\xff\xff"], ids=["flag", "size"])
def test_a_wrong_message_ends_its_stream_and_the_servicer(wrong: bytes) -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(headers(1, call_fields("Each")) + data(1, framed(b"good"), ends=False))
            await until(lambda: world.servicer.read == 1)
            raw.send(data(1, wrong, ends=False))
            assert (await raw.fields(1))["grpc-status"] == ("8" if wrong[1] else "13")
            await until(lambda: world.servicer.closed == 1 and world.under_way == 0)

    run(scenario())


def test_a_wrong_message_right_behind_a_good_one_ends_the_stream_as_well() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            body = framed(b"good") + b"\7\0\0\0\0"
            raw.send(headers(1, call_fields("Each")) + data(1, body, ends=False))
            assert (await raw.fields(1))["grpc-status"] == "13"
            await until(lambda: world.under_way == 0)

    run(scenario())


def test_a_packed_message_that_does_not_unpack_ends_its_stream() -> None:
    async def scenario() -> None:
        async with serving(Settings(gzip=True)) as world, Raw.to(world.port) as raw:
            fields = call_fields("Each", grpc_encoding="gzip")
            raw.send(headers(1, fields) + data(1, b"\1\0\0\0\3abc"))
            found = await raw.fields(1)
            assert found["grpc-status"] == "13"
            assert found["grpc-message"] == "a message cannot be unpacked"
            await until(lambda: world.under_way == 0)

    run(scenario())


def test_a_stream_cut_inside_a_message_does_not_end_well() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(headers(1, call_fields("Each")) + data(1, framed(b"abc")[:-1]))
            assert (await raw.fields(1))["grpc-status"] == "13"
            await until(lambda: world.under_way == 0)

    run(scenario())


def test_nothing_is_written_behind_the_end_of_a_call() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            fields = call_fields("Late", grpc_timeout="500m")
            raw.send(headers(1, fields) + data(1, framed(b"")))
            assert (await raw.fields(1))["grpc-status"] == "4"
            await until(lambda: world.servicer.closed == 1 and world.under_way == 0)
            raw.send(call(3))
            found = await raw.first(HEADERS, DATA)
            assert found is not None
            assert (found.stream, found.kind) == (3, HEADERS)

    run(scenario())


def test_a_peer_that_makes_its_window_tiny_gets_its_answer_in_pieces() -> None:
    async def scenario() -> None:
        hello = frame(SETTINGS, b"\0\4" + (10).to_bytes(4))
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(hello + call(1, bytes(45)))
            got = b""
            while len(got) < 50:
                found = await raw.first(DATA)
                assert found is not None
                assert len(found.payload) <= 10
                got += found.payload
                raw.send(frame(WINDOW_UPDATE, (10).to_bytes(4), stream=1))
            assert got == framed(bytes(45))
            assert (await raw.fields(1))["grpc-status"] == "0"

    run(scenario())
