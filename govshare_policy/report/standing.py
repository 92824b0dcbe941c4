# SPDX-License-Identifier: Apache-2.0
"""What the registers show as they stand: the catalogue, old data, suspensions, data kept too long.

The registers have no history, so these are findings of the day that the directory was read.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final

from govshare_policy.catalogue.lint import lint
from govshare_policy.catalogue.model import Catalogue, LintText, Severity
from govshare_policy.catalogue.model import Finding as Fault
from govshare_policy.errors import PolicyError
from govshare_policy.register import Register
from govshare_policy.report.attempts import Use
from govshare_policy.report.finding import Evidence, Finding, Grade, cited
from govshare_policy.report.span import Span
from govshare_policy.report.words import Words
from govshare_policy.supervision import Proceeding, Supervision, Violation
from govshare_policy.supervision.model import ALL_OTHERS

# How old data may be by the cycle that their entry states. Cycles that a date cannot show to be
# missed (实时, 不定期, 按需, 不更新, "-") are left out.
CYCLE_DAYS: Final[Mapping[str, int]] = {
    "每日": 1,
    "每周": 7,
    "每月": 31,
    "每季度": 92,
    "每半年": 184,
    "每年": 366,
}


def faults(
    text: Supervision, rules: LintText, catalogue: Catalogue, register: Register
) -> Iterator[Finding]:
    """Yield what the catalogue shows.

    Raises:
        PolicyError: If the text names a rule that its catalogue does not have.
    """
    known = {rule.id for rule in rules.rules}
    named = {rule: v for v in text.violations for rule in v.sights.lint if rule != ALL_OTHERS}
    others = next((v for v in text.violations if ALL_OTHERS in v.sights.lint), None)
    if unknown := sorted((set(named) | text.harmless) - known):
        where = f"{text.profile}/rectification.toml"
        raise PolicyError(f"{where}: `{unknown[0]}` is no rule of the text's catalogue")
    if not text.violations:
        return
    for fault in lint(catalogue, rules):
        violation = named.get(fault.rule, others)
        if violation is not None and fault.rule not in text.harmless:
            yield from _fault(fault, violation, text.profile, register)


def _fault(
    fault: Fault, violation: Violation, profile: str, register: Register
) -> Iterator[Finding]:
    entry = register.resources.get(fault.resource)
    # What is said of the platform or of the whole file is for whoever runs the platform.
    bodies = (entry.provider,) if entry is not None else _operators(profile, register)
    stated = entry.more.get("updated_on", "") if entry is not None else ""
    is_sign = fault.severity is Severity.WARNING
    for body in bodies:
        yield Finding(
            violation=violation.id,
            grade=Grade.SIGN if violation.signs_only or is_sign else Grade.SHOWN,
            code=fault.code,
            clauses=cited(violation, *fault.clauses),
            text=Words(fault.text_zh, fault.text),
            department=body,
            resource=fault.resource,
            evidence=(Evidence.of_line(fault.file, fault.line),),
            since=date.fromisoformat(stated) if stated else None,
        )


def _operators(profile: str, register: Register) -> tuple[str, ...]:
    rows = sorted(register.roles)
    found = tuple(
        body for text, role, body in rows if (text, role) == (profile, "platform_operator")
    )
    return found or ("",)


def stale(
    text: Supervision, catalogue: Catalogue, register: Register, *, as_of: date
) -> Iterator[Finding]:
    """Yield the entries whose own date is older on *as_of* than their own cycle lets it be."""
    violation = next((v for v in text.violations if v.sights.stale), None)
    lines = {row.text("resource_id"): row for row in catalogue.entries}
    for entry in register.resources.values() if violation is not None else ():
        cycle, stated = entry.more.get("update_cycle", ""), entry.more.get("updated_on", "")
        if violation is None or cycle not in CYCLE_DAYS or not stated:
            continue
        age = (as_of - date.fromisoformat(stated)).days
        if age <= CYCLE_DAYS[cycle]:
            continue
        row = lines[entry.id]
        yield Finding(
            violation=violation.id,
            grade=Grade.SIGN,
            code="older_than_cycle",
            clauses=cited(violation),
            text=Words(
                f"目录写明更新周期为“{cycle}”，最近更新日期距今 {age} 天",
                f"the entry says `{cycle}`, and its date is {age} days old",
            ),
            department=entry.provider,
            resource=entry.id,
            evidence=(Evidence.of_line(row.file, row.line),),
            since=date.fromisoformat(stated),
        )


def suspended(text: Supervision, register: Register, span: Span) -> Iterator[Finding]:
    """Yield the rights that were suspended in *span*, or before and still are on its last day."""
    violation = next((v for v in text.violations if v.sights.suspensions), None)
    rows = [row for of_one in register.suspensions.values() for row in of_one]
    for row in sorted(rows, key=lambda row: (row.recorded_on, row.id)):
        lifted = row.lifted_on is not None and row.lifted_on <= span.last
        if violation is None or row.recorded_on > span.last:
            continue
        if span.covers(row.recorded_on) or not lifted:
            yield Finding(
                violation=violation.id,
                grade=Grade.SHOWN,
                code="right_suspended",
                clauses=cited(violation),
                text=Words(
                    "共享权限因违规被暂停" + ("，已恢复" if lifted else "，尚未恢复"),
                    "the right was suspended for a violation and "
                    + ("has been restored" if lifted else "is still suspended"),
                ),
                department=row.department,
                resource="" if row.resource == "*" else row.resource,
                evidence=(Evidence(row.id),),
                since=row.recorded_on,
                until=row.lifted_on if lifted else None,
            )


def kept(
    text: Supervision,
    register: Register,
    uses: Mapping[str, Use],
    disposals: Iterable[Proceeding],
    *,
    as_of: date,
) -> Iterator[Finding]:
    """Yield the data that were released under a grant that ended, and whose disposal nobody states.

    A department that has another grant of the same resource in force still needs them.

    Args:
        text: Only a text that wants disposal lists anything.
        register: The grants as they stand.
        uses: Grant to what was released under it.
        disposals: Those that the log knows.
        as_of: The day on which they are judged.
    """
    violation = next((v for v in text.violations if v.sights.disposals), None)
    if violation is None:
        return
    by_grant = {one.grant: one for one in disposals}
    for grant_id, use in sorted(uses.items()):
        grant, one = register.grants.get(grant_id), by_grant.get(grant_id)
        ended = grant.period.valid_to if grant is not None else use.last
        if ended >= as_of or (one is not None and one.is_over):
            continue
        if any(
            other.period.covers(as_of)
            for other in register.grants_of.get((use.department, use.resource), ())
        ):
            continue
        late = one is not None and one.is_overdue(as_of)
        due = f"{one.until}" if one is not None and one.until is not None else ""
        yield Finding(
            violation=violation.id,
            grade=Grade.SHOWN if late else Grade.SIGN,
            code="disposal_overdue" if late else "disposal_not_stated",
            clauses=cited(violation),
            text=Words(
                f"授权 {grant_id} 已终止，数据处置尚未说明" + (f"，期限 {due}" if due else ""),
                f"the grant `{grant_id}` has ended, and nobody states that its data are disposed of"
                + (f", which was due on {due}" if due else ""),
            ),
            department=use.department,
            resource=use.resource,
            evidence=(Evidence(one.id), use.evidence) if one is not None else (use.evidence,),
            since=ended,
            notice=one.id if one is not None else "",
        )
