# SPDX-License-Identifier: Apache-2.0
"""The onward guard behind an Envoy: requests that leave, or answers that do, over ``ext_proc``."""

from collections.abc import AsyncIterable
from typing import Final, TypeAlias

import grpc

from govshare_policy.call import Recipient, RecipientKind
from govshare_policy.errors import GovshareError
from govshare_sidecar.egress.clearance import Leaving
from govshare_sidecar.egress.means import Means
from govshare_sidecar.egress.message_types import types_of
from govshare_sidecar.egress.parts import Parts, end_to_end, parts_of
from govshare_sidecar.egress.reading_settings import authority_of
from govshare_sidecar.egress.settings import Destination, EnvoyEgressConfig, Kind
from govshare_sidecar.envoy.heads import headers_of
from govshare_sidecar.envoy.processor import SERVICE
from govshare_sidecar.envoy.stream import EnvoyError, Head, LeftError, Stream, head_of
from govshare_sidecar.problem import language_of, trouble
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.rich import abort, told
from govshare_sidecar.upstream import Fault, UpstreamError

ENTRANCE: Final = "egress_envoy"
_PORTS: Final = {"http": 80, "https": 443}
_Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]


class EgressProcessor:
    """Answers ``Process``, a stream for each request that comes to an Envoy.

    A stream never ends without an error before its exchange is over: Envoy would take that as
    leave to let the rest through as it is.
    """

    name: Final = SERVICE

    def __init__(self, means: Means, own: EnvoyEgressConfig) -> None:
        self._at = means
        self._own = own

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what the server dispatches to; messages come and go as bytes."""
        process: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
            self.process
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Process": process})

    def drain(self) -> None:
        """End nothing: every exchange ends by itself."""

    async def process(self, messages: AsyncIterable[bytes], context: _Context) -> None:
        """Look at one exchange, or make Envoy give up on it."""
        stream = Stream(messages, context.write)
        language = language_of("")
        try:
            head, _ = await stream.opening()
            language = language_of(head.headers.get("Accept-Language", ""))
            with self._at.desk.call(ENTRANCE):
                if self._own.callers is None:
                    await self._request(stream, head, language)
                else:
                    await self._answer(stream, head, self._own.callers, language)
        except (LeftError, EnvoyError) as error:
            await abort(context, error)
        except GovshareError as error:
            said = told(error, self._at.metrics, entrance=ENTRANCE)
            if stream.has_begun:
                await abort(context, said)
            await stream.reply(trouble(said, language=language))
        await stream.rest()

    async def _request(self, stream: Stream, head: Head, language: str) -> None:
        """Look at a request that leaves; its answer comes in as it is."""
        headers = head.headers
        try:
            default_port = _PORTS[headers.get(":scheme", "http")]
            host = authority_of(headers.get(":authority", ""), default_port=default_port)
        except (KeyError, ValueError):
            raise RefusedError(Cause.BAD_TARGET) from None
        body = await stream.request_body(head, most=self._at.config.max_request_bytes)
        unknown = Destination(
            host=host, kind=Kind.COMPANY, recipient=Recipient(kind=RecipientKind.COMPANY)
        )
        to = self._at.config.destinations.get(host, unknown)
        sent = end_to_end(headers)
        target = headers.get(":path", "")
        types = types_of(self._at.config.messages, host, target)
        what = parts_of(body, sent, target=target, kind=types.request)
        leaving = self._leaving(what, to, language)
        if (refusal := await self._at.clearance.refusal_of(leaving)) is not None:
            await stream.reply(refusal)
            return
        await stream.forward((), (), None if head.is_all else body)
        await self._pass_back(stream)

    async def _answer(
        self, stream: Stream, head: Head, callers: Destination, language: str
    ) -> None:
        """Look at the answer of our own API; the request goes on as it is."""
        body = await stream.request_body(head, most=self._at.config.max_request_bytes)
        await stream.forward((), (), None if head.is_all else body)
        answer, _ = await stream.response_head()
        said, trailers = bytearray(), None
        ended = answer.is_all
        while not ended:
            message = await stream.next()
            match message.WhichOneof("request"):
                case "response_body":
                    said += message.response_body.body
                    ended = message.response_body.end_of_stream
                case "response_trailers":
                    trailers = headers_of(message.response_trailers.trailers)
                    ended = True
                case _:
                    raise EnvoyError("envoy handed over what has no place in an answer")
            if len(said) > self._at.config.max_response_bytes:
                raise UpstreamError(Fault.TOO_LARGE, "the answer is larger than may be looked at")
        sent = end_to_end(answer.headers)
        if trailers is not None:
            sent += end_to_end(trailers)
        types = types_of(self._at.config.messages, "", head.headers.get(":path", ""))
        what = parts_of(bytes(said), sent, kind=types.answer)
        leaving = self._leaving(what, callers, language)
        if (refusal := await self._at.clearance.refusal_of(leaving)) is not None:
            await stream.reply(refusal)
            return
        await stream.begin((), ())
        if not answer.is_all:
            await stream.send(bytes(said), is_last=trailers is None)
            if trailers is not None:
                await stream.end((), ())

    def _leaving(self, what: Parts, to: Destination, language: str) -> Leaving:
        evidence = self._at.authorities.evidence(self._own.system, network=self._own.network)
        return Leaving(
            what=what,
            evidence=evidence,
            whose=self._at.clearance.identify(evidence),
            to=to,
            door=ENTRANCE,
            language=language,
        )

    async def _pass_back(self, stream: Stream) -> None:
        """Let the answer from outside come in as it is."""
        head: Head | None = None
        while True:
            message = await stream.next()
            match message.WhichOneof("request"):
                case "response_headers":
                    head = head_of(message.response_headers)
                    if head.is_all:
                        await stream.begin((), ())
                        return
                case "response_body" if head is not None:
                    if not stream.has_begun:
                        await stream.begin((), ())
                    piece = message.response_body
                    await stream.send(piece.body, is_last=piece.end_of_stream)
                    if piece.end_of_stream:
                        return
                case "response_trailers" if head is not None:
                    if not stream.has_begun:
                        await stream.begin((), ())
                    await stream.end((), ())
                    return
                case _:
                    raise EnvoyError("envoy handed over what has no place in an answer")
