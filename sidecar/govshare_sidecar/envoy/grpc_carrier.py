# SPDX-License-Identifier: Apache-2.0
"""An answer over gRPC: one message, held until its status is there, or a stream of them."""

from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.struct_pb2 import Struct
from grpc import StatusCode
from multidict import CIMultiDictProxy

from govshare_policy.crypto import sm3_new
from govshare_policy.gate import Outcome
from govshare_sidecar._pb import envoy_pb2 as pb
from govshare_sidecar.envoy.carrier import verify_status
from govshare_sidecar.envoy.frames import MEDIA_TYPE, Frames, frame, is_grpc
from govshare_sidecar.envoy.heads import headers_of, to_remove
from govshare_sidecar.envoy.settings import EnvoyConfig
from govshare_sidecar.envoy.stream import EnvoyError, Head, Stream, head_of
from govshare_sidecar.grpc_proxy.call import read_sent
from govshare_sidecar.grpc_proxy.settings import RpcRoute
from govshare_sidecar.grpc_proxy.upstream import fault_of_code
from govshare_sidecar.release.digests import message_digests
from govshare_sidecar.release.message import release_message
from govshare_sidecar.release.released import RELEASED
from govshare_sidecar.upstream import Fault, UpstreamError

_STATUS: Final = "grpc-status"
_SUCCESS: Final = str(StatusCode.OK.value[0])
_CODES: Final = {str(code.value[0]): code for code in StatusCode}


class GrpcCarrier:
    """Carries messages of gRPC; of a stream, each leaves as soon as it has been filtered."""

    def __init__(
        self,
        stream: Stream,
        route: RpcRoute,
        config: EnvoyConfig,
        *,
        fields: tuple[str, ...],
        headers: Mapping[str, str],
        verify_in_force: Callable[[], None],
    ) -> None:
        """Wait for messages, to release *fields* of them beside *headers*.

        Args:
            stream: Where they come from.
            route: What they are.
            config: How large they, and those that the caller still sends, may be.
            fields: What was granted.
            headers: What stands beside the data.
            verify_in_force: Raises if the call would be answered anew; asked before each message
                of a stream, which may outlive its grant.
        """
        self._stream = stream
        self._route = route
        self._verify_in_force = verify_in_force
        self._most_asked = config.max_request_bytes
        self._asked = Frames.asked(config.max_request_bytes)
        self._fields = fields
        self._headers = {"Content-Type": MEDIA_TYPE, **headers}
        self._frames = Frames.answered(config.max_response_bytes)
        self._head: Head | None = None
        self._trailers: CIMultiDictProxy[str] | None = None
        self._held: bytes | None = None
        self._rows = 0
        self._size = 0
        self._digest = sm3_new()
        self._records = bytearray()

    async def receive(self) -> None:
        """Return once the trailers are there; they say whether the messages before were all."""
        while self._trailers is None:
            message = await self._stream.next()
            match message.WhichOneof("request"):
                case "request_body":
                    await self._pass_on(message.request_body)
                case "response_headers":
                    self._arrive(head_of(message.response_headers), message.attributes)
                case "response_body" if self._head is not None:
                    await self._take(self._head, message.response_body.body)
                    if message.response_body.end_of_stream:
                        raise UpstreamError(
                            Fault.UNREADABLE, "the department's answer has no trailers"
                        )
                case "response_trailers":
                    self._trailers = headers_of(message.response_trailers.trailers)
                case _:
                    raise EnvoyError("envoy handed over what has no place in a call of gRPC")
        _verify_success(self._trailers)
        self._frames.verify_empty()
        if not self._route.method.server_streaming and self._held is None:
            raise UpstreamError(Fault.UNREADABLE, "the department's answer holds no message")

    def outcome(self, status: str) -> Outcome:
        """Return how much leaves; of a stream, that may be some before it failed."""
        if self._held is not None and status != RELEASED:
            return Outcome(status=status)
        return Outcome(
            status=status,
            rows=self._rows,
            size_bytes=self._size,
            response=self._digest.digest() if status == RELEASED or self._size else b"",
            records=bytes(self._records),
        )

    async def send(self) -> None:
        """Let go what is held, and the trailers with nothing in them but success."""
        if self._head is None or self._trailers is None:
            raise ValueError("nothing has been received")
        await self._let_begin(self._head)
        if self._held is not None:
            await self._stream.send(self._held, is_last=False)
        if not self._head.is_all:
            success = ((_STATUS, _SUCCESS),)
            await self._stream.end(success, to_remove(self._trailers, (_STATUS,)))

    def _arrive(self, head: Head, attributes: Mapping[str, Struct]) -> None:
        verify_status(head, attributes)
        if not is_grpc(head.headers):
            raise UpstreamError(Fault.UNREADABLE, "the department's answer is not gRPC")
        self._head = head
        if head.is_all:
            self._trailers = head.headers

    async def _take(self, head: Head, data: bytes) -> None:
        method, records = self._route.method, self._route.records
        for message in self._frames.feed(data):
            if method.server_streaming:
                self._verify_in_force()
            elif self._held is not None:
                raise UpstreamError(Fault.UNREADABLE, "the department answers with two messages")
            released = release_message(
                message, self._fields, kind=method.output_type, records=records
            )
            sent = frame(released.body)
            self._rows += released.rows
            self._size += len(released.body)
            self._records += message_digests(released.body, method.output_type, records)
            if method.server_streaming:
                # With its length, so that no two streams of messages have one digest.
                self._digest.update(sent[1:])
                await self._let_begin(head)
                await self._stream.send(sent, is_last=False)
            else:
                self._digest.update(released.body)
                self._held = sent

    async def _pass_on(self, body: pb.HttpBody) -> None:
        """Let what the caller sends meanwhile on, read and spelled anew."""
        most = self._most_asked
        messages = [
            frame(read_sent(self._route, message, max_bytes=most).data)
            for message in self._asked.feed(body.body)
        ]
        if body.end_of_stream:
            self._asked.verify_empty()
        if messages or body.end_of_stream:
            await self._stream.pass_on(b"".join(messages), is_last=body.end_of_stream)

    async def _let_begin(self, head: Head) -> None:
        if not self._stream.has_begun:
            kept = (*self._headers, _STATUS) if head.is_all else self._headers
            await self._stream.begin(self._headers.items(), to_remove(head.headers, kept))


def _verify_success(trailers: CIMultiDictProxy[str]) -> None:
    status = ",".join(trailers.getall(_STATUS, ()))
    if status != _SUCCESS:
        raise fault_of_code(_CODES.get(status))
