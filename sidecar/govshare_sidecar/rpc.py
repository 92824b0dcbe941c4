# SPDX-License-Identifier: Apache-2.0
"""Listeners of gRPC, over whichever transport the configuration names."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from govshare_sidecar.grpc_settings import GrpcConfig, Transport
from govshare_sidecar.h2.listener import NativeListener, rpc_context
from govshare_sidecar.limits import Limits
from govshare_sidecar.listeners import GrpcListener, Service
from govshare_sidecar.tls_reload import LiveTls


async def listen_rpc(
    config: GrpcConfig,
    tls: LiveTls,
    *,
    services: Sequence[Service],
    limits: Limits,
    key: str = "grpc.listen",
    client_ca: Path | None = None,
) -> GrpcListener | NativeListener:
    """Return a server of *services*, listening and healthy.

    Args:
        config: Where it listens, and over what.
        tls: What it shows, and whom it lets in.
        services: What it serves.
        limits: Of calls under way.
        key: The setting that names the address, for messages.
        client_ca: Of proxies that ask for others, if they do; theirs have to be valid to connect.

    Raises:
        ConfigError: If the address cannot be listened on, or a file cannot be used.
    """
    if config.transport is Transport.NATIVE:
        context = tls.context(partial(rpc_context, client_ca=client_ca))
        return await NativeListener.start(
            config, context, services=services, limits=limits, key=key
        )
    credentials = tls.credentials(client_ca)
    return await GrpcListener.start(config, credentials, services=services, limits=limits, key=key)
