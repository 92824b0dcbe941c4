# SPDX-License-Identifier: Apache-2.0
"""Whether the clock goes on as time does.

What is decided depends on the day and the hour. A clock that is set, forwards or back, would put
expired grants in force again, or count a call under another day.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from govshare_policy.errors import AuditError

# A clock that is kept in step is moved by parts of a second. Nothing here turns on a minute.
MAX_STEP_S: Final = 60.0


class Clock:
    """Holds the clock of the machine against its steady one; owned by the event loop."""

    def __init__(
        self, now: Callable[[], datetime], *, steady: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with a clock that is taken to be right.

        Args:
            now: Tells the time, with a zone.
            steady: Tells seconds since whenever, and is never set.
        """
        self._now = now
        self._steady = steady
        self._last = (now(), steady())
        self._agrees = True

    @property
    def agrees(self) -> bool:
        """Whether the clock was right when it was looked at last."""
        return self._agrees

    def verify(self) -> None:
        """Return only if as much time has passed on the clock as did since it was last right.

        A clock that was set is wrong until it is set back, or until a restart, by which somebody
        says that it is right.

        Raises:
            AuditError: If the clock was set by more than a minute.
        """
        at, steady = self._now(), self._steady()
        then, before = self._last
        step_s = (at - then).total_seconds() - (steady - before)
        self._agrees = abs(step_s) <= MAX_STEP_S
        if not self._agrees:
            raise AuditError(
                "the clock was set by more than a minute, so no call is answered until it is "
                "right again or the sidecar is restarted"
            )
        self._last = at, steady
