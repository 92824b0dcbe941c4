# SPDX-License-Identifier: Apache-2.0
"""Heartbeats on their way to the provider: kept until they have arrived, sent in their order.

One that the provider refuses for good is put aside and said to be; those after it go on, and the
provider sees the gap.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import Counter, Gauge

from govshare_policy.audit.disk import Disk
from govshare_sidecar.egress.settings import HeartbeatConfig

UNSENT: Final = "heartbeats-unsent"
REFUSED: Final = "heartbeats-refused"
_OK: Final = range(200, 300)
_REFUSALS: Final = range(400, 500)
_LATER: Final = frozenset(
    (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
)
_TIMEOUT_S: Final = 10.0
_HEADERS: Final = {"Content-Type": "text/plain; charset=us-ascii"}
_log: Final = logging.getLogger(__name__)


class RefusedForGoodError(Exception):
    """The provider will never take this heartbeat, however often it is sent."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the provider answered {status}")
        self.status = status


class SendingMetrics:
    """What a monitor sees of our own heartbeats."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sent = Counter(
            "govshare_own_heartbeats",
            "Heartbeats of our own guard that were sent, by what became of them.",
            ("result",),
            registry=registry,
        )
        self.waiting = Gauge(
            "govshare_own_heartbeats_waiting",
            "Heartbeats of our own guard that have not arrived yet.",
            registry=registry,
        )
        for result in ("arrived", "refused", "failed"):
            self.sent.labels(result)


class Sending:
    """Sends what is kept in the directory of the guard. Owned by one process."""

    def __init__(
        self, config: HeartbeatConfig, directory: Path, *, registry: CollectorRegistry
    ) -> None:
        self._config = config
        self._unsent = directory / UNSENT
        self._refused = directory / REFUSED
        self._metrics = SendingMetrics(registry)

    def keep(self, sequence: int, signed: bytes) -> None:
        """Keep the heartbeat *signed* until it has arrived.

        Raises:
            OSError: If it cannot be kept.
        """
        self._unsent.mkdir(mode=0o700, exist_ok=True)
        Disk().replace(self._unsent / f"{sequence:016}.beat", signed)

    async def send(self) -> None:
        """Send everything that is kept; what fails, and all after it, is sent another time.

        Raises:
            OSError: If what is kept cannot be read or put aside.
        """
        waiting = sorted(self._unsent.glob("*.beat"))
        self._metrics.waiting.set(len(waiting))
        if not waiting:
            return
        async with self._way() as session:
            for number, path in enumerate(waiting, 1):
                try:
                    await self._one(session, path)
                except RefusedForGoodError as refused:
                    self._put_aside(path, refused.status)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    self._metrics.sent.labels("failed").inc()
                    _log.warning("a heartbeat did not arrive (%s)", type(error).__name__)
                    return
                else:
                    self._metrics.sent.labels("arrived").inc()
                    path.unlink()
                self._metrics.waiting.set(len(waiting) - number)

    def _put_aside(self, path: Path, status: int) -> None:
        self._refused.mkdir(mode=0o700, exist_ok=True)
        path.rename(self._refused / path.name)
        self._metrics.sent.labels("refused").inc()
        sentence = "heartbeat %d was refused for good (%d): the provider sees a gap; kept in `%s`"
        _log.error(sentence, int(path.stem), status, REFUSED)

    async def _one(self, session: aiohttp.ClientSession | None, path: Path) -> None:
        data, to = await asyncio.to_thread(path.read_bytes), self._config.to
        if session is None:
            await asyncio.to_thread(_put, Path(to), path.name, data)
            return
        async with session.post(str(to), data=data, headers=_HEADERS) as response:
            status = response.status
            if status in _REFUSALS and status not in _LATER:
                raise RefusedForGoodError(status)
            if status not in _OK:
                raise aiohttp.ClientError("the provider did not take it")

    @asynccontextmanager
    async def _way(self) -> AsyncIterator[aiohttp.ClientSession | None]:
        """Give a session to post with, or none where heartbeats are put into a directory."""
        if isinstance(self._config.to, Path):
            yield None
            return
        # Read every time: certificates are renewed while the guard is on.
        context = await asyncio.to_thread(_context, self._config)
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
            connector=aiohttp.TCPConnector(ssl=context),
        ) as session:
            yield session


def _context(config: HeartbeatConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=config.ca)
    if config.shown is not None:
        context.load_cert_chain(*config.shown)
    return context


def _put(directory: Path, name: str, data: bytes) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    Disk().replace(directory / name, data)
