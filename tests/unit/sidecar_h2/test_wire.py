# SPDX-License-Identifier: Apache-2.0
"""What a peer may send, frame by frame, and what it gets for anything else."""

import asyncio

import pytest

from govshare_sidecar.h2.framing import framed
from govshare_sidecar.h2.settings import Settings
from tests.unit.sidecar_h2.raw import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    Frame,
    Raw,
    block,
    call,
    call_fields,
    data,
    frame,
    headers,
)
from tests.unit.sidecar_h2.served import run, serving, until

HELLO = PREFACE + frame(SETTINGS)


def test_an_answer_is_head_message_and_trailers() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(call(1, b"abc"))
            frames = [await raw.first(HEADERS, DATA) for _ in range(3)]
            kinds = [(found.kind, found.flags & END_STREAM) for found in frames if found]
            assert kinds == [(HEADERS, 0), (DATA, 0), (HEADERS, END_STREAM)]
            assert frames[1] is not None
            assert frames[1].payload == framed(b"abc")

    run(scenario())


def test_a_call_may_come_byte_by_byte() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port, hello=b"") as raw:
            for byte in HELLO + call(1, b"a"):
                await raw.sent(bytes([byte]))
                await asyncio.sleep(0)
            assert (await raw.fields(1))["grpc-status"] == "0"

    run(scenario())


def test_trailers_of_the_caller_end_its_messages() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            ending = frame(HEADERS, block([(b"x", b"y")]), flags=5, stream=1)
            raw.send(headers(1) + data(1, framed(b"a"), ends=False) + ending)
            assert (await raw.fields(1))["grpc-status"] == "0"

    run(scenario())


