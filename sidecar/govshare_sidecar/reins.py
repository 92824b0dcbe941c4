# SPDX-License-Identifier: Apache-2.0
"""One worker, as the process above holds it: orders go in, news comes out, and it may end."""

import asyncio
import json
import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from govshare_sidecar._table import why
from govshare_sidecar.listeners import DRAIN_S
from govshare_sidecar.share import name_of
from govshare_sidecar.worker import CANNOT, RELOAD, Orders

# Draining, closing the log, and letting go of pins and witnesses.
_PATIENCE_S: Final = DRAIN_S + 15.0
_RELOAD_S: Final = 120.0
_log: Final = logging.getLogger(__name__)


class Reins:
    """A worker that may be started again and again. Owned by the event loop."""

    def __init__(self, orders: Orders, held: int) -> None:
        """Begin with none started; *held* is what it keeps open while it lives."""
        self._orders = orders
        self._held = held
        self._process: asyncio.subprocess.Process | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._news: asyncio.Queue[str] = asyncio.Queue()
        # Where it listens; empty while it does not.
        self.places: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        """What the worker is called."""
        return name_of(self._orders.number)

    async def start(self) -> int | None:
        """Start it, and return nothing once it answers calls, or the code with which it ended."""
        self._news = asyncio.Queue()
        try:
            # Not forked: threads and gRPC's own state would come along half alive.
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "govshare_sidecar.worker"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                pass_fds=(self._held,),
                # So that what a terminal sends reaches it once, through the process above.
                start_new_session=True,
            )
        except OSError as error:
            # The machine is short of something just now; whoever starts workers tries again.
            _log.error("worker `%s` cannot be started: %s", self.name, why(error))
            return CANNOT
        self._say(self._orders.to_line())
        self._hearing = asyncio.create_task(self._hear(self._process, self._news))
        if await self._news.get():
            return None
        return await self._process.wait()

    async def ended(self) -> int:
        """Return the code with which it ended, or minus the signal that ended it."""
        if self._process is None:
            return 0
        return await self._process.wait()

    async def reload(self) -> str:
        """Have it read texts and registers anew, and return the revision then in force.

        Empty if it has gone.
        """
        if not self.places:
            return ""
        while not self._news.empty():
            self._news.get_nowait()
        self._say(RELOAD)
        try:
            return await asyncio.wait_for(self._news.get(), _RELOAD_S)
        except TimeoutError:
            return ""

    async def stop(self) -> None:
        """Have it drain, and return once it has gone; one that does not go is killed."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _PATIENCE_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._hearing is not None:
            await self._hearing

    def _say(self, line: bytes) -> None:
        # One that has just gone hears nothing; that it went is seen elsewhere.
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(line)

    async def _hear(self, process: asyncio.subprocess.Process, told: "asyncio.Queue[str]") -> None:
        """Take in what *process* tells, and say with an empty word that it tells no more.

        What it started may hold its output open for longer than it lives itself. By then another
        may be in its place, of which this is no news.
        """
        if process.stdout is not None:
            async for line in process.stdout:
                news = json.loads(line)
                if "ready" in news:
                    self.places = news["ready"]
                else:
                    told.put_nowait(news["revision"])
        if process is self._process:
            self.places = {}
        told.put_nowait("")
