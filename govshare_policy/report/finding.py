# SPDX-License-Identifier: Apache-2.0
"""A finding of the list of violations: whose it is, since when, and what shows it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from govshare_policy.report.words import Words
from govshare_policy.supervision import Violation


class Grade(StrEnum):
    """How much a finding says; what follows from it is for people to decide."""

    SHOWN = "shown"  # a record or a register shows it
    ATTEMPT = "attempt"  # it was refused, so nothing came of it
    SIGN = "sign"  # something that a person has to look into


class Evidence(NamedTuple):
    """Where a finding can be looked up: ``log#record``, ``file:line``, or the id of a matter."""

    place: str

    @classmethod
    def of_record(cls, origin: str, index: int) -> "Evidence":
        """Return the evidence that the record *index* of the log *origin* is."""
        return cls(f"{origin}#{index}")

    @classmethod
    def of_line(cls, file: str, line: int) -> "Evidence":
        """Return the evidence that a line of a file of the data directory is."""
        return cls(f"{file}:{line}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the product can see of a violation.

    Attributes:
        code: What was seen, such as a reason code or a rule of the catalogue.
        clauses: Never empty; the one that lists the violation first.
        department: Who answers for it; empty where nobody was proven or named.
        system: Through which information system; empty where it was none.
        since: The first day; ``None`` where nothing states one.
        until: The last day on which it was seen.
        count: How many records or entries say so.
        evidence: Never empty; of many records the first and the last.
        notice: The proceeding that it is part of already; empty if it is part of none.
    """

    violation: str
    grade: Grade
    code: str
    clauses: tuple[str, ...]
    text: Words
    department: str
    resource: str
    evidence: tuple[Evidence, ...]
    since: date | None
    until: date | None = None
    system: str = ""
    count: int = 1
    notice: str = ""

    def __post_init__(self) -> None:
        if not self.clauses or not self.evidence:
            raise ValueError("a finding cites a clause and says what shows it")

    def to_document(self) -> dict[str, object]:
        """Return the finding, ready for JSON."""
        return {
            "violation": self.violation,
            "grade": self.grade.value,
            "code": self.code,
            "clauses": list(self.clauses),
            "department": self.department,
            "system": self.system,
            "resource": self.resource,
            "since": self.since.isoformat() if self.since is not None else None,
            "until": self.until.isoformat() if self.until is not None else None,
            "count": self.count,
            "evidence": [evidence.place for evidence in self.evidence],
            "text": self.text.en,
            "text_zh": self.text.zh,
            "notice": self.notice,
        }


@dataclass(slots=True)
class Seen:
    """The same thing seen again and again: how often, and the first and the last of it."""

    clauses: tuple[str, ...]
    first: date
    last: date
    evidence: tuple[Evidence, ...]
    count: int = 1

    def add(self, day: date, evidence: Evidence) -> None:
        """Count one more, which is not before those seen."""
        self.count += 1
        self.first, self.last = min(self.first, day), max(self.last, day)
        self.evidence = (self.evidence[0], evidence)


def cited(violation: Violation, *more: str) -> tuple[str, ...]:
    """Return the clauses of *violation*, what it violates, and then *more*, each once."""
    return tuple(dict.fromkeys((*violation.clauses, *violation.see, *more)))