REFUSED = {
    "another content type": (call_fields(content_type="text/plain"), "415", "13"),
    "another method": (((b":method", b"PUT"), *call_fields()[1:]), "405", "13"),
    "no word of trailers": (call_fields()[:-1], "400", "13"),
    "a deadline nobody can read": (call_fields(grpc_timeout="soon"), "200", "13"),
    "an encoding nobody knows": (call_fields(grpc_encoding="br"), "200", "12"),
    "an unknown method": (call_fields("None"), "200", "12"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_call_is_answered_and_the_connection_goes_on(name: str) -> None:
    async def scenario() -> None:
        fields, status, code = REFUSED[name]
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(headers(1, fields))
            found = await raw.fields(1)
            assert (found[":status"], found["grpc-status"]) == (status, code)
            # Nobody waits for the rest of it.
            reset = await raw.first(RST_STREAM)
            assert reset is not None
            assert (reset.stream, reset.payload) == (1, bytes(4))
            raw.send(call(3))
            assert (await raw.fields(3))["grpc-status"] == "0"
            assert world.under_way == 0

    run(scenario())


BROKEN = {
    "nothing": b"",
    "a cut message": framed(b"abc")[:-1],
    "two messages": framed(b"a") + framed(b"b"),
    "a packed message": b"\1" + framed(b"a")[1:],
    "an unknown flag": b"\7" + framed(b"a")[1:],
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_body_that_is_not_one_message_is_refused(body: bytes) -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(headers(1) + data(1, body))
            assert (await raw.fields(1))["grpc-status"] == "13"
            assert (world.servicer.began, world.under_way) == (0, 0)

    run(scenario())


def test_a_message_too_large_is_refused_by_its_prefix_and_the_rest_is_not_waited_for() -> None:
    async def scenario() -> None:
        async with serving(Settings(message_bytes=1000)) as world, Raw.to(world.port) as raw:
            raw.send(headers(1) + data(1, b"\0" + (1001).to_bytes(4), ends=False))
            assert (await raw.fields(1))["grpc-status"] == "8"
            reset = await raw.first(RST_STREAM)
            assert reset is not None
            raw.send(data(1, bytes(900)) + call(3))
            assert (await raw.fields(3))["grpc-status"] == "0"

    run(scenario())


ENDS = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no preface": frame(SETTINGS) + call(1),
    "settings on a stream": HELLO + frame(SETTINGS, stream=1),
    "settings cut": HELLO + frame(SETTINGS, b"\0\3\0"),
    "a frame too large": HELLO + frame(PING, bytes(20_000)),
    "data without a stream": HELLO + data(0, b""),
    "data before a call": HELLO + data(1, framed(b"a")),
    "an even stream": HELLO + call(2),
    "headers nobody can decode": HELLO + frame(HEADERS, b"\xff" * 9, flags=4, stream=1),
    "a block interrupted": HELLO + headers(1, flags=0) + frame(PING, bytes(8)),
    "a continuation of nothing": HELLO + frame(CONTINUATION, b"", flags=4, stream=1),
}


@pytest.mark.parametrize("sent", ENDS.values(), ids=ENDS)
def test_what_is_not_http2_ends_the_connection_and_no_other(sent: bytes) -> None:
    async def scenario() -> None:
        async with (
            serving() as world,
            Raw.to(world.port) as other,
            Raw.to(world.port, hello=sent) as raw,
        ):
            assert await raw.is_over()
            other.send(call(1))
            assert (await other.fields(1))["grpc-status"] == "0"
            await until(lambda: world.connections == 1 and world.under_way == 0)

    run(scenario())


def test_a_stream_that_is_over_is_not_begun_again() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(call(5))
            assert (await raw.fields(5))["grpc-status"] == "0"
            raw.send(call(3) + call(5) + call(7))
            assert (await raw.fields(7))["grpc-status"] == "0"
            assert world.servicer.began == 2

    run(scenario())


SMUGGLED = {
    "a capital": ((b"X", b"y"),),
    "a line": ((b"x", b"a\r\ny: b"),),
    "a connection header": ((b"connection", b"close"),),
    "a second path": ((b":path", b"/"),),
    "a length that is wrong": ((b"content-length", b"99"),),
}


@pytest.mark.parametrize("more", SMUGGLED.values(), ids=SMUGGLED)
def test_header_fields_that_http2_forbids_reach_nobody(
    more: tuple[tuple[bytes, bytes], ...],
) -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(headers(1, call_fields() + more) + data(1, framed(b"")))
            reset = await raw.first(RST_STREAM)
            assert reset is not None
            assert reset.payload == b"\0\0\0\1"  # PROTOCOL_ERROR
            assert world.servicer.began == 0
            await until(lambda: world.under_way == 0)

    run(scenario())


def test_header_fields_over_the_limit_get_a_sentence_and_far_over_it_none() -> None:
    async def scenario() -> None:
        async with serving(Settings(metadata_bytes=2000)) as world, Raw.to(world.port) as raw:
            raw.send(headers(1, call_fields(x="y" * 3000)))
            assert (await raw.fields(1))["grpc-status"] == "8"
            raw.send(headers(3, call_fields(x="y" * 9000)))
            async for reset in raw.frames(RST_STREAM):
                if reset.stream == 3:
                    break
            raw.send(call(5))
            assert (await raw.fields(5))["grpc-status"] == "0"
            assert world.under_way == 0

    run(scenario())


def test_fields_that_are_named_again_and_again_count_each_time() -> None:
    """One byte names a field of the table; what it stands for is what counts."""

    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            # Remembers a field of 4,000 bytes, and names it 16,000 times: 64 MB out of 16 KB.
            remembered = b"\x40" + block([(b"x", b"y" * 4000)])[1:]
            bomb = block(call_fields()) + remembered + b"\xbe" * 11_000
            raw.send(frame(HEADERS, bomb, flags=END_HEADERS | END_STREAM, stream=1))
            reset = await raw.first(RST_STREAM)
            assert reset is not None
            assert world.servicer.began == 0

    run(scenario())


FLOODS = {
    "pings": frame(PING, bytes(8)) * 2000,
    "settings": frame(SETTINGS) * 2000,
    "priorities": frame(PRIORITY, bytes(5), stream=1) * 2000,
    "empty data": headers(1) + data(1, b"", ends=False) * 2000,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_frames_that_ask_for_nothing_end_the_connection_when_they_do_not_end(
    flood: bytes,
) -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            await raw.sent(flood)
            assert await raw.is_over()
            await until(lambda: world.connections == 0 and world.under_way == 0)

    run(scenario())


def test_whoever_pings_without_end_is_told_to_be_calm() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            pings, answer = 0, Frame(PING, 0, 0, b"")
            while answer.kind == PING and pings < 2000:
                raw.send(frame(PING, bytes(8)))
                pings += 1
                answer = await raw.first(PING, GOAWAY) or answer
            assert (answer.kind, answer.payload[7]) == (GOAWAY, ENHANCE_YOUR_CALM)
            assert 990 < pings <= 1001
            assert await raw.is_over()

    run(scenario())


def test_pings_between_answers_are_welcome() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            for number in range(5):
                raw.send(frame(PING, bytes(8)) * 300 + call(2 * number + 1))
                assert (await raw.fields(2 * number + 1))["grpc-status"] == "0"

    run(scenario())


def test_calls_that_are_taken_back_at_once_end_the_connection() -> None:
    """CVE-2023-44487: each is begun and cancelled before anybody counts it."""

    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            for number in range(1500):
                stream = 2 * number + 1
                reset = frame(RST_STREAM, b"\0\0\0\x08", stream=stream)
                await raw.sent(call(stream, method="Wait") + reset)
            assert await raw.first(GOAWAY) is not None
            assert await raw.is_over()
            await until(lambda: world.under_way == 0)
            assert world.servicer.began <= 1100

    run(scenario())


def test_answers_in_between_do_not_excuse_calls_that_are_taken_back() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            stream, answered = -1, True
            while answered and stream < 20_000:
                for _ in range(100):
                    stream += 2
                    reset = frame(RST_STREAM, b"\0\0\0\x08", stream=stream)
                    await raw.sent(call(stream, method="Wait") + reset)
                stream += 2
                raw.send(call(stream))
                answered = await raw.first(DATA) is not None
            assert not answered
            assert 2_000 <= stream < 20_000

    run(scenario())


def test_a_block_in_endless_pieces_ends_the_connection() -> None:
    """CVE-2024-28182: header fields that never come to their end."""

    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            await raw.sent(headers(1, flags=0))
            for _ in range(50):
                await raw.sent(frame(CONTINUATION, block([(b"x", b"y")]), stream=1))
            assert await raw.is_over()
            assert world.servicer.began == 0

    run(scenario())


def test_more_streams_than_allowed_are_refused_one_by_one() -> None:
    async def scenario() -> None:
        async with serving(Settings(streams=3)) as world, Raw.to(world.port) as raw:
            raw.send(b"".join(call(2 * number + 1, method="Wait") for number in range(5)))
            refused = [await raw.first(RST_STREAM) for _ in range(2)]
            assert {found.stream for found in refused if found} == {7, 9}
            world.servicer.gate.set()
            assert (await raw.fields(1))["grpc-status"] == "0"

    run(scenario())


def test_what_belongs_to_no_whole_message_is_bounded_on_a_connection() -> None:
    async def scenario() -> None:
        settings = Settings(held_bytes=40_000)
        async with serving(settings) as world, Raw.to(world.port) as raw:
            part = framed(bytes(20_000))[:15_000]
            raw.send(headers(1) + data(1, part, ends=False))
            raw.send(headers(3) + data(3, part, ends=False))
            raw.send(headers(5) + data(5, part, ends=False))
            assert (await raw.fields(5))["grpc-status"] == "8"
            raw.send(data(1, bytes(5_005)))
            assert (await raw.fields(1))["grpc-status"] == "0"
            raw.send(call(7, bytes(16_000)))
            assert (await raw.fields(7))["grpc-status"] == "0"

    run(scenario())
