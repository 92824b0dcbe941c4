# SPDX-License-Identifier: Apache-2.0
"""The listener of the gRPC proxy: what stands on its port."""

import grpc

from govshare_sidecar.config import Config, GrpcConfig
from govshare_sidecar.desk import Desk
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.grpc_exchange import Door
from govshare_sidecar.grpc_proxy import GrpcProxy
from govshare_sidecar.grpc_proxy_settings import GrpcProxyConfig
from govshare_sidecar.grpc_upstream import GrpcUpstream
from govshare_sidecar.limits import Places
from govshare_sidecar.listeners import GrpcListener, Service
from govshare_sidecar.metrics import Metrics


async def listen_grpc_proxy(
    config: Config,
    proxy: GrpcProxyConfig,
    *,
    credentials: grpc.ServerCredentials,
    desk: Desk,
    metrics: Metrics,
    upstream: GrpcUpstream,
    authorities: ClientAuthorities,
    beside: Service,
) -> GrpcListener:
    """Return the proxy to *upstream*, listening.

    Args:
        config: Says what holds for every entrance: TLS and limits.
        proxy: Says what is behind this one.
        credentials: What the listener shows, and whom it lets in.
        desk: Answers.
        metrics: Counts.
        upstream: The department's API.
        authorities: Read the callers' certificates.
        beside: Hands out the receipts, on the same port.

    Raises:
        ConfigError: If the address cannot be listened on, or a file cannot be used.
    """
    limits = config.limits
    streams = Places(most=limits.streams, share=limits.streams_per_caller)
    door = Door(config=proxy, desk=desk, upstream=upstream, metrics=metrics, streams=streams)
    services: list[Service] = [GrpcProxy(door, authorities=authorities), beside]
    listen = GrpcConfig(listen=proxy.listen, network=proxy.network, reflection=False)
    return await GrpcListener.start(
        listen, credentials, services=services, limits=limits, key="grpc_proxy.listen"
    )
