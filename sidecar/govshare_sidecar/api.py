# SPDX-License-Identifier: Apache-2.0
"""The gRPC service ``govshare.v1.Enforcement``.

Requests arrive as bytes and are parsed here: the server's own answer to bytes that do not parse
quotes the parser, and nobody would count them.
"""

import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.descriptor_pool import DescriptorPool

from govshare_policy.call import Call
from govshare_policy.crypto import sm3
from govshare_policy.errors import AuditError, CallError, GovshareError
from govshare_policy.gate import Answer
from govshare_policy.identity import Evidence
from govshare_sidecar._pb import enforcement_pb2
from govshare_sidecar.asked import Asked
from govshare_sidecar.desk import Desk
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.limits import Limits, Places
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.release.pending import Releases
from govshare_sidecar.release.rpc import RELEASE, Releasing
from govshare_sidecar.rich import abort, answered, failure, told
from govshare_sidecar.stream import Streams
from govshare_sidecar.tracing import arrived_rpc
from govshare_sidecar.wire import (
    AnswerMessages,
    Requests,
    fill_receipt,
    parse_batch,
    parse_stream_request,
)

CHECK: Final = "grpc_check"
BATCH: Final = "grpc_batch"
STREAM: Final = "grpc_stream"
SERVICE: Final = enforcement_pb2.DESCRIPTOR.services_by_name["Enforcement"].full_name
_Context: TypeAlias = grpc.aio.ServicerContext[bytes, Any]


def evidence_of(
    context: _Context, authorities: ClientAuthorities, *, network: str
) -> Callable[[], Evidence]:
    """Return what shows the evidence of the connection, anew each time it is asked."""
    presented = next(iter(context.auth_context().get("x509_pem_cert", ())), None)
    der = None if presented is None else _der(presented)
    return lambda: authorities.evidence(der, network=network)


@lru_cache(maxsize=1024)
def _der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))


