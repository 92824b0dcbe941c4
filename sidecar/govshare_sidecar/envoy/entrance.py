# SPDX-License-Identifier: Apache-2.0
"""The listener for Envoys, the upstream of the self-test, and the self-test itself."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from govshare_policy.crypto import sm3
from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import Address
from govshare_sidecar._table import why
from govshare_sidecar.desk import Desk
from govshare_sidecar.envoy.authorization import Authorization
from govshare_sidecar.envoy.canary import Prober, Proofs, Tokens, origin
from govshare_sidecar.envoy.counter import Counter
from govshare_sidecar.envoy.processor import ExternalProcessor
from govshare_sidecar.envoy.settings import EnvoyConfig
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.grpc_settings import GrpcConfig
from govshare_sidecar.h2.listener import NativeListener
from govshare_sidecar.limits import Limits
from govshare_sidecar.listeners import GrpcListener, HttpListener
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.receipts import Receipts
from govshare_sidecar.rpc import listen_rpc
from govshare_sidecar.tls_reload import LiveTls
from govshare_sidecar.tls_settings import TlsConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyListener:
    """Everything that stands on a port for Envoys."""

    listener: GrpcListener | NativeListener
    canary: HttpListener
    prober: Prober

    @classmethod
    async def start(
        cls,
        config: EnvoyConfig,
        tls: LiveTls,
        *,
        desk: Desk,
        authorities: ClientAuthorities,
        metrics: Metrics,
        limits: Limits,
    ) -> Self:
        """Return the listener, listening, with the self-test under way.

        Raises:
            ConfigError: If an address cannot be listened on, or a file cannot be used.
        """
        tokens, proofs = Tokens(_secret(tls.config)), Proofs(config.proxies)
        counter = Counter(
            config=config,
            desk=desk,
            authorities=authorities,
            metrics=metrics,
            proofs=proofs,
            tokens=tokens,
            receipts=Receipts(),
            stopping=asyncio.Event(),
        )
        async with AsyncExitStack() as stack:
            prober = await Prober.open(config.proxies, tokens, proofs)
            stack.push_async_callback(prober.stop)
            canary = await HttpListener.start(
                origin(), config.canary, key="envoy.canary.listen", tls=None
            )
            stack.push_async_callback(canary.stop)
            listener = await listen_rpc(
                GrpcConfig(
                    listen=config.listen,
                    network=config.network,
                    reflection=False,
                    transport=config.transport,
                ),
                tls,
                client_ca=config.client_ca,
                services=(ExternalProcessor(counter), Authorization(counter)),
                limits=limits,
                key="envoy.listen",
            )
            stack.pop_all()
        prober.go_on()
        return cls(listener=listener, canary=canary, prober=prober)

    @property
    def address(self) -> Address:
        """Where Envoys ask."""
        return self.listener.address

    async def announce(self, *, serving: bool) -> None:
        """Say whether calls are answered now, to everybody who asks or watches."""
        await self.listener.announce(serving=serving)

    async def not_serving(self) -> None:
        """Say so to everybody who asks or watches, for good."""
        await self.listener.not_serving()

    async def stop(self) -> None:
        """Stop accepting, let what is under way end in time, and close every connection."""
        await self.prober.stop()
        await asyncio.gather(self.listener.stop(), self.canary.stop())


def _secret(tls: TlsConfig) -> bytes:
    """Return what all processes that serve with the same key know, and nobody else."""
    try:
        return sm3(b"govshare canary\n" + tls.key.read_bytes())
    except OSError as error:
        raise ConfigError(f"`tls.key` cannot be read: {why(error)}") from None
