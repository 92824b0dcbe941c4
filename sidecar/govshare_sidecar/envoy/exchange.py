# SPDX-License-Identifier: Apache-2.0
"""One exchange over ``ext_proc``: decide, let the request on, let the released fields out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Final

from aiohttp import web
from google.protobuf.struct_pb2 import Struct

from govshare_policy.call import Call
from govshare_policy.errors import AuditError, GovshareError, IdentityError
from govshare_policy.gate import Answer
from govshare_policy.identity import Evidence
from govshare_policy.legal import Effect
from govshare_sidecar._pb import envoy_pb2 as pb
from govshare_sidecar.door import BODY_TIMEOUT_S
from govshare_sidecar.envoy.canary import MAX_BYTES, PATH, ROUTE, TOKEN, Trial
from govshare_sidecar.envoy.carrier import Carrier, HttpCarrier
from govshare_sidecar.envoy.counter import Counter, TrialError
from govshare_sidecar.envoy.frames import MEDIA_TYPE, Frames, frame, is_grpc
from govshare_sidecar.envoy.grpc_carrier import GrpcCarrier
from govshare_sidecar.envoy.heads import asked_of, client_certificate, immediate, to_remove
from govshare_sidecar.envoy.rpc_replies import denied_rpc, failed_rpc
from govshare_sidecar.envoy.settings import Filter
from govshare_sidecar.envoy.stream import EnvoyError, Head, LeftError, Stream
from govshare_sidecar.grpc_proxy.call import AskedRpc, committed, read_rpc, read_sent
from govshare_sidecar.metrics import Stage
from govshare_sidecar.problem import denial, language_of, release_headers, trouble
from govshare_sidecar.receipts import PLACE
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.release.released import BROKEN_OFF, CALLER_LEFT, RELEASED
from govshare_sidecar.request import Asked
from govshare_sidecar.tracing import TRACEPARENT, arrived, traced
from govshare_sidecar.tracing import onward as traceparent
from govshare_sidecar.upstream import UpstreamError

ENTRANCE: Final = "envoy_ext_proc"
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Caller:
    """Who asks, and how to answer in words.

    Attributes:
        der: The certificate on the connection to Envoy, if any.
        is_rpc: Whether a status of gRPC is what is read.
        language: What is read otherwise.
    """

    der: bytes | None
    is_rpc: bool
    language: str

    def denied(self, answer: Answer) -> pb.ProcessingResponse:
        """Return the denial *answer* in the caller's form."""
        if self.is_rpc:
            return denied_rpc(answer)
        return immediate(denial(answer, language=self.language))

    def failed(self, error: GovshareError, answer: Answer | None = None) -> pb.ProcessingResponse:
        """Return *error* in the caller's form; *answer* where the call had been allowed."""
        if self.is_rpc:
            return failed_rpc(error, answer)
        return immediate(trouble(error, language=self.language, answer=answer))


