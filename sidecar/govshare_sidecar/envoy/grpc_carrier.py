# SPDX-License-Identifier: Apache-2.0
"""An answer over gRPC: one message, held until its status is there, or a stream of them."""

from collections.abc import Iterator, Mapping
from typing import Final

from google.protobuf.struct_pb2 import Struct
from grpc import StatusCode
from multidict import CIMultiDictProxy

from govshare_policy.crypto import sm3_new
from govshare_policy.gate import Outcome
from govshare_sidecar.envoy.carrier import RELEASED, verify_size, verify_status
from govshare_sidecar.envoy.heads import headers_of, to_remove
from govshare_sidecar.envoy.settings import GrpcMethod
from govshare_sidecar.envoy.stream import EnvoyError, Head, Stream, head_of
from govshare_sidecar.release_protobuf import release_message
from govshare_sidecar.upstream import Fault, UpstreamError

MEDIA_TYPE: Final = "application/grpc"
_STATUS: Final = "grpc-status"
_PREFIX_BYTES: Final = 5
_SUCCESS: Final = str(StatusCode.OK.value[0])
_FAULTS: Final[Mapping[str, tuple[Fault, str]]] = {
    str(code.value[0]): said
    for code, said in {
        StatusCode.NOT_FOUND: (Fault.NO_SUCH_RECORD, "there is no such record"),
        StatusCode.DEADLINE_EXCEEDED: (
            Fault.TIMEOUT,
            "the department's API did not answer in time",
        ),
        StatusCode.UNAVAILABLE: (Fault.UNREACHABLE, "the department's API cannot be reached"),
    }.items()
}


class Frames:
    """Takes a body of gRPC apart into its messages."""

    def __init__(self, most: int) -> None:
        """Begin with nothing; no message may have more than *most* bytes."""
        self._most = most
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are whole now.

        Raises:
            UpstreamError: If one is compressed, or too large.
        """
        self._rest += data
        while len(self._rest) >= _PREFIX_BYTES:
            size = int.from_bytes(self._rest[1:_PREFIX_BYTES])
            if self._rest[0]:
                raise UpstreamError(Fault.UNREADABLE, "the department's answer is compressed")
            verify_size(size, self._most)
            end = _PREFIX_BYTES + size
            if len(self._rest) < end:
                return
            message, self._rest = self._rest[_PREFIX_BYTES:end], self._rest[end:]
            yield message

    def verify_empty(self) -> None:
        """Return only if nothing of a message is left.

        Raises:
            UpstreamError: If a part of one is.
        """
        if self._rest:
            raise UpstreamError(Fault.UNREADABLE, "the department's answer was cut off")


class GrpcCarrier:
    """Carries messages of gRPC; of a stream, each leaves as soon as it has been filtered."""

    def __init__(
        self,
        stream: Stream,
        method: GrpcMethod,
        *,
        fields: tuple[str, ...],
        headers: Mapping[str, str],
        most: int,
    ) -> None:
        """Wait for messages of at most *most* bytes, to release *fields* beside *headers*."""
        self._stream = stream
        self._method = method
        self._fields = fields
        self._headers = {"Content-Type": MEDIA_TYPE, **headers}
        self._frames = Frames(most)
        self._head: Head | None = None
        self._trailers: CIMultiDictProxy[str] | None = None
        self._held: bytes | None = None
        self._rows = 0
        self._size = 0
        self._digest = sm3_new()

    async def receive(self) -> None:
        """Return once the trailers are there; they say whether the messages before were all."""
        while self._trailers is None:
            message = await self._stream.next()
            match message.WhichOneof("request"):
                case "request_body":
                    body = message.request_body
                    await self._stream.pass_on(body.body, is_last=body.end_of_stream)
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
        if not self._method.descriptor.server_streaming and self._held is None:
            raise UpstreamError(Fault.UNREADABLE, "the department's answer holds no message")

    def outcome(self, status: str) -> Outcome:
        """Return how much leaves; of a stream, that may be some before it failed."""
        if self._held is not None and status != RELEASED:
            return Outcome(status=status)
        return Outcome(
            status=status,
            rows=self._rows,
            size_bytes=self._size,
            response=self._digest.digest() if self._size else b"",
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
        descriptor, records = self._method.descriptor, self._method.route.records
        for message in self._frames.feed(data):
            released = release_message(
                message, self._fields, kind=descriptor.output_type, records=records
            )
            frame = len(released.body).to_bytes(_PREFIX_BYTES) + released.body
            if descriptor.server_streaming:
                await self._let_begin(head)
                await self._stream.send(frame, is_last=False)
            elif self._held is None:
                self._held = frame
            else:
                raise UpstreamError(Fault.UNREADABLE, "the department answers with two messages")
            self._rows += released.rows
            self._size += len(released.body)
            self._digest.update(released.body)

    async def _let_begin(self, head: Head) -> None:
        if not self._stream.has_begun:
            kept = (*self._headers, _STATUS) if head.is_all else self._headers
            await self._stream.begin(self._headers.items(), to_remove(head.headers, kept))


def is_grpc(headers: CIMultiDictProxy[str]) -> bool:
    """Tell whether *headers* announce messages of gRPC."""
    media = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media == MEDIA_TYPE or media.startswith(f"{MEDIA_TYPE}+")


def _verify_success(trailers: CIMultiDictProxy[str]) -> None:
    status = ",".join(trailers.getall(_STATUS, ()))
    if status != _SUCCESS:
        fault, sentence = _FAULTS.get(
            status, (Fault.STATUS, "the department's API did not answer with success")
        )
        raise UpstreamError(fault, sentence)
