# SPDX-License-Identifier: Apache-2.0
"""The list of violations on a terminal."""

from collections.abc import Sequence
from datetime import date

from rich.table import Table
from rich.text import Text

from govshare_policy.cli.output import console
from govshare_policy.report.rectification import Rectification
from govshare_policy.report.words import (
    GRADES,
    NOBODY,
    STATES,
    UNVERIFIED,
    VERIFIED,
    Words,
    judged_on,
)
from govshare_policy.supervision import Proceeding, Violation


def print_rectification(listed: Rectification, *, chinese: bool) -> None:
    """Print what was found, violation by violation, and what nobody can see."""
    out, text = console(), listed.text
    out.print(Text(text.name_zh if chinese else text.name_en, style="bold"))
    out.print(Text(f"{listed.span.first} – {listed.span.last} (Asia/Shanghai)"))
    out.print(Text(f"  {_word(judged_on(listed.as_of, listed.later), chinese=chinese)}"))
    for source in listed.sources:
        verified = source.verdict is not None
        said = _word(VERIFIED if verified else UNVERIFIED, chinese=chinese)
        out.print(Text(f"  {source.origin}: ").append(said, style="green" if verified else "red"))
    for violation in text.violations:
        _print_violation(listed, violation, chinese=chinese)
    for incident in text.incidents:
        found = [one for one in listed.occurrences if one.incident == incident.id]
        name = incident.text_zh if chinese else incident.text_en
        out.print(Text(f"\n{incident.clauses[0]}  {name}: {sum(o.seen.count for o in found)}"))
        rows = [
            (_name(listed, one.department, chinese=chinese), one.system, one.resource,
             str(one.seen.count), one.seen.evidence[0].place)
            for one in found
        ]  # fmt: skip
        _print_rows(rows)
    _print_proceedings(listed.proceedings, listed.as_of, chinese=chinese)
    for one in listed.released:
        linking = ", ".join(one.linking) or "–"
        name = _name(listed, one.department, chinese=chinese)
        said = f"{len(one.held)} / {one.fields} / {linking}"
        out.print(Text(f"{text.sum_clauses[0]}  {name}: {said}"))
    for silence in text.silences:
        out.print(Text(silence.text_zh if chinese else silence.text_en, style="dim"))


def _print_proceedings(proceedings: Sequence[Proceeding], day: date, *, chinese: bool) -> None:
    rows = [
        (
            one.id,
            one.told,
            one.violation or one.grant,
            _word(STATES[one.state], chinese=chinese),
            Text(str(one.until or "–"), style="red" if one.is_overdue(day) else ""),
        )
        for one in proceedings
    ]
    _print_rows(rows)


def _print_violation(listed: Rectification, violation: Violation, *, chinese: bool) -> None:
    out, found = console(), listed.of(violation.id)
    name = violation.text_zh if chinese else violation.text_en
    heading = Text(f"\n{violation.id}  {violation.clauses[0]}  {name}: {len(found)}", style="bold")
    out.print(heading)
    _print_rows(
        [
            (
                _name(listed, one.department, chinese=chinese),
                one.system or one.resource,
                _word(one.text, chinese=chinese),
                _word(GRADES[one.grade.value], chinese=chinese),
                str(one.since or "–"),
                one.evidence[0].place,
                one.notice,
            )
            for one in found
        ]
    )
    said = violation.unseen_zh if chinese else violation.unseen_en
    out.print(Text(f"  {'看不到的' if chinese else 'not seen'}: {said}", style="dim"))


def _print_rows(rows: Sequence[Sequence[str | Text]]) -> None:
    if not rows:
        return
    table = Table(box=None, show_header=False, padding=(0, 1))
    for _ in rows[0]:
        table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def _name(listed: Rectification, ident: str, *, chinese: bool) -> str:
    if not ident:
        return _word(NOBODY, chinese=chinese)
    one = listed.register.departments.get(ident)
    named = (one.name_zh if chinese else one.name_en or one.name_zh) if one is not None else ""
    return f"{ident} {named}".rstrip()


def _word(words: Words, *, chinese: bool) -> str:
    return words.zh if chinese else words.en
