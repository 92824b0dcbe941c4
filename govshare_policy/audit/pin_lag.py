# SPDX-License-Identifier: Apache-2.0
"""A pin that may be a little behind, so that no commit waits for a store over a network."""

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from govshare_policy.audit.pin import Mark, OpenPin, Worn, furthest, load_marks, load_worn
from govshare_policy.errors import AuditError

_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far behind a pin may be: what a restored copy of the log could lack unnoticed.

    Attributes:
        records: At most so many records; a commit beyond waits.
        seconds: At most for so long; then the log stops.
    """

    records: int
    seconds: float

    def __post_init__(self) -> None:
        if self.records < 1 or not self.seconds > 0:
            raise ValueError("a lag is at least one record and some time")


class _ElsewhereError(AuditError):
    """Somebody else moved the pin; never leaves this module by this name."""


class LaggedPin:
    """Moves a pin in a thread of its own.

    Reading is the pin's own, so a log that was set back is refused as with a strict pin; what a
    crash left unpinned is on the disk of the log, and pinned when it is opened again. A move that
    fails is tried again, after reading what the store holds, until the time is over. Being over
    it, or finding the mark of another writer, fails every later move: that stops the log.
    """

    def __init__(self, pin: OpenPin, lag: Lag) -> None:
        """Begin with nothing to move."""
        self._pin = pin
        self._lag = lag
        # All of these are guarded by the condition.
        self._changed = threading.Condition()
        self._stored: Mark | None = None
        self._told: deque[tuple[float, Mark]] = deque()
        self._failure: AuditError | None = None
        self._closing = False
        self._thread: threading.Thread | None = None
        # Owned by the thread: marks that may have been stored, or may yet be.
        self._doubtful: set[Mark] = set()

    @property
    def name(self) -> str:
        """The name of the pin."""
        return self._pin.name

    def load_all(self) -> tuple[Mark | None, ...]:
        """Return the marks of the pin, as :func:`load_marks`."""
        marks = load_marks(self._pin)
        with self._changed:
            self._stored = furthest(marks)
        return marks

    def load_worn(self) -> tuple[Worn, ...]:
        """Return what has lost something of the pin."""
        return load_worn(self._pin)

    def load(self) -> Mark | None:
        """Return the mark of the pin, as it is there now."""
        return furthest(self.load_all())

    def advance(self, old: Mark | None, new: Mark) -> None:
        """Have *new* moved to, soon; the first mark of a log at once.

        Waits while more than ``lag.records`` records are not pinned.

        Raises:
            AuditError: If the pin is too far behind or was moved by another writer.
        """
        with self._changed:
            self._verify_well()
            if old != (self._told[-1][1] if self._told else self._stored):
                raise AuditError(f"the pin `{self.name}` was moved by another writer")
            if old is None:
                self._pin.advance(None, new)
                self._stored = new
                return
            old.verify_next(new, name=self.name)
            self._told.append((time.monotonic(), new))
            self._start()
            self._changed.notify_all()
            while self._told and self._records_behind() > self._lag.records:
                self._verify_well()
                self._changed.wait(max(self._left_s(), 0) + _PAUSE_S)
            self._verify_well()

    def close(self) -> None:
        """Catch up, within the time that the pin may be behind, and close it.

        Raises:
            AuditError: If it did not catch up. The next opening of the log will.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._pin.close()
        if self._told and self._failure is not None:
            raise self._failure

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="audit-pin", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._told and not self._closing:
                    self._changed.wait()
                if not self._told or self._failure is not None:
                    return
                stored, (_, target) = self._stored, self._told[-1]
            try:
                self._move(stored, target)
            except _ElsewhereError as error:
                self._give_up(error)
            except AuditError as error:
                self._put_off(target, error)
            else:
                self._doubtful.clear()
                self._take_note(target)

    def _move(self, stored: Mark | None, target: Mark) -> None:
        """Move the pin from *stored*, or from what moves that failed left there."""
        if not self._doubtful:
            self._pin.advance(stored, target)
            return
        marks = load_marks(self._pin)
        if any(mark != stored and mark not in self._doubtful for mark in marks):
            raise _ElsewhereError(f"the pin `{self.name}` was moved by another writer")
        stored = furthest(marks)
        if all(mark == stored for mark in marks):
            self._take_note(stored)
        if any(mark != target for mark in marks):
            self._pin.advance(stored, target)

    def _take_note(self, stored: Mark | None) -> None:
        """Note that the pin is at *stored*."""
        size = stored.size if stored is not None else 0
        with self._changed:
            self._stored = stored
            while self._told and self._told[0][1].size <= size:
                self._told.popleft()
            self._changed.notify_all()

    def _put_off(self, target: Mark, error: AuditError) -> None:
        """Wait a little after a move that failed with *error*, or give up if the time is over."""
        if self._left_s() <= 0:
            self._give_up(error)
            return
        self._doubtful.add(target)
        time.sleep(_PAUSE_S)

    def _give_up(self, error: AuditError) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def _verify_well(self) -> None:
        """Return only if the pin is not beyond its time; the caller holds the condition."""
        if self._failure is None and self._told and self._left_s() <= 0:
            self._failure = AuditError(
                f"the pin `{self.name}` is more than {self._lag.seconds:g} s behind"
            )
            self._changed.notify_all()
        if self._failure is not None:
            raise self._failure

    def _records_behind(self) -> int:
        return self._told[-1][1].size - (self._stored.size if self._stored else 0)

    def _left_s(self) -> float:
        """Return for how long the oldest mark that is not stored may still wait."""
        return self._told[0][0] + self._lag.seconds - time.monotonic()
