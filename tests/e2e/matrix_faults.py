# SPDX-License-Identifier: Apache-2.0
"""Every entrance of the matrix as it is when something behind it fails."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import grpc

from govshare_sidecar._pb import enforcement_pb2 as pb
from govshare_sidecar.server import Sidecar
from tests.e2e.adapter_authzen import AuthzenAdapter
from tests.e2e.adapter_envoy import EnvoyAdapter
from tests.e2e.adapter_grpc import (
    SERVICE,
    BatchEntrance,
    GrpcAdapter,
    GrpcEntrance,
    StreamEntrance,
)
from tests.e2e.adapter_grpc_proxy import GrpcProxyAdapter
from tests.e2e.adapter_http_proxy import HttpProxyAdapter
from tests.e2e.adapter_nginx import NginxAdapter
from tests.e2e.callers import Callers, Response
from tests.e2e.matrix import CALLS, Adapter, Entrance, MatrixCall, Told

ALLOWED = CALLS["a grant covers it"]
# What the departments of the adapters hand out, and what nobody may get who gets no answer.
_DATA = ("marital_status", "ID1", "示例甲".encode())
_HTTP_REFUSAL, _RPC_REFUSAL = 503, grpc.StatusCode.UNAVAILABLE


class Refusal(NamedTuple):
    """How a call ended that got no answer, and what came with it."""

    status: int | str
    body: bytes


@dataclass(kw_only=True)
class Heard(Callers):
    """Callers that remember what they were told last."""

    last: list[Response] = field(default_factory=list)

    def request(self, path: str, **more: object) -> Response:
        response = super().request(path, **more)  # type: ignore[arg-type]
        self.last[:] = [response]
        return response


class ReleaseEntrance(GrpcEntrance):
    """``Release``: of what was allowed before, so that nothing but the release is asked for."""

    def __init__(self, callers: Callers) -> None:
        super().__init__(callers)
        self._allowed: list[Told] = []

    async def ask(self, call: MatrixCall) -> Told:
        """Release what was allowed, or have two releases allowed and use up one of them."""
        if not self._allowed:
            self._allowed = [await super().ask(call), await super().ask(call)]
        told = self._allowed.pop()
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        method = self.channel(call.client).unary_unary(f"{SERVICE}/Release")
        asked = pb.ReleaseRequest(record_id=told.record, body=b'{"id_no": "ID1"}')
        await method(asked.SerializeToString(), timeout=60)
        return told


ENTRANCES: dict[str, Callable[[], Adapter]] = {
    "Check": lambda: GrpcAdapter(GrpcEntrance),
    "CheckBatch": lambda: GrpcAdapter(BatchEntrance),
    "CheckStream": lambda: GrpcAdapter(FreshStreamEntrance),
    "Release": lambda: GrpcAdapter(ReleaseEntrance),
    "HTTP proxy": HttpProxyAdapter,
    "gRPC proxy": GrpcProxyAdapter,
    "AuthZEN": AuthzenAdapter,
    "auth_request": NginxAdapter,
    "ext_proc": lambda: EnvoyAdapter("filter"),
    "ext_authz": lambda: EnvoyAdapter("exact"),
}


class FreshStreamEntrance(StreamEntrance):
    """``CheckStream`` with a stream for each call: a failure ends the one that it comes on."""

    async def ask(self, call: MatrixCall) -> Told:
        self._streams.clear()
        return await super().ask(call)

    async def close(self) -> None:
        self._streams.clear()
        await super().close()


async def refused(entrance: Entrance, callers: Heard) -> Refusal:
    """Ask what would be allowed, and return how that was refused.

    Raises:
        AssertionError: If there was an answer.
    """
    callers.last.clear()
    try:
        told = await entrance.ask(ALLOWED)
    except grpc.aio.AioRpcError as error:
        return Refusal(error.code().name, (error.details() or "").encode())
    except (AssertionError, KeyError) as error:
        if isinstance(error.__context__, grpc.aio.AioRpcError):
            ended = error.__context__
            return Refusal(ended.code().name, (ended.details() or "").encode())
        [response] = callers.last
        return Refusal(response.status, response.body)
    raise AssertionError(f"it was answered: {told}")


def verify_refusal(refusal: Refusal) -> None:
    """Fail unless *refusal* says that the call could not be recorded, and holds no data."""
    assert refusal.status in (_HTTP_REFUSAL, _RPC_REFUSAL.name), refusal
    for part in _DATA:
        assert (part if isinstance(part, bytes) else part.encode()) not in refusal.body


@asynccontextmanager
async def asking(
    adapter: Adapter, sidecar: Sidecar, callers: Heard
) -> AsyncIterator[tuple[Entrance, Heard]]:
    """Give the entrance of *adapter* once it has allowed a call."""
    async with adapter.connect(sidecar, callers) as entrance:
        told = await entrance.ask(ALLOWED)
        assert told.outcome == ALLOWED.outcome
        yield entrance, callers
