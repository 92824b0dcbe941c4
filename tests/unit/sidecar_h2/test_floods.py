# SPDX-License-Identifier: Apache-2.0
"""What costs a peer little and us much comes to an end, and honest peers do not come near it."""

import pytest

from govshare_sidecar.h2 import notes
from govshare_sidecar.h2.framing import framed
from govshare_sidecar.h2.settings import USUAL
from tests.unit.sidecar_h2.raw import (
    DATA,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    WINDOW_UPDATE,
    Raw,
    call,
    call_fields,
    data,
    frame,
    headers,
)
from tests.unit.sidecar_h2.served import run, serving, until

PADDED = 8
MESSAGE = framed(bytes(8000))


def padded(stream: int, payload: bytes, size: int) -> bytes:
    """Return a part of a body with *size* bytes that are none of it."""
    return frame(DATA, bytes([size]) + payload + bytes(size), flags=PADDED, stream=stream)


def grown(stream: int, size: int = 1) -> bytes:
    """Return what lets *size* bytes more leave."""
    return frame(WINDOW_UPDATE, size.to_bytes(4), stream=stream)


def bytewise(stream: int) -> bytes:
    """Return what begins a call and sends most of its message byte by byte."""
    parts = (MESSAGE[at : at + 1] for at in range(2000))
    return headers(stream) + b"".join(data(stream, part, ends=False) for part in parts)


FLOODS = {
    "a body byte by byte": bytewise(1),
    "two bodies byte by byte, in turn": headers(1)
    + headers(3)
    + (data(1, b"\0", ends=False) + data(3, b"\0", ends=False)) * 1000,
    "parts of a stream of messages": headers(1, call_fields("Slowly"))
    + data(1, b"\0", ends=False) * 2000,
    "empty parts, filled up": headers(1) + padded(1, b"", 40) * 1500,
    "parts of one byte, filled up": headers(1) + padded(1, b"\0", 40) * 1500,
    "room on the connection": grown(0) * 12_000,
    "room on a stream": headers(1) + grown(1) * 12_000,
    "room while an answer is waited for": call(1, method="Wait") + grown(1) * 12_000,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_of_small_frames_ends_its_connection_and_no_other(flood: bytes) -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as other, Raw.to(world.port) as raw:
            other.send(headers(1))
            await raw.sent(flood)
            told = await raw.first(GOAWAY)
            assert told is not None
            assert told.payload[7] == ENHANCE_YOUR_CALM
            assert await raw.is_over()
            await until(lambda: world.connections == 1)

            other.send(data(1, framed(b"a")))
            assert (await other.fields(1))["grpc-status"] == "0"

    run(scenario())


def test_a_message_in_many_small_parts_is_read() -> None:
    """Hundreds of parts are no flood, and of those that carry something any number."""

    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            world.servicer.gate.set()
            small = [data(1, MESSAGE[at : at + 1], ends=False) for at in range(900)]
            raw.send(headers(1, call_fields("Slowly")) + b"".join(small) + data(1, MESSAGE[900:]))
            assert (await raw.fields(1))["grpc-status"] == "0"

            message = framed(bytes(60_000))
            parts = [message[at : at + 40] for at in range(0, len(message), 40)]
            assert len(parts) > 1500
            body = b"".join(data(3, part, ends=False) for part in parts)
            raw.send(headers(3, call_fields("Slowly")) + body + data(3, b""))
            assert (await raw.fields(3))["grpc-status"] == "0"

    run(scenario())


def test_many_small_messages_in_one_go_are_read() -> None:
    """As a caller sends them that does not wait for answers."""

    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            world.servicer.gate.set()
            body = data(1, framed(bytes(30)), ends=False) * 1800
            raw.send(headers(1, call_fields("Slowly")) + body + data(1, b""))
            assert (await raw.fields(1))["grpc-status"] == "0"
            assert world.servicer.read == 1800

    run(scenario())


def test_whoever_tells_of_every_part_that_it_has_read_is_welcome() -> None:
    """Twice for each, and of very many at once."""

    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            for turn in range(30):
                streams = range(1 + 400 * turn, 401 + 400 * turn, 2)
                raw.send(b"".join(map(call, streams)))
                for _ in streams:
                    assert await raw.first(DATA) is not None
                raw.send(grown(0, 3) * 2 * len(streams))
            raw.send(call(12_001))
            assert await raw.first(DATA) is not None

    run(scenario())


def test_room_that_was_earned_is_not_saved_up_for_a_flood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notes, "_MOST_UPDATES_OWED", 100)

    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(b"".join(map(call, range(1, 1001, 2))))
            for _ in range(500):
                assert await raw.first(DATA) is not None
            await raw.sent(grown(0) * 10_200)
            assert await raw.first(GOAWAY) is not None
            assert await raw.is_over()

    run(scenario())


def test_what_comes_now_and_then_does_not_add_up() -> None:
    """From one look to the next it begins anew; what was earned stays."""
    seen = notes.Notes(USUAL)
    for updates, after in ((9_999, 0), (-5, -5)):
        seen.idle_frames, seen.updates = 999, updates
        seen.looked()
        assert (seen.idle_frames, seen.updates) == (0, after)
    seen.close()