class Enforcement:
    """Answers calls. A denial is an answer; only what somebody must act on is an error."""

    name: Final = SERVICE

    def __init__(
        self,
        desk: Desk,
        authorities: ClientAuthorities,
        metrics: Metrics,
        *,
        network: str,
        limits: Limits,
        descriptors: DescriptorPool | None = None,
    ) -> None:
        self._desk = desk
        self._authorities = authorities
        self._metrics = metrics
        self._network = network
        self._limits = limits
        self._releases = Releases(ttl_s=limits.release_s, most=limits.releases)
        self._releasing = Releasing(desk, self._releases, descriptors=descriptors)
        self._open = Places(most=limits.streams, share=limits.streams_per_caller)
        self._requests = Requests()
        self._answers = AnswerMessages()
        self._streams: Streams[enforcement_pb2.CheckStreamResponse]
        self._streams = Streams(window=limits.window)

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what the server dispatches to."""
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        messages = enforcement_pb2
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Check": unary(self.check, None, messages.CheckResponse.SerializeToString),
                "CheckBatch": unary(
                    self.check_batch, None, messages.CheckBatchResponse.SerializeToString
                ),
                "CheckStream": stream(
                    self.check_stream, None, messages.CheckStreamResponse.SerializeToString
                ),
                "Release": unary(self.release, None, messages.ReleaseResponse.SerializeToString),
            },
        )

    def drain(self) -> None:
        """End the open streams, once what came in on them is answered."""
        self._streams.drain()

    async def check(self, data: bytes, context: _Context) -> enforcement_pb2.CheckResponse:
        """Answer one call."""
        work = self._check(data, self._evidence(context)(), CHECK)
        return await answered(work, context, self._metrics, entrance=CHECK)

    async def check_batch(
        self, data: bytes, context: _Context
    ) -> enforcement_pb2.CheckBatchResponse:
        """Answer many calls, in their order."""
        work = self._check_batch(data, self._evidence(context)())
        return await answered(work, context, self._metrics, entrance=BATCH)

    async def check_stream(
        self, messages: AsyncIterable[bytes], context: _Context
    ) -> AsyncGenerator[enforcement_pb2.CheckStreamResponse, None]:
        """Answer calls as they come, in their order."""
        evidence = self._evidence(context)
        answers = self._streams.answers(
            messages,
            lambda data: self._streamed(data, evidence()),
            told=lambda error: told(error, self._metrics, entrance=STREAM),
        )
        try:
            with self._open.hold(evidence().spki):
                async with aclosing(answers):
                    async for response in answers:
                        yield response
        except GovshareError as error:
            await abort(context, told(error, self._metrics, entrance=STREAM))

    async def release(self, data: bytes, context: _Context) -> enforcement_pb2.ReleaseResponse:
        """Filter what the department answered, and record that it leaves."""
        work = self._releasing.release(data, self._evidence(context)())
        return await answered(work, context, self._metrics, entrance=RELEASE)

    async def _check(
        self, data: bytes, evidence: Evidence, entrance: str
    ) -> enforcement_pb2.CheckResponse:
        with self._desk.place(evidence), self._desk.call(entrance):
            asked = self._asked(data, evidence, entrance)
            answer = await self._desk.answer(
                asked.call, asked.evidence, entrance=entrance, values=asked.values
            )
        response = enforcement_pb2.CheckResponse()
        self._respond(response, asked.call, answer)
        return response

    def _respond(self, response: enforcement_pb2.CheckResponse, call: Call, answer: Answer) -> None:
        """Write *answer* into the empty *response*."""
        if answer.receipt is None:
            raise AuditError("the answer came without a receipt")
        self._releases.keep(call, answer)
        self._answers.fill(response.answer, answer)
        fill_receipt(response.receipt, answer.record_id, answer.receipt)

    async def _check_batch(
        self, data: bytes, evidence: Evidence
    ) -> enforcement_pb2.CheckBatchResponse:
        requests = parse_batch(data, most=self._limits.batch)
        response = enforcement_pb2.CheckBatchResponse()
        for begin in range(0, len(requests), self._limits.window):
            together = requests[begin : begin + self._limits.window]
            results = [response.results.add() for _ in together]
            await self._answer(results, together, evidence, BATCH)
        return response

    async def _streamed(
        self, messages: Sequence[bytes], evidence: Evidence
    ) -> list[enforcement_pb2.CheckStreamResponse]:
        responses, results, requests = [], [], []
        for data in messages:
            response = enforcement_pb2.CheckStreamResponse()
            responses.append(response)
            try:
                response.id, request = parse_stream_request(data)
            except CallError as error:
                self._fail(response.result, error, STREAM)
                continue
            results.append(response.result)
            requests.append(request)
        await self._answer(results, requests, evidence, STREAM)
        return responses

    async def _answer(
        self,
        results: Sequence[enforcement_pb2.CheckResult],
        requests: Sequence[bytes],
        evidence: Evidence,
        entrance: str,
    ) -> None:
        """Write what becomes of each of *requests* into the empty *results*.

        Only what stops them all is raised.
        """
        asked: list[tuple[enforcement_pb2.CheckResult, Asked]] = []
        for result, request in zip(results, requests, strict=True):
            try:
                asked.append((result, self._asked(request, evidence, entrance)))
            except CallError as error:
                self._fail(result, error, entrance)
        with self._desk.room(evidence, len(asked)) as room:
            for result, _ in asked[room:]:
                self._fail(result, RefusedError(Cause.BUSY), entrance)
            taken = asked[:room]
            answers = await self._desk.answer_together([one for _, one in taken])
        for (result, one), answer in zip(taken, answers, strict=True):
            if isinstance(answer, CallError):
                self._fail(result, answer, entrance)
            else:
                self._respond(result.response, one.call, answer)

    def _asked(self, data: bytes, evidence: Evidence, entrance: str) -> Asked:
        """Return the call that a ``CheckRequest`` states.

        Raises:
            CallError: If it states none.
        """
        call, presented = self._requests.parse(data)
        shown = evidence if presented is None else replace(evidence, envelope=presented)
        # The message as it came: it may hold names that the record passes over.
        return Asked(call, shown, entrance, {"request": sm3(data).hex()})

    def _fail(self, result: enforcement_pb2.CheckResult, error: CallError, entrance: str) -> None:
        result.failure.CopyFrom(self._failure(error, entrance))

    def _failure(self, error: CallError, entrance: str) -> enforcement_pb2.Failure:
        return failure(told(error, self._metrics, entrance=entrance))

    def _evidence(self, context: _Context) -> Callable[[], Evidence]:
        arrived_rpc(context)
        return evidence_of(context, self._authorities, network=self._network)
