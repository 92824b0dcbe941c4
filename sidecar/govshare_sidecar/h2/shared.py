# SPDX-License-Identifier: Apache-2.0
"""What all connections of one server share."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import grpc

from govshare_sidecar.h2.frames import Frames
from govshare_sidecar.h2.metadata import Asked
from govshare_sidecar.h2.settings import Settings

if TYPE_CHECKING:
    from govshare_sidecar.h2.connection import Connection

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class _Details(grpc.HandlerCallDetails):
    """Of which method a handler is looked for."""

    def __init__(self, asked: Asked) -> None:
        self.method: str = asked.path
        self.invocation_metadata = asked.metadata


@dataclass(slots=True, kw_only=True, eq=False)
class Shared:
    """Owned by the event loop.

    Attributes:
        settings: The bounds.
        handlers: Asked in order who answers a method.
        under_way: How many calls are, whether or not their callers still wait.
        tasks: Of the servicers.
        connections: All that are open.
    """

    settings: Settings
    handlers: list[grpc.GenericRpcHandler] = field(default_factory=list)
    under_way: int = 0
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    connections: set["Connection"] = field(default_factory=set)
    _emptied: asyncio.Event = field(default_factory=asyncio.Event)

    def find(self, asked: Asked) -> "Handler | None":
        """Return who answers *asked*, if anybody does."""
        details = _Details(asked)
        for handlers in self.handlers:
            if (handler := handlers.service(details)) is not None:
                return handler
        return None

    def forget(self, connection: "Connection") -> None:
        """Know that *connection* is no more."""
        self.connections.discard(connection)
        if not self.connections:
            self._emptied.set()

    async def emptied(self, timeout_s: float) -> bool:
        """Tell, after *timeout_s* at most, whether no connection is left."""
        if self.connections:
            self._emptied.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), timeout_s)
        return not self.connections


class Link(Protocol):
    """What a call knows of its connection.

    Attributes:
        held: Bytes on the connection that are not handed on yet.
    """

    held: int

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""
        ...

    @property
    def shared(self) -> Shared:
        """What all connections share."""
        ...

    @property
    def frames(self) -> Frames:
        """Where answers go."""
        ...

    @property
    def identity(self) -> Mapping[str, Sequence[bytes]]:
        """What the peer has shown, as grpcio names it."""
        ...

    def wake(self) -> None:
        """Let out what waits to leave, once in a turn of the loop."""
        ...
