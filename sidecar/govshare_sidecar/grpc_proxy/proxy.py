# SPDX-License-Identifier: Apache-2.0
"""The gRPC reverse proxy: every method that a route names, of whatever kind, and no other."""

from functools import partial
from typing import Any, Final, NoReturn

import grpc

from govshare_policy.gate import Answer
from govshare_sidecar._pb import audit_pb2
from govshare_sidecar.api import evidence_of
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.grpc_proxy.exchange import ENTRANCE, Argument, Context, Door, Exchange
from govshare_sidecar.grpc_proxy.settings import RpcRoute
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.rich import DETAILS, answered, rich_denial
from govshare_sidecar.tracing import arrived_rpc

# What the listener answers itself.
_OWN: Final = (
    "/grpc.health.v1.Health/",
    f"/{audit_pb2.DESCRIPTOR.services_by_name['Audit'].full_name}/",
)


class GrpcProxy:
    """Answers RPCs for one department's API."""

    name: Final = "govshare.GrpcProxy"

    def __init__(self, door: Door, *, authorities: ClientAuthorities) -> None:
        self._door = door
        self._authorities = authorities
        self._streams: set[Exchange] = set()

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what the server dispatches to."""
        return _Dispatch(self)

    def drain(self) -> None:
        """End the open streams; their callers ask again, elsewhere."""
        for exchange in tuple(self._streams):
            message = "the gateway is about to stop; ask again shortly"
            exchange.break_off(RefusedError(Cause.BUSY, message))

    def handler(self, path: str) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return what answers the method *path*."""
        route = self._door.config.routes.get(path)
        if route is None:
            return grpc.stream_stream_rpc_method_handler(self._unknown)
        one, many = partial(self._one, route), partial(self._many, route)
        match route.method.client_streaming, route.method.server_streaming:
            case False, False:
                return grpc.unary_unary_rpc_method_handler(one)
            case False, True:
                return grpc.unary_stream_rpc_method_handler(many)
            case True, False:
                return grpc.stream_unary_rpc_method_handler(one)
            case _:
                return grpc.stream_stream_rpc_method_handler(many)

    async def _one(self, route: RpcRoute, argument: Argument, context: Context) -> bytes:
        result = await self._answered(route, argument, context)
        if isinstance(result, bytes):
            return result
        raise AssertionError("a method with one answer gave none")

    async def _many(self, route: RpcRoute, argument: Argument, context: Context) -> None:
        await self._answered(route, argument, context)

    async def _answered(
        self, route: RpcRoute, argument: Argument, context: Context
    ) -> bytes | None:
        arrived_rpc(context)
        evidence = evidence_of(context, self._authorities, network=self._door.config.network)
        exchange = Exchange(self._door, route, context, evidence=evidence)
        if route.method.client_streaming or route.method.server_streaming:
            self._streams.add(exchange)
        try:
            work = exchange.run(argument)
            result = await answered(work, context, self._door.metrics, entrance=ENTRANCE)
        finally:
            self._streams.discard(exchange)
        if isinstance(result, Answer):
            await _deny(context, result)
        return result

    async def _unknown(self, _messages: object, context: Context) -> None:
        await answered(_no_route(), context, self._door.metrics, entrance=ENTRANCE)


class _Dispatch(grpc.GenericRpcHandler):
    def __init__(self, proxy: GrpcProxy) -> None:
        self._proxy = proxy

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        path = handler_call_details.method
        return None if path.startswith(_OWN) else self._proxy.handler(path)


async def _no_route() -> NoReturn:
    raise RefusedError(Cause.NO_ROUTE)


async def _deny(context: Context, answer: Answer) -> NoReturn:
    """End the RPC with the denial *answer*, which is recorded."""
    rich = rich_denial(answer)
    await context.abort(
        grpc.StatusCode.PERMISSION_DENIED,
        rich.message,
        trailing_metadata=((DETAILS, rich.SerializeToString()),),
    )
