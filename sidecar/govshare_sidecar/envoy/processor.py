# SPDX-License-Identifier: Apache-2.0
"""The service ``envoy.service.ext_proc.v3.ExternalProcessor``."""

import asyncio
import logging
from collections.abc import AsyncIterable
from typing import Final, TypeAlias

import grpc

from govshare_policy.errors import EvaluationError, GovshareError
from govshare_sidecar.envoy.counter import Counter, TrialError
from govshare_sidecar.envoy.exchange import ENTRANCE, Exchange
from govshare_sidecar.envoy.peer import peer_key
from govshare_sidecar.envoy.stream import EnvoyError, LeftError, Stream
from govshare_sidecar.rich import abort, told

SERVICE: Final = "envoy.service.ext_proc.v3.ExternalProcessor"
_Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]
_log: Final = logging.getLogger(__name__)


class ExternalProcessor:
    """Answers ``Process``, a stream for each request that comes to an Envoy.

    A stream never ends without an error before its exchange is over: Envoy would take that as
    leave to let the rest through as it is.
    """

    name: Final = SERVICE

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what the server dispatches to; messages come and go as bytes."""
        process: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
            self.process
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Process": process})

    def drain(self) -> None:
        """End the streams at their next message; everything else ends by itself."""
        self._counter.stopping.set()

    async def process(self, messages: AsyncIterable[bytes], context: _Context) -> None:
        """Answer one request, or make Envoy give up on it."""
        stream = Stream(messages, context.write)
        exchange = Exchange(self._counter, stream, spki=peer_key(context))
        work = asyncio.create_task(exchange.run())
        try:
            await asyncio.wait((work,))
        except asyncio.CancelledError:
            work.cancel()
            # It still records what became of an allowed call.
            await asyncio.wait((work,))
            raise
        if (error := work.exception()) is not None:
            await self._refuse(error, exchange, context)
        await stream.rest()

    async def _refuse(self, error: BaseException, exchange: Exchange, context: _Context) -> None:
        """Tell the caller, or end the stream in a way that Envoy takes for a failure."""
        if isinstance(error, LeftError | TrialError):
            await abort(context, error)
        said: GovshareError
        if isinstance(error, EnvoyError):
            _log.error("%s", error)
            said = EvaluationError("the gateway failed")
        else:
            said = told(error, self._counter.metrics, entrance=ENTRANCE)
        try:
            await exchange.refuse(said)
        except GovshareError:
            await abort(context, said)
