# SPDX-License-Identifier: Apache-2.0
"""Counting calls while a log is read. What is kept grows with the registers, not with the log."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from govshare_policy.identity import legal_day
from govshare_policy.legal import Effect, Outcome
from govshare_policy.report.events import Concluded, Decided, Ending, concluded, decided
from govshare_policy.report.span import Span
from govshare_policy.report.waiting import TemporaryStore

_DECISION: Final = "decision"
_OUTCOME: Final = "outcome"
_SCHEMA: Final = """
    CREATE TABLE waiting (id TEXT PRIMARY KEY, department TEXT, resource TEXT)
    STRICT, WITHOUT ROWID;
"""


class Place(NamedTuple):
    """Who asked for what."""

    department: str
    resource: str


class Ruling(NamedTuple):
    """The provision that decided, and how."""

    clause: str
    effect: Effect


@dataclass(slots=True)
class Count:
    """How calls were answered and what became of them.

    Attributes:
        statuses: The words of the outcome records of those that did not end in a release.
        rulings: The deciding provisions.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    endings: Counter[Ending] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    rulings: Counter[Ruling] = field(default_factory=Counter)
    rows: int = 0
    size_bytes: int = 0

    def add(self, other: "Count") -> None:
        """Add the figures of *other*."""
        self.outcomes += other.outcomes
        self.endings += other.endings
        self.statuses += other.statuses
        self.rulings += other.rulings
        self.rows += other.rows
        self.size_bytes += other.size_bytes

    @property
    def calls(self) -> int:
        """All calls."""
        return self.outcomes.total()

    @property
    def allowed(self) -> int:
        """Those that were allowed."""
        return self.outcomes[Outcome.ALLOW]

    @property
    def refused(self) -> int:
        """Those that were not."""
        return self.calls - self.allowed

    @property
    def availability(self) -> float | None:
        """The share of those the department answered among those it was asked; 0 to 1."""
        answered = self.endings[Ending.RELEASED] + self.endings[Ending.NOT_FOUND]
        asked = answered + self.endings[Ending.FAILED]
        return answered / asked if asked else None


class Tally:
    """Counts the calls of a period, record by record.

    A call belongs to the day of its decision, whenever it ended. Allowed calls whose end is not
    known yet wait on the disk.
    """

    def __init__(self, span: Span, *, profile: str = "") -> None:
        """Count what was decided in *span*, by the text *profile* if it is given."""
        self._span = span
        self._profile = profile
        self._waiting = TemporaryStore(_SCHEMA)
        self.places: dict[Place, Count] = {}
        self.days: dict[date, Counter[Effect]] = {}
        self.systems: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waiting.__exit__(kind, error, trace)

    def take(self, record: Mapping[str, Any]) -> None:
        """Count one record; records of other phases count nothing.

        Raises:
            VerificationError: If it is not what the gate writes.
            AuditError: If there is no room for what waits.
        """
        if record.get("phase") == _DECISION:
            self._decided(decided(record))
        elif record.get("phase") == _OUTCOME:
            self._concluded(concluded(record))

    def finish(self) -> None:
        """Count the allowed calls of which the log says no more as not concluded."""
        for department, resource, calls in self._waiting.run(
            "SELECT department, resource, count(*) FROM waiting GROUP BY department, resource"
        ):
            self.places[Place(department, resource)].endings[Ending.OPEN] += calls
        self._waiting.run("DELETE FROM waiting")

    def _decided(self, call: Decided) -> None:
        day = legal_day(call.at)
        if not self._span.covers(day) or (self._profile and self._profile not in call.profiles):
            return
        place = Place(call.department, call.resource)
        count = self.places.setdefault(place, Count())
        self.systems.add(call.system)
        effect = call.outcome.effect
        count.outcomes[call.outcome] += 1
        count.rulings[Ruling(call.clause, effect)] += 1
        self.days.setdefault(day, Counter())[effect] += 1
        if effect is Effect.ALLOW:
            self._waiting.run("INSERT OR IGNORE INTO waiting VALUES (?, ?, ?)", call.id, *place)

    def _concluded(self, end: Concluded) -> None:
        found = self._waiting.run(
            "DELETE FROM waiting WHERE id = ? RETURNING department, resource", end.decision
        )
        for place in found:  # none if the call is of another period or text
            count = self.places[Place(*place)]
            count.endings[end.ending] += 1
            if end.ending is not Ending.RELEASED:
                count.statuses[end.status] += 1
            count.rows += end.rows
            count.size_bytes += end.size_bytes
