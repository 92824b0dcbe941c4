# SPDX-License-Identifier: Apache-2.0
"""``/metrics`` and ``/healthz`` of a deployment of several workers, which are asked for theirs."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_PATIENCE_S: Final = 2.0


class Gathered(Collector):
    """What several workers count, each sample under the name of its worker.

    Nothing is added up here: what a worker counts begins anew with the worker, and only whoever
    sees each of them by itself can tell that from a fall.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def collect(self) -> Iterable[Metric]:
        """Return every family once, with the samples of all workers."""
        families: dict[str, Metric] = {}
        for worker, text in self._texts.items():
            for found in text_string_to_metric_families(text):
                new = Metric(found.name, found.documentation, found.type)
                family = families.setdefault(found.name, new)
                for sample in found.samples:
                    labels = {**sample.labels, "worker": worker}
                    family.add_sample(sample.name, labels, sample.value)
        return families.values()


class Front:
    """Asks the workers, each of which has a monitor of its own on this machine."""

    def __init__(
        self, monitors: Callable[[], Mapping[str, str]], registry: CollectorRegistry
    ) -> None:
        """Begin.

        Args:
            monitors: Where the monitor of each worker stands; empty for one that has none now.
            registry: What is counted here.
        """
        self._monitors = monitors
        self._registry = registry

    def server(self) -> web.Server:
        """Return the server of ``/metrics`` and ``/healthz``."""
        return web.Server(self._handle, access_log=None)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED)
        if request.path == "/metrics":
            texts = {name: text for name, (_, text) in (await self._ask("/metrics")).items()}
            gathered = CollectorRegistry()
            gathered.register(Gathered(texts))
            body = generate_latest(self._registry) + generate_latest(gathered)
            return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
        if request.path == "/healthz":
            found = await self._ask("/healthz")
            idle = [name for name, (status, _) in found.items() if status != HTTPStatus.OK]
            if not idle:
                return web.Response(text="serving\n")
            text = f"not serving: {' '.join(idle)}\n"
            return web.Response(text=text, status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.Response(status=HTTPStatus.NOT_FOUND)

    async def _ask(self, path: str) -> dict[str, tuple[int, str]]:
        """Return status and text of every worker; 0 and nothing of one that does not answer."""
        monitors = self._monitors()
        timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
            answers = await asyncio.gather(
                *(_answer(session, where, path) for where in monitors.values())
            )
        return dict(zip(monitors, answers, strict=True))


async def _answer(session: aiohttp.ClientSession, where: str, path: str) -> tuple[int, str]:
    if not where:
        return 0, ""
    try:
        async with session.get(f"http://{where}{path}") as response:
            return response.status, await response.text()
    except (aiohttp.ClientError, TimeoutError):
        return 0, ""
