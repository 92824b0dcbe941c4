# SPDX-License-Identifier: Apache-2.0
"""Every legal day, what has lapsed is forgotten; not only when the guard is started."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from govshare_policy.errors import GovshareError
from govshare_policy.identity import legal_day
from govshare_sidecar.egress.pool import ScanPool

# Often enough for a day that begins, and for a machine that slept.
EVERY_S: Final = 600.0
_log: Final = logging.getLogger(__name__)


class Forgetting:
    """Has the releases forgotten whose duties have ended, once a day."""

    def __init__(
        self, pool: ScanPool, *, now: Callable[[], datetime], every_s: float = EVERY_S
    ) -> None:
        """Begin with today done, as it is when the guard is opened."""
        self._pool = pool
        self._now = now
        self._every_s = every_s
        self._done = legal_day(now())
        self._task: asyncio.Task[None] | None = None

    def go_on(self) -> None:
        """Look whether a day has begun, from now on."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            at = self._now()
            if legal_day(at) == self._done:
                continue
            try:
                forgotten = await self._pool.lapse(at)
            except GovshareError as error:
                # It is tried again; what is remembered for too long is denied, not passed on.
                _log.warning("what has lapsed is not forgotten yet: %s", error)
                continue
            self._done = legal_day(at)
            _log.info("releases forgotten, their duties having ended: %d", forgotten)
