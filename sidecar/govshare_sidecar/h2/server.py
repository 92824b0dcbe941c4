# SPDX-License-Identifier: Apache-2.0
"""A server of gRPC on a socket: listens, hands calls to their handlers, drains."""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

import grpc

from govshare_sidecar.h2._nghttp2 import library
from govshare_sidecar.h2.connection import Connection
from govshare_sidecar.h2.settings import USUAL, Settings
from govshare_sidecar.h2.shared import Handler, Shared

_BACKLOG: Final = 128
_HANDSHAKE_S: Final = 10.0
_SHUTDOWN_S: Final = 2.0


class Server:
    """Serves the handlers that grpcio's asyncio server would. Owned by the event loop."""

    def __init__(self, settings: Settings = USUAL) -> None:
        """Begin without a handler.

        Raises:
            ConfigError: If libnghttp2 is not there.
        """
        library()
        self._shared = Shared(settings=settings)
        self._listening: asyncio.Server | None = None

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Serve *handlers*, behind those that there are."""
        self._shared.handlers.extend(handlers)

    def add_registered_method_handlers(self, name: str, handlers: Mapping[str, Handler]) -> None:
        """Serve nothing new: generated code says here again what it said as a generic handler."""

    async def start(self, listening: socket.socket, *, tls: ssl.SSLContext | None) -> None:
        """Answer on *listening*, which is bound.

        Args:
            listening: Closed by :meth:`stop`.
            tls: Offers ``h2`` alone; ``None`` for loopback.
        """
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            partial(Connection, self._shared, loop),
            sock=listening,
            ssl=tls,
            backlog=_BACKLOG,
            ssl_handshake_timeout=None if tls is None else _HANDSHAKE_S,
            ssl_shutdown_timeout=None if tls is None else _SHUTDOWN_S,
        )

    async def stop(self, grace_s: float) -> None:
        """Stop accepting, let what is under way end within *grace_s*, and close everything.

        What has not ended by then is cancelled, and its caller told to ask elsewhere.
        """
        if self._listening is not None:
            self._listening.close()
        shared = self._shared
        for connection in tuple(shared.connections):
            connection.leave()
        if not await shared.emptied(grace_s):
            for connection in tuple(shared.connections):
                connection.give_up()
            if not await shared.emptied(_SHUTDOWN_S):
                for connection in tuple(shared.connections):
                    connection.abort()
                await shared.emptied(_SHUTDOWN_S)
        if shared.tasks:
            await asyncio.wait(shared.tasks, timeout=_SHUTDOWN_S)
