# SPDX-License-Identifier: Apache-2.0
"""How applications and corrections were handled, from the records of their steps.

Steps are read by the tables of the text (``workflow.toml``) and judged by its clocks
(``deadlines.toml``), the same that the procedures run by.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from govshare_policy.deadline import (
    Calendar,
    Clock,
    Event,
    Kind,
    Question,
    Share,
    Stage,
    Status,
    due_stages,
)
from govshare_policy.identity import legal_day
from govshare_policy.report.events import instant, taken
from govshare_policy.report.span import Span
from govshare_policy.report.tally import Place
from govshare_policy.report.waiting import TemporaryStore

_STEP: Final = ("workflow", "taken")
_NEW: Final = "new"
_APPLICATION: Final = "application"
_CORRECTION: Final = "correction"
_KINDS: Final = {
    _APPLICATION: (Kind.APPLICATION, Kind.SUPPLY),
    _CORRECTION: (Kind.CORRECTION,),
}
_NEVER: Final = date.max
_SCHEMA: Final = """
    CREATE TABLE matter (
        id TEXT PRIMARY KEY, kind TEXT, department TEXT, resource TEXT, opened TEXT, days INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE stamp (
        id TEXT, profile TEXT, event TEXT, day TEXT, PRIMARY KEY (id, profile, event)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE state (
        id TEXT, profile TEXT, state TEXT, PRIMARY KEY (id, profile)
    ) STRICT, WITHOUT ROWID;
"""


class StepKey(NamedTuple):
    """A step as a record names it."""

    kind: str
    step: str
    source: str
    target: str


class Timing(NamedTuple):
    """A stage of a text and how it stood."""

    profile: str
    stage: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """What a text says about applications, corrections and their time.

    Attributes:
        stamps: Step to the events that happen with it.
        waiting: Kind and state in which somebody's step is still awaited.
    """

    stamps: Mapping[StepKey, frozenset[Event]]
    waiting: frozenset[tuple[str, str]]
    clocks: tuple[Clock, ...]


@dataclass(slots=True)
class Handled:
    """How applications and corrections were handled.

    Attributes:
        received: Applications opened in the period.
        granted: Applications approved in it.
        refused: Applications answered in it, and not approved.
        corrections: Corrections raised in it.
        corrected: Corrections answered in it.
        timings: Of the stages that were due in the period.
    """

    received: int = 0
    granted: int = 0
    refused: int = 0
    corrections: int = 0
    corrected: int = 0
    timings: Counter[Timing] = field(default_factory=Counter)

    def add(self, other: "Handled") -> None:
        """Add the figures of *other*."""
        self.received += other.received
        self.granted += other.granted
        self.refused += other.refused
        self.corrections += other.corrections
        self.corrected += other.corrected
        self.timings += other.timings

    def due(self, status: Status) -> int:
        """Return how many stages stood so."""
        return sum(count for timing, count in self.timings.items() if timing.status is status)


class Handling:
    """Follows matters record by record; what is known of each waits on the disk."""

    def __init__(self, procedure: Callable[[str], Procedure | None]) -> None:
        """Follow the matters for whose profile *procedure* gives one."""
        self._procedure = procedure
        self._known: dict[str, Procedure] = {}  # those that a record was read by
        self._store = TemporaryStore(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._store.__exit__(kind, error, trace)

    def take(self, record: Mapping[str, Any]) -> None:
        """Follow one record; all but steps taken in applications and corrections count nothing.

        Raises:
            VerificationError: If it is not what the procedures write.
            AuditError: If there is no room for what waits.
        """
        kind = record.get("kind")
        if (record.get("phase"), record.get("outcome")) != _STEP or kind not in _KINDS:
            return
        ident, day = taken(record, "matter", str), legal_day(instant(record)).isoformat()
        for move in taken(record, "moves", list):
            profile = taken(move, "profile", str)
            of_this = taken(move, "matter", str) == ident
            procedure = self._procedure(profile) if of_this else None
            if procedure is None:
                continue
            self._known[profile] = procedure
            step, source = taken(record, "step", str), taken(move, "from", str)
            key = StepKey(kind, step, source, taken(move, "to", str))
            self._store.run(
                "INSERT OR IGNORE INTO matter VALUES (?, ?, ?, ?, ?, 0)",
                ident,
                kind,
                taken(record, "applicant", str),
                taken(record, "resource", str),
                day if key.source == _NEW else "",
            )
            self._store.run(
                "INSERT OR REPLACE INTO state VALUES (?, ?, ?)", ident, profile, key.target
            )
            for event in procedure.stamps.get(key, ()):
                # The first day counts: what is reopened does not start a clock again.
                self._store.run(
                    "INSERT OR IGNORE INTO stamp VALUES (?, ?, ?, ?)", ident, profile, event, day
                )
        stated = taken(record, "stated", dict)
        if "extension_days" in stated:
            days = taken(stated, "extension_days", int)
            self._store.run("UPDATE matter SET days = ? WHERE id = ?", days, ident)

    def count(
        self, span: Span, shares: Mapping[str, Share], *, calendar: Calendar, as_of: date
    ) -> dict[Place, Handled]:
        """Return what was done in *span*, by applicant and resource.

        Args:
            span: The days reported on.
            shares: Resource to share type, which clocks depend on; others are not judged.
            calendar: Which days are working days.
            as_of: The day on which an unfinished stage is judged.
        """
        places: dict[Place, Handled] = {}
        for ident, kind, department, resource, opened, days in self._store.each(
            "SELECT id, kind, department, resource, opened, days FROM matter"
        ):
            handled = places.setdefault(Place(department, resource), Handled())
            stamps = self._stamps(ident)
            begun = bool(opened) and span.covers(date.fromisoformat(opened))
            if kind == _APPLICATION:
                handled.received += begun
                _count_answer(handled, stamps, span)
            else:
                handled.corrections += begun
                handled.corrected += span.covers(min(_days(stamps, Event.ANSWERED), default=_NEVER))
            if resource not in shares:
                continue
            asked = _Asked(kind, shares[resource], int(days), as_of)
            for profile, at in stamps.items():
                for stage, _ in self._judged(ident, profile, at, asked, calendar):
                    if stage.due is not None and span.covers(stage.due):
                        handled.timings[Timing(profile, stage.stage.value, stage.status)] += 1
        return places

    def stages(
        self, shares: Mapping[str, Share], *, calendar: Calendar, as_of: date
    ) -> Iterator["Judged"]:
        """Yield every stage that was judged, matter by matter; the arguments are as above."""
        for ident, kind, department, resource, days in self._store.each(
            "SELECT id, kind, department, resource, days FROM matter"
        ):
            if resource not in shares:
                continue
            asked = _Asked(kind, shares[resource], int(days), as_of)
            for profile, at in self._stamps(ident).items():
                for stage, over in self._judged(ident, profile, at, asked, calendar):
                    yield Judged(ident, department, resource, profile, stage, over)

    def _stamps(self, ident: str) -> dict[str, dict[Event, date]]:
        stamps: dict[str, dict[Event, date]] = {}
        for profile, event, day in self._store.run(
            "SELECT profile, event, day FROM stamp WHERE id = ?", ident
        ):
            stamps.setdefault(profile, {})[Event(event)] = date.fromisoformat(day)
        return stamps

    def _judged(
        self,
        ident: str,
        profile: str,
        at: Mapping[Event, date],
        asked: "_Asked",
        calendar: Calendar,
    ) -> Iterator[tuple[Stage, bool]]:
        """Yield the stages of one matter and whether each is over.

        Unfinished ones are yielded only while somebody is awaited.
        """
        procedure = self._known[profile]
        state = self._store.run(
            "SELECT state FROM state WHERE id = ? AND profile = ?", ident, profile
        )
        waits = any((asked.kind, name) in procedure.waiting for (name,) in state)
        for clock in procedure.clocks:
            over = any(event in at for event in clock.ends)
            if clock.kind in _KINDS[asked.kind] and asked.share in clock.shares and (waits or over):
                question = Question(
                    kind=clock.kind,
                    share=asked.share,
                    at=at,
                    extension_days=asked.days,
                    as_of=asked.as_of,
                )
                for stage in due_stages(question, clocks=(clock,), calendar=calendar):
                    yield stage, over


class Judged(NamedTuple):
    """A stage of a matter, how it stands, and whether it is over."""

    matter: str
    department: str
    resource: str
    profile: str
    stage: Stage
    is_over: bool


class _Asked(NamedTuple):
    """What the clocks are asked with, besides the days of the steps."""

    kind: str
    share: Share
    days: int
    as_of: date


def _count_answer(handled: Handled, stamps: Mapping[str, Mapping[Event, date]], span: Span) -> None:
    """Count the answer once, however many texts the application is under."""
    if approved := _days(stamps, Event.APPROVED):
        handled.granted += span.covers(max(approved))
    elif answered := _days(stamps, Event.ANSWERED):
        handled.refused += span.covers(max(answered))


def _days(stamps: Mapping[str, Mapping[Event, date]], event: Event) -> list[date]:
    return [at[event] for at in stamps.values() if event in at]
