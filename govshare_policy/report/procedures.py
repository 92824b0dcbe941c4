# SPDX-License-Identifier: Apache-2.0
"""What the records of procedures show: stages that are late, steps without right, data doubted."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from govshare_policy.deadline import Calendar, Share, Status
from govshare_policy.deadline.model import Party
from govshare_policy.identity import legal_day
from govshare_policy.register import Register
from govshare_policy.report.events import instant, taken
from govshare_policy.report.finding import Evidence, Finding, Grade, Seen, cited
from govshare_policy.report.handling import Handling, Judged, Procedure
from govshare_policy.report.span import Span
from govshare_policy.report.words import STAGES, Words
from govshare_policy.supervision import Supervision, Violation

_PHASE: Final = "workflow"
_CORRECTION: Final = "correction"
# Why a step is refused that nobody had the right to take so; other refusals are slips.
_WITHOUT_RIGHT: Final = frozenset(
    ("want_missing", "invalid_refusal", "not_your_step", "no_such_step")
)


class _Tried(NamedTuple):
    """A step that somebody tried."""

    violation: str
    step: str
    code: str
    body: str
    resource: str


@dataclass(slots=True)
class _Doubt:
    """A correction ticket."""

    resource: str
    day: date
    evidence: tuple[Evidence, ...]


class Procedures:
    """Follows steps record by record; memory grows with the matters, which people open."""

    def __init__(
        self,
        text: Supervision,
        span: Span,
        procedure: Procedure,
        *,
        clauses: Collection[str],
    ) -> None:
        """Follow the matters under *text*.

        Args:
            text: Says which stages and steps show which violation.
            span: The days reported on.
            procedure: The steps and clocks of the same text.
            clauses: Its clauses; a refusal that rests on none of them is another text's.
        """
        self._text, self._span, self._clauses = text, span, frozenset(clauses)
        self._handling = Handling(lambda of: procedure if of == text.profile else None)
        self._first: dict[str, Evidence] = {}
        self._tried: dict[_Tried, Seen] = {}
        self._doubts: list[_Doubt] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._handling.__exit__(kind, error, trace)

    def take(self, record: Mapping[str, Any], evidence: Evidence) -> None:
        """Follow one record; all but those of procedures show nothing here.

        Raises:
            VerificationError: If it is not what the procedures write.
            AuditError: If there is no room for what waits.
        """
        if record.get("phase") != _PHASE:
            return
        self._handling.take(record)
        day = legal_day(instant(record))
        if taken(record, "outcome", str) == "refused":
            self._refused(record, day, evidence)
        elif (ident := taken(record, "matter", str)) not in self._first:
            self._first[ident] = evidence
            opened = taken(record, "moves", list)
            own = any(move.get("profile") == self._text.profile for move in opened)
            if own and taken(record, "kind", str) == _CORRECTION and self._span.covers(day):
                resource = taken(record, "resource", str)
                self._doubts.append(_Doubt(resource, day, (Evidence(ident), evidence)))

    def _refused(self, record: Mapping[str, Any], day: date, evidence: Evidence) -> None:
        code, path = taken(record, "code", str), f"{record['kind']}/{taken(record, 'step', str)}"
        own = [clause for clause in taken(record, "clauses", list) if clause in self._clauses]
        for violation in self._text.violations:
            if path not in violation.sights.refused_steps or not self._span.covers(day):
                continue
            if code in _WITHOUT_RIGHT and (own or code == "no_such_step"):
                body, resource = taken(record, "department", str), taken(record, "resource", str)
                key = _Tried(violation.id, path, code, body, resource)
                if key in self._tried:
                    self._tried[key].add(day, evidence)
                else:
                    self._tried[key] = Seen(tuple(own), day, day, (evidence,))

    def findings(
        self, register: Register, shares: Mapping[str, Share], *, calendar: Calendar, as_of: date
    ) -> Iterator[Finding]:
        """Yield what was seen.

        Args:
            register: Says who provides what, and who runs the platform.
            shares: Resource to share type, which clocks depend on; others are not judged.
            calendar: Which days are working days.
            as_of: The day on which an unfinished stage is judged.
        """
        by_stage = {stage: v for v in self._text.violations for stage in v.sights.late}
        for judged in self._handling.stages(shares, calendar=calendar, as_of=as_of):
            violation = by_stage.get(judged.stage.stage)
            due = judged.stage.due
            if violation is None or due is None or judged.stage.status is not Status.LATE:
                continue
            # What is still waiting is listed whenever it was due.
            if self._span.covers(due) or (not judged.is_over and due <= self._span.last):
                yield from self._late(judged, violation, due, register)
        for key, seen in self._tried.items():
            yield _attempted(key, seen, self._text)
        for violation in self._text.violations:
            if violation.sights.doubts:
                yield from (_doubted(doubt, violation, register) for doubt in self._doubts)

    def _late(
        self, judged: Judged, violation: Violation, due: date, register: Register
    ) -> Iterator[Finding]:
        stage = judged.stage
        words = STAGES[stage.stage.value]
        for body in _actors(judged, self._text.profile, register):
            yield Finding(
                violation=violation.id,
                grade=Grade.SHOWN,
                code=f"late_{stage.stage.value}",
                clauses=cited(violation, *stage.clauses),
                text=Words(
                    f"“{words.zh}”应于 {due} 前完成，"
                    + ("已逾期完成" if judged.is_over else "至今未完成"),
                    f"the stage `{words.en}` was due on {due} and "
                    + ("was finished late" if judged.is_over else "is not finished"),
                ),
                department=body,
                resource=judged.resource,
                evidence=(Evidence(judged.matter), self._first[judged.matter]),
                since=due,
            )


def _actors(judged: Judged, profile: str, register: Register) -> tuple[str, ...]:
    match judged.stage.actor:
        case Party.PLATFORM_OPERATOR | Party.COMPETENT_AUTHORITY as party:
            rows = sorted(register.roles)
            bodies = tuple(body for *row, body in rows if row == [profile, party.value])
            return bodies or ("",)
        case _:
            entry = register.resources.get(judged.resource)
            return (entry.provider if entry is not None else "",)


def _attempted(key: _Tried, seen: Seen, text: Supervision) -> Finding:
    violation = text.violation(key.violation)
    return Finding(
        violation=key.violation,
        grade=Grade.ATTEMPT,
        code=f"{key.step.replace('/', '_')}_{key.code}",
        clauses=cited(violation, *seen.clauses) if violation is not None else seen.clauses,
        text=Words(
            f"步骤“{key.step}”被拒绝：{key.code}",
            f"the step `{key.step}` was refused: {key.code}",
        ),
        department=key.body,
        resource=key.resource,
        evidence=seen.evidence,
        since=seen.first,
        until=seen.last,
        count=seen.count,
    )


def _doubted(doubt: _Doubt, violation: Violation, register: Register) -> Finding:
    entry = register.resources.get(doubt.resource)
    return Finding(
        violation=violation.id,
        grade=Grade.SIGN,
        code="doubted",
        clauses=cited(violation),
        text=Words("使用部门对数据提出疑义", "a user doubts the data"),
        department=entry.provider if entry is not None else "",
        resource=doubt.resource,
        evidence=doubt.evidence,
        since=doubt.day,
    )