class Exchange:
    """One request through an Envoy, from its head to the end of its answer."""

    def __init__(self, counter: Counter, stream: Stream, *, spki: bytes) -> None:
        """Begin an exchange with the Envoy whose key is *spki*."""
        self._at = counter
        self._stream = stream
        self._spki = spki
        # Set once the head has been seen.
        self._caller = _Caller(der=None, is_rpc=False, language=language_of(""))

    async def run(self) -> None:
        """Answer one request.

        Raises:
            CallError: If it says no call.
            UpstreamError: If an answer that had begun to leave may not go on.
            AuditError: If it was not recorded. Nothing was released.
            EnvoyError: If Envoy is not as it has to be, or goes out of step.
            LeftError: If Envoy ended the exchange.
        """
        self._at.proofs.verify_known(self._spki)
        head, attributes = await self._stream.opening()
        headers = head.headers
        language = language_of(headers.get("Accept-Language", ""))
        self._caller = _Caller(der=None, is_rpc=is_grpc(headers), language=language)
        self._caller = replace(self._caller, der=_certificate(head, attributes))
        method, path = headers.get(":method", ""), headers.get(":path", "")
        if TOKEN in headers:
            await self._canary(head, path)
            return
        self._at.proofs.verify(self._spki, Filter.EXT_PROC)
        evidence = self._at.evidence(self._caller.der)
        if path.startswith(PLACE):
            await self._stream.reply(immediate(self._at.receipt(method, path, evidence)))
            return
        arrived(headers.getall(TRACEPARENT, ()))
        with self._at.desk.place(evidence), self._at.desk.call(ENTRANCE):
            if self._caller.is_rpc:
                await self._answer_rpc(head, path)
            else:
                asked = asked_of(method, path, headers, self._at.config.routes)
                await self._answer_http(head, asked)

    async def refuse(self, error: GovshareError) -> None:
        """Tell the caller *error* in the place of everything else.

        Raises:
            GovshareError: *error*, if the caller has been told something else already.
        """
        if self._stream.has_begun:
            raise error
        await self._stream.reply(self._caller.failed(error))

    async def _answer_http(self, head: Head, asked: Asked) -> None:
        if asked.method == "GET" and not head.is_all:
            raise RefusedError(Cause.BAD_BODY)
        if asked.method == "POST":
            asked = asked.with_body(await self._body(head, self._at.config.max_request_bytes))
        answer = await self._decided(asked.call, asked.values(), asked.shown)
        if answer is None:
            return
        onward = {
            ":path": asked.target.upstream(answer.decision.fields),
            **asked.headers,
            "Govshare-Record": answer.record_id,
            **traceparent(),
        }
        let_on = self._stream.forward(
            onward.items(), to_remove(head.headers, onward), None if head.is_all else asked.body
        )
        carrier = HttpCarrier(
            self._stream,
            route=asked.target.route,
            fields=answer.decision.fields,
            headers=self._beside(answer),
            most=self._at.config.max_response_bytes,
        )
        await self._carry(answer, let_on, carrier)

    async def _answer_rpc(self, head: Head, path: str) -> None:
        config = self._at.config
        route = config.rpcs.get(path)
        if route is None:
            raise RefusedError(Cause.NO_ROUTE)
        asked, sent = read_rpc(route, head.headers.items(), onward=frozenset()), None
        data = b""
        if not route.method.client_streaming:
            data = await self._message(head)
            sent = read_sent(route, data, max_bytes=config.max_request_bytes)
            asked = asked.about(sent)
        shown = partial(asked.shown, message=data)
        answer = await self._decided(asked.call, committed(route, sent), shown)
        if answer is None:
            return
        carrier = GrpcCarrier(
            self._stream,
            route,
            config,
            fields=answer.decision.fields,
            headers=self._beside(answer),
            verify_in_force=lambda: self._verify_in_force(asked.call, answer),
        )
        body = None if sent is None else frame(sent.data)
        await self._carry(answer, self._let_rpc_on(head, asked, answer, body), carrier)

    async def _let_rpc_on(
        self, head: Head, asked: AskedRpc, answer: Answer, body: bytes | None
    ) -> None:
        onward = [
            ("Content-Type", MEDIA_TYPE),
            ("Grpc-Accept-Encoding", "identity"),
            *((key, str(value)) for key, value in traced(asked.onward(answer))),
        ]
        kept = ("Grpc-Timeout", *(name for name, _ in onward))
        await self._stream.forward(onward, to_remove(head.headers, kept), body)

    async def _message(self, head: Head) -> bytes:
        """Return the one message of the request."""
        most = self._at.config.max_request_bytes
        frames = Frames.asked(most)
        messages = list(frames.feed(await self._body(head, 2 * most)))
        frames.verify_empty()
        if len(messages) != 1:
            raise RefusedError(Cause.BAD_BODY)
        return messages[0]

    async def _body(self, head: Head, most: int) -> bytes:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                return await self._stream.request_body(head, most=most)
        except TimeoutError:
            raise RefusedError(Cause.SLOW) from None

    async def _decided(
        self, call: Call, values: Mapping[str, str], shown: Callable[[Evidence], Evidence]
    ) -> Answer | None:
        """Return the answer if it allows *call*; else tell the caller."""
        evidence = shown(self._at.evidence(self._caller.der))
        answer = await self._at.desk.answer(call, evidence, entrance=ENTRANCE, values=values)
        if answer.decision.effect is not Effect.DENY:
            return answer
        await self._stream.reply(self._caller.denied(answer))
        return None

    async def _carry(self, answer: Answer, let_on: Awaitable[None], carrier: Carrier) -> None:
        """Let the request on, release, record, answer: in that order only."""
        try:
            # What is filtered as it comes is released within that time.
            with self._at.desk.stage(Stage.UPSTREAM):
                await let_on
                await carrier.receive()
        except UpstreamError as error:
            self._at.metrics.upstream_failed(error.fault)
            _log.warning("%s", error)
            await self._at.desk.conclude(answer, carrier.outcome(error.fault.value))
            if self._stream.has_begun:
                raise
            await self._stream.reply(self._caller.failed(error, answer))
        except RefusedError:
            await self._at.desk.conclude(answer, carrier.outcome(BROKEN_OFF))
            raise
        except (LeftError, EnvoyError, asyncio.CancelledError):
            with suppress(AuditError):  # the desk has said so, and there is nobody else to tell
                status = BROKEN_OFF if self._at.stopping.is_set() else CALLER_LEFT
                await self._at.desk.conclude(answer, carrier.outcome(status))
            raise
        else:
            await self._at.desk.conclude(answer, carrier.outcome(RELEASED))
            await carrier.send()

    def _beside(self, answer: Answer) -> dict[str, str]:
        return {**release_headers(answer), **self._at.receipts.keep(answer)}

    def _verify_in_force(self, call: Call, answer: Answer) -> None:
        """Return only if the call would still be answered; a stream may outlive its grant."""
        self._at.desk.verify_in_force(call, answer, self._at.evidence(self._caller.der))
        if not self._at.desk.is_open:
            raise AuditError("the audit log has stopped, so nothing more is released")
        if self._at.stopping.is_set():
            raise RefusedError(Cause.BUSY, "the gateway is about to stop; ask again shortly")

    async def _canary(self, head: Head, path: str) -> None:
        """Do with a request of the sidecar's own what it says, and record nothing.

        Raises:
            RefusedError: If it is not of the sidecar's own.
            TrialError: If it asks for a failure.
        """
        trial = self._at.tokens.read(head.headers[TOKEN])
        if trial is None or path.partition("?")[0] != PATH:
            raise RefusedError(Cause.BAD_HEADER)
        shown = {TOKEN: self._spki.hex()}
        match trial[0]:
            case Trial.FAIL:
                raise TrialError("this is the failure that the self-test asks for")
            case Trial.DENY:
                refusal = web.Response(status=HTTPStatus.FORBIDDEN, body=b"{}", headers=shown)
                await self._stream.reply(immediate(refusal))
            case Trial.FILTER:
                await self._stream.forward((), to_remove(head.headers), None)
                carrier = HttpCarrier(
                    self._stream, route=ROUTE, fields=ROUTE.fields, headers=shown, most=MAX_BYTES
                )
                await carrier.receive()
                await carrier.send()


def _certificate(head: Head, attributes: Mapping[str, Struct]) -> bytes | None:
    try:
        return client_certificate(head.headers, attributes)
    except IdentityError as error:
        # Not the caller's doing: whatever it presented, Envoy does not show it.
        raise EnvoyError(str(error)) from None
