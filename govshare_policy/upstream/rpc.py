# SPDX-License-Identifier: Apache-2.0
"""A gRPC server that answers the sidecar only.

Example:
    ``grpc.server(pool, interceptors=[OnlyGateway(gateway)])``, or ``grpc.aio.server(interceptors=
    [OnlyGatewayAio(gateway)])`` with servicers whose methods are coroutines or async generators.

Of an RPC with one request message the signature covers it; of a stream of them, that the RPC was
allowed.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias

import grpc

from govshare_policy.errors import GovshareError, IdentityError
from govshare_policy.upstream._signature import HEADER, Gateway, rpc_request, verify_request

Handler: TypeAlias = Any  # grpc.RpcMethodHandler, whose stubs do not show its parts
Context: TypeAlias = Any  # of grpc or grpc.aio
_KEY: Final = HEADER.lower()
_FIELDS: Final = "govshare-fields"


def _now() -> datetime:
    return datetime.now(UTC)


class _Arrived(NamedTuple):
    """One message, as it came and as the servicer wants it."""

    data: bytes
    message: Any


class _Check:
    """What both kinds of servers ask."""

    def __init__(self, gateway: Gateway, *, now: Callable[[], datetime] = _now) -> None:
        self._gateway = gateway
        self._now = now

    def _verify(self, path: str, context: Context, data: bytes) -> None:
        pairs = [(key, value) for key, value in context.invocation_metadata() or ()]
        texts = [value for key, value in pairs if key == _KEY]
        fields = [value for key, value in pairs if key == _FIELDS]
        if len(fields) > 1:
            raise IdentityError("the request names its fields twice")
        request = rpc_request(path, fields="".join(fields), message=data)
        verify_request(texts, request, self._gateway, at=self._now())


class OnlyGateway(_Check, grpc.ServerInterceptor):
    """For ``grpc.server``."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return a handler that lets verified RPCs through."""
        path = handler_call_details.method
        return _wrapped(continuation(handler_call_details), lambda inner: self._one(path, inner))

    def _one(self, path: str, handler: Handler) -> Callable[..., Any]:
        inner = _behaviour(handler)

        def let(argument: Any, context: Context) -> Any:  # noqa: ANN401  any message
            data, argument = _taken(handler, argument)
            try:
                self._verify(path, context, data)
            except GovshareError as error:
                context.abort(_code(error), str(error))
            return inner(argument, context)

        def let_many(argument: Any, context: Context) -> Iterator[Any]:  # noqa: ANN401  as above
            yield from let(argument, context)

        return let_many if handler.response_streaming else let


class OnlyGatewayAio(_Check, grpc.aio.ServerInterceptor):
    """For ``grpc.aio.server``."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return a handler that lets verified RPCs through."""
        path = handler_call_details.method
        handler = await continuation(handler_call_details)
        return _wrapped(handler, lambda inner: self._one(path, inner))

    def _one(self, path: str, handler: Handler) -> Callable[..., Any]:
        inner = _behaviour(handler)

        async def verified(argument: Any, context: Context) -> Any:  # noqa: ANN401  any message
            data, argument = _taken(handler, argument)
            try:
                self._verify(path, context, data)
            except GovshareError as error:
                await context.abort(_code(error), str(error))
            return argument

        async def let(argument: Any, context: Context) -> Any:  # noqa: ANN401  as above
            return await inner(await verified(argument, context), context)

        async def let_many(argument: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401
            async for message in inner(await verified(argument, context), context):
                yield message

        return let_many if inspect.isasyncgenfunction(inner) else let


def _code(error: GovshareError) -> grpc.StatusCode:
    is_theirs = isinstance(error, IdentityError)
    return grpc.StatusCode.UNAUTHENTICATED if is_theirs else grpc.StatusCode.UNAVAILABLE


def _behaviour(handler: Handler) -> Callable[..., Any]:
    kinds = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
    inner: Callable[..., Any] = next(filter(None, (getattr(handler, kind) for kind in kinds)))
    return inner


def _taken(handler: Handler, argument: Any) -> tuple[bytes, Any]:  # noqa: ANN401  any message
    return (b"", argument) if handler.request_streaming else argument


def _wrapped(handler: Handler, wrap: Callable[[Handler], Callable[..., Any]]) -> Handler:
    if handler is None:  # no such method; the server says so
        return None
    parse = handler.request_deserializer

    def keep(data: bytes) -> _Arrived:
        return _Arrived(data, data if parse is None else parse(data))

    kinds = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make: Any = kinds[handler.request_streaming, handler.response_streaming]
    taken = parse if handler.request_streaming else keep
    return make(wrap(handler), taken, handler.response_serializer)
