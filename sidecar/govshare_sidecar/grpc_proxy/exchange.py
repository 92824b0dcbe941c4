# SPDX-License-Identifier: Apache-2.0
"""One RPC through the proxy: decide, ask the department, let the released fields out."""

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import grpc

from govshare_policy.call import Call
from govshare_policy.crypto import sm3_new
from govshare_policy.errors import AuditError
from govshare_policy.gate import Answer, Outcome
from govshare_policy.identity import Evidence
from govshare_policy.legal import Effect
from govshare_sidecar.desk import Desk
from govshare_sidecar.grpc_proxy.call import AskedRpc, Sent, committed, read_rpc, read_sent
from govshare_sidecar.grpc_proxy.settings import GrpcProxyConfig, RpcRoute
from govshare_sidecar.grpc_proxy.upstream import GrpcUpstream, RpcCall, fault_of
from govshare_sidecar.limits import Places
from govshare_sidecar.metrics import Metrics, Stage
from govshare_sidecar.problem import record_headers, release_headers
from govshare_sidecar.refusal import RefusedError
from govshare_sidecar.release.digests import message_digests
from govshare_sidecar.release.message import release_message
from govshare_sidecar.release.released import BROKEN_OFF, CALLER_LEFT, RELEASED, Released
from govshare_sidecar.tracing import traced
from govshare_sidecar.upstream import UpstreamError

