# SPDX-License-Identifier: Apache-2.0
"""The service ``envoy.service.ext_proc.v3.ExternalProcessor``."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Final, TypeAlias

import grpc

from govshare_policy.errors import EvaluationError, GovshareError
from govshare_sidecar.envoy.exchange import ENTRANCE, Counter, Exchange, TrialError
from govshare_sidecar.envoy.peer import peer_key
from govshare_sidecar.envoy.stream import EnvoyError, LeftError, Stream
from govshare_sidecar.problem import trouble
from govshare_sidecar.rich import abort, told

SERVICE: Final = "envoy.service.ext_proc.v3.ExternalProcessor"
_Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]
_log: Final = logging.getLogger(__name__)


class ExternalProcessor:
    """Answers ``Process``, a stream for each request that comes to an Envoy.

    A stream never ends without an error before its exchange is over: Envoy would take that as
    leave to let the rest through as it is.
    """

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what the server dispatches to; messages come and go as bytes."""
        process: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
            self.process
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Process": process})

    async def process(self, messages: AsyncIterator[bytes], context: _Context) -> None:
        """Answer one request, or make Envoy give up on it."""
        stream = Stream(aiter(messages), context.write)
        exchange = Exchange(self._counter, stream, spki=peer_key(context))
        work = asyncio.create_task(exchange.run())
        try:
            await asyncio.wait((work,))
        finally:
            work.cancel()  # does nothing to work that is done
        if (error := work.exception()) is not None:
            await self._refuse(error, exchange, stream, context)
        await stream.rest()

    async def _refuse(
        self, error: BaseException, exchange: Exchange, stream: Stream, context: _Context
    ) -> None:
        """Say *error* to the caller, or end the stream in a way that Envoy takes for a failure."""
        if isinstance(error, LeftError | TrialError):
            await abort(context, error)
        if isinstance(error, EnvoyError):
            _log.error("%s", error)
            said: GovshareError = EvaluationError("the gateway failed")
        else:
            said = told(error, self._counter.metrics, entrance=ENTRANCE)
        if stream.has_begun:
            await abort(context, said)
        await stream.reply(trouble(said, language=exchange.language))
