# SPDX-License-Identifier: Apache-2.0
"""Which records an auditor asks for."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from govshare_policy.errors import CallError
from govshare_policy.identity import SHANGHAI
from govshare_policy.inspection.traits import Traits, instant_us

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Records that have one of the values of each trait that is given; what is empty asks nothing.

    Attributes:
        since_us: Not before this instant (microseconds since 1970).
        until_us: Not after this instant.
        after: Only records with a greater number.
    """

    department: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    grant: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    effect: tuple[str, ...] = ()
    clause: tuple[str, ...] = ()
    phase: tuple[str, ...] = ()
    person: tuple[str, ...] = ()
    since_us: int | None = None
    until_us: int | None = None
    after: int = -1

    def takes(self, number: int, traits: Traits) -> bool:
        """Tell whether record *number* with *traits* is asked for."""
        words = (
            (self.department, traits.department),
            (self.system, traits.system),
            (self.resource, traits.resource),
            (self.outcome, traits.outcome),
            (self.effect, traits.effect),
            (self.phase, traits.phase),
        )
        if number <= self.after or any(wanted and word not in wanted for wanted, word in words):
            return False
        lists = (
            (self.clause, traits.clauses),
            (self.grant, traits.grants),
            (self.person, traits.persons),
        )
        if any(wanted and not set(wanted) & set(found) for wanted, found in lists):
            return False
        return self._in_time(traits.at_us)

    def _in_time(self, at_us: int | None) -> bool:
        if self.since_us is None and self.until_us is None:
            return True
        if at_us is None:
            return False
        late = self.since_us is None or self.since_us <= at_us
        return late and (self.until_us is None or at_us <= self.until_us)


def parse_since(text: str, option: str) -> int:
    """Return the first microsecond of the instant or legal day that *text* spells.

    A day is one of Asia/Shanghai, which is the day the law counts.

    Raises:
        CallError: If *text* is neither.
    """
    return instant_us(_instant(text, option, days=0))


def parse_until(text: str, option: str) -> int:
    """Return the last microsecond of the instant or legal day that *text* spells.

    Raises:
        CallError: If *text* is neither.
    """
    whole_day = _DAY.fullmatch(text) is not None
    return instant_us(_instant(text, option, days=1 if whole_day else 0)) - whole_day


def _instant(text: str, option: str, *, days: int) -> datetime:
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=days)
            return datetime.combine(day, time(), tzinfo=SHANGHAI)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        at = None
    if at is None or at.tzinfo is None:
        raise CallError(
            f"{option} takes a day such as 2026-01-31, or an instant with its zone such as "
            "2026-01-31T09:00:00+08:00"
        )
    return at