ENTRANCE: Final = "grpc_proxy"
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Argument: TypeAlias = "bytes | AsyncIterable[bytes]"
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What every RPC of one proxy shares."""

    config: GrpcProxyConfig
    desk: Desk
    upstream: GrpcUpstream
    metrics: Metrics
    streams: Places


class Exchange:
    """One RPC; owned by its task."""

    def __init__(
        self, door: Door, route: RpcRoute, context: Context, *, evidence: Callable[[], Evidence]
    ) -> None:
        self._door = door
        self._route = route
        self._context = context
        self._evidence = evidence
        self._announced = False
        self._recorded = False
        # What has left, and a digest over it.
        self._rows = 0
        self._size_bytes = 0
        self._left = sm3_new()
        self._records = bytearray()
        # Why the gateway breaks the RPC off, where it does.
        self._refused: RefusedError | None = None
        self._call: RpcCall = None

    async def run(self, argument: Argument) -> Answer | bytes | None:
        """Decide, ask, release, record, answer: in that order only.

        Of an answer that is a stream every message is filtered and leaves by itself, and what
        left is recorded at its end.

        Returns:
            The answer if it is a denial; else the one message of the answer, if it is one.

        Raises:
            CallError: If no call was stated, or a later message of the caller is none.
            UpstreamError: If the department's API gave nothing that may be released.
            AuditError: If it was not recorded.
        """
        with self._place(), self._door.desk.call(ENTRANCE):
            config = self._door.config
            metadata = self._context.invocation_metadata() or ()
            asked = read_rpc(self._route, metadata, onward=config.metadata)
            sent: Sent | None = None
            data = b""
            if isinstance(argument, bytes):
                data = argument
                sent = read_sent(self._route, argument, max_bytes=config.max_request_bytes)
                asked = asked.about(sent)
                onward: Argument = sent.data
            else:
                onward = self._onward(argument)
            answer = await self._door.desk.answer(
                asked.call,
                asked.shown(self._evidence(), message=data),
                entrance=ENTRANCE,
                values=committed(self._route, sent),
            )
            if answer.decision.effect is Effect.DENY:
                await self._announce(record_headers(answer))
                return answer
            return await self._concluded(asked, answer, onward)

    def break_off(self, reason: RefusedError) -> None:
        """Let nothing more out, and tell the caller *reason*."""
        self._refused = self._refused or reason
        if self._call is not None:
            self._call.cancel()

    def _place(self) -> AbstractContextManager[object]:
        evidence, method = self._evidence(), self._route.method
        if method.client_streaming or method.server_streaming:
            return self._door.streams.hold(evidence.spki)
        return self._door.desk.place(evidence)

    async def _concluded(self, asked: AskedRpc, answer: Answer, onward: Argument) -> bytes | None:
        """Relay, and record what became of it where that went wrong."""
        try:
            return await self._relay(asked, answer, onward)
        except UpstreamError as error:
            self._door.metrics.upstream_failed(error.fault)
            _log.warning("%s", error)
            await self._conclude(answer, error.fault.value)
            await self._announce(record_headers(answer))
            raise
        except RefusedError:
            await self._conclude(answer, BROKEN_OFF)
            await self._announce(record_headers(answer))
            raise
        except asyncio.CancelledError:
            await self._conclude(answer, BROKEN_OFF if self._refused else CALLER_LEFT)
            if self._refused is None:
                raise
            await self._announce(record_headers(answer))
            raise self._refused from None
        finally:
            if self._call is not None:
                self._call.cancel()  # does nothing to one that is done

    async def _relay(self, asked: AskedRpc, answer: Answer, onward: Argument) -> bytes | None:
        if self._refused is not None:
            raise self._refused
        # A stream is filtered as it comes: its release is part of the time that it takes.
        with self._door.desk.stage(Stage.UPSTREAM):
            return await self._asked(asked, answer, onward)

    async def _asked(self, asked: AskedRpc, answer: Answer, onward: Argument) -> bytes | None:
        message = onward if isinstance(onward, bytes) else b""
        metadata = traced(asked.onward(answer))
        self._call = self._door.upstream.ask(
            self._route,
            onward,
            metadata=await self._door.upstream.vouched(self._route, metadata, message),
            timeout_s=self._timeout_s(),
        )
        try:
            if self._route.method.server_streaming:
                await self._relay_many(asked.call, answer)
                return None
            return await self._relay_one(answer)
        except grpc.RpcError as error:
            raise self._why(error) from None

    def _why(self, error: grpc.RpcError) -> RefusedError | UpstreamError:
        return self._refused or fault_of(error)

    async def _relay_one(self, answer: Answer) -> bytes:
        released = self._released(await self._call, answer)
        headers, trailers = (
            await self._call.initial_metadata(),
            await self._call.trailing_metadata(),
        )
        self._count(released, framed=False)
        await self._conclude(answer, RELEASED)
        self._context.set_trailing_metadata(self._passed(trailers))
        await self._announce(release_headers(answer), headers)
        return released.body

    async def _relay_many(self, call: Call, answer: Answer) -> None:
        await self._announce(release_headers(answer), await self._call.initial_metadata())
        async for data in self._call:
            # A stream may outlive its grant, its certificate and the log.
            self._door.desk.verify_in_force(call, answer, self._evidence())
            if not self._door.desk.is_open:
                raise AuditError("the audit log has stopped, so nothing more is released")
            released = self._released(data, answer)
            self._count(released, framed=True)
            await self._context.write(released.body)
        trailers = await self._call.trailing_metadata()
        await self._conclude(answer, RELEASED)
        self._context.set_trailing_metadata(self._passed(trailers))

    async def _conclude(self, answer: Answer, status: str) -> None:
        """Record what became of the call; once, whatever happens afterwards."""
        if self._recorded:
            return
        self._recorded = True
        digest = self._left.digest() if status == RELEASED or self._size_bytes else b""
        outcome = Outcome(
            status=status,
            rows=self._rows,
            size_bytes=self._size_bytes,
            response=digest,
            records=bytes(self._records),
        )
        await self._door.desk.conclude(answer, outcome)

    async def _announce(self, headers: Mapping[str, str], more: Any = ()) -> None:  # noqa: ANN401  two classes of metadata
        if self._announced:
            return
        self._announced = True
        own = [(key.lower(), value) for key, value in headers.items() if key.startswith("Govshare")]
        await self._context.send_initial_metadata((*own, *self._passed(more)))

    async def _onward(self, messages: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Yield what goes on of *messages*; one that may not ends the RPC."""
        most = self._door.config.max_request_bytes
        try:
            async for data in messages:
                yield read_sent(self._route, data, max_bytes=most).data
        except RefusedError as error:
            self.break_off(error)

    def _released(self, data: bytes, answer: Answer) -> Released:
        return release_message(
            data,
            answer.decision.fields,
            kind=self._route.method.output_type,
            records=self._route.records,
        )

    def _count(self, released: Released, *, framed: bool) -> None:
        self._rows += released.rows
        self._size_bytes += len(released.body)
        if framed:
            self._left.update(len(released.body).to_bytes(4))
        self._left.update(released.body)
        kind, records = self._route.method.output_type, self._route.records
        self._records += message_digests(released.body, kind, records)

    def _passed(self, metadata: Any) -> tuple[tuple[str, str | bytes], ...]:  # noqa: ANN401  as above
        names = self._door.config.response_metadata
        return tuple((key, value) for key, value in metadata or () if key in names)

    def _timeout_s(self) -> float:
        config = self._door.config
        # None where the caller set no deadline, which the stubs do not know.
        remaining: Any = self._context.time_remaining()
        is_stream = self._route.method.server_streaming
        most = config.stream_timeout_s if is_stream else config.upstream_timeout_s
        return most if remaining is None else min(most, remaining)
