# SPDX-License-Identifier: Apache-2.0
"""One exchange over ``ext_proc``: decide, let the request on, let the released fields out."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web
from google.protobuf.struct_pb2 import Struct

from govshare_policy.errors import AuditError, IdentityError
from govshare_policy.gate import Answer
from govshare_policy.identity import Evidence
from govshare_policy.legal import Effect
from govshare_sidecar.desk import Desk
from govshare_sidecar.envoy.canary import MAX_BYTES, PATH, ROUTE, TOKEN, Proofs, Tokens, Trial
from govshare_sidecar.envoy.carrier import RELEASED, Carrier, HttpCarrier
from govshare_sidecar.envoy.grpc_carrier import GrpcCarrier
from govshare_sidecar.envoy.heads import asked_of, client_certificate, to_remove
from govshare_sidecar.envoy.settings import EnvoyConfig, Filter
from govshare_sidecar.envoy.stream import EnvoyError, Head, LeftError, Stream
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.problem import COMMON_HEADERS, denial, language_of, release_headers, trouble
from govshare_sidecar.receipts import PLACE, Receipts
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.request import BODY_TIMEOUT_S, Asked
from govshare_sidecar.upstream import UpstreamError

ENTRANCE: Final = "envoy_ext_proc"
CALLER_LEFT: Final = "caller_left"
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """What both services of this entrance work with."""

    config: EnvoyConfig
    desk: Desk
    authorities: ClientAuthorities
    metrics: Metrics
    proofs: Proofs
    tokens: Tokens
    receipts: Receipts

    def evidence(self, der: bytes | None) -> Evidence:
        """Return what the client's certificate *der* shows, as Envoy passed it on."""
        return self.authorities.evidence(der, network=self.config.network)

    def receipt(self, method: str, path: str, evidence: Evidence) -> web.Response:
        """Return the receipt at *path* for the caller that *evidence* shows.

        Raises:
            RefusedError: If there is none for this caller.
        """
        if method != "GET":
            raise RefusedError(Cause.METHOD)
        text = self.receipts.text(path, evidence.spki)
        return web.Response(text=text, headers=COMMON_HEADERS)


class Exchange:
    """One request through an Envoy, from its head to the end of its answer."""

    def __init__(self, counter: Counter, stream: Stream, *, spki: bytes) -> None:
        """Begin an exchange with the Envoy whose key is *spki*."""
        self._at = counter
        self._stream = stream
        self._spki = spki
        # What the caller reads; known once the head has been seen.
        self.language = language_of("")

    async def run(self) -> None:
        """Answer one request.

        Raises:
            CallError: If it says no call.
            AuditError: If it was not recorded. Nothing was released.
            EnvoyError: If Envoy is not as it has to be, or goes out of step.
            LeftError: If Envoy ended the exchange.
        """
        head, attributes = await self._stream.opening()
        headers = head.headers
        method, path = headers.get(":method", ""), headers.get(":path", "")
        self.language = language_of(headers.get("Accept-Language", ""))
        evidence = self._evidence(head, attributes)
        if TOKEN in headers:
            await self._canary(head, path)
            return
        self._at.proofs.verify(self._spki, Filter.EXT_PROC)
        if path.startswith(PLACE):
            await self._stream.reply(self._at.receipt(method, path, evidence))
            return
        with self._at.desk.place(evidence):
            asked = asked_of(method, path, headers, self._at.config.routes)
            await self._answer(head, await self._with_body(head, asked), evidence)

    def _evidence(self, head: Head, attributes: Mapping[str, Struct]) -> Evidence:
        try:
            return self._at.evidence(client_certificate(head.headers, attributes))
        except IdentityError as error:
            # Not the caller's doing: whatever it presented, Envoy does not show it.
            raise EnvoyError(str(error)) from None

    async def _with_body(self, head: Head, asked: Asked) -> Asked:
        if asked.method == "GET":
            if not head.is_all:
                raise RefusedError(Cause.BAD_BODY)
            return asked
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                most = self._at.config.max_request_bytes
                return replace(asked, body=await self._stream.request_body(head, most=most))
        except TimeoutError:
            raise RefusedError(Cause.SLOW) from None

    async def _answer(self, head: Head, asked: Asked, evidence: Evidence) -> None:
        """Decide, let the request on, release, record, answer: in that order only."""
        answer = await self._at.desk.answer(
            asked.call, evidence, entrance=ENTRANCE, values=asked.values()
        )
        if answer.decision.effect is Effect.DENY:
            await self._stream.reply(denial(answer, language=self.language))
            return
        carrier = self._carrier(asked, answer)
        try:
            await self._let_on(head, asked, answer)
            await carrier.receive()
        except UpstreamError as error:
            self._at.metrics.upstream_failed(error.fault)
            _log.warning("%s", error)
            await self._at.desk.conclude(answer, carrier.outcome(error.fault.value))
            if self._stream.has_begun:
                raise
            await self._stream.reply(trouble(error, language=self.language, answer=answer))
        except (LeftError, EnvoyError, asyncio.CancelledError):
            with suppress(AuditError):  # the desk has said so, and there is nobody else to tell
                await self._at.desk.conclude(answer, carrier.outcome(CALLER_LEFT))
            raise
        else:
            await self._at.desk.conclude(answer, carrier.outcome(RELEASED))
            await carrier.send()

    def _carrier(self, asked: Asked, answer: Answer) -> Carrier:
        headers = {**release_headers(answer), **self._at.receipts.keep(answer)}
        most, fields = self._at.config.max_response_bytes, answer.decision.fields
        route = asked.target.route
        method = self._at.config.methods.get(route.path)
        if method is not None:
            return GrpcCarrier(self._stream, method, fields=fields, headers=headers, most=most)
        return HttpCarrier(self._stream, route=route, fields=fields, headers=headers, most=most)

    async def _let_on(self, head: Head, asked: Asked, answer: Answer) -> None:
        """Let the request on, spelled anew, with nothing of the caller's but what may go on."""
        headers = {
            ":path": asked.target.upstream(answer.decision.fields),
            **asked.headers,
            "Govshare-Record": answer.record_id,
        }
        body = None if head.is_all else asked.body
        await self._stream.forward(headers.items(), to_remove(head.headers, headers), body)

    async def _canary(self, head: Head, path: str) -> None:
        """Do with a request of the sidecar's own what it says, and record nothing.

        Raises:
            RefusedError: If it is not of the sidecar's own.
            EnvoyError: If it asks for a failure, or Envoy goes out of step.
        """
        trial = self._at.tokens.read(head.headers[TOKEN])
        if trial is None or path.partition("?")[0] != PATH:
            raise RefusedError(Cause.BAD_HEADER)
        shown = {TOKEN: self._spki.hex()}
        match trial[0]:
            case Trial.FAIL:
                raise TrialError("this is the failure that the self-test asks for")
            case Trial.DENY:
                await self._stream.reply(web.Response(status=403, body=b"", headers=shown))
            case Trial.FILTER:
                await self._stream.forward((), to_remove(head.headers), None)
                carrier = HttpCarrier(
                    self._stream, route=ROUTE, fields=ROUTE.fields, headers=shown, most=MAX_BYTES
                )
                await carrier.receive()
                await carrier.send()


class TrialError(EnvoyError):
    """Nobody has to act: the self-test asks for an exchange that fails."""
