# SPDX-License-Identifier: Apache-2.0
"""What a monitor sees of certificates and revocation lists."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import Counter, Gauge

from govshare_sidecar.revocation import RevocationLists

_log: Final = logging.getLogger(__name__)


class TlsMetrics:
    """The metrics of all TLS tables of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.until = Gauge(
            "govshare_tls_certificate_ends_timestamp_seconds",
            "When the certificate in force ends.",
            ("table",),
            registry=registry,
        )
        self.lists = Gauge(
            "govshare_tls_crl_ends_timestamp_seconds",
            "When the next revocation list of an authority is due.",
            ("table", "authority"),
            registry=registry,
        )
        self.silent = Gauge(
            "govshare_tls_authorities_without_crl",
            "Authorities without a revocation list in force; their clients are refused.",
            ("table",),
            registry=registry,
        )
        self.reloads = Counter(
            "govshare_tls_reloads",
            "Reloads of certificates, authorities and lists.",
            ("table", "result"),
            registry=registry,
        )


class TlsGauges:
    """Those of one table."""

    def __init__(self, metrics: TlsMetrics, table: str) -> None:
        self._metrics = metrics
        self.table = table
        self._told: tuple[str, ...] = ()
        self._named: set[str] = set()

    def certificate(self, until: datetime) -> None:
        """Show that our own certificate is valid *until* then."""
        self._metrics.until.labels(self.table).set(until.timestamp())

    def lists(self, lists: Sequence[RevocationLists | None]) -> None:
        """Show when every list ends, and no other."""
        held = [one for each in lists if each is not None for one in each.by_authority.values()]
        found = {one.issuer: one for one in held}
        for gone in self._named - set(found):
            self._metrics.lists.remove(self.table, gone)
        self._named = set(found)
        for issuer, one in found.items():
            self._metrics.lists.labels(self.table, issuer).set(one.end.timestamp())

    def silent(self, notes: Sequence[str]) -> None:
        """Show how many authorities are without a list, and tell each of *notes* once."""
        self._metrics.silent.labels(self.table).set(len(notes))
        for note in notes:
            if note not in self._told:
                _log.error("every client of an authority is refused, %s", note)
        self._told = tuple(notes)

    def reloaded(self, *, done: bool) -> None:
        """Count a reload that was done, or was refused."""
        self._metrics.reloads.labels(self.table, "done" if done else "refused").inc()
