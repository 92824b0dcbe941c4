# SPDX-License-Identifier: Apache-2.0
"""Listeners: what stands on a port, how it starts, and how it drains."""

import socket
import ssl
from dataclasses import dataclass
from typing import Final, Self

import grpc
from aiohttp import web
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from govshare_policy.errors import ConfigError
from govshare_sidecar._table import why
from govshare_sidecar.api import SERVICE, Enforcement
from govshare_sidecar.config import Address, GrpcConfig, TlsConfig

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


# What is larger ends in the transport, with its own words and uncounted. A call is far smaller
# (MAX_CALL_BYTES), and between the two it gets our sentence and is counted.
_MAX_WIRE_BYTES: Final = 16 << 20


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
        bound = _bind(listen, key)
        runner = web.ServerRunner(server, shutdown_timeout=DRAIN_S)
        await runner.setup()
        await web.SockSite(runner, bound, ssl_context=tls, backlog=_BACKLOG).start()
        host, port = bound.getsockname()[:2]
        return cls(address=Address(host=host, port=port), runner=runner)

    async def stop(self) -> None:
        """Stop accepting, let what is under way end in time, and close every connection."""
        await self.runner.cleanup()


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcListener:
    """The gRPC server on a port, with its health service."""

    address: Address
    server: grpc.aio.Server
    health: health.aio.HealthServicer

    @classmethod
    async def start(cls, config: GrpcConfig, tls: TlsConfig, *, service: Enforcement) -> Self:
        """Return a server of *service*, listening and healthy.

        Raises:
            ConfigError: If the address cannot be listened on, or a file cannot be used.
        """
        server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", _MAX_WIRE_BYTES),
                ("grpc.so_reuseport", 0),
            )
        )
        server.add_generic_rpc_handlers((service.handlers(),))
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        if config.reflection:
            names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        try:
            port = server.add_secure_port(str(config.listen), _credentials(tls))
        except RuntimeError:
            raise ConfigError(f"`grpc.listen` cannot be listened on: {config.listen}") from None
        await server.start()
        for name in ("", SERVICE):
            await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
        address = Address(host=config.listen.host, port=port)
        return cls(address=address, server=server, health=servicer)

    async def not_serving(self) -> None:
        """Say so to everybody who asks or watches, for good."""
        await self.health.enter_graceful_shutdown()

    async def stop(self) -> None:
        """Stop accepting, let what is under way end in time, and close every connection."""
        await self.server.stop(DRAIN_S)


def _credentials(tls: TlsConfig) -> grpc.ServerCredentials:
    try:
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        authorities = tls.client_ca.read_bytes()
    except OSError as error:
        raise ConfigError("a file of the `[tls]` table cannot be read") from error
    return grpc.ssl_server_credentials(
        [pair], root_certificates=authorities, require_client_auth=True
    )


def _bind(listen: Address, key: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((listen.host, listen.port))
    except OSError as error:
        bound.close()
        raise ConfigError(f"`{key}` cannot be listened on: {listen}, {why(error)}") from None
    return bound
