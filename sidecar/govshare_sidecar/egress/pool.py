# SPDX-License-Identifier: Apache-2.0
"""The processes that scan and register, so that the event loop does neither.

Each has the guard open by itself; the indexes are mapped from files that they share.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from typing import Final, TypeVar

from govshare_policy.egress.guard import Envelope
from govshare_policy.egress.place import Place
from govshare_policy.egress.reading import Limits
from govshare_policy.egress.register import ReleasedRows
from govshare_policy.egress.station import Station
from govshare_policy.egress.verdict import Verdict
from govshare_policy.errors import AuditError, GovshareError
from govshare_sidecar.egress.settings import EgressConfig
from govshare_sidecar.refusal import Cause, RefusedError

_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")
_LEFT_BEHIND: Final = "ignore:resource_tracker:UserWarning"
_USUAL: Final = Limits()
_station: list[Station] = []
"""Of a scanning process: the one guard that it has open."""


class ScanPool:
    """A bounded number of processes, and a bounded number of bodies that wait for one."""

    def __init__(self, config: EgressConfig) -> None:
        self._config = config
        self._limits = Limits(
            body_bytes=max(config.max_request_bytes, config.max_response_bytes, _USUAL.body_bytes),
            expanded_bytes=config.max_expanded_bytes,
            seconds=config.scan_timeout_s,
        )
        # Owned by the event loop.
        self._waiting = 0
        self._executor = self._begin()

    async def open(self) -> None:
        """Return once a process has the guard open.

        Raises:
            GovshareError: If it cannot be opened.
        """
        at = await self._run(_ready, timeout_s=self._config.upstream_timeout_s + 30.0)
        if at is not None:
            raise AuditError(at)

    async def scan(self, parts: Sequence[tuple[bytes, str]], envelope: Envelope) -> Verdict:
        """Return what is said of a document of *parts*.

        Raises:
            RefusedError: If too many wait, nothing can be said, or not in time. Nothing may leave.
        """
        return await self._run(_scan, list(parts), envelope)

    async def register(self, release: ReleasedRows) -> int:
        """Return how many values were kept, once they are on the disk.

        Raises:
            RefusedError: If too many wait, or they are not. The release must not be handed over.
        """
        return await self._run(_register, release)

    async def lapse(self, now: datetime) -> int:
        """Forget the releases whose duties ended before *now*; return how many.

        Raises:
            RefusedError: If this did not reach the disk.
        """
        return await self._run(_lapse, now)

    def close(self) -> None:
        """End the processes, once what they do is done."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def _run(
        self, work: Callable[..., _T], *arguments: object, timeout_s: float | None = None
    ) -> _T:
        """Return what *work* returns in a process.

        Whatever ends it otherwise is a refusal: a fault of a library in there, of a kind that
        nobody foresaw, says as little about the data as one that somebody did.

        Raises:
            RefusedError: If too many wait, or nothing was returned, for whatever reason.
        """
        if self._waiting >= self._config.waiting:
            raise RefusedError(Cause.BUSY)
        self._waiting += 1
        executor = self._executor
        try:
            put = self._put(executor, work, *arguments)
            future = asyncio.wrap_future(put)
            try:
                # The reader ends by itself in time; this is for whatever does not.
                await asyncio.wait({future}, timeout=timeout_s or 2 * self._config.scan_timeout_s)
                if not future.done() and put.cancel():
                    # It was not begun: what is slow is the load, and nothing is stuck.
                    raise RefusedError(Cause.BUSY)
                return self._returned(future, executor)
            finally:
                future.cancel()
        finally:
            self._waiting -= 1

    def _put(
        self, executor: ProcessPoolExecutor, work: Callable[..., _T], *arguments: object
    ) -> Future[_T]:
        try:
            return executor.submit(work, *arguments)
        except RuntimeError:  # broken, or ended meanwhile
            self._begin_anew(executor)
            raise _unguarded("its processes have ended") from None

    def _returned(self, future: asyncio.Future[_T], executor: ProcessPoolExecutor) -> _T:
        if not future.done():
            self._begin_anew(executor)
            raise _unguarded("it did not answer in time")
        if future.cancelled():
            raise _unguarded("its processes were replaced")
        fault = future.exception()
        if fault is None:
            return future.result()
        if isinstance(fault, BrokenProcessPool):
            self._begin_anew(executor)
        # What a fault that nobody foresaw says may hold a value.
        said = str(fault) if isinstance(fault, GovshareError) else type(fault).__name__
        raise _unguarded(said)

    def _begin(self) -> ProcessPoolExecutor:
        _hush()
        # A fork would share locks of the libraries of this process, and its listeners.
        return ProcessPoolExecutor(
            max_workers=self._config.scanners,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(self._config.place, self._limits),
        )

    def _begin_anew(self, executor: ProcessPoolExecutor) -> None:
        """Put new processes in the place of those of *executor*, once."""
        if self._executor is executor:
            self._executor = self._begin()
            # It has no way to end one; none is left where it was shut down.
            for process in (executor._processes or {}).values():  # noqa: SLF001
                process.kill()
            executor.shutdown(wait=False, cancel_futures=True)


def _hush() -> None:
    """Have the library say nothing about the locks of a process that was killed.

    It removes them, and would write a line that is no message of ours.
    """
    rules = os.environ.get("PYTHONWARNINGS", "").split(",")
    if _LEFT_BEHIND not in rules:
        os.environ["PYTHONWARNINGS"] = ",".join([*filter(None, rules), _LEFT_BEHIND])


def _unguarded(why: str) -> RefusedError:
    _log.error("the onward guard cannot be asked: %s", why)
    return RefusedError(Cause.UNGUARDED)


_trouble: list[str] = []
"""Of a scanning process: why it has no guard open."""


def _begin(place: Place, limits: Limits) -> None:
    # Whoever is told to stop is the process that asks; it ends this one when it has drained.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _station.append(Station.open(place, limits=limits))
    except GovshareError as error:
        _trouble.append(str(error))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _guard() -> Station:
    if not _station:
        raise AuditError("; ".join(_trouble))
    return _station[0]


def _ready() -> str | None:
    return None if _station else "; ".join(_trouble)


def _scan(parts: Sequence[tuple[bytes, str]], envelope: Envelope) -> Verdict:
    return _guard().scan(parts, envelope)


def _register(release: ReleasedRows) -> int:
    return _guard().register(release).counts.kept


def _lapse(now: datetime) -> int:
    return _guard().lapse(now)
