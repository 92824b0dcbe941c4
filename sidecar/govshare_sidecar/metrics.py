# SPDX-License-Identifier: Apache-2.0
"""What is counted, and the small listener that shows it. No label ever holds what a caller sent.

docs/reference/metrics.md lists all of it; what is read only when asked for is in ``shown.py``.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics import Counter, Gauge

from govshare_policy.decision import Decision
from govshare_sidecar.durations import Durations, Timed
from govshare_sidecar.refusal import Cause
from govshare_sidecar.upstream import Fault


class Stage(StrEnum):
    """A part of a call that is timed, and shown in traces; the value names its histogram."""

    DECISION = "decision"
    COMMIT = "commit"
    UPSTREAM = "upstream"
    RELEASE = "release"
    OUTCOME = "outcome"


_STAGES: Final = {
    Stage.DECISION: "Who calls, what was true, and what the texts say to it.",
    Stage.COMMIT: "From a decision to its record on the disk under a signed checkpoint.",
    Stage.UPSTREAM: "What the department's API took, as far as it was waited for.",
    Stage.RELEASE: "Reading an answer of the department's strictly, and filtering it.",
    Stage.OUTCOME: "The record of what became of an allowed call.",
}


class Metrics:
    """The counters of one sidecar, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answered = self._counter(
            "answers", "Calls answered, each of them recorded.", "entrance", "outcome"
        )
        self._decided = self._counter(
            "decisions",
            "The same by what decided: the first clause that the answer cites.",
            *("entrance", "outcome", "clause"),
        )
        self._refused = self._counter(
            "refused", "Requests refused before they became a call.", "entrance", "cause"
        )
        self._upstream = self._counter(
            "upstream_errors",
            "Allowed calls for which the department's API gave nothing to release.",
            "fault",
        )
        self._reloads = self._counter("reloads", "Reloads of policy and registers.", "result")
        self._call = Durations(
            "govshare_call_seconds",
            "From the place that a request was given to the end of its answer.",
            "entrance",
            registry=self.registry,
        )
        self._stages = {
            stage: Durations(f"govshare_{stage.value}_seconds", text, registry=self.registry).of()
            for stage, text in _STAGES.items()
        }
        # Looking a label up takes a lock; what is counted in every call is looked up once.
        self._answers_of = cache(
            lambda entrance, outcome, clause: (
                self._answered.labels(entrance, outcome),
                self._decided.labels(entrance, outcome, clause),
            )
        )
        self._loaded_at = self._gauge(
            "policy_loaded_timestamp_seconds", "When the policy in force was loaded; Unix seconds."
        )
        self._load_s = self._gauge("policy_load_seconds", "How long loading it took.")

    def timed_call(self, entrance: str, *, calls: int = 1) -> Timed:
        """Measure what is inside the ``with`` as one call, or as several that end together."""
        return Timed(self._call.of(entrance), times=calls)

    def timed(self, stage: Stage, *, calls: int = 1) -> Timed:
        """Measure what is inside the ``with`` as *stage* of a call, or of several at once."""
        return Timed(self._stages[stage], times=calls)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Measure what is inside the ``with`` as loading the policy, unless it fails."""
        began = time.perf_counter()
        yield
        self._load_s.set(time.perf_counter() - began)
        self._loaded_at.set_to_current_time()

    def answered(self, entrance: str, decision: Decision) -> None:
        """Count an answer that is recorded."""
        for counter in self._answers_of(entrance, decision.outcome.value, decision.clauses[0]):
            counter.inc()

    def refused(self, entrance: str, cause: Cause) -> None:
        """Count a request that never became a call."""
        self._refused.labels(entrance, cause.value).inc()

    def upstream_failed(self, fault: Fault) -> None:
        """Count an allowed call that ended without data."""
        self._upstream.labels(fault.value).inc()

    def reloaded(self, *, done: bool) -> None:
        """Count a reload that was done, or was refused."""
        self._reloads.labels("done" if done else "refused").inc()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"govshare_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"govshare_{name}", text, registry=self.registry)


def monitor(
    metrics: Metrics,
    serving: Callable[[], bool],
    *,
    notes: Callable[[], Sequence[str]] = tuple,
) -> web.Server:
    """Return the server of ``/metrics`` and ``/healthz``; *notes* are lines of the latter."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED)
        if request.path == "/metrics":
            headers = {"Content-Type": CONTENT_TYPE_LATEST}
            return web.Response(body=generate_latest(metrics.registry), headers=headers)
        if request.path == "/healthz":
            if serving():
                return web.Response(text="".join(f"{line}\n" for line in ("serving", *notes())))
            return web.Response(text="not serving\n", status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.Response(status=HTTPStatus.NOT_FOUND)

    return web.Server(handle, access_log=None)
