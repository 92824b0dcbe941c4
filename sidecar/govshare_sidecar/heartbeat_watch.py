# SPDX-License-Identifier: Apache-2.0
"""What the heartbeats of guards do not say: gaps are counted and put into the log of messages."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import Counter, Gauge

from govshare_policy.egress.heartbeat_keeper import Fault, Gap, HeartbeatKeeper
from govshare_policy.errors import AuditError
from govshare_sidecar.heartbeat_settings import HeartbeatsConfig, KnownGuard

_log: Final = logging.getLogger(__name__)
_Key = tuple[Fault, int, int]


class HeartbeatMetrics:
    """What a monitor sees of the guards that are known."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.taken = Counter(
            "govshare_heartbeats",
            "Heartbeats of a consumer's guard that were verified and kept.",
            ("guard",),
            registry=registry,
        )
        self.gaps = Counter(
            "govshare_heartbeat_gaps",
            "Stretches in which nobody can say that the guard was on.",
            ("guard", "fault"),
            registry=registry,
        )
        self.silent = Gauge(
            "govshare_heartbeat_silent",
            "1 while nothing has come for more than twice its interval.",
            ("guard",),
            registry=registry,
        )


@dataclass(slots=True)
class _State:
    """How far one guard has been looked at.

    Attributes:
        since: When the last heartbeat came that was looked at; ``None`` if none has come ever.
        told: Gaps that were counted, of the stretch since then.
    """

    since: datetime | None
    told: set[_Key]


class HeartbeatWatch:
    """Looks for gaps, of each guard about as often as its heartbeats are due."""

    def __init__(
        self,
        config: HeartbeatsConfig,
        keeper: HeartbeatKeeper,
        metrics: HeartbeatMetrics,
        *,
        now: Callable[[], datetime],
    ) -> None:
        """Begin where the heartbeats that were kept before end.

        Raises:
            AuditError: If they cannot be read.
        """
        self._config = config
        self._keeper = keeper
        self._metrics = metrics
        self._now = now
        self._began = now()
        heard = set(keeper.guards())
        self._states = {
            name: _State(since=keeper.last(name)[1] if name in heard else None, told=set())
            for name in config.guards
        }
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def go_on(self) -> None:
        """Look from now on."""
        self._tasks = tuple(
            asyncio.create_task(self._watch(guard)) for guard in self._config.guards.values()
        )

    async def stop(self) -> None:
        """Look no more."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self, guard: KnownGuard) -> None:
        while True:
            await asyncio.sleep(guard.every.total_seconds())
            try:
                await asyncio.to_thread(self.look, guard)
            except AuditError as error:
                _log.error("whether guard `%s` is on is not known: %s", guard.name, error)

    def look(self, guard: KnownGuard) -> None:
        """Count what is wrong with *guard* since it was looked at last.

        Raises:
            AuditError: If its heartbeats cannot be read.
        """
        at, state = self._now(), self._states[guard.name]
        if guard.name not in self._keeper.guards():
            self._never_heard(guard, at)
            return
        # First, so that what comes meanwhile is looked at the next time.
        _, received = self._keeper.last(guard.name)
        gaps = self._keeper.gaps(guard.name, every=guard.every, at=at, since=state.since)
        for gap in gaps:
            if _key(gap) not in state.told:
                self._tell(gap)
        self._metrics.silent.labels(guard.name).set(float(at - received > 2 * guard.every))
        state.told = {_key(gap) for gap in gaps}
        state.since = received

    def _never_heard(self, guard: KnownGuard, at: datetime) -> None:
        silent = at - self._began > 2 * guard.every
        key = (Fault.SILENT, 0, 0)
        told = self._states[guard.name].told
        if silent and key not in told:
            told.add(key)
            self._tell(
                Gap(guard=guard.name, fault=key[0], since=self._began, until=at, first=0, last=0)
            )
        self._metrics.silent.labels(guard.name).set(float(silent))

    def _tell(self, gap: Gap) -> None:
        self._metrics.gaps.labels(gap.guard, gap.fault.value).inc()
        _log.warning(
            "heartbeats `%d` to `%d` of guard `%s` leave a gap: %s",
            gap.first,
            gap.last,
            gap.guard,
            gap.fault.value,
        )


def _key(gap: Gap) -> _Key:
    return (gap.fault, gap.first, gap.last)
