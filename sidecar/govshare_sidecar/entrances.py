# SPDX-License-Identifier: Apache-2.0
"""Every entrance of one process: opened after one another, and closed together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import Address
from govshare_sidecar.api import Enforcement
from govshare_sidecar.audit_api import Audit
from govshare_sidecar.config import Config, HttpConfig
from govshare_sidecar.decision_doors import open_doors
from govshare_sidecar.desk import Desk
from govshare_sidecar.door import door as http_door
from govshare_sidecar.egress.settings import EgressConfig
from govshare_sidecar.envoy.entrance import EnvoyListener
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.front_end import FrontEndListener
from govshare_sidecar.grpc_proxy.listener import listen_grpc_proxy
from govshare_sidecar.grpc_proxy.upstream import GrpcUpstream
from govshare_sidecar.grpc_settings import GrpcConfig
from govshare_sidecar.h2.listener import NativeListener
from govshare_sidecar.heartbeat_door import open_heartbeats
from govshare_sidecar.listeners import GrpcListener, HttpListener, Service
from govshare_sidecar.metrics import Metrics, monitor
from govshare_sidecar.proofs import Proofs
from govshare_sidecar.proxy import Proxy
from govshare_sidecar.rpc import listen_rpc
from govshare_sidecar.side_doors import open_front_end, open_national
from govshare_sidecar.tls_tables import TlsTables
from govshare_sidecar.upstream import Upstream

if TYPE_CHECKING:
    from govshare_sidecar.egress.means import Means

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """What every entrance is given.

    Attributes:
        desk: Answers calls.
        authorities: Whose certificates clients may show.
        tls: Of all listeners.
        proofs: Reads proofs out of the log.
        now: Tells the time, with a zone.
    """

    desk: Desk
    authorities: ClientAuthorities
    tls: TlsTables
    metrics: Metrics
    proofs: Proofs
    now: Callable[[], datetime]


class Entrances:
    """The listeners of one configuration."""

    def __init__(self, config: Config) -> None:
        """Begin with none open."""
        self._config = config
        # Owned by the event loop.
        self._rpc: dict[str, GrpcListener | NativeListener | EnvoyListener] = {}
        self._http: dict[str, HttpListener] = {}
        self._monitor: HttpListener | None = None
        self._front_end: FrontEndListener | None = None
        self._announcing: set[asyncio.Task[None]] = set()
        self._upstreams: list[Upstream | GrpcUpstream] = []

    @property
    def addresses(self) -> Mapping[str, Address]:
        """Where the listeners stand, with the ports they were given."""
        doors = {**self._rpc, **self._http}
        named = {name: door.address for name, door in doors.items()}
        return named if self._monitor is None else {**named, "metrics": self._monitor.address}

    async def open(
        self,
        stack: AsyncExitStack,
        counter: Counter,
        *,
        upstream: Upstream | None,
        is_serving: Callable[[], bool],
        drain: Callable[[], Awaitable[None]],
    ) -> None:
        """Open them all.

        Args:
            stack: Closes the monitor last, before it the ways to a department's API, and drains
                before those.
            counter: What every entrance is given.
            upstream: The department's API over HTTP, if there is one.
            is_serving: Whether calls are answered.
            drain: Takes nothing new and finishes what is under way; :meth:`close` is part of it.

        Raises:
            ConfigError: If an address or a setting cannot be used.
        """
        config = self._config
        if config.metrics is not None:
            server = monitor(counter.metrics, is_serving, notes=lambda: counter.tls.notes)
            self._monitor = await HttpListener.start(
                server, config.metrics, key="metrics.listen", tls=None
            )
            stack.push_async_callback(self._monitor.stop)
        proxied = None
        if config.grpc_proxy is not None:
            proxied = GrpcUpstream.open(config.grpc_proxy, now=counter.now)
            stack.push_async_callback(proxied.close)
        means = None
        if config.egress is not None:
            means = await _open_means(config.egress, stack, counter)
        self._upstreams = [one for one in (upstream, proxied) if one is not None]
        stack.push_async_callback(drain)
        if config.http is not None and upstream is not None:
            await self._open_http(config.http, counter, upstream)
        await self._open_rpc(counter, proxied)
        doors = open_doors(
            config,
            desk=counter.desk,
            authorities=counter.authorities,
            tls=counter.tls.main,
            metrics=counter.metrics,
        )
        async for name, listener in doors:
            self._http[name] = listener
        if config.heartbeats is not None:
            self._http["heartbeats"] = await open_heartbeats(
                config.heartbeats,
                stack,
                desk=counter.desk,
                authorities=counter.authorities,
                tls=counter.tls.main,
                metrics=counter.metrics,
                now=counter.now,
            )
        if means is not None:
            await self._open_egress(means, counter)

    def reload(self) -> None:
        """Show the departments' APIs what the files hold now, or what was shown before."""
        for upstream in self._upstreams:
            try:
                upstream.reload()
            except ConfigError as error:
                _log.error("reload refused, what an upstream is shown stays: %s", error)

    async def close(self) -> None:
        """Say that nothing more is taken, then finish what is under way everywhere."""
        for door in self._rpc.values():
            await door.not_serving()
        # Whoever sends calls here hears of it first, and sends them elsewhere.
        await asyncio.sleep(self._config.limits.notice_s)
        doors = [*self._rpc.values(), *self._http.values()]
        beside = [] if self._front_end is None else [self._front_end]
        await asyncio.gather(*(door.stop() for door in (*doors, *beside)))

    def say(self, *, serving: bool) -> None:
        """Tell those who ask for the health of an entrance; returns at once."""
        for door in self._rpc.values():
            self._announce(door.announce(serving=True) if serving else door.not_serving())

    async def _open_http(self, http: HttpConfig, counter: Counter, upstream: Upstream) -> None:
        """Open the listener in front of the API of *http*, and the further ones."""
        proxy = Proxy(
            http,
            desk=counter.desk,
            upstream=upstream,
            authorities=counter.authorities,
            metrics=counter.metrics,
        )
        self._http["http"] = await HttpListener.start(
            http_door(proxy), http.listen, key="http.listen", tls=counter.tls.main.context()
        )
        at = (self._config, http, upstream, counter.tls)
        national = await open_national(*at, desk=counter.desk, metrics=counter.metrics)
        if national is not None:
            self._http["national_tls"] = national
        self._front_end = await open_front_end(*at, desk=counter.desk, metrics=counter.metrics)

    async def _open_rpc(self, counter: Counter, proxied: GrpcUpstream | None) -> None:
        config = self._config
        if config.grpc is not None:
            services = self._services(config.grpc, counter)
            self._rpc["grpc"] = await listen_rpc(
                config.grpc, counter.tls.main, services=services, limits=config.limits
            )
        if config.grpc_proxy is not None and proxied is not None:
            self._rpc["grpc_proxy"] = await listen_grpc_proxy(
                config,
                config.grpc_proxy,
                tls=counter.tls.main,
                desk=counter.desk,
                metrics=counter.metrics,
                upstream=proxied,
                authorities=counter.authorities,
                beside=self._audit(counter),
            )
        if config.envoy is not None:
            self._rpc["envoy"] = await EnvoyListener.start(
                config.envoy,
                counter.tls.main,
                desk=counter.desk,
                authorities=counter.authorities,
                metrics=counter.metrics,
                limits=config.limits,
            )

    async def _open_egress(self, means: "Means", counter: Counter) -> None:
        from govshare_sidecar.egress.doors import open_egress  # noqa: PLC0415  see below

        limits = self._config.limits
        async for name, listener in open_egress(means, counter.tls.main, limits=limits):
            if isinstance(listener, HttpListener):
                self._http[name] = listener
            else:
                self._rpc[name] = listener

    def _services(self, grpc: GrpcConfig, counter: Counter) -> list[Service]:
        """Return what the gRPC listener serves."""
        enforcement = Enforcement(
            counter.desk,
            counter.authorities,
            counter.metrics,
            network=grpc.network,
            limits=self._config.limits,
            descriptors=grpc.descriptors,
        )
        return [enforcement, self._audit(counter)]

    def _audit(self, counter: Counter) -> Audit:
        return Audit(
            counter.proofs,
            counter.authorities,
            counter.metrics,
            auditors=self._config.auditors,
            now=counter.now,
        )

    def _announce(self, words: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(words)
        self._announcing.add(task)
        task.add_done_callback(self._announcing.discard)


async def _open_means(egress: EgressConfig, stack: AsyncExitStack, counter: Counter) -> "Means":
    # Its libraries are an extra, and of no use to anybody else.
    from govshare_sidecar.egress.doors import open_means  # noqa: PLC0415

    return await open_means(
        egress,
        stack,
        desk=counter.desk,
        authorities=counter.authorities,
        metrics=counter.metrics,
        now=counter.now,
    )
