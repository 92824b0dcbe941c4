# SPDX-License-Identifier: Apache-2.0
"""How things stand, read when ``/metrics`` is asked for and not before."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from govshare_policy.audit import AuditLog
from govshare_policy.gate import Basis
from govshare_sidecar.desk import Desk
from govshare_sidecar.evidence import ClientAuthorities


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Collector):
    """The state of one sidecar, as metrics.

    Attributes:
        directory: Of the log.
        basis: What calls are decided on now.
        now: Tells the time, with a zone.
        is_serving: Whether calls are answered.
    """

    log: AuditLog
    directory: Path
    desk: Desk
    basis: Callable[[], Basis]
    authorities: ClientAuthorities
    now: Callable[[], datetime]
    is_serving: Callable[[], bool]

    def collect(self) -> Iterator[Metric]:
        """Yield everything once."""
        desk = self.desk
        yield _gauge("serving", "1 while calls are answered.", float(self.is_serving()))
        yield _gauge("in_flight", "Requests that hold a place.", desk.in_flight)
        yield _gauge("log_queue", "Records on their way to the disk.", desk.queued)
        yield _gauge("log_records", "Records in the audit log.", self.log.size)
        yield _gauge("log_bytes", "Size of the files of the audit log.", _size(self.directory))
        yield _gauge(
            "checkpoint_age_seconds",
            "Since the last checkpoint of the log was signed.",
            (self.now() - self._signed_at()).total_seconds(),
        )
        yield self._policy()
        yield self._expiry()

    def _policy(self) -> Metric:
        bundle = self.basis().bundle
        said = {
            "profile": bundle.profile,
            "precedence": bundle.precedence.value,
            "revision": f"sm3:{bundle.revision.hex()}",
        }
        # One revision for both: that of a bundle covers the register that it stands over.
        return InfoMetricFamily("govshare_policy", "The policy and registers in force.", said)

    def _expiry(self) -> Metric:
        ends = [one.not_valid_after_utc for one in self.authorities.current.certificates]
        return _gauge(
            "tls_client_ca_ends_timestamp_seconds",
            "When the first of the authorities of clients ends; Unix seconds.",
            min(ends).timestamp(),
        )

    def _signed_at(self) -> datetime:
        # The log's own signature comes first; witnesses sign what it has signed.
        time, _ = self.log.checkpoint().signatures[0].stamped()
        return datetime.fromtimestamp(time, UTC)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"govshare_{name}", text, value)


def _size(directory: Path) -> int:
    total = 0
    for path in directory.iterdir():
        # A file may be replaced between the two.
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total
