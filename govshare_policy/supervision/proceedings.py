# SPDX-License-Identifier: Apache-2.0
"""Notices and disposals as the log tells them: the steps are records, and the state their sum.

A step changes no register and keeps no free text, so the signed log is all there is to keep, and
whoever verifies it can say how every notice stands.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, TypeVar

from govshare_policy.errors import VerificationError
from govshare_policy.identity import legal_day
from govshare_policy.supervision.model import ProceedingKind
from govshare_policy.workflow import Role

PHASE: Final = "supervision"
TAKEN: Final = "taken"
REFUSED: Final = "refused"
CLOSED: Final = frozenset(("closed", "disposed"))

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step that was taken.

    Attributes:
        record: The id of its audit record.
        index: The number of that record in its log.
        person: The commitment to who took it.
    """

    step: str
    at: datetime
    body: str
    role: Role
    origin: str
    index: int
    record: str
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proceeding:
    """A notice and what came of it, or the disposal of data once a grant has ended.

    Attributes:
        told: The body that the notice is to, or that has the data.
        violation: The item of the list; empty for a disposal.
        resource: What it is about; may be empty for a notice.
        grant: The grant that ended; empty for a notice.
        until: The last day to put it right, where one was set.
        way: How the data are to be disposed of, or were.
        clauses: Those of the first step.
        evidence: What the notice rests on, as the report names it.
    """

    id: str
    kind: ProceedingKind
    profile: str
    told: str
    violation: str
    resource: str
    grant: str
    state: str
    until: date | None
    way: str
    clauses: tuple[str, ...]
    evidence: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be done."""
        return self.state in CLOSED

    def is_overdue(self, day: date) -> bool:
        """Whether the day that was set is over on *day* and it is not put right."""
        return not self.is_over and self.until is not None and self.until < day

    def to_document(self, day: date) -> dict[str, object]:
        """Return it as it stands on *day*, ready for JSON; persons stay out."""
        return {
            "matter": self.id,
            "kind": self.kind.value,
            "profile": self.profile,
            "department": self.told,
            "violation": self.violation,
            "resource": self.resource,
            "grant": self.grant,
            "state": self.state,
            "until": self.until.isoformat() if self.until is not None else None,
            "overdue": self.is_overdue(day),
            "way": self.way,
            "clauses": list(self.clauses),
            "evidence": list(self.evidence),
            "steps": [
                {
                    "step": step.step,
                    "day": legal_day(step.at).isoformat(),
                    "by": step.body,
                    "role": step.role.value,
                    "record": {"log": step.origin, "id": step.record, "index": step.index},
                }
                for step in self.steps
            ],
        }


class Proceedings:
    """Follows proceedings record by record; memory grows with them and not with the log."""

    def __init__(self) -> None:
        self._found: dict[str, Proceeding] = {}

    def __iter__(self) -> Iterator[Proceeding]:
        """Iterate over all proceedings in the order in which they were opened."""
        return iter(self._found.values())

    def get(self, ident: str) -> Proceeding | None:
        """Return the proceeding *ident*, if there is one."""
        return self._found.get(ident)

    def next_id(self, kind: ProceedingKind, year: int) -> str:
        """Return the id that the next proceeding of this kind gets, such as ``REC-2026-0001``."""
        begins = f"{kind.prefix}-{year}-"
        last = max((int(i[len(begins) :]) for i in self._found if i.startswith(begins)), default=0)
        return f"{begins}{last + 1:04}"

    def take(self, record: Mapping[str, Any], *, origin: str, index: int) -> None:
        """Follow one record; all but steps of supervision that were taken change nothing.

        Raises:
            VerificationError: If it is not what a bureau writes.
        """
        if record.get("phase") != PHASE or record.get("outcome") != TAKEN:
            return
        ident = _of(record, "matter", str)
        step = _step(record, origin, index)
        old = self._found.get(ident)
        if old is None:
            self._found[ident] = _opened(record, ident, step)
            return
        if old.state != _of(record, "from", str) or old.profile != _of(record, "profile", str):
            raise VerificationError(f"a record of `{ident}` does not follow from the one before")
        until, way = _of(record, "until", str), _of(record, "way", str)
        self._found[ident] = replace(
            old,
            state=_of(record, "to", str),
            until=_day(until) if until else old.until,
            way=way or old.way,
            steps=(*old.steps, step),
        )


def _opened(record: Mapping[str, Any], ident: str, step: Step) -> Proceeding:
    kind, until = _of(record, "kind", str), _of(record, "until", str)
    if kind not in set(ProceedingKind):
        raise VerificationError(f"a record of `{ident}` is of no kind that is known")
    return Proceeding(
        id=ident,
        kind=ProceedingKind(kind),
        profile=_of(record, "profile", str),
        told=_of(record, "told_body", str),
        violation=_of(record, "violation", str),
        resource=_of(record, "resource", str),
        grant=_of(record, "grant", str),
        state=_of(record, "to", str),
        until=_day(until) if until else None,
        way=_of(record, "way", str),
        clauses=tuple(_of(record, "clauses", list)),
        evidence=tuple(_of(record, "evidence", list)),
        steps=(step,),
    )


def _step(record: Mapping[str, Any], origin: str, index: int) -> Step:
    try:
        at = datetime.fromisoformat(_of(record, "t", str))
        role = Role(_of(record, "role", str))
    except ValueError:
        raise VerificationError("a step of supervision has no instant or role") from None
    return Step(
        step=_of(record, "step", str),
        at=at,
        body=_of(record, "department", str),
        role=role,
        origin=origin,
        index=index,
        record=_of(record, "id", str),
        person=str(_of(record, "commitments", dict).get("person", "")),
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise VerificationError("the `until` of a record is not a day") from None


def _of(record: Mapping[str, Any], key: str, kind: type[T]) -> T:
    value = record.get(key)
    if not isinstance(value, kind):
        raise VerificationError(f"the `{key}` of a record is missing or of the wrong type")
    return value
