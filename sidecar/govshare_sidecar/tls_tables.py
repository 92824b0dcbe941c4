# SPDX-License-Identifier: Apache-2.0
"""All TLS of one process: that of the ordinary listeners, and that with the national algorithms."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from prometheus_client import CollectorRegistry

from govshare_policy.errors import ConfigError
from govshare_sidecar.config import Config
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.listeners import tls_context
from govshare_sidecar.national_tls import national_context
from govshare_sidecar.seen_lists import SeenLists
from govshare_sidecar.tls_gauges import TlsGauges, TlsMetrics
from govshare_sidecar.tls_reload import LiveTls


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTables:
    """What the listeners take their TLS from.

    Attributes:
        main: Of the table ``[tls]``.
        national: Of the table ``[national_tls]``, if there is one.
        front_end: The authorities of ``[front_end]``, if there is one; *main* keeps them up.
    """

    main: LiveTls
    national: LiveTls | None
    front_end: ClientAuthorities | None

    @classmethod
    def open(
        cls,
        config: Config,
        registry: CollectorRegistry,
        *,
        now: Callable[[], datetime],
        is_trial: bool = False,
    ) -> Self:
        """Return the TLS of *config*, with its files in force.

        Args:
            config: Names the files.
            registry: Where what is measured goes.
            now: Tells the time.
            is_trial: Whether nothing is to be written: nobody will be served.

        Raises:
            ConfigError: If a file cannot be used, an algorithm is not there, or a revocation list
                is older than one that was in force before.
            AuditError: If the memory of the revocation lists cannot be used.
        """
        seen = SeenLists(config.seen_lists, is_writing=not is_trial)
        metrics = TlsMetrics(registry)
        gauges = TlsGauges(metrics, "tls")
        main = LiveTls.open(config.tls, make=tls_context, now=now, gauges=gauges, seen=seen)
        national = front_end = None
        if config.national_tls is not None:
            tls, gauges = config.national_tls.tls, TlsGauges(metrics, "national_tls")
            national = LiveTls.open(tls, make=national_context, now=now, gauges=gauges, seen=seen)
        if config.front_end is not None:
            if config.workers:
                raise ConfigError("`front_end` has one socket, which `workers` cannot share")
            door = config.front_end
            front_end = main.authorities_of(door.client_ca, door.crl, table="front_end")
        return cls(main=main, national=national, front_end=front_end)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for whoever asks for the health."""
        return tuple(note for live in self._all for note in live.notes)

    async def reload(self) -> None:
        """Put what the files hold in force, table by table, or keep what is and say why."""
        for live in self._all:
            await live.reload()

    def go_on(self) -> None:
        """Look at the files from time to time until :meth:`stop`."""
        for live in self._all:
            live.go_on()

    async def stop(self) -> None:
        """Look at them no more."""
        for live in self._all:
            await live.stop()

    @property
    def _all(self) -> tuple[LiveTls, ...]:
        return (self.main,) if self.national is None else (self.main, self.national)
