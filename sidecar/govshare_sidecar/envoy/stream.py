# SPDX-License-Identifier: Apache-2.0
"""One exchange over ``ext_proc``: what Envoy says in its order, and what we say back."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct
from multidict import CIMultiDictProxy

from govshare_policy.errors import ObligationError
from govshare_sidecar._pb import envoy_pb2 as pb
from govshare_sidecar.envoy.heads import headers_of, immediate, to_set
from govshare_sidecar.refusal import Cause, RefusedError

# What Envoy's documents advise for a piece of a body.
_PIECE_BYTES: Final = 64 * 1024


class EnvoyError(ObligationError):
    """The operator must act: Envoy is not configured as the example is, or went out of step."""


class LeftError(ObligationError):
    """Nobody has to act: Envoy ended the exchange, as it does when the caller has gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a request or of an answer.

    Attributes:
        headers: With pseudo-headers such as ``:path``.
        is_all: Whether nothing follows it.
    """

    headers: CIMultiDictProxy[str]
    is_all: bool


class Stream:
    """Reads and writes the messages of one exchange."""

    def __init__(
        self, messages: AsyncIterable[bytes], write: Callable[[bytes], Awaitable[None]]
    ) -> None:
        self._messages = _read(messages)
        self._write = write
        # Whether the caller has been told a status, so that no other can be told any more.
        self.has_begun = False

    async def next(self) -> pb.ProcessingRequest:
        """Return the next message.

        Raises:
            LeftError: If there is none.
            EnvoyError: If it cannot be read, or Envoy passes over what we answer.
        """
        try:
            message = pb.ProcessingRequest.FromString(await anext(self._messages))
        except StopAsyncIteration:
            raise LeftError("envoy ended the exchange") from None
        except DecodeError:
            raise EnvoyError("envoy sent what is no `ProcessingRequest`") from None
        if message.observability_mode:
            raise EnvoyError("envoy is in `observability_mode`, so it lets everything through")
        return message

    async def opening(self) -> tuple[Head, Mapping[str, Struct]]:
        """Return the head of the request, and what Envoy says about its connection.

        Raises:
            LeftError: If Envoy ended the exchange.
            EnvoyError: If Envoy is not in the one mode that filters.
        """
        message = await self.next()
        if message.WhichOneof("request") != "request_headers":
            raise EnvoyError("envoy does not begin with the headers of the request")
        said = message.protocol_config
        modes = (said.request_body_mode, said.response_body_mode)
        if set(modes) != {pb.BODY_MODE_FULL_DUPLEX_STREAMED}:
            raise EnvoyError("envoy is not in the mode `FULL_DUPLEX_STREAMED` both ways")
        if said.send_body_without_waiting_for_header_response:
            raise EnvoyError("envoy has `send_body_without_waiting_for_header_response` set")
        return head_of(message.request_headers), message.attributes

    async def request_body(self, head: Head, *, most: int) -> bytes:
        """Return the whole body of the request.

        Raises:
            RefusedError: If it has more than *most* bytes, or trailers.
        """
        body = bytearray()
        ended = head.is_all
        while not ended:
            message = await self.next()
            if message.WhichOneof("request") != "request_body":
                raise RefusedError(Cause.BAD_BODY)
            body += message.request_body.body
            ended = message.request_body.end_of_stream
            if len(body) > most:
                raise RefusedError(Cause.TOO_LARGE)
        return bytes(body)

    async def response_head(self) -> tuple[Head, Mapping[str, Struct]]:
        """Return the head of the answer, and what Envoy says about where it is from.

        The head is held back until :meth:`begin`.

        Raises:
            EnvoyError: If Envoy goes out of step.
            LeftError: If Envoy ended the exchange.
        """
        message = await self.next()
        if message.WhichOneof("request") != "response_headers":
            raise EnvoyError("envoy did not hand over the headers of the answer")
        return head_of(message.response_headers), message.attributes

    async def forward(
        self, headers: Iterable[tuple[str, str]], removed: Iterable[str], body: bytes | None
    ) -> None:
        """Let the request on, with *headers* set and *removed* taken out, and its whole *body*."""
        await self._say(
            pb.ProcessingResponse(
                request_headers=pb.HeadersResponse(response=_mutation(headers, removed))
            )
        )
        for piece, is_last in _pieces(body) if body is not None else ():
            await self.pass_on(piece, is_last=is_last)

    async def pass_on(self, piece: bytes, *, is_last: bool) -> None:
        """Let a piece of the body of the request on as it is."""
        await self._say(
            pb.ProcessingResponse(request_body=pb.BodyResponse(response=_body(piece, is_last)))
        )

    async def begin(self, headers: Iterable[tuple[str, str]], removed: Iterable[str]) -> None:
        """Let the head of the answer go, with *headers* set and *removed* taken out.

        INVARIANT: called only once a part of the answer that follows the head has been seen. Only
        in the mode that filters does Envoy send it before; in any other it waits, and gives up.
        """
        self.has_begun = True
        await self._say(
            pb.ProcessingResponse(
                response_headers=pb.HeadersResponse(response=_mutation(headers, removed))
            )
        )

    async def send(self, body: bytes, *, is_last: bool) -> None:
        """Let *body* go, as a part of the answer."""
        for piece, ends in _pieces(body):
            await self._say(
                pb.ProcessingResponse(
                    response_body=pb.BodyResponse(response=_body(piece, ends and is_last))
                )
            )

    async def end(self, headers: Iterable[tuple[str, str]], removed: Iterable[str]) -> None:
        """Let the trailers of the answer go, with *headers* set and *removed* taken out."""
        mutation = _mutation(headers, removed).header_mutation
        await self._say(
            pb.ProcessingResponse(response_trailers=pb.TrailersResponse(header_mutation=mutation))
        )

    async def reply(self, response: web.Response | pb.ProcessingResponse) -> None:
        """Answer in the place of whatever else there would be."""
        self.has_begun = True
        if isinstance(response, web.Response):
            response = immediate(response)
        await self._say(response)

    async def rest(self) -> None:
        """Wait until Envoy ends the exchange. What it says meanwhile gets no answer.

        INVARIANT: no exchange returns before. An Envoy whose stream is closed without an error
        lets all that is still to come through as it is.
        """
        async for _ in self._messages:
            pass

    async def _say(self, response: pb.ProcessingResponse) -> None:
        await self._write(response.SerializeToString())


async def _read(messages: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    # The library complains of messages that were asked for and then left; these may never be.
    async for message in messages:
        yield message


def head_of(said: pb.HttpHeaders) -> Head:
    """Return *said* as a head."""
    return Head(headers=headers_of(said.headers), is_all=said.end_of_stream)


def _mutation(headers: Iterable[tuple[str, str]], removed: Iterable[str]) -> pb.CommonResponse:
    return pb.CommonResponse(
        header_mutation=pb.HeaderMutation(set_headers=to_set(headers), remove_headers=removed)
    )


def _body(piece: bytes, is_last: bool) -> pb.CommonResponse:  # noqa: FBT001
    streamed = pb.StreamedBody(body=piece, end_of_stream=is_last)
    return pb.CommonResponse(body_mutation=pb.BodyMutation(streamed_response=streamed))


def _pieces(body: bytes) -> Iterable[tuple[bytes, bool]]:
    """Yield *body* in pieces, and of each whether it is the last; there is at least one."""
    last = max(len(body) - 1, 0) // _PIECE_BYTES
    for number in range(last + 1):
        start = number * _PIECE_BYTES
        yield body[start : start + _PIECE_BYTES], number == last
