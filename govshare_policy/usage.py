# SPDX-License-Identifier: Apache-2.0
"""How many calls each grant has carried today, for grants with a daily quota."""

import threading
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Protocol


class Tally(Protocol):
    """A count of the calls that grants have carried, exact whoever else counts."""

    def of(self, grant: str, day: date) -> int:
        """Return the number of calls that *grant* has carried on *day*.

        Raises:
            AuditError: If the count cannot be read.
        """
        ...

    def take_all(self, quotas: Mapping[str, int], day: date) -> bool:
        """Count one more call under each grant if every quota has room, and say whether it had.

        Raises:
            AuditError: If the call cannot be counted.
        """
        ...


class Usage:
    """Counts allowed calls a grant and day; rebuilt from the audit log when a process starts.

    Two days are kept: about midnight a call of the old day may come after one of the new.
    """

    def __init__(self, earlier: Iterable[tuple[str, date]] = ()) -> None:
        """Start from the calls already allowed, one pair of grant id and day each."""
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, date], int] = {}  # guarded by _lock
        self.add(earlier)

    def add(self, earlier: Iterable[tuple[str, date]]) -> None:
        """Count calls that were allowed before, one pair of grant id and day each."""
        for key in earlier:
            with self._lock:
                self._counts[key] = self._counts.get(key, 0) + 1

    def of(self, grant: str, day: date) -> int:
        """Return the number of calls that *grant* has carried on *day*."""
        with self._lock:
            return self._counts.get((grant, day), 0)

    def take(self, grant: str, day: date, *, quota: int) -> bool:
        """Count one more call if the quota has room for it, and say whether it had."""
        return self.take_all({grant: quota}, day)

    def take_all(self, quotas: Mapping[str, int], day: date) -> bool:
        """Count one more call under each grant if every quota has room, and say whether it had.

        Args:
            quotas: The grants that one call rests on, with the calls a day that each carries.
            day: The legal day.
        """
        with self._lock:
            used = {grant: self._counts.get((grant, day), 0) for grant in quotas}
            if any(used[grant] >= quota for grant, quota in quotas.items()):
                return False
            for old in [key for key in self._counts if key[1] < day - timedelta(days=1)]:
                del self._counts[old]
            for grant, count in used.items():
                self._counts[grant, day] = count + 1
            return True
