# SPDX-License-Identifier: Apache-2.0
"""The annual report of a text: who owes it to whom, by when, and the figures of the year."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from govshare_policy.deadline import (
    Calendar,
    Event,
    Kind,
    Question,
    Share,
    Stage,
    Status,
    due_stages,
    load_clocks,
)
from govshare_policy.report.asks import Asks, ReportDuty, load_asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A report that is owed, when it is due, and whether it was handed in.

    Attributes:
        due: The last day in time; ``None`` where the text gives no date.
    """

    duty: ReportDuty
    due: date | None
    status: Status

    def to_document(self) -> dict[str, object]:
        """Return the duty, ready for JSON."""
        duty = self.duty
        return {
            "clause": duty.clause,
            "from_zh": duty.from_zh,
            "from_en": duty.from_en,
            "to_zh": duty.to_zh,
            "to_en": duty.to_en,
            "what_zh": duty.what_zh,
            "what_en": duty.what_en,
            "due": self.due.isoformat() if self.due is not None else None,
            "status": self.status.value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Annual:
    """What a text asks for of one year."""

    asks: Asks
    year: int
    dues: tuple[Due, ...]


def load_annual(
    profile: str,
    year: int,
    *,
    submitted: date | None = None,
    as_of: date | None = None,
    packs: Path | None = None,
) -> Annual:
    """Return what the text *profile* asks to be reported of *year*.

    Args:
        profile: A profile id, such as ``hubei``.
        year: The year reported on.
        submitted: The day on which the report was handed in, if it was.
        as_of: The day on which a report that was not is judged; ``None`` judges none.
        packs: The directory of the packs; by default the one that came with the library.

    Raises:
        PolicyError: If the profile is unknown or a file of its pack is wrong.
    """
    asks = load_asks(profile, packs=packs)
    question = Question(
        kind=Kind.ANNUAL_REPORT,
        share=Share.CONDITIONAL,  # every share type has the same report
        at={Event.SUBMITTED: submitted} if submitted is not None else {},
        year=year,
        as_of=as_of,
    )
    stages = due_stages(question, clocks=load_clocks(profile, packs=packs), calendar=Calendar())
    by_clause = {clause: stage for stage in stages for clause in stage.clauses[:1]}
    return Annual(asks=asks, year=year, dues=tuple(_due(duty, by_clause) for duty in asks.duties))


def _due(duty: ReportDuty, stages: Mapping[str, Stage]) -> Due:
    stage = stages.get(duty.clause)
    if stage is None:
        return Due(duty=duty, due=None, status=Status.NO_LIMIT)
    return Due(duty=duty, due=stage.due, status=stage.status)
