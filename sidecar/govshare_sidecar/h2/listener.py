# SPDX-License-Identifier: Apache-2.0
"""A listener of gRPC without grpcio's transport; it stands wherever a ``GrpcListener`` does."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from govshare_sidecar._settings import Address
from govshare_sidecar.config import GrpcConfig
from govshare_sidecar.h2.connection import ALPN
from govshare_sidecar.h2.server import Server
from govshare_sidecar.h2.settings import Settings
from govshare_sidecar.limits import Limits
from govshare_sidecar.listeners import (
    DRAIN_S,
    RpcListener,
    Service,
    bind,
    proxy_tls_context,
    tls_context,
)
from govshare_sidecar.tls_settings import TlsConfig

# Health checks, reflection, and the refusals themselves, while everything else is full.
_SPARE_CALLS: Final = 256
# Those of TLS 1.2 that RFC 9113 leaves; TLS 1.3 has no others.
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"


def rpc_context(tls: TlsConfig, client_ca: Path | None = None) -> ssl.SSLContext:
    """Return the server side of TLS for gRPC: without a certificate, no connection.

    An expired certificate is let through to a recorded denial, as over HTTP.

    Args:
        tls: Whose files are read.
        client_ca: Of proxies, whose certificates have to be valid to connect.

    Raises:
        ConfigError: If a file cannot be used.
    """
    context = tls_context(tls) if client_ca is None else proxy_tls_context(tls, client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols([ALPN])
    return context


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeListener(RpcListener):
    """The gRPC server on a port over libnghttp2."""

    server: Server

    @classmethod
    async def start(
        cls,
        config: GrpcConfig,
        tls: ssl.SSLContext | None,
        *,
        services: Sequence[Service],
        limits: Limits,
        key: str = "grpc.listen",
    ) -> Self:
        """Return a server of *services*, listening and healthy.

        The services refuse with a sentence what is over the *limits*. What gets past them ends in
        the transport at twice as much.

        Raises:
            ConfigError: If the address, which the setting *key* names, cannot be listened on, or
                libnghttp2 is not there.
        """
        most = 2 * limits.in_flight + limits.streams + _SPARE_CALLS
        server = Server(Settings(streams=most))
        server.add_generic_rpc_handlers([service.handlers() for service in services])
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        if config.reflection:
            own = (health.SERVICE_NAME, reflection.SERVICE_NAME)
            names = [service.name for service in services]
            reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
                reflection.aio.ReflectionServicer((*names, *own)), server
            )
        bound = bind(config.listen, key)
        await server.start(bound, tls=tls)
        host, port = bound.getsockname()[:2]
        listener = cls(
            address=Address(host=host, port=port),
            server=server,
            health=servicer,
            services=services,
        )
        await listener.announce(serving=True)
        return listener

    async def stop(self) -> None:
        """Stop accepting, let what is under way end in time, and close every connection."""
        for service in self.services:
            service.drain()
        await self.server.stop(DRAIN_S)
