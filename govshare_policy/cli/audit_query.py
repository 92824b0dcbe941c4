# SPDX-License-Identifier: Apache-2.0
"""``govshare audit query``: ask a log, over an index that is never evidence."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from govshare_policy.audit import load_trust, parse_record
from govshare_policy.cli.audit_common import (
    MAX_NUMBER,
    ClauseOption,
    DepartmentOption,
    EffectOption,
    GrantOption,
    LogArgument,
    OutcomeOption,
    PersonOption,
    PhaseOption,
    ResourceOption,
    SaltsOption,
    SinceOption,
    SystemOption,
    TrustOption,
    UntilOption,
    cache_directory,
    choice_of,
    outside,
    sought_by,
    there,
)
from govshare_policy.cli.audit_records import print_records
from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    console,
    dump,
    progress,
)
from govshare_policy.errors import VerificationError
from govshare_policy.inspection.query import Found, Hit, query


def query_command(  # noqa: PLR0913  one parameter an option
    log: LogArgument,
    *,
    department: DepartmentOption = None,
    system: SystemOption = None,
    resource: ResourceOption = None,
    grant: GrantOption = None,
    outcome: OutcomeOption = None,
    effect: EffectOption = None,
    clause: ClauseOption = None,
    phase: PhaseOption = None,
    person: PersonOption = None,
    salts: SaltsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[
        # One more is looked for, to tell whether there are more.
        int, typer.Option("--limit", min=1, max=MAX_NUMBER - 1, help="The most records shown.")
    ] = 100,
    after: Annotated[
        int,
        typer.Option("--after", min=-1, max=MAX_NUMBER, help="Only records behind this number."),
    ] = -1,
    trust: TrustOption = None,
    index: Annotated[
        Path | None, typer.Option("--index", help="The file to keep the index in.")
    ] = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Find records of a log. An option given twice takes either; different ones narrow down.

    Every record is read from the log itself; with --trust, each is proven to be under a checkpoint
    that a trusted key signed. The log may be in use, or on a medium that cannot be written: the
    index is kept elsewhere.

    Example: govshare audit query audit/log --department D-HCB --effect deny --from 2026-01-01
    --to 2026-01-31 --trust trust.toml
    """
    form, chinese = chosen_output(output, off_terminal=Output.JSON), chosen_lang(lang) is Lang.ZH
    choice = choice_of(
        department=department,
        system=system,
        resource=resource,
        grant=grant,
        outcome=outcome,
        effect=effect,
        clause=clause,
        phase=phase,
        person=person,
        since=since,
        until=until,
        after=after,
    )
    outside(there(log), index)
    policy = None if trust is None else load_trust(there(trust))
    with sought_by(person, salts) as sought, progress("records") as tick:
        found = query(
            log,
            choice,
            limit=limit,
            trust=policy,
            sought=sought,
            place=index,
            cache=cache_directory(),
            progress=tick,
        )
    _print(found, form, chinese=chinese)


def _print(found: Found, form: Output, *, chinese: bool) -> None:
    if form is Output.JSONL:
        for hit in found.hits:
            typer.echo(dump(_row(hit), form))
    elif form is Output.JSON:
        typer.echo(dump(_document(found), form))
    else:
        print_records(((hit.number, _record(hit)) for hit in found.hits), chinese=chinese)
        for line in _remarks(found, chinese=chinese):
            console().print(Text(line, style="dim"))


def _record(hit: Hit) -> dict[str, object]:
    try:
        return parse_record(hit.data)
    except VerificationError as error:
        raise VerificationError(f"record {hit.number} of the log: {error}") from None


def _row(hit: Hit) -> dict[str, object]:
    return {"index": hit.number, "record": _record(hit)}


def _document(found: Found) -> dict[str, object]:
    return {
        "records": [_row(hit) for hit in found.hits],
        "next": found.following,
        "size": found.size,
        "stale": found.published > found.size,
        "verified": found.verified,
        "erased": found.erased,
        "untimed": found.untimed,
    }


def _remarks(found: Found, *, chinese: bool) -> list[str]:
    lines = [
        f"{len(found.hits)} 条，日志共 {found.size} 条记录"
        if chinese
        else f"{len(found.hits)} of the {found.size} records of the log"
    ]
    if found.verified:
        lines.append("已逐条证明" if chinese else "each one proven under a trusted checkpoint")
    else:
        lines.append("未验证；请加 --trust" if chinese else "not verified; --trust does that")
    if found.following is not None:
        more = f"--after {found.following}"
        lines.append(f"还有更多：{more}" if chinese else f"there are more: {more}")
    if found.published > found.size:
        lines.append(
            f"此间日志已增至 {found.published} 条"
            if chinese
            else f"the log has grown to {found.published} records in the meantime"
        )
    if found.erased:
        lines.append(
            f"{found.erased} 条记录的盐值已删除，无法比对"
            if chinese
            else f"{found.erased} records cannot be compared: their salts were erased"
        )
    if found.untimed:
        lines.append(
            f"{found.untimed} 条记录没有可读的时间，未比对时间"
            if chinese
            else f"{found.untimed} records have no readable time and were not compared"
        )
    return lines
