# SPDX-License-Identifier: Apache-2.0
"""The listener of the gRPC proxy: what stands on its port."""

from govshare_sidecar.config import Config
from govshare_sidecar.desk import Desk
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.grpc_proxy.exchange import Door
from govshare_sidecar.grpc_proxy.proxy import GrpcProxy
from govshare_sidecar.grpc_proxy.settings import GrpcProxyConfig
from govshare_sidecar.grpc_proxy.upstream import GrpcUpstream
from govshare_sidecar.grpc_settings import GrpcConfig
from govshare_sidecar.h2.listener import NativeListener
from govshare_sidecar.limits import Places
from govshare_sidecar.listeners import GrpcListener, Service
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.rpc import listen_rpc
from govshare_sidecar.tls_reload import LiveTls


async def listen_grpc_proxy(
    config: Config,
    proxy: GrpcProxyConfig,
    *,
    tls: LiveTls,
    desk: Desk,
    metrics: Metrics,
    upstream: GrpcUpstream,
    authorities: ClientAuthorities,
    beside: Service,
) -> GrpcListener | NativeListener:
    """Return the proxy to *upstream*, listening.

    Args:
        config: Says what holds for every entrance: TLS and limits.
        proxy: Says what is behind this one.
        tls: What the listener shows, and whom it lets in.
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
    listen = GrpcConfig(
        listen=proxy.listen, network=proxy.network, reflection=False, transport=proxy.transport
    )
    return await listen_rpc(listen, tls, services=services, limits=limits, key="grpc_proxy.listen")
