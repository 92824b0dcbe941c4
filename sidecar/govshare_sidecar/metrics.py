# SPDX-License-Identifier: Apache-2.0
"""What is counted, and the small listener that shows it. No label ever holds what a caller sent."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics import Counter, Gauge, Histogram

from govshare_policy.legal import Outcome
from govshare_sidecar.refusal import Cause
from govshare_sidecar.upstream import Fault

_COMMIT_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class Metrics:
    """The counters of one sidecar, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answered = Counter(
            "govshare_answers",
            "Calls answered, each of them recorded.",
            ("entrance", "outcome"),
            registry=self.registry,
        )
        self._refused = Counter(
            "govshare_refused",
            "Requests refused before they became a call.",
            ("entrance", "cause"),
            registry=self.registry,
        )
        self._upstream = Counter(
            "govshare_upstream_errors",
            "Allowed calls for which the department's API gave nothing to release.",
            ("fault",),
            registry=self.registry,
        )
        self._commit = Histogram(
            "govshare_commit_seconds",
            "From a decision to its record on the disk under a signed checkpoint.",
            buckets=_COMMIT_BUCKETS,
            registry=self.registry,
        )
        self._reloads = Counter(
            "govshare_reloads",
            "Reloads of policy and registers.",
            ("result",),
            registry=self.registry,
        )

    def watch(
        self,
        *,
        log_size: Callable[[], int],
        serving: Callable[[], bool],
        in_flight: Callable[[], int],
    ) -> None:
        """Show the size of the log and what goes on, read when asked for."""
        Gauge(
            "govshare_in_flight", "Requests that hold a place.", registry=self.registry
        ).set_function(lambda: float(in_flight()))
        Gauge(
            "govshare_log_records", "Records in the audit log.", registry=self.registry
        ).set_function(lambda: float(log_size()))
        Gauge(
            "govshare_serving", "1 while calls are answered.", registry=self.registry
        ).set_function(lambda: float(serving()))

    def answered(self, entrance: str, outcome: Outcome, *, commit_s: float) -> None:
        """Count an answer whose record took *commit_s* to reach the disk."""
        self._answered.labels(entrance, outcome.value).inc()
        self._commit.observe(commit_s)

    def refused(self, entrance: str, cause: Cause) -> None:
        """Count a request that never became a call."""
        self._refused.labels(entrance, cause.value).inc()

    def upstream_failed(self, fault: Fault) -> None:
        """Count an allowed call that ended without data."""
        self._upstream.labels(fault.value).inc()

    def reloaded(self, *, done: bool) -> None:
        """Count a reload that was done, or was refused."""
        self._reloads.labels("done" if done else "refused").inc()


def monitor(metrics: Metrics, serving: Callable[[], bool]) -> web.Server:
    """Return the server of ``/metrics`` and ``/healthz``."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED)
        if request.path == "/metrics":
            headers = {"Content-Type": CONTENT_TYPE_LATEST}
            return web.Response(body=generate_latest(metrics.registry), headers=headers)
        if request.path == "/healthz":
            if serving():
                return web.Response(text="serving\n")
            return web.Response(text="not serving\n", status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.Response(status=HTTPStatus.NOT_FOUND)

    return web.Server(handle, access_log=None)
