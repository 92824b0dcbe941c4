# SPDX-License-Identifier: Apache-2.0
"""The listeners of the onward guard, opened with all that stands behind them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from govshare_policy.errors import ConfigError
from govshare_policy.identity import Evidence
from govshare_sidecar._table import why
from govshare_sidecar.desk import Desk
from govshare_sidecar.door import door
from govshare_sidecar.egress.beats import Beats
from govshare_sidecar.egress.clearance import Clearance
from govshare_sidecar.egress.forgetting import Forgetting
from govshare_sidecar.egress.forward import Forward
from govshare_sidecar.egress.inbound import Inbound
from govshare_sidecar.egress.means import Means
from govshare_sidecar.egress.outward import Outward
from govshare_sidecar.egress.pool import ScanPool
from govshare_sidecar.egress.processor import EgressProcessor
from govshare_sidecar.egress.reverse import Reverse
from govshare_sidecar.egress.settings import EgressConfig, Provider
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.grpc_settings import GrpcConfig
from govshare_sidecar.h2.listener import NativeListener
from govshare_sidecar.limits import Limits
from govshare_sidecar.listeners import GrpcListener, HttpListener
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.rpc import listen_rpc
from govshare_sidecar.tls_reload import LiveTls


async def open_means(
    config: EgressConfig,
    stack: AsyncExitStack,
    *,
    desk: Desk,
    authorities: ClientAuthorities,
    metrics: Metrics,
    now: Callable[[], datetime],
) -> Means:
    """Open the guard, forget what has lapsed, and have *stack* close it.

    Raises:
        ConfigError: If a file or a key cannot be used.
        AuditError: If the guard cannot be opened.
    """
    outward = Outward.open(config)
    stack.push_async_callback(outward.close)
    pool = ScanPool(config)
    stack.push_async_callback(asyncio.to_thread, pool.close)
    await pool.open()
    await pool.lapse(now())
    forgetting = Forgetting(pool, now=now)
    stack.push_async_callback(forgetting.stop)
    forgetting.go_on()
    clearance = Clearance(config, pool=pool, desk=desk, now=now)
    if config.heartbeat is not None:
        beats = Beats(
            config.heartbeat,
            config.place,
            clearance.counts,
            registry=metrics.registry,
            now=now,
        )
        stack.push_async_callback(beats.stop)
        beats.go_on()
    return Means(
        config=config,
        desk=desk,
        clearance=clearance,
        inbound=Inbound(config, pool=pool, now=now),
        outward=outward,
        authorities=authorities,
        metrics=metrics,
    )


async def open_egress(
    means: Means, tls: LiveTls, *, limits: Limits
) -> AsyncIterator[tuple[str, HttpListener | GrpcListener | NativeListener]]:
    """Open the listeners that the configuration asks for; each comes with its name.

    Raises:
        ConfigError: If an address or a file cannot be used.
    """
    config = means.config
    if config.forward is not None:
        own = config.forward
        lent = {
            host: _lent(provider, means.authorities, network=own.network)
            for host, provider in config.providers.items()
        }
        yield (
            "egress_forward",
            await HttpListener.start(
                door(Forward(means, own, lent=lent)),
                own.listen,
                key="egress.forward.listen",
                tls=tls.context(),
            ),
        )
    if config.reverse is not None:
        yield (
            "egress_reverse",
            await HttpListener.start(
                door(Reverse(means, config.reverse)),
                config.reverse.listen,
                key="egress.reverse.listen",
                tls=tls.context(),
            ),
        )
    if config.envoy is not None:
        yield (
            "egress_envoy",
            await listen_rpc(
                GrpcConfig(
                    listen=config.envoy.listen,
                    network=config.envoy.network,
                    reflection=False,
                    transport=config.envoy.transport,
                ),
                tls,
                client_ca=config.envoy.client_ca or tls.config.client_ca,
                services=(EgressProcessor(means, config.envoy),),
                limits=limits,
                key="egress.envoy.listen",
            ),
        )


def _lent(provider: Provider, authorities: ClientAuthorities, *, network: str) -> Evidence:
    path = provider.certificate
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None
    except ValueError:
        raise ConfigError(f"`{path.name}` does not hold a certificate in PEM") from None
    return authorities.evidence(certificate.public_bytes(Encoding.DER), network=network)
