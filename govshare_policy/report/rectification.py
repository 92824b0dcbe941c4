# SPDX-License-Identifier: Apache-2.0
"""The list of violations of one text: what can be seen of each, and what cannot."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Self

from govshare_policy.errors import CallError
from govshare_policy.register import Register
from govshare_policy.report.finding import Finding, Seen
from govshare_policy.report.released import Sum
from govshare_policy.report.source import Source
from govshare_policy.report.span import Span
from govshare_policy.supervision import Proceeding, Supervision


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Incidents of one category, by one department with one resource."""

    incident: str
    department: str
    system: str
    resource: str
    seen: Seen

    def to_document(self) -> dict[str, object]:
        """Return it, ready for JSON."""
        return {
            "category": self.incident,
            "department": self.department,
            "system": self.system,
            "resource": self.resource,
            "count": self.seen.count,
            "first": self.seen.first.isoformat(),
            "last": self.seen.last.isoformat(),
            "clauses": list(self.seen.clauses),
            "evidence": [evidence.place for evidence in self.seen.evidence],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectification:
    """What supervisors are shown under one text.

    Attributes:
        findings: By violation in the order of the text, then by department.
        released: What every department was given in sum; empty where the text wants no eye on it.
        as_of: The day on which what is unfinished was judged.
        later: How many records were left out because they are of later days.
    """

    text: Supervision
    span: Span
    as_of: date
    later: int
    department: str
    sources: tuple[Source, ...]
    register: Register
    findings: tuple[Finding, ...]
    occurrences: tuple[Occurrence, ...]
    proceedings: tuple[Proceeding, ...]
    released: tuple[Sum, ...]

    def of(self, violation: str) -> tuple[Finding, ...]:
        """Return the findings of one violation."""
        return tuple(one for one in self.findings if one.violation == violation)

    def about(self, department: str) -> Self:
        """Return what of it one department answers for.

        Raises:
            CallError: If the register does not know the department.
        """
        if department not in self.register.departments:
            raise CallError("the department is not in `departments.tsv`; check the id and --data")
        return replace(
            self,
            department=department,
            findings=tuple(one for one in self.findings if one.department == department),
            occurrences=tuple(one for one in self.occurrences if one.department == department),
            proceedings=tuple(one for one in self.proceedings if one.told == department),
            released=tuple(one for one in self.released if one.department == department),
        )

    def to_document(self) -> dict[str, object]:
        """Return the whole list, ready for JSON."""
        text = self.text
        return {
            "report": "rectification",
            "profile": text.profile,
            "name_zh": text.name_zh,
            "name_en": text.name_en,
            "from": self.span.first.isoformat(),
            "to": self.span.last.isoformat(),
            "as_of": self.as_of.isoformat(),
            "later_records": self.later,
            "time_zone": "Asia/Shanghai",
            "department": self.department,
            "verified": all(source.verdict is not None for source in self.sources),
            "logs": [source.to_document() for source in self.sources],
            "violations": [
                {
                    "id": one.id,
                    "clauses": [*one.clauses, *one.see],
                    "side": one.side.value,
                    "text": one.text_en,
                    "text_zh": one.text_zh,
                    "mend": one.mend_en,
                    "mend_zh": one.mend_zh,
                    "unseen": one.unseen_en,
                    "unseen_zh": one.unseen_zh,
                    "findings": [finding.to_document() for finding in self.of(one.id)],
                }
                for one in text.violations
            ],
            "incidents": [
                {
                    "category": one.id,
                    "clauses": list(one.clauses),
                    "text": one.text_en,
                    "text_zh": one.text_zh,
                    "occurrences": [
                        found.to_document()
                        for found in self.occurrences
                        if found.incident == one.id
                    ],
                }
                for one in text.incidents
            ],
            "silences": [
                {"clauses": list(one.clauses), "text": one.text_en, "text_zh": one.text_zh}
                for one in text.silences
            ],
            "proceedings": [one.to_document(self.as_of) for one in self.proceedings],
            "released_in_sum": {
                "clauses": list(text.sum_clauses),
                "departments": [one.to_document(self.register) for one in self.released],
            },
        }
