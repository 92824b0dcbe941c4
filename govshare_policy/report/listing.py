# SPDX-License-Identifier: Apache-2.0
"""Make the list of violations of one text from the logs and the registers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

from govshare_policy.catalogue.read import load_catalogue
from govshare_policy.catalogue.rules import load_lint
from govshare_policy.deadline import Calendar
from govshare_policy.identity import legal_day
from govshare_policy.policy import load_bundle
from govshare_policy.register import Register, load_register
from govshare_policy.report.attempts import Attempt, Attempts, Calls
from govshare_policy.report.figures import procedure_of, shares_of
from govshare_policy.report.finding import Evidence, Finding, Grade, Seen, cited
from govshare_policy.report.own_reasons import OwnReasons
from govshare_policy.report.procedures import Procedures
from govshare_policy.report.reading import Known, Numbered, read_until
from govshare_policy.report.rectification import Occurrence, Rectification
from govshare_policy.report.released import sums
from govshare_policy.report.source import Source
from govshare_policy.report.span import AsOf, Span
from govshare_policy.report.standing import faults, kept, stale, suspended
from govshare_policy.report.words import FAILURES, Words
from govshare_policy.supervision import (
    Proceeding,
    ProceedingKind,
    Proceedings,
    Supervision,
    Violation,
    load_supervision,
)

_UNKNOWN: Final = "…"


def list_violations(
    sources: Sequence[Source],
    *,
    profile: str,
    data: Path,
    span: Span,
    as_of: AsOf,
    calendar: Calendar,
    packs: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Rectification:
    """Read *sources* once and return what they and the registers show under one text.

    Args:
        sources: The logs of calls and of steps, as :func:`open_sources` returns them.
        profile: The text that lists the violations.
        data: The data directory, as it stands now.
        span: The days reported on; ``date.min`` and ``date.max`` leave an end open.
        as_of: The day on which what is unfinished is judged, whenever the period ends.
        calendar: Which days are working days.
        packs: The directory of the packs; by default the one that came with the library.
        progress: Told now and then how many records were read, and how many there are as far as
            that was verified.

    Raises:
        VerificationError: If a log cannot be read to its end or a record is not what it must be.
        AuditError: If a file cannot be read, or there is no room for temporary ones.
        FactError: If a register is wrong.
        PolicyError: If a pack is wrong.
    """
    text = load_supervision(profile, packs=packs)
    register, catalogue = load_register(data), load_catalogue(data)
    rules, clauses = load_lint(profile, packs=packs)
    bundle = load_bundle(profile, register, packs=packs)
    procedures = Procedures(text, span, procedure_of(profile, packs), clauses=clauses)
    proceedings = Proceedings()
    with ExitStack() as stack:
        calls = stack.enter_context(Attempts(text, span, own=OwnReasons(bundle)))
        steps = stack.enter_context(procedures)
        known = _read(sources, calls, steps, proceedings, until=as_of.until, progress=progress)
        calls.finish()
        day = as_of.day(known.latest)
        shown = _shown(span, known, day)
        found = [
            *_of_calls(calls.seen, text, bundle.reasons, register),
            *steps.findings(register, shares_of(register), calendar=calendar, as_of=day),
            *faults(text, rules, catalogue, register),
            *stale(text, catalogue, register, as_of=day),
            *suspended(text, register, shown),
            *kept(
                text, register, calls.seen.uses, _own(proceedings, text, disposal=True), as_of=day
            ),
        ]
    notices = _own(proceedings, text, disposal=False)
    order = {violation.id: number for number, violation in enumerate(text.violations)}
    found.sort(key=lambda one: (order[one.violation], one.department, one.resource, one.code))
    return Rectification(
        text=text,
        span=shown,
        as_of=day,
        later=known.later,
        department="",
        sources=tuple(sources),
        register=register,
        findings=tuple(_noticed(one, notices) for one in found),
        occurrences=tuple(
            Occurrence(**happened._asdict(), seen=seen)
            for happened, seen in sorted(calls.seen.incidents.items(), key=lambda item: item[0])
        ),
        proceedings=tuple(one for one in proceedings if one.profile == profile),
        released=tuple(sums(calls.seen.held)) if text.sum_clauses else (),
    )


def _read(
    sources: Sequence[Source],
    calls: Attempts,
    steps: Procedures,
    proceedings: Proceedings,
    *,
    until: str,
    progress: Callable[[int, int], None] | None,
) -> Known:
    """Have each of the three follow all records before the instant *until*."""

    def take(one: Numbered) -> None:
        evidence = Evidence.of_record(one.origin, one.number)
        calls.take(one.record, evidence)
        steps.take(one.record, evidence)
        proceedings.take(one.record, origin=one.origin, index=one.number)

    return read_until(sources, until, take, progress=progress)


def _shown(span: Span, known: Known, day: date) -> Span:
    """Return *span* with ends that are left open set to what the logs know."""
    last, first = day if span.last == date.max else span.last, span.first
    if known.earliest and first == date.min:
        first = legal_day(datetime.fromisoformat(known.earliest))
    return Span(first=min(first, last), last=last)


def _own(
    proceedings: Iterable[Proceeding], text: Supervision, *, disposal: bool
) -> tuple[Proceeding, ...]:
    kind = ProceedingKind.DISPOSAL if disposal else ProceedingKind.RECTIFICATION
    return tuple(one for one in proceedings if (one.kind, one.profile) == (kind, text.profile))


def _noticed(finding: Finding, notices: Sequence[Proceeding]) -> Finding:
    """Return *finding* with the notice that is open about it, if one is."""
    for one in notices:
        same = (one.violation, one.told) == (finding.violation, finding.department)
        if same and not one.is_over and one.resource in ("", finding.resource):
            return replace(finding, notice=one.id)
    return finding


def _of_calls(
    seen: Calls, text: Supervision, reasons: Mapping[str, Mapping[str, str]], register: Register
) -> Iterator[Finding]:
    violations = {violation.id: violation for violation in text.violations}
    for attempt, one in seen.refused.items():
        words = _sentence(reasons[attempt.code], attempt, register)
        yield _of_seen(
            attempt, one, violations[attempt.violation], words, Grade.ATTEMPT, attempt.department
        )
    for failed, one in seen.failed.items():
        entry = register.resources.get(failed.resource)
        provider = entry.provider if entry is not None else ""
        # Whether an interface broke or was stopped is for people to find out.
        words = FAILURES[failed.code]
        yield _of_seen(failed, one, violations[failed.violation], words, Grade.SIGN, provider)


def _of_seen(
    attempt: Attempt, seen: Seen, violation: Violation, words: Words, grade: Grade, body: str
) -> Finding:
    return Finding(
        violation=violation.id,
        grade=grade,
        code=attempt.code,
        clauses=cited(violation, *seen.clauses),
        text=words,
        department=body,
        system=attempt.system,
        resource=attempt.resource,
        evidence=seen.evidence,
        since=seen.first,
        until=seen.last,
        count=seen.count,
    )


class _Named(dict[str, str]):
    """What a sentence may mention; what the list does not keep is left open."""

    def __missing__(self, key: str) -> str:
        return _UNKNOWN


def _sentence(texts: Mapping[str, str], attempt: Attempt, register: Register) -> Words:
    entry = register.resources.get(attempt.resource)
    names = {key: one.name_zh for key, one in register.departments.items()}
    provider = entry.provider if entry is not None else ""
    values = {
        "resource": attempt.resource,
        "provider": provider,
        "provider_zh": names.get(provider, provider),
        "department": attempt.department,
        "department_zh": names.get(attempt.department, attempt.department),
        "system": attempt.system,
        "grant": attempt.grant,
    }
    said = _Named({key: value for key, value in values.items() if value})
    return Words(texts["zh"].format_map(said), texts["en"].format_map(said))
