# SPDX-License-Identifier: Apache-2.0
"""A server on loopback, and servicers that do what a test needs."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import uvloop
from grpc import StatusCode

from govshare_sidecar.h2.context import Context
from govshare_sidecar.h2.server import Server
from govshare_sidecar.h2.settings import USUAL, Settings

SERVICE = "test.Service"
DETAILS = (("grpc-status-details-bin", b"\1\2\xff"), ("k", "v"))


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run *scenario* on the loop that is used in service."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scenario, timeout=120))


@dataclass
class Servicer:
    """Notes what happens to it."""

    began: int = 0
    written: int = 0
    read: int = 0
    cancelled: int = 0
    closed: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[Any] = field(default_factory=list)

    async def echo(self, data: bytes, _context: Context) -> bytes:
        self.began += 1
        return data

    async def wait(self, data: bytes, context: Context) -> bytes:
        self.began += 1
        self.seen.append(context.time_remaining())
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return data

    async def fail(self, _data: bytes, _context: Context) -> bytes:
        raise LookupError("a secret")

    async def nothing(self, _data: bytes, _context: Context) -> None:
        return None

    async def cancel(self, _data: bytes, _context: Context) -> bytes:
        raise asyncio.CancelledError

    async def stubborn(self, _data: bytes, _context: Context) -> bytes:
        self.began += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
        await asyncio.sleep(0.1)
        self.closed += 1
        return b""

    async def abort(self, data: bytes, context: Context) -> bytes:
        code = StatusCode[data.decode()]
        try:
            await context.abort(code, "nothing — 没有 100%\n", trailing_metadata=DETAILS)
        except grpc.aio.AbortError:
            await context.abort(StatusCode.DATA_LOSS, "a second thought")
        raise AssertionError("unreachable")

    async def metadata(self, _data: bytes, context: Context) -> bytes:
        self.seen += context.invocation_metadata()
        self.seen.append(context.auth_context())
        await context.send_initial_metadata((("a", "b"), ("c-bin", b"\0\1")))
        context.set_trailing_metadata((("t", "u"),))
        return b""

    async def misuse(self, data: bytes, context: Context) -> bytes:
        if data == b"status":
            context.set_trailing_metadata((("grpc-status", "0"),))
        await context.send_initial_metadata(())
        await context.send_initial_metadata(())
        return b""

    async def each(self, messages: AsyncIterator[bytes], _context: Context) -> AsyncIterator[bytes]:
        self.began += 1
        try:
            async for message in messages:
                self.read += 1
                yield message
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.closed += 1

    async def slowly(self, messages: AsyncIterator[bytes], _context: Context) -> bytes:
        await self.gate.wait()
        async for message in messages:
            self.read += 1
            self.seen.append(len(message))
        return b"%d" % self.read

    async def many(self, data: bytes, context: Context) -> None:
        self.began += 1
        try:
            for _ in range(int(data)):
                await context.write(b"x" * 10_000)
                self.written += 1
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def late(self, _data: bytes, context: Context) -> None:
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            try:
                await context.write(b"too late")
            except grpc.aio.UsageError:
                self.closed += 1

    def handlers(self) -> grpc.GenericRpcHandler:
        one: Any = grpc.unary_unary_rpc_method_handler
        out: Any = grpc.unary_stream_rpc_method_handler
        methods = {
            name: one(getattr(self, name.lower()))
            for name in (
                "Echo",
                "Wait",
                "Fail",
                "Nothing",
                "Cancel",
                "Stubborn",
                "Abort",
                "Metadata",
                "Misuse",
            )
        }
        methods["Parsed"] = one(self.echo, int, lambda number: b"%d" % (number + 1))
        methods["Each"] = grpc.stream_stream_rpc_method_handler(self.each)
        methods["Slowly"] = grpc.stream_unary_rpc_method_handler(self.slowly)
        methods["Many"], methods["Late"] = out(self.many), out(self.late)
        return grpc.method_handlers_generic_handler(SERVICE, methods)


@dataclass(kw_only=True)
class World:
    """One server under test."""

    servicer: Servicer
    server: Server
    port: int

    @property
    def under_way(self) -> int:
        return self.server._shared.under_way

    @property
    def connections(self) -> int:
        return len(self.server._shared.connections)

    @asynccontextmanager
    async def channel(
        self, credentials: grpc.ChannelCredentials | None = None, **options: object
    ) -> AsyncIterator[grpc.aio.Channel]:
        given = {"grpc.max_receive_message_length": -1, "grpc.use_local_subchannel_pool": 1}
        pairs = tuple((given | {f"grpc.{key}": value for key, value in options.items()}).items())
        target = f"localhost:{self.port}"
        if credentials is None:
            opened = grpc.aio.insecure_channel(target, options=pairs)
        else:
            opened = grpc.aio.secure_channel(target, credentials, options=pairs)
        async with opened as channel:
            yield channel


@asynccontextmanager
async def serving(
    settings: Settings = USUAL, *, tls: ssl.SSLContext | None = None, room: int = 0
) -> AsyncIterator[World]:
    """Serve a servicer inside the ``async with``.

    Args:
        settings: The bounds.
        tls: None without.
        room: Bytes that the system takes off the server's hands; 0 for as many as it likes.
    """
    servicer, server = Servicer(), Server(settings)
    server.add_generic_rpc_handlers([servicer.handlers()])
    listening = socket.socket()
    if room:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    await server.start(listening, tls=tls)
    try:
        yield World(servicer=servicer, server=server, port=port)
    finally:
        await server.stop(2.0)


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds; the test's own time limit ends it."""
    while not condition():  # noqa: ASYNC110  what is waited for belongs to the code under test
        await asyncio.sleep(0.005)


def method(channel: grpc.aio.Channel, name: str, kind: str = "unary_unary") -> Callable[..., Any]:
    """Return what calls the method *name*, or of any other service the path *name*."""
    path = name if name.startswith("/") else f"/{SERVICE}/{name}"
    found: Callable[..., Any] = getattr(channel, kind)(path)
    return found


async def ends(call: Awaitable[object]) -> tuple[StatusCode, str]:
    """Return how a call ends that does not end well."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    raise AssertionError("the call ended well")
