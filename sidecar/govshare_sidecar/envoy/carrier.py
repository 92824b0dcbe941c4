# SPDX-License-Identifier: Apache-2.0
"""An answer over HTTP, which is read whole before a byte of it leaves."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from google.protobuf.struct_pb2 import Struct
from multidict import CIMultiDictProxy

from govshare_policy.gate import Outcome
from govshare_sidecar.envoy.heads import headers_of, to_remove
from govshare_sidecar.envoy.stream import EnvoyError, Head, Stream
from govshare_sidecar.release.answer import content_type, release_answer
from govshare_sidecar.release.released import RELEASED, Released
from govshare_sidecar.routes import Route
from govshare_sidecar.upstream import Fault, UpstreamError

_DETAILS: Final = "response.code_details"
_FROM_UPSTREAM: Final = "via_upstream"
_OK: Final = range(200, 300)
# Above this, reading an answer strictly takes long enough to keep other calls waiting.
_LARGE_BYTES: Final = 256 * 1024


class Carrier(Protocol):
    """Carries the answer to one allowed call."""

    async def receive(self) -> None:
        """Return once all of the answer is there that is going to be, filtered.

        Raises:
            UpstreamError: If it is not one that may leave, or not any further.
            EnvoyError: If Envoy goes out of step.
            LeftError: If Envoy ended the exchange.
        """
        ...

    def outcome(self, status: str) -> Outcome:
        """Return what has left, or is about to, as the record with *status* says it."""
        ...

    async def send(self) -> None:
        """Let what is held back go."""
        ...


class HttpCarrier:
    """Carries a document in the form that its route states."""

    def __init__(
        self,
        stream: Stream,
        *,
        route: Route,
        fields: tuple[str, ...],
        headers: Mapping[str, str],
        most: int,
    ) -> None:
        """Wait for an answer of at most *most* bytes, to release *fields* beside *headers*."""
        self._stream = stream
        self._route = route
        self._fields = fields
        self._headers = {"Content-Type": content_type(route.form), **headers}
        self._most = most
        self._kept: tuple[_Arrived, Released] | None = None

    async def receive(self) -> None:
        """Return once the whole document is there, and nothing but the fields is left of it."""
        arrived = await self._arrived()
        if len(arrived.body) < _LARGE_BYTES:
            released = self._release(arrived)
        else:
            released = await asyncio.to_thread(self._release, arrived)
        self._kept = arrived, released

    def outcome(self, status: str) -> Outcome:
        """Return how much leaves: all, if the answer could be released, and else nothing."""
        if self._kept is None or status != RELEASED:
            return Outcome(status=status)
        _, released = self._kept
        return Outcome(
            status=status,
            rows=released.rows,
            size_bytes=len(released.body),
            response=released.digest,
            records=released.records,
        )

    async def send(self) -> None:
        """Send the released fields in the place of what arrived, and no other headers."""
        if self._kept is None:
            raise ValueError("nothing has been received")
        arrived, released = self._kept
        await self._stream.begin(
            self._headers.items(), to_remove(arrived.head.headers, self._headers)
        )
        await self._stream.send(released.body, is_last=arrived.trailers is None)
        if arrived.trailers is not None:
            await self._stream.end((), to_remove(arrived.trailers))

    def _release(self, arrived: "_Arrived") -> Released:
        headers = arrived.head.headers
        return release_answer(
            arrived.body,
            self._fields,
            route=self._route,
            announced=",".join(headers.getall("Content-Type", ())),
            content_encoding=",".join(headers.getall("Content-Encoding", ())),
            most=self._most,
        )

    async def _arrived(self) -> "_Arrived":
        """Return the whole answer, while the caller still waits for its head."""
        head, attributes = await self._stream.response_head()
        verify_status(head, attributes)
        body, trailers, ended = bytearray(), None, head.is_all
        while not ended:
            message = await self._stream.next()
            match message.WhichOneof("request"):
                case "response_body":
                    body += message.response_body.body
                    ended = message.response_body.end_of_stream
                case "response_trailers":
                    trailers, ended = headers_of(message.response_trailers.trailers), True
                case _:
                    raise EnvoyError("envoy did not hand over the body of the answer")
            if len(body) > self._most:
                raise UpstreamError(
                    Fault.TOO_LARGE, f"the department's answer is larger than {self._most} bytes"
                )
        return _Arrived(head=head, body=bytes(body), trailers=trailers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrived:
    """An answer of the department's API, whole.

    Attributes:
        trailers: What stood behind the body; ``None`` if the body was the end.
    """

    head: Head
    body: bytes
    trailers: CIMultiDictProxy[str] | None


def verify_status(head: Head, attributes: Mapping[str, Struct]) -> None:
    """Return only if the answer with *head* is one that may hold data.

    Raises:
        UpstreamError: If it is not. Of an answer that Envoy made up itself, *attributes* say so.
    """
    status = int(head.headers.get(":status", "0"))
    if status in _OK and status != HTTPStatus.PARTIAL_CONTENT:
        return
    details = next((str(said[_DETAILS]) for said in attributes.values() if _DETAILS in said), "")
    if "timeout" in details:
        raise UpstreamError(Fault.TIMEOUT, "the department's API did not answer in time")
    if details and details != _FROM_UPSTREAM:
        raise UpstreamError(Fault.UNREACHABLE, "the department's API cannot be reached")
    if status == HTTPStatus.NOT_FOUND:
        raise UpstreamError(Fault.NO_SUCH_RECORD, "there is no such record")
    raise UpstreamError(Fault.STATUS, "the department's API did not answer with success")
