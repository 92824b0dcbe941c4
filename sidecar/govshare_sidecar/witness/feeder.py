# SPDX-License-Identifier: Apache-2.0
"""Having this log cosigned: once a second at most, beside the calls, and never between two commits.

What was recorded may go unseen by the witnesses for a while (``max_lag_s``), and no longer: then
no call is answered until enough of them have signed again. After a start none is answered before
they have. So whoever sets the log back, its pin and all, gains nothing by it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from govshare_policy.audit import AuditLog, Checkpoint
from govshare_policy.errors import AuditError, VerificationError
from govshare_sidecar.witness.client import Peer, PeerError
from govshare_sidecar.witness.gauges import Gauges
from govshare_sidecar.witness.keeper import ConflictError, Keeper
from govshare_sidecar.witness.peers import WatchConfig

INTERVAL_S: Final = 1.0
_log: Final = logging.getLogger(__name__)


class WatchedLog(Protocol):
    """The log, as far as its witnesses are concerned."""

    def checkpoint(self) -> Checkpoint:
        """Return the last checkpoint that is on the disk."""
        ...


@dataclass(slots=True, kw_only=True)
class _Seat:
    """What is known of one witness; owned by the event loop.

    Attributes:
        peer: How to ask it.
        size: The size that it signed last.
        seen_at: Until when (monotonic seconds) it has seen all that was recorded; before all
            times until it signs in this process.
        failing: Whether it failed last; said once.
    """

    peer: Peer
    size: int
    seen_at: float = float("-inf")
    failing: bool = False


class Feeder:
    """Shows every witness the newest checkpoint, and knows how far behind they are."""

    def __init__(
        self,
        config: WatchConfig,
        peers: Iterable[Peer],
        *,
        log: WatchedLog,
        keeper: Keeper,
        gauges: Gauges,
    ) -> None:
        """Begin with nobody asked; call :meth:`open` instead."""
        self._config = config
        self._log = log
        self._keeper = keeper
        self._gauges = gauges
        self._seats = [_Seat(peer=peer, size=keeper.last_size(peer)) for peer in peers]
        self._tasks: list[asyncio.Task[None]] = []
        self._told = True
        gauges.watch(size=lambda: self.size, lag_s=lambda: self.lag_s)

    @classmethod
    def open(cls, config: WatchConfig, directory: Path, log: AuditLog, *, gauges: Gauges) -> Self:
        """Return the feeder of *log*, which lies in *directory*; nobody is asked yet.

        Raises:
            ConfigError: If the authorities of a witness cannot be loaded.
            VerificationError: If the log cannot be read.
        """
        return cls(
            config,
            [Peer.open(peer, timeout_s=config.timeout_s) for peer in config.peers],
            log=log,
            keeper=Keeper(directory, origin=log.origin, public=log.public),
            gauges=gauges,
        )

    @property
    def size(self) -> int:
        """The largest size that as many witnesses as are required signed."""
        sizes = sorted((seat.size for seat in self._seats), reverse=True)
        return sizes[self._config.required - 1]

    @property
    def lag_s(self) -> float:
        """For how long something recorded may have gone unseen; endless before the first answer."""
        seen = sorted((seat.seen_at for seat in self._seats), reverse=True)
        return time.monotonic() - seen[self._config.required - 1]

    @property
    def is_watched(self) -> bool:
        """Whether enough witnesses are near enough for calls to be answered."""
        return self.lag_s <= self._config.max_lag_s

    def verify_watched(self) -> None:
        """Return only if :attr:`is_watched`.

        Raises:
            AuditError: If not. No call may be answered.
        """
        if not self.is_watched:
            raise AuditError(
                f"fewer than {self._config.required} witnesses have seen what was recorded, so no "
                "call is answered until they have"
            )

    async def ask_all(self) -> None:
        """Ask every witness once.

        Raises:
            ConflictError: If a witness proves that this log was set back or forked.
        """
        outcomes = await asyncio.gather(*map(self._feed, self._seats), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def go_on(
        self, *, on_conflict: Callable[[AuditError], object], on_change: Callable[[bool], None]
    ) -> None:
        """Go on asking until :meth:`stop`.

        Args:
            on_conflict: Told when a witness proves that this log was set back or forked.
            on_change: Told when :attr:`is_watched` has changed, and at once if it is not so.
        """
        work = [self._go_on(seat, on_conflict, on_change) for seat in self._seats]
        self._tell(on_change)
        self._tasks = [asyncio.create_task(one) for one in work]

    async def stop(self) -> None:
        """Show the witnesses what was recorded last, if they are there, and let go of them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._tasks:
            await asyncio.gather(*map(self._feed, self._seats), return_exceptions=True)
        for seat in self._seats:
            await seat.peer.close()

    async def _go_on(
        self,
        seat: _Seat,
        on_conflict: Callable[[AuditError], object],
        on_change: Callable[[bool], None],
    ) -> None:
        try:
            while True:
                await asyncio.sleep(INTERVAL_S)
                await self._feed(seat)
                self._tell(on_change)
        except ConflictError as error:
            on_conflict(error)

    def _tell(self, on_change: Callable[[bool], None]) -> None:
        if self._told != self.is_watched:
            self._told = self.is_watched
            _log.warning("witnesses: calls are %s", "answered" if self._told else "refused")
            on_change(self._told)

    async def _feed(self, seat: _Seat) -> None:
        """Have one witness sign what is new, if anything is.

        Raises:
            ConflictError: If it proves that this log was set back or forked.
        """
        began = time.monotonic()
        checkpoint = self._log.checkpoint()
        if seat.size == checkpoint.size and seat.seen_at > float("-inf"):
            seat.seen_at = began
            return
        try:
            cosigned = await self._keeper.ask(seat.peer, checkpoint, seat.size)
        except ConflictError:
            self._gauges.asked(seat.peer.name, "conflict")
            raise
        except (PeerError, VerificationError) as error:
            self._fail(seat, error)
            return
        seat.size, seat.seen_at, seat.failing = cosigned.size, began, False
        self._gauges.asked(seat.peer.name, "signed")

    def _fail(self, seat: _Seat, error: AuditError) -> None:
        self._gauges.asked(seat.peer.name, "failed")
        if not seat.failing:
            _log.warning("%s", error)
        seat.failing = True
