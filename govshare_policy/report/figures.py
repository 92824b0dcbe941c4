# SPDX-License-Identifier: Apache-2.0
"""The figures of a report, and how they are gathered from logs."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Self

from govshare_policy.deadline import Calendar, Event, Share, ShareType, load_clocks, share_of
from govshare_policy.errors import CallError
from govshare_policy.legal import Effect
from govshare_policy.policy import load_pack
from govshare_policy.register import Register
from govshare_policy.report.handling import Handled, Handling, Procedure, StepKey
from govshare_policy.report.reading import Numbered, read_until
from govshare_policy.report.source import Source
from govshare_policy.report.span import AsOf, Span
from govshare_policy.report.tally import Count, Place, Tally
from govshare_policy.workflow.model import Party
from govshare_policy.workflow.rules import load_workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was counted.

    Attributes:
        profile: The one text whose calls were counted; empty means all.
        department: The one department that the figures are about; empty means all.
        counts: By caller and resource.
        handled: Likewise for applications and corrections.
        systems: Those that called.
        register: Names and providers; without it the log's own ids stand alone.
        as_of: The day on which unfinished steps and the age of data were judged.
        later: How many records were left out because they are of later days.
    """

    span: Span
    profile: str
    department: str
    sources: tuple[Source, ...]
    counts: Mapping[Place, Count]
    handled: Mapping[Place, Handled]
    days: Mapping[date, Counter[Effect]]
    systems: frozenset[str]
    register: Register | None
    as_of: date
    later: int

    def provider(self, resource: str) -> str:
        """Return the department that provides *resource*, as far as a register says."""
        entry = self.register.resources.get(resource) if self.register is not None else None
        return entry.provider if entry is not None else ""

    def about(self, department: str) -> Self:
        """Return the figures about what *department* used and provided.

        The days are left out: they are those of everybody.

        Raises:
            CallError: If the register does not know the department.
        """
        if self.register is None or department not in self.register.departments:
            raise CallError("the department is not in `departments.tsv`; check the id and --data")

        def concerns(place: Place) -> bool:
            return department in (place.department, self.provider(place.resource))

        return replace(
            self,
            department=department,
            counts={place: count for place, count in self.counts.items() if concerns(place)},
            handled={place: done for place, done in self.handled.items() if concerns(place)},
            days={},
        )


def gather(
    sources: Sequence[Source],
    span: Span,
    *,
    as_of: AsOf,
    profile: str = "",
    register: Register | None = None,
    calendar: Calendar,
    packs: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Figures:
    """Read *sources* once and return the figures of *span*.

    Memory grows with the registers and the days, not with the logs.

    Args:
        sources: The logs, as :func:`open_sources` returns them.
        span: The days reported on.
        as_of: The day on which what is unfinished is judged, whenever the period ends.
        profile: Count only what this text was asked about; empty means everything.
        register: Names, providers and share types. Without it no step is judged by a clock.
        calendar: Which days are working days.
        packs: The directory of the packs; by default the one that came with the library.
        progress: Told now and then how many records were read, and how many there are as far as
            that was verified.

    Raises:
        VerificationError: If a log cannot be read to its end or a record is not what it must be.
        AuditError: If a file cannot be read, or there is no room for temporary ones.
        PolicyError: If a pack is wrong.
    """

    @cache
    def procedure(of: str) -> Procedure | None:
        return procedure_of(of, packs) if profile in ("", of) else None

    if profile:
        procedure(profile)  # an unknown text is refused before a long log is read
    with Tally(span, profile=profile) as tally, Handling(procedure) as handling:

        def take(one: Numbered) -> None:
            tally.take(one.record)
            handling.take(one.record)

        known = read_until(sources, as_of.until, take, progress=progress)
        tally.finish()
        day = as_of.day(known.latest)
        handled = handling.count(span, shares_of(register), calendar=calendar, as_of=day)
    return Figures(
        span=span,
        profile=profile,
        department="",
        sources=tuple(sources),
        counts=tally.places,
        handled=handled,
        days=dict(sorted(tally.days.items())),
        systems=frozenset(tally.systems),
        register=register,
        as_of=day,
        later=known.later,
    )


def shares_of(register: Register | None) -> dict[str, Share]:
    """Return resource to share type as the clocks tell them apart; what has none is left out."""
    return {
        entry.id: share_of(
            ShareType(entry.share_type), parameter_controlled=entry.parameter_controlled
        )
        for entry in (register.resources.values() if register is not None else ())
        if entry.share_type
    }


def procedure_of(profile: str, packs: Path | None = None) -> Procedure:
    """Return what the text *profile* says about applications, corrections and their time.

    Raises:
        PolicyError: If the profile is unknown or a file of its pack is wrong.
    """
    workflow = load_workflow(load_pack(profile, packs=packs), packs=packs)
    stamps: dict[StepKey, frozenset[Event]] = {}
    waiting: set[tuple[str, str]] = set()
    for rule in workflow.steps:
        if Party.SETTLEMENT not in rule.by:
            waiting.update((rule.matter.value, source) for source in rule.sources)
        for source in rule.sources:
            key = StepKey(rule.matter.value, rule.step, source, rule.target)
            stamps[key] = stamps.get(key, frozenset()) | frozenset(rule.stamps)
    return Procedure(
        stamps=stamps, waiting=frozenset(waiting), clocks=load_clocks(profile, packs=packs)
    )
