# SPDX-License-Identifier: Apache-2.0
"""Several pins that are moved together, so that whoever sets back one of them gains nothing."""

from collections.abc import Sequence
from contextlib import ExitStack

from govshare_policy.audit.pin import Mark, OpenPin, Worn, furthest, load_worn
from govshare_policy.errors import AuditError


class SeveralPins:
    """Pins each of which can refuse the log.

    They are moved one after the other, and a crash in between leaves some of them behind. That is
    no contradiction: every one of them is compared with the log when it is opened, and the next
    move brings all of them to the same mark.
    """

    def __init__(self, pins: Sequence[OpenPin]) -> None:
        """Take *pins*, at least one; nothing is read yet."""
        if not pins:
            raise ValueError("several pins are at least one")
        self._pins = tuple(pins)
        # What each pin remembers, as far as this writer knows; owned by whoever moves them.
        self._marks: list[Mark | None] = [None] * len(self._pins)

    @property
    def name(self) -> str:
        """The names of the pins."""
        return "`, `".join(pin.name for pin in self._pins)

    def load_all(self) -> tuple[Mark | None, ...]:
        """Return the mark of each pin, in their order.

        Raises:
            AuditError: If one of them cannot be read.
        """
        self._marks = [pin.load() for pin in self._pins]
        return tuple(self._marks)

    def load_worn(self) -> tuple[Worn, ...]:
        """Return what has lost something of each pin."""
        return tuple(worn for pin in self._pins for worn in load_worn(pin))

    def load(self) -> Mark | None:
        """Return the furthest mark, or none if no pin remembers any."""
        return furthest(self.load_all())

    def advance(self, old: Mark | None, new: Mark) -> None:
        """Bring every pin to *new*, if the furthest of them is at *old*.

        Raises:
            AuditError: If one of them is elsewhere, or could not be moved; others may have been.
        """
        if furthest(self._marks) != old:
            raise AuditError(f"the pins `{self.name}` were moved by another writer")
        for place, pin in enumerate(self._pins):
            mark = self._marks[place]
            if mark != new:
                pin.advance(mark, new)
                self._marks[place] = new

    def close(self) -> None:
        """Close every pin, also if one of them fails to.

        Raises:
            AuditError: If one of them does not hold the last mark.
        """
        with ExitStack() as stack:
            for pin in self._pins:
                stack.callback(pin.close)
