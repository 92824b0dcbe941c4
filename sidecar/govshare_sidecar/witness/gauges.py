# SPDX-License-Identifier: Apache-2.0
"""What is counted of the witnesses. The names in the labels are those of the configuration."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import Counter, Gauge


class Gauges:
    """The witnesses, as ``/metrics`` shows them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._asked = Counter(
            "govshare_witness_answers",
            "What became of a checkpoint that a witness was asked to sign.",
            ("witness", "result"),
            registry=registry,
        )

    def watch(self, *, size: Callable[[], int], lag_s: Callable[[], float]) -> None:
        """Show how far the witnesses are, read when asked for."""
        Gauge(
            "govshare_witnessed_records",
            "Records that enough witnesses have seen.",
            registry=self._registry,
        ).set_function(lambda: float(size()))
        Gauge(
            "govshare_witness_lag_seconds",
            "For how long records may have gone unseen by enough witnesses.",
            registry=self._registry,
        ).set_function(lag_s)

    def asked(self, witness: str, result: str) -> None:
        """Count an answer: ``signed``, ``failed`` or ``conflict``."""
        self._asked.labels(witness, result).inc()
