# SPDX-License-Identifier: Apache-2.0
"""The gRPC service ``govshare.v1.Enforcement``.

Requests arrive as bytes and are parsed here: the server's own answer to bytes that do not parse
quotes the parser, and nobody would count them.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool

from govshare_policy.audit import parse_record
from govshare_policy.crypto import sm3
from govshare_policy.errors import AuditError, CallError, GovshareError
from govshare_policy.gate import Outcome
from govshare_policy.identity import Evidence
from govshare_sidecar._pb import enforcement_pb2
from govshare_sidecar.descriptors import find_message
from govshare_sidecar.desk import Desk
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.limits import Limits, Places
from govshare_sidecar.metrics import Metrics, Stage
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.release import Released
from govshare_sidecar.release_answer import content_type, release_answer, route_of
from govshare_sidecar.releases import Allowed, Releases
from govshare_sidecar.rich import abort, answered, failure, told
from govshare_sidecar.routes import Form, RouteError
from govshare_sidecar.stream import Streams
from govshare_sidecar.tracing import arrived_rpc
from govshare_sidecar.upstream import Fault, UpstreamError
from govshare_sidecar.wire import (
    AnswerMessages,
    parse_batch,
    parse_enveloped,
    parse_message,
    parse_stream_request,
    receipt_to_message,
)

CHECK: Final = "grpc_check"
BATCH: Final = "grpc_batch"
STREAM: Final = "grpc_stream"
RELEASE: Final = "grpc_release"
SERVICE: Final = enforcement_pb2.DESCRIPTOR.services_by_name["Enforcement"].full_name
MAX_RELEASE_BYTES: Final = 8 << 20
# Above this, reading a body strictly takes long enough to keep other calls waiting.
_LARGE_BYTES: Final = 256 * 1024
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
        self._descriptors = descriptors
        self._authorities = authorities
        self._metrics = metrics
        self._network = network
        self._limits = limits
        self._releases = Releases(ttl_s=limits.release_s, most=limits.releases)
        self._open = Places(most=limits.streams, share=limits.streams_per_caller)
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
        work = self._release(data, self._evidence(context)())
        return await answered(work, context, self._metrics, entrance=RELEASE)

    async def _check(
        self, data: bytes, evidence: Evidence, entrance: str
    ) -> enforcement_pb2.CheckResponse:
        with self._desk.place(evidence), self._desk.call(entrance):
            call, presented = parse_enveloped(data)
            shown = evidence if presented is None else replace(evidence, envelope=presented)
            # The message as it came: it may hold names that the record passes over.
            values = {"request": sm3(data).hex()}
            answer = await self._desk.answer(call, shown, entrance=entrance, values=values)
        if answer.receipt is None:
            raise AuditError("the answer came without a receipt")
        self._releases.keep(call, answer)
        return enforcement_pb2.CheckResponse(
            answer=self._answers.message(answer),
            receipt=receipt_to_message(answer.record_id, answer.receipt),
        )

    async def _check_batch(
        self, data: bytes, evidence: Evidence
    ) -> enforcement_pb2.CheckBatchResponse:
        requests = parse_batch(data, most=self._limits.batch)
        room = asyncio.Semaphore(self._limits.window)

        async def one(request: bytes) -> enforcement_pb2.CheckResult:
            async with room:
                return await self._result(request, evidence, BATCH)

        # A task group: where one call cannot be recorded, the rest are not begun.
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(request)) for request in requests]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return enforcement_pb2.CheckBatchResponse(results=[task.result() for task in tasks])

    async def _streamed(
        self, data: bytes, evidence: Evidence
    ) -> enforcement_pb2.CheckStreamResponse:
        try:
            name, request = parse_stream_request(data)
        except CallError as error:
            result = enforcement_pb2.CheckResult(failure=self._failure(error, STREAM))
            return enforcement_pb2.CheckStreamResponse(result=result)
        result = await self._result(request, evidence, STREAM)
        return enforcement_pb2.CheckStreamResponse(id=name, result=result)

    async def _result(
        self, request: bytes, evidence: Evidence, entrance: str
    ) -> enforcement_pb2.CheckResult:
        """Return what became of one request of many; only what stops them all is raised."""
        try:
            response = await self._check(request, evidence, entrance)
        except CallError as error:
            return enforcement_pb2.CheckResult(failure=self._failure(error, entrance))
        return enforcement_pb2.CheckResult(response=response)

    def _failure(self, error: CallError, entrance: str) -> enforcement_pb2.Failure:
        return failure(told(error, self._metrics, entrance=entrance))

    async def _release(self, data: bytes, evidence: Evidence) -> enforcement_pb2.ReleaseResponse:
        """Find what was allowed, filter, record, answer: in that order only."""
        with self._desk.place(evidence), self._desk.call(RELEASE):
            request = parse_message(enforcement_pb2.ReleaseRequest, data)
            if len(request.body) > MAX_RELEASE_BYTES:
                raise RefusedError(Cause.TOO_LARGE)
            allowed = self._releases.take(request.record_id, evidence.spki)
            self._desk.verify_in_force(allowed.call, allowed.answer, evidence)
            try:
                with self._desk.stage(Stage.RELEASE):
                    released, announced = await self._filtered(request, allowed)
            except (UpstreamError, RouteError) as error:
                fault = error.fault if isinstance(error, UpstreamError) else Fault.UNREADABLE
                await self._desk.conclude(allowed.answer, Outcome(status=fault.value))
                raise RefusedError(Cause.NOT_JSON) from None
            outcome = Outcome(
                status="released",
                rows=released.rows,
                size_bytes=len(released.body),
                response=released.digest,
                records=released.records,
            )
            receipt = await self._desk.conclude(allowed.answer, outcome)
        record_id = str(parse_record(receipt.record)["id"])
        return enforcement_pb2.ReleaseResponse(
            body=released.body,
            rows=released.rows,
            receipt=receipt_to_message(record_id, receipt),
            content_type=announced,
        )

    async def _filtered(
        self, request: enforcement_pb2.ReleaseRequest, allowed: Allowed
    ) -> tuple[Released, str]:
        """Return what may leave, and its type."""
        route = route_of(
            request.content_type or content_type(Form.JSON),
            records=request.records,
            message=lambda: self._message(request.message),
        )
        filtered = partial(
            release_answer,
            request.body,
            allowed.answer.decision.fields,
            route=route,
            announced=content_type(route.form),
            content_encoding="",
            most=MAX_RELEASE_BYTES,
        )
        if len(request.body) < _LARGE_BYTES:
            return filtered(), content_type(route.form)
        return await asyncio.to_thread(filtered), content_type(route.form)

    def _message(self, name: str) -> Descriptor:
        if self._descriptors is None:
            raise RouteError("message", "is in no descriptor set")
        return find_message(self._descriptors, name)

    def _evidence(self, context: _Context) -> Callable[[], Evidence]:
        arrived_rpc(context)
        return evidence_of(context, self._authorities, network=self._network)
