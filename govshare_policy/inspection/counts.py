# SPDX-License-Identifier: Apache-2.0
"""Counting a verified log for its report, in one more pass over the bytes that were verified."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from govshare_policy.audit import Verdict, leaf_hash
from govshare_policy.audit.merkle import Tree
from govshare_policy.errors import VerificationError
from govshare_policy.identity import legal_day
from govshare_policy.inspection.index import Progress
from govshare_policy.inspection.reading import read_batches
from govshare_policy.inspection.traits import load_object, traits_of
from govshare_policy.legal import Effect, Outcome
from govshare_policy.report import Span
from govshare_policy.report.events import decided
from govshare_policy.report.tally import Count, Tally

_ALWAYS: Final = Span(first=date.min, last=date.max)
_TOLD_RECORDS: Final = 4096
MOST_NAMED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a log holds.

    Attributes:
        departments: Calls by who made them; an empty id where nobody was proven.
        resources: Calls by what was asked for; an empty id where nothing registered was named.
        days: Outcomes of calls by legal day, in order.
        denials: How often each provision was the one that decided a refusal.
        phases: Number of records of each phase.
        odd: Numbers of the first records that are not what their phase asks for.
        odd_count: How many such records there are; they are counted nowhere else.
    """

    total: Count
    departments: Mapping[str, Count]
    resources: Mapping[str, Count]
    days: Mapping[date, Counter[Outcome]]
    denials: Counter[str]
    phases: Counter[str]
    odd: tuple[int, ...]
    odd_count: int


def count(directory: Path, verdict: Verdict, *, progress: Progress | None = None) -> Counts:
    """Return what the log in *directory* holds, as far as *verdict* vouches for it.

    Memory grows with departments, resources and days, not with the log.

    Args:
        directory: The log, which may be in use.
        verdict: What it verified as.
        progress: Told now and then the records counted so far, and those there are.

    Raises:
        VerificationError: If what was counted is not what was verified.
        AuditError: If there is no room for what has to wait on the disk.
        OSError: If a file cannot be read.
    """
    tree, phases, odd = Tree(), Counter[str](), _Odd()
    days: dict[date, Counter[Outcome]] = {}
    with Tally(_ALWAYS) as tally:
        for batch in read_batches(directory):
            for entry in batch.entries:
                tree.append(leaf_hash(entry.data))
                phases[traits_of(entry.data).phase] += 1
                try:
                    _take(tally, days, entry.data)
                except (VerificationError, OverflowError):
                    odd.add(entry.number)
                if progress is not None and entry.number % _TOLD_RECORDS == 0:
                    progress(entry.number, verdict.size)
            if batch.end.size >= verdict.size:
                break
        tally.finish()
    if (tree.size, tree.root()) != (verdict.size, verdict.root):
        raise VerificationError("the log was changed while it was read; make the report again")
    return _summed(tally, days, phases, odd)


class _Odd:
    def __init__(self) -> None:
        self.first: list[int] = []
        self.count = 0

    def add(self, number: int) -> None:
        self.count += 1
        if len(self.first) < MOST_NAMED:
            self.first.append(number)


def _take(tally: Tally, days: dict[date, Counter[Outcome]], data: bytes) -> None:
    record = load_object(data)
    if record.get("phase") == "decision":
        call = decided(record)
        days.setdefault(legal_day(call.at), Counter())[call.outcome] += 1
    tally.take(record)


def _summed(
    tally: Tally, days: dict[date, Counter[Outcome]], phases: Counter[str], odd: _Odd
) -> Counts:
    total = Count()
    departments: dict[str, Count] = {}
    resources: dict[str, Count] = {}
    for place, found in tally.places.items():
        total.add(found)
        departments.setdefault(place.department, Count()).add(found)
        resources.setdefault(place.resource, Count()).add(found)
    denials = Counter[str]()
    for ruling, number in total.rulings.items():
        if ruling.effect is Effect.DENY:
            denials[ruling.clause] += number
    return Counts(
        total=total,
        departments=dict(sorted(departments.items())),
        resources=dict(sorted(resources.items())),
        days=dict(sorted(days.items())),
        denials=denials,
        phases=phases,
        odd=tuple(odd.first),
        odd_count=odd.count,
    )
