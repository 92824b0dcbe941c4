# SPDX-License-Identifier: Apache-2.0
"""Our own gRPC service, as the matrix sees it: one call, a batch of one, and a stream."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import grpc
from google.protobuf.json_format import ParseDict

from govshare_sidecar._pb import enforcement_pb2 as pb
from govshare_sidecar.server import Sidecar
from tests.e2e.callers import Callers
from tests.e2e.deployment import Deployment
from tests.e2e.matrix import MatrixCall, Told

SERVICE = "/govshare.v1.Enforcement"
_Stream: TypeAlias = "grpc.aio.StreamStreamCall[pb.CheckStreamRequest, pb.CheckStreamResponse]"


def told(response: pb.CheckResponse) -> Told:
    answer = response.answer
    return Told(answer.outcome, tuple(answer.clauses), response.receipt.record_id)


class GrpcEntrance:
    """``Check``."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def ask(self, call: MatrixCall) -> Told:
        request = ParseDict({"call": call.document()}, pb.CheckRequest())
        return told(await self._answer(self.channel(call.client), request))

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()

    def channel(self, client: str) -> grpc.aio.Channel:
        if client not in self._channels:
            credentials = self._callers.credentials(client)
            address = self._callers.addresses["grpc"]
            self._channels[client] = grpc.aio.secure_channel(address, credentials)
        return self._channels[client]

    async def _answer(
        self, channel: grpc.aio.Channel, request: pb.CheckRequest
    ) -> pb.CheckResponse:
        method: grpc.aio.UnaryUnaryMultiCallable[pb.CheckRequest, pb.CheckResponse]
        method = channel.unary_unary(
            f"{SERVICE}/Check",
            request_serializer=pb.CheckRequest.SerializeToString,
            response_deserializer=pb.CheckResponse.FromString,
        )
        return await method(request, timeout=60)


class BatchEntrance(GrpcEntrance):
    """``CheckBatch``."""

    async def _answer(
        self, channel: grpc.aio.Channel, request: pb.CheckRequest
    ) -> pb.CheckResponse:
        method: grpc.aio.UnaryUnaryMultiCallable[pb.CheckBatchRequest, pb.CheckBatchResponse]
        method = channel.unary_unary(
            f"{SERVICE}/CheckBatch",
            request_serializer=pb.CheckBatchRequest.SerializeToString,
            response_deserializer=pb.CheckBatchResponse.FromString,
        )
        [result] = (await method(pb.CheckBatchRequest(requests=[request]), timeout=60)).results
        return result.response


class StreamEntrance(GrpcEntrance):
    """``CheckStream``: one stream for all calls of a client."""

    def __init__(self, callers: Callers) -> None:
        super().__init__(callers)
        self._streams: dict[grpc.aio.Channel, _Stream] = {}

    async def close(self) -> None:
        for stream in self._streams.values():
            await stream.done_writing()
            assert await stream.read() is grpc.aio.EOF
        await super().close()

    async def _answer(
        self, channel: grpc.aio.Channel, request: pb.CheckRequest
    ) -> pb.CheckResponse:
        if channel not in self._streams:
            method: grpc.aio.StreamStreamMultiCallable[
                pb.CheckStreamRequest, pb.CheckStreamResponse
            ]
            method = channel.stream_stream(
                f"{SERVICE}/CheckStream",
                request_serializer=pb.CheckStreamRequest.SerializeToString,
                response_deserializer=pb.CheckStreamResponse.FromString,
            )
            self._streams[channel] = method(timeout=60)
        stream = self._streams[channel]
        await stream.write(pb.CheckStreamRequest(id="one", request=request))
        response = await stream.read()
        assert isinstance(response, pb.CheckStreamResponse)
        assert response.id == "one"
        return response.result.response


class GrpcAdapter:
    """Any of the three."""

    def __init__(self, kind: type[GrpcEntrance], transport: str = "native") -> None:
        self._kind = kind
        self._transport = transport

    def prepare(self, deployment: Deployment) -> None:
        """Choose the transport."""
        deployment.over(self._transport)

    @asynccontextmanager
    async def connect(self, sidecar: Sidecar, callers: Callers) -> AsyncIterator[GrpcEntrance]:
        entrance = self._kind(callers)
        try:
            yield entrance
        finally:
            await entrance.close()
