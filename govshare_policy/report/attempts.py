# SPDX-License-Identifier: Apache-2.0
"""What the records of calls show: attempts, providers that did not answer, what was released."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from govshare_policy.errors import VerificationError
from govshare_policy.identity import legal_day
from govshare_policy.legal import Outcome
from govshare_policy.report.events import concluded, decided, instant, taken
from govshare_policy.report.finding import Evidence, Seen
from govshare_policy.report.own_reasons import OwnReasons
from govshare_policy.report.released import Held
from govshare_policy.report.span import Span
from govshare_policy.report.waiting import TemporaryStore
from govshare_policy.supervision import Supervision

_RELEASED: Final = "released"
_READ: Final = "read"
_SCHEMA: Final = """
    CREATE TABLE waiting (
        id TEXT PRIMARY KEY, department TEXT, resource TEXT, given TEXT, fields TEXT, day TEXT
    ) STRICT, WITHOUT ROWID;
"""


class Attempt(NamedTuple):
    """What was tried or failed, by whom, with what."""

    violation: str
    code: str
    department: str
    system: str
    resource: str
    grant: str


class Happened(NamedTuple):
    """An incident of one category, by whom, with what."""

    incident: str
    department: str
    system: str
    resource: str


@dataclass(slots=True)
class Use:
    """The data that were released under one grant, in the whole of the logs."""

    department: str
    resource: str
    last: date
    evidence: Evidence


@dataclass(slots=True)
class Calls:
    """What was seen of calls.

    Attributes:
        refused: Attempts to the records that show them.
        failed: Fetches that the provider did not answer as it had to; the caller stays out.
        incidents: Refused calls by the category that the text makes the user answer for.
        held: Department and resource to what was released in the period.
        uses: Grant to what was released under it, in the period or before.
    """

    refused: dict[Attempt, Seen] = field(default_factory=dict)
    failed: dict[Attempt, Seen] = field(default_factory=dict)
    incidents: dict[Happened, Seen] = field(default_factory=dict)
    held: dict[tuple[str, str], Held] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)


class Attempts:
    """Follows calls record by record; what is kept grows with the registers, not with the log.

    Counted is what the one text was asked about, by that text's own answer.
    """

    def __init__(self, text: Supervision, span: Span, *, own: OwnReasons) -> None:
        """Follow what *text* was asked about in *span*.

        Args:
            text: Says which refusals show which violation.
            span: The days reported on.
            own: Tells the reasons of this text from those of others.
        """
        self._text, self._span, self._own = text, span, own
        self._by_reason = {r: v for v in text.violations for r in v.sights.reasons}
        self._by_ending = {e: v for v in text.violations for e in v.sights.endings}
        self._waiting = TemporaryStore(_SCHEMA)
        self.seen = Calls()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waiting.__exit__(kind, error, trace)

    def take(self, record: Mapping[str, Any], evidence: Evidence) -> None:
        """Follow one record; records of other phases show nothing here.

        Raises:
            VerificationError: If it is not what the gate writes.
            AuditError: If there is no room for what waits.
        """
        if record.get("phase") == "decision":
            self._decided(record, evidence)
        elif record.get("phase") == "outcome":
            self._concluded(record, evidence)

    def finish(self) -> None:
        """Count what was allowed and never concluded: it may have been released."""
        for department, resource, fields, day in self._waiting.run(
            "SELECT department, resource, fields, day FROM waiting"
        ):
            if self._span.covers(date.fromisoformat(day)):
                held = self.seen.held.setdefault((department, resource), Held())
                held.possible.update(json.loads(fields))
                held.open_calls += 1
        self._waiting.run("DELETE FROM waiting")

    def _decided(self, record: Mapping[str, Any], evidence: Evidence) -> None:
        call, day = decided(record), legal_day(instant(record))
        answer = self._own_answer(record)
        if answer is None:
            return
        outcome, clauses = _outcome(answer), tuple(taken(answer, "clauses", list))
        stated = taken(record, "call", dict)
        if outcome is Outcome.ALLOW:
            if call.outcome is Outcome.ALLOW and taken(stated, "action", str) == _READ:
                self._waiting.run(
                    "INSERT OR IGNORE INTO waiting VALUES (?, ?, ?, ?, ?, ?)",
                    *(call.id, call.department, call.resource),
                    *(taken(record, "grant", str), json.dumps(taken(record, "fields", list))),
                    day.isoformat(),
                )
            return
        if not self._span.covers(day):
            return
        reasons = self._own.of(taken(record, "reasons", list), answer)
        code = next((reason for reason in reasons if reason in self._by_reason), "")
        if code:
            key = Attempt(
                self._by_reason[code].id,
                code,
                *(call.department, call.system, call.resource, taken(record, "grant", str)),
            )
            _note(self.seen.refused, key, clauses[:1], day, evidence)
        recipient = stated.get("recipient")
        kind = taken(recipient, "kind", str) if recipient is not None else ""
        incident = self._text.incident(reasons, kind)
        if incident is not None:
            happened = Happened(incident.id, call.department, call.system, call.resource)
            _note(self.seen.incidents, happened, clauses[:1], day, evidence)

    def _own_answer(self, record: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what the record says of this text; ``None`` if it was not asked."""
        for answer in taken(record, "texts", list):
            if taken(answer, "profile", str) == self._text.profile:
                return dict(answer)
        asked = taken(taken(record, "policy", dict), "profile", str)
        return record if asked == self._text.profile else None

    def _concluded(self, record: Mapping[str, Any], evidence: Evidence) -> None:
        end = concluded(record)
        for department, resource, grant, fields, stated in self._waiting.run(
            "DELETE FROM waiting WHERE id = ? RETURNING department, resource, given, fields, day",
            end.decision,
        ):
            day = date.fromisoformat(stated)
            if end.status == _RELEASED:
                if grant:
                    self.seen.uses[grant] = Use(department, resource, day, evidence)
                if self._span.covers(day):
                    held = self.seen.held.setdefault((department, resource), Held())
                    held.release(json.loads(fields), end.rows, day)
            elif end.status in self._by_ending and self._span.covers(day):
                violation = self._by_ending[end.status]
                key = Attempt(violation.id, end.status, "", "", resource, "")
                _note(self.seen.failed, key, (), day, evidence)


def _outcome(answer: object) -> Outcome:
    stated = taken(answer, "outcome", str)
    if stated not in set(Outcome):
        raise VerificationError("a decision record has an outcome that is not known")
    return Outcome(stated)


def _note(
    seen: dict[Any, Seen], key: object, clauses: tuple[str, ...], day: date, evidence: Evidence
) -> None:
    if key in seen:
        seen[key].add(day, evidence)
    else:
        seen[key] = Seen(clauses=clauses, first=day, last=day, evidence=(evidence,))
