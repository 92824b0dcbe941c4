# SPDX-License-Identifier: Apache-2.0
"""The process above several workers: it starts them, passes on what it is told, answers no call.

A worker that ends unasked is started again, after a pause that grows; until then the others take
its share. A deployment that cannot start with all of its workers does not start.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import Counter

from govshare_policy.errors import AuditError, ConfigError
from govshare_policy.identity import legal_day
from govshare_sidecar.config import Config
from govshare_sidecar.front import Front
from govshare_sidecar.journal import used_on
from govshare_sidecar.listeners import HttpListener
from govshare_sidecar.quotas import make_counts, sole_deployment
from govshare_sidecar.reins import Reins
from govshare_sidecar.share import logs_of, name_of, reserve
from govshare_sidecar.signals import STOP, heard
from govshare_sidecar.watch import ended, watch, watched
from govshare_sidecar.worker import BAD_INPUT, Orders

_SOON_S: Final = 0.5
_LATEST_S: Final = 30.0
_STEADY_S: Final = 60.0
_TRIES: Final = 3
_AGAIN_S: Final = 1.0
_log: Final = logging.getLogger(__name__)


class Foreman:
    """The workers of one deployment. Owned by the event loop."""

    def __init__(self, orders: Sequence[Orders], held: int) -> None:
        """Begin with none started; *held* is what every worker keeps open while it lives."""
        self._reins = [Reins(each, held) for each in orders]
        self._reloading = asyncio.Lock()
        self.registry = CollectorRegistry()
        self._restarts = Counter(
            "govshare_worker_restarts",
            "Workers that ended unasked and were started again.",
            ("worker",),
            registry=self.registry,
        )

    def monitors(self) -> Mapping[str, str]:
        """Return where each worker can be asked how it is; empty for one that is not there."""
        return {reins.name: reins.places.get("metrics", "") for reins in self._reins}

    def places(self) -> Mapping[str, str]:
        """Return where the workers listen together."""
        return {name: at for name, at in self._reins[0].places.items() if name != "metrics"}

    async def start(self) -> None:
        """Return once every worker answers calls.

        Raises:
            ConfigError: If one cannot use a file or a setting; it has said which.
            AuditError: If one cannot use its log.
        """
        for code in await asyncio.gather(*(reins.start() for reins in self._reins)):
            if code is None:
                continue
            sentence = "a worker did not start, so none answers calls"
            raise ConfigError(sentence) if code == BAD_INPUT else AuditError(sentence)

    async def keep(self) -> None:
        """Start again whichever worker ends, until cancelled."""
        await asyncio.gather(*(self._keep(reins) for reins in self._reins))

    async def reload(self) -> None:
        """Return once the workers decide by what is on the disk, all by the same.

        A wrong file leaves the old in force, in all of them.
        """
        revisions: set[str] = set()
        async with self._reloading:
            for _ in range(_TRIES):
                found = await asyncio.gather(*(reins.reload() for reins in self._reins))
                revisions = {revision for revision in found if revision}
                if len(revisions) <= 1:
                    _log.info("all workers decide by revision `%s`", "".join(revisions))
                    return
                # A file was changed between the looks of two of them.
                await asyncio.sleep(_AGAIN_S)
            _log.error("the workers decide by %d different revisions; reload", len(revisions))

    async def stop(self) -> None:
        """Have every worker drain, and return once all have gone."""
        await asyncio.gather(*(reins.stop() for reins in self._reins))

    async def _keep(self, reins: Reins) -> None:
        loop, pause_s = asyncio.get_running_loop(), _SOON_S
        while True:
            began = loop.time()
            code = await reins.ended()
            if loop.time() - began > _STEADY_S:
                pause_s = _SOON_S
            sentence = "worker `%s` ended with code %d and is started again in %.1f s"
            _log.critical(sentence, reins.name, code, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LATEST_S)
            self._restarts.labels(reins.name).inc()
            if await reins.start() is None:
                _log.info("worker `%s` answers calls again", reins.name)
                # It read the disk; the others may have what was there before.
                await self.reload()


async def serve_workers(config: Config, path: Path, flags: Sequence[str]) -> None:
    """Serve with the workers that *config*, read out of *path*, asks for, until SIGTERM or SIGINT.

    SIGHUP reloads texts and registers in all of them. One line on standard output says when calls
    are answered, and where.

    Args:
        config: What to do.
        path: Absolute.
        flags: As :func:`govshare_sidecar.run.run` takes them.

    Raises:
        ConfigError: If a setting, a file or an address cannot be used.
        AuditError: If a log cannot be used, or another process uses it.
    """
    told = asyncio.Event()
    directory = config.log.directory
    with ExitStack() as held:
        held.enter_context(heard(dict.fromkeys(STOP, told.set)))
        logs = list(logs_of(directory))
        place = held.enter_context(sole_deployment(directory))
        today = legal_day(datetime.now(UTC))
        earlier = (pair for log in logs for pair in used_on(today, log))
        await asyncio.to_thread(make_counts, directory, earlier)
        listens = reserve(held, config)
        names = [name_of(number) for number in range(config.workers)]
        every = sorted({*logs, *(directory / name for name in names)})
        text = await asyncio.to_thread(path.read_bytes)
        orders = [
            Orders(
                config=path,
                text=text.decode(),
                flags=tuple(flags),
                number=number,
                listens=listens,
                beside=tuple(log for log in every if log.name != name),
            )
            for number, name in enumerate(names)
        ]
        await _serve(config, Foreman(orders, place), told)


async def _serve(config: Config, foreman: Foreman, told: asyncio.Event) -> None:
    async with AsyncExitStack() as stack:
        places: dict[str, object] = {}
        if config.metrics is not None:
            front = Front(foreman.monitors, foreman.registry).server()
            monitor = await HttpListener.start(
                front, config.metrics, key="metrics.listen", tls=None
            )
            stack.push_async_callback(monitor.stop)
            places["metrics"] = monitor.address
        stack.push_async_callback(foreman.stop)
        starting = asyncio.create_task(foreman.start())
        stopped = asyncio.create_task(told.wait())
        await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            await _cancelled(starting)
            return
        starting.result()
        works: set[asyncio.Task[None]] = {asyncio.create_task(foreman.keep())}
        if config.watch_s is not None:
            watching = asyncio.create_task(watch(watched(config), config.watch_s, foreman.reload))
            watching.add_done_callback(ended)
            works.add(watching)

        def reload() -> None:
            works.add(asyncio.create_task(foreman.reload()))

        stack.enter_context(heard({signal.SIGHUP: reload}))
        shown = {**foreman.places(), **places}
        sys.stdout.write(f"ready {' '.join(f'{name}={at}' for name, at in shown.items())}\n")
        sys.stdout.flush()
        await stopped
        _log.info("draining")
        await _cancelled(*works)
    _log.info("stopped")


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
