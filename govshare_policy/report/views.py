# SPDX-License-Identifier: Apache-2.0
"""The figures as lines of a report: in all, by department, by resource."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol, Self, TypeVar

from govshare_policy.deadline import Status
from govshare_policy.legal import Effect, Outcome
from govshare_policy.report.events import Ending
from govshare_policy.report.figures import Figures
from govshare_policy.report.handling import Handled
from govshare_policy.report.tally import Count

_JUDGED: Final = (Status.ON_TIME, Status.LATE, Status.OPEN)


class _Summed(Protocol):
    def add(self, other: Self, /) -> None:
        """Add the figures of *other*."""
        ...


S = TypeVar("S", bound=_Summed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The figures of one department or resource.

    Attributes:
        id: Empty for calls of nobody proven, or of no resource that is registered.
        provider: Of a resource, as far as a register says.
        updated_on: When the data of a resource were last updated, as the catalogue states it.
    """

    id: str
    name_zh: str
    name_en: str
    count: Count
    handled: Handled
    provider: str = ""
    updated_on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """All lines of a report.

    Attributes:
        used: By the department that called or applied.
        provided: By the department that provides the resource; empty without a register.
        silent_systems: Registered systems that did not call; empty without a register.
    """

    total: Line
    used: tuple[Line, ...]
    provided: tuple[Line, ...]
    resources: tuple[Line, ...]
    silent_systems: tuple[str, ...]


def views(figures: Figures) -> Views:
    """Return *figures* as lines, each kind in the order of the ids."""
    total, handled = Count(), Handled()
    for count in figures.counts.values():
        total.add(count)
    for done in figures.handled.values():
        handled.add(done)
    register = figures.register
    silent = set(register.systems) - figures.systems if register is not None else set()
    return Views(
        total=Line(id="", name_zh="", name_en="", count=total, handled=handled),
        used=tuple(_departments(figures, lambda department, _: department)),
        provided=tuple(
            _departments(figures, lambda _, resource: figures.provider(resource))
            if register is not None
            else ()
        ),
        resources=tuple(_resources(figures)),
        silent_systems=tuple(
            sorted(ident for ident in silent if _concerns(figures, ident)),
        ),
    )


def call_document(count: Count) -> dict[str, object]:
    """Return the figures of calls, ready for JSON."""
    availability = count.availability
    return {
        "calls": count.calls,
        "allowed": count.allowed,
        "refused": count.refused,
        "outcomes": {outcome.value: count.outcomes[outcome] for outcome in Outcome},
        "availability": {
            **{ending.value: count.endings[ending] for ending in Ending},
            "percent": round(100 * availability, 2) if availability is not None else None,
            "faults": dict(sorted(count.statuses.items())),
        },
        "rows": count.rows,
        "bytes": count.size_bytes,
    }


def handled_document(handled: Handled) -> dict[str, object]:
    """Return the figures of applications and corrections, ready for JSON."""
    stages = sorted({(timing.profile, timing.stage) for timing in handled.timings})
    return {
        "received": handled.received,
        "granted": handled.granted,
        "refused": handled.refused,
        "corrections_raised": handled.corrections,
        "corrections_answered": handled.corrected,
        "due": {status.value: handled.due(status) for status in _JUDGED},
        "stages": [
            {
                "profile": profile,
                "stage": stage,
                **{
                    status.value: sum(
                        number
                        for timing, number in handled.timings.items()
                        if timing == (profile, stage, status)
                    )
                    for status in _JUDGED
                },
            }
            for profile, stage in stages
        ],
    }


def statistics_document(figures: Figures, lines: Views) -> dict[str, object]:
    """Return the whole report, ready for JSON."""
    register = figures.register
    return {
        "from": figures.span.first.isoformat(),
        "to": figures.span.last.isoformat(),
        "time_zone": "Asia/Shanghai",
        "as_of": figures.as_of.isoformat(),
        "later_records": figures.later,
        "profile": figures.profile,
        "department": figures.department,
        "verified": all(source.verdict is not None for source in figures.sources),
        "logs": [source.to_document() for source in figures.sources],
        "calls": call_document(lines.total.count),
        "authorisation": {
            "judged": register is not None,
            **handled_document(lines.total.handled),
        },
        "departments_used": [_line_document(line) for line in lines.used],
        "departments_provided": [_line_document(line) for line in lines.provided],
        "resources": [
            _line_document(line)
            | {"provider": line.provider, **_age(line.updated_on, figures.as_of)}
            for line in lines.resources
        ],
        "clauses": [
            {"clause": clause, "effect": effect.value, "calls": number}
            for (clause, effect), number in lines.total.count.rulings.most_common()
        ],
        "days": [
            {"day": day.isoformat(), **{effect.value: number[effect] for effect in Effect}}
            for day, number in figures.days.items()
        ],
        "silent_systems": list(lines.silent_systems),
    }


def age_days(updated_on: str, as_of: date) -> int | None:
    """Return how old data are on *as_of*; ``None`` where the catalogue states no update by then."""
    days = (as_of - date.fromisoformat(updated_on)).days if updated_on else -1
    return days if days >= 0 else None


def _age(updated_on: str, as_of: date) -> dict[str, object]:
    return {"updated_on": updated_on, "age_days": age_days(updated_on, as_of)}


def _line_document(line: Line) -> dict[str, object]:
    return {
        "id": line.id,
        "name_zh": line.name_zh,
        "name_en": line.name_en,
        **call_document(line.count),
        "authorisation": handled_document(line.handled),
    }


def _departments(figures: Figures, key: Callable[[str, str], str]) -> Iterator[Line]:
    counts = _summed(((key(*place), part) for place, part in figures.counts.items()), Count)
    handled = _summed(((key(*place), part) for place, part in figures.handled.items()), Handled)
    known = figures.register.departments if figures.register is not None else {}
    for ident in sorted({*counts, *handled}):
        if figures.department not in ("", ident):
            continue  # the other side of its calls, which is not what was asked
        entry = known.get(ident)
        yield Line(
            id=ident,
            name_zh=entry.name_zh if entry is not None else "",
            name_en=entry.name_en if entry is not None else "",
            count=counts.get(ident, Count()),
            handled=handled.get(ident, Handled()),
        )


def _resources(figures: Figures) -> Iterator[Line]:
    counts = _summed(((place.resource, part) for place, part in figures.counts.items()), Count)
    handled = _summed(((place.resource, part) for place, part in figures.handled.items()), Handled)
    known = figures.register.resources if figures.register is not None else {}
    for ident in sorted({*counts, *handled}):
        entry = known.get(ident)
        yield Line(
            id=ident,
            name_zh=entry.name_zh if entry is not None else "",
            name_en=entry.name_en if entry is not None else "",
            count=counts.get(ident, Count()),
            handled=handled.get(ident, Handled()),
            provider=figures.provider(ident),
            updated_on=entry.more.get("updated_on", "") if entry is not None else "",
        )


def _concerns(figures: Figures, system: str) -> bool:
    register = figures.register
    own = register is not None and register.systems[system].department == figures.department
    return own or not figures.department


def _summed(parts: Iterable[tuple[str, S]], empty: Callable[[], S]) -> Mapping[str, S]:
    sums: dict[str, S] = {}
    for key, part in parts:
        sums.setdefault(key, empty()).add(part)
    return sums
