# SPDX-License-Identifier: Apache-2.0
"""An exchange keeps Envoy's order, and never ends before Envoy does."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from govshare_sidecar._pb import envoy_pb2 as pb
from govshare_sidecar.envoy.stream import EnvoyError, LeftError, Stream
from govshare_sidecar.refusal import Cause, RefusedError

FULL = pb.BODY_MODE_FULL_DUPLEX_STREAMED
CONFIG = pb.ProtocolConfig(request_body_mode=FULL, response_body_mode=FULL)
HEAD = pb.HttpHeaders()
OPENING = pb.ProcessingRequest(request_headers=HEAD, protocol_config=CONFIG)


def body(data: bytes, *, end_of_stream: bool = False) -> pb.ProcessingRequest:
    return pb.ProcessingRequest(request_body=pb.HttpBody(body=data, end_of_stream=end_of_stream))


class Envoy:
    """Says what it is told to, and remembers what it was told."""

    def __init__(self, *messages: pb.ProcessingRequest | bytes) -> None:
        self._messages = messages
        self.told: list[pb.ProcessingResponse] = []
        self.over = asyncio.Event()

    async def says(self) -> AsyncIterator[bytes]:
        for message in self._messages:
            yield message if isinstance(message, bytes) else message.SerializeToString()
        await self.over.wait()

    async def hears(self, data: bytes) -> None:
        self.told.append(pb.ProcessingResponse.FromString(data))

    def stream(self) -> Stream:
        return Stream(self.says(), self.hears)


def opening(**change: object) -> pb.ProcessingRequest:
    """Return the opening with *change* to what Envoy says about itself."""
    config = pb.ProtocolConfig()
    config.CopyFrom(CONFIG)
    for name, value in change.items():
        setattr(config, name, value)
    return pb.ProcessingRequest(request_headers=HEAD, protocol_config=config)


BAD = {
    "no message": (b"\xff", "no `ProcessingRequest`"),
    "no head": (body(b""), "does not begin with the headers"),
    "says nothing": (pb.ProcessingRequest(request_headers=HEAD), "FULL_DUPLEX_STREAMED"),
    "observes only": (
        pb.ProcessingRequest(request_headers=HEAD, protocol_config=CONFIG, observability_mode=True),
        "observability_mode",
    ),
    "does not wait": (
        opening(send_body_without_waiting_for_header_response=True),
        "send_body_without_waiting_for_header_response",
    ),
    **{
        f"{way} {name}": (opening(**{f"{way}_body_mode": mode}), "FULL_DUPLEX_STREAMED")
        for way in ("request", "response")
        for name, mode in pb.BodyMode.items()
        if mode != FULL
    },
}


@pytest.mark.parametrize(("first", "sentence"), BAD.values(), ids=BAD)
def test_an_envoy_that_would_pass_over_our_words_is_refused(
    first: pb.ProcessingRequest | bytes, sentence: str
) -> None:
    async def scenario() -> None:
        with pytest.raises(EnvoyError, match=sentence):
            await Envoy(first).stream().opening()

    asyncio.run(scenario())


def test_an_envoy_that_ends_the_exchange_has_left() -> None:
    async def scenario() -> None:
        envoy = Envoy(OPENING)
        envoy.over.set()
        stream = envoy.stream()
        await stream.opening()
        with pytest.raises(LeftError):
            await stream.next()

    asyncio.run(scenario())


def test_the_body_of_a_request_is_read_whole_and_not_beyond_its_limit() -> None:
    async def read(most: int) -> bytes:
        stream = Envoy(OPENING, body(b"abc"), body(b"de", end_of_stream=True)).stream()
        head, _ = await stream.opening()
        return await stream.request_body(head, most=most)

    assert asyncio.run(read(5)) == b"abcde"
    with pytest.raises(RefusedError) as caught:
        asyncio.run(read(4))
    assert caught.value.cause is Cause.TOO_LARGE


def test_trailers_of_a_request_are_refused() -> None:
    async def scenario() -> None:
        trailers = pb.ProcessingRequest(request_trailers=pb.HttpTrailers())
        stream = Envoy(OPENING, trailers).stream()
        head, _ = await stream.opening()
        with pytest.raises(RefusedError):
            await stream.request_body(head, most=1)

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 200_000])
def test_a_body_leaves_whole_in_pieces_of_which_the_last_says_so(size: int) -> None:
    async def scenario() -> list[pb.StreamedBody]:
        envoy = Envoy(OPENING)
        await envoy.stream().send(b"x" * size, is_last=True)
        return [told.response_body.response.body_mutation.streamed_response for told in envoy.told]

    pieces = asyncio.run(scenario())
    assert b"".join(piece.body for piece in pieces) == b"x" * size
    assert max(len(piece.body) for piece in pieces) <= 65_536
    assert [piece.end_of_stream for piece in pieces] == [False] * (len(pieces) - 1) + [True]


def test_an_exchange_lasts_until_envoy_ends_it() -> None:
    async def scenario() -> None:
        envoy = Envoy(OPENING)
        rest = asyncio.create_task(envoy.stream().rest())
        await asyncio.sleep(0.05)
        assert not rest.done()
        envoy.over.set()
        await asyncio.wait_for(rest, timeout=60)

    asyncio.run(scenario())
