# SPDX-License-Identifier: Apache-2.0
"""An answer over gRPC: one message, held until its status is there, or a stream of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from google.protobuf.descriptor import MethodDescriptor
from grpc import StatusCode
from multidict import CIMultiDictProxy

from govshare_policy.crypto import sm3_new
from govshare_policy.gate import Outcome
from govshare_sidecar.envoy.carrier import verify_size, verify_status
from govshare_sidecar.envoy.heads import headers_of, to_remove
from govshare_sidecar.envoy.stream import EnvoyError, Head, Stream
from govshare_sidecar.release_protobuf import release_message
from govshare_sidecar.routes import Route
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


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcMethod:
    """A method of gRPC: the call it stands for, and its messages."""

    route: Route
    descriptor: MethodDescriptor


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
                    self._begin(message.response_headers, message.attributes)
                case "response_body":
                    await self._take(message.response_body.body)
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
        """Return how much has left, or is about to: of a stream perhaps some before it failed."""
        if not self._rows and not self._size:
            return Outcome(status=status)
        return Outcome(
            status=status,
            rows=self._rows,
            size_bytes=self._size,
            response=self._digest.digest(),
        )
