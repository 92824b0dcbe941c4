# SPDX-License-Identifier: Apache-2.0
"""Listeners: what stands on a port, how it starts, and how it drains."""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol, Self

import grpc
from aiohttp import web
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import Address
from govshare_sidecar._table import why
from govshare_sidecar.grpc_settings import GrpcConfig
from govshare_sidecar.limits import Limits
from govshare_sidecar.tls_settings import TlsConfig

DRAIN_S: Final = 10.0
_BACKLOG: Final = 128
_NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which the ssl module does not name


def tls_context(tls: TlsConfig) -> ssl.SSLContext:
    """Return the server side of TLS for HTTP.

    A client without a certificate, or with an expired one, is let through to a recorded denial;
    any other certificate that does not verify ends the handshake. No session is resumed, so
    every connection shows its certificate.

    Raises:
        ConfigError: If a file of *tls* cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty password keeps the library from asking for one on the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError("`tls.certificate` and `tls.key` cannot be loaded as a pair") from error
    try:
        context.load_verify_locations(tls.client_ca)
    except OSError as error:
        raise ConfigError("`tls.client_ca` cannot be loaded") from error
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    return context


def proxy_tls_context(tls: TlsConfig, client_ca: Path) -> ssl.SSLContext:
    """Return the server side of TLS towards a proxy: without a valid certificate, no connection.

    Raises:
        ConfigError: If a file of *tls*, or *client_ca*, cannot be used.
    """
    context = tls_context(replace(tls, client_ca=client_ca))
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags &= ~ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


class Service(Protocol):
    """A gRPC service on a listener."""

    @property
    def name(self) -> str:
        """Its full name, for health checks and reflection."""
        ...

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what the server dispatches to."""
        ...

    def drain(self) -> None:
        """End what would go on for as long as its callers like."""
        ...


# What is larger ends in the transport, with its own words and uncounted. A call is far smaller
# (MAX_CALL_BYTES), and between the two it gets our sentence and is counted.
_MAX_WIRE_BYTES: Final = 16 << 20
# A caller that is gone without a word holds its stream no longer than this.
_KEEPALIVE: Final = (
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)
# Health checks, reflection, and the refusals themselves, while everything else is full.
_SPARE_RPCS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpListener:
    """An HTTP server on a port."""

    address: Address
    runner: web.ServerRunner

    @classmethod
    async def start(
        cls, server: web.Server, listen: Address, *, key: str, tls: ssl.SSLContext | None
    ) -> Self:
        """Return *server*, listening.

        Raises:
            ConfigError: If *listen*, which the setting *key* names, cannot be listened on.
        """
        bound = bind(listen, key)
        runner = web.ServerRunner(server, shutdown_timeout=DRAIN_S)
        await runner.setup()
        await web.SockSite(runner, bound, ssl_context=tls, backlog=_BACKLOG).start()
        host, port = bound.getsockname()[:2]
        return cls(address=Address(host=host, port=port), runner=runner)

    async def stop(self) -> None:
        """Stop accepting, let what is under way end in time, and close every connection."""
        await self.runner.cleanup()


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcListener:
    """A gRPC server on a port, with its health service, whatever speaks HTTP/2 for it."""

    address: Address
    health: health.aio.HealthServicer
    services: Sequence[Service]

    async def announce(self, *, serving: bool) -> None:
        """Say whether calls are answered now, to everybody who asks or watches."""
        status = health_pb2.HealthCheckResponse
        for name in ("", *(service.name for service in self.services)):
            await self.health.set(name, status.SERVING if serving else status.NOT_SERVING)

    async def not_serving(self) -> None:
        """Say so to everybody who asks or watches, for good."""
        await self.health.enter_graceful_shutdown()


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcListener(RpcListener):
    """The same over grpcio."""

    server: grpc.aio.Server

    @classmethod
    async def start(
        cls,
        config: GrpcConfig,
        credentials: grpc.ServerCredentials,
        *,
        services: Sequence[Service],
        limits: Limits,
        key: str = "grpc.listen",
    ) -> Self:
        """Return a server of *services*, listening and healthy.

        The services refuse with a sentence what is over the *limits*. What gets past them, such
        as messages that are slow to arrive, ends in the transport at twice as much.

        Raises:
            ConfigError: If the address, which the setting *key* names, cannot be listened on.
        """
        most = 2 * limits.in_flight + limits.streams + _SPARE_RPCS
        server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", _MAX_WIRE_BYTES),
                ("grpc.max_concurrent_streams", most),
                ("grpc.so_reuseport", int(config.listen.shared)),
                # Messages as they are, so that none grows when it is unpacked.
                ("grpc.compression_enabled_algorithms_bitset", 1),
                *_KEEPALIVE,
            ),
            maximum_concurrent_rpcs=most,
        )
        server.add_generic_rpc_handlers([service.handlers() for service in services])
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        if config.reflection:
            own = (health.SERVICE_NAME, reflection.SERVICE_NAME)
            names = [service.name for service in services]
            reflection.enable_server_reflection((*names, *own), server)
        try:
            port = server.add_secure_port(str(config.listen), credentials)
        except RuntimeError:
            raise ConfigError(f"`{key}` cannot be listened on: {config.listen}") from None
        await server.start()
        address = Address(host=config.listen.host, port=port)
        listener = cls(address=address, server=server, health=servicer, services=services)
        await listener.announce(serving=True)
        return listener

    async def stop(self) -> None:
        """Stop accepting, let what is under way end in time, and close every connection."""
        for service in self.services:
            service.drain()
        await self.server.stop(DRAIN_S)


def bind(listen: Address, key: str) -> socket.socket:
    """Return a socket that is bound to *listen*, which the setting *key* names.

    Raises:
        ConfigError: If it cannot be.
    """
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listen.shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((listen.host, listen.port))
    except OSError as error:
        bound.close()
        raise ConfigError(f"`{key}` cannot be listened on: {listen}, {why(error)}") from None
    return bound
