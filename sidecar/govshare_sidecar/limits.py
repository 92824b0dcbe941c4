# SPDX-License-Identifier: Apache-2.0
"""How much is taken on at once: settings, and the places that are held while it lasts."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from govshare_sidecar._table import Table
from govshare_sidecar.refusal import Cause, RefusedError

# The log waits, and everything with it, once twice as many records are on their way to it.
MAX_IN_FLIGHT: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the ``[limits]`` table says.

    Attributes:
        in_flight: Calls under way at all entrances together.
        per_caller: Calls under way of one certificate; all without one are one caller.
        streams: Open streams, of which one certificate may have a quarter.
        window: Calls of one stream or batch that are under way at once.
        batch: Calls in one batch.
        release_s: For how long after an allowed answer its data may be released.
        releases: Allowed answers that are remembered for that.
        notice_s: For how long calls are still answered after NOT_SERVING was said.
    """

    in_flight: int = 1024
    per_caller: int = 256
    streams: int = 256
    window: int = 32
    batch: int = 256
    release_s: float = 60.0
    releases: int = 4096
    notice_s: float = 0.0

    @property
    def streams_per_caller(self) -> int:
        """How many streams one certificate may have open; at least one."""
        return max(1, self.streams // 4)


NO_LIMITS_STATED: Final = Limits()


def read_limits(table: Table) -> Limits:
    """Return what *table* says, with the defaults for what it leaves out.

    Raises:
        ConfigError: If a key is wrong, or not one of these.
    """
    usual = NO_LIMITS_STATED
    limits = Limits(
        in_flight=table.count("in_flight", usual.in_flight),
        per_caller=table.count("per_caller", usual.per_caller),
        streams=table.count("streams", usual.streams),
        window=table.count("window", usual.window),
        batch=table.count("batch", usual.batch),
        release_s=table.seconds("release_s", usual.release_s),
        releases=table.count("releases", usual.releases),
        notice_s=table.seconds("notice_s", 1.0) if table.has("notice_s") else usual.notice_s,
    )
    if limits.in_flight > MAX_IN_FLIGHT:
        raise table.error("in_flight", f"is at most {MAX_IN_FLIGHT}")
    table.finish()
    return limits


class Places:
    """A number of places, of which one holder gets a share. Nobody waits for one.

    Owned by the event loop.
    """

    def __init__(self, *, most: int, share: int) -> None:
        self._most = most
        self._share = share
        self._held: dict[bytes | None, int] = {}
        self._taken = 0

    @property
    def taken(self) -> int:
        """How many places are taken."""
        return self._taken

    def hold(self, holder: bytes | None) -> AbstractContextManager[int]:
        """Hold one place inside the ``with``.

        Args:
            holder: SM3 of the caller's key; all callers without one share theirs.

        Raises:
            RefusedError: On entering, if no place is free, or *holder* has taken its share.
        """
        return _Held(self, holder, wanted=1, least=1)

    def hold_up_to(self, wanted: int, holder: bytes | None) -> AbstractContextManager[int]:
        """Hold as many places as there are inside the ``with``, at most *wanted*; it says how many.

        Args:
            wanted: None are held where it is 0 or less.
            holder: As for :meth:`hold`.
        """
        return _Held(self, holder, wanted=wanted, least=0)

    def _take(self, holder: bytes | None, wanted: int) -> int:
        held = self._held.get(holder, 0)
        places = min(wanted, self._most - self._taken, self._share - held)
        if places <= 0:
            return 0
        self._held[holder] = held + places
        self._taken += places
        return places

    def _give_back(self, holder: bytes | None, places: int) -> None:
        self._taken -= places
        self._held[holder] -= places
        if not self._held[holder]:
            del self._held[holder]


class _Held(AbstractContextManager[int]):
    """Places that are held inside a ``with``; for one use."""

    __slots__ = ("_held", "_holder", "_least", "_places", "_wanted")

    def __init__(self, places: Places, holder: bytes | None, *, wanted: int, least: int) -> None:
        self._places = places
        self._holder = holder
        self._wanted = wanted
        self._least = least
        self._held = 0

    def __enter__(self) -> int:
        self._held = self._places._take(self._holder, self._wanted)  # noqa: SLF001  one thing
        if self._held < self._least:
            raise RefusedError(Cause.BUSY)
        return self._held

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._held:
            self._places._give_back(self._holder, self._held)  # noqa: SLF001  one thing
