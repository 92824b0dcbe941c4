# SPDX-License-Identifier: Apache-2.0
"""``govshare report rectification``: the violations that can be seen, and what cannot."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from govshare_policy.audit import load_trust
from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    dump,
    progress,
)
from govshare_policy.cli.rectification_table import print_rectification
from govshare_policy.cli.workflow import day_or_none
from govshare_policy.deadline import load_calendar
from govshare_policy.errors import CallError
from govshare_policy.identity import legal_day
from govshare_policy.report import AsOf, Span, open_sources
from govshare_policy.report.listing import list_violations
from govshare_policy.report.rectification import Rectification
from govshare_policy.report.rectification_csv import rectification_csv
from govshare_policy.report.rectification_page import rectification_page


def rectification_command(  # noqa: PLR0913  one parameter an option
    *,
    profile: Annotated[str, typer.Option("--profile", help="Whose list of violations: hubei, …")],
    data: Annotated[Path, typer.Option("--data", help="The data directory.")],
    log: Annotated[
        list[Path],
        typer.Option("--log", help="The directory of a log: of calls, of steps. Many times."),
    ],
    trust: Annotated[
        list[Path] | None,
        typer.Option("--trust", help="A trust file; with one for each log, the logs are verified."),
    ] = None,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")] = "",
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day.")] = "",
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of", metavar="DATE", help="The list as it was at the end of this day; else today."
        ),
    ] = "",
    department: Annotated[
        str, typer.Option("--department", help="Only what this department answers for.")
    ] = "",
    calendar: Annotated[
        Path | None, typer.Option("--calendar", help="A TSV file over the published holidays.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Also write a CSV file.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Also write an HTML page.")] = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """List the violations that a text names: who answers for which, since when, and what shows it.

    What nobody can see from here is said as well, item by item. Attempts were refused; a sign has
    to be looked into by people.

    Example: govshare report rectification --profile hubei --data data --log audit/log
    --log audit/workflow/log --trust trust.toml --trust trust-workflow.toml --html list.html
    """
    judged = day_or_none(as_of, "--as-of")
    begins, ends = day_or_none(first, "--from"), day_or_none(last, "--to")
    if begins is not None and ends is not None and ends < begins:
        raise CallError("--to is earlier than --from; give the first day first")
    span = Span(first=begins or date.min, last=ends or judged or date.max)
    policies = [load_trust(path) for path in trust or ()]
    with progress("bytes") as tick:
        sources = open_sources(log, policies, progress=tick)
    with progress("records") as tick:
        listed = list_violations(
            sources,
            profile=profile,
            data=data,
            span=span,
            as_of=AsOf(today=legal_day(datetime.now(UTC)), stated=judged),
            calendar=load_calendar(calendar),
            progress=tick,
        )
    _write(listed.about(department) if department else listed, csv, html, output, lang)


def _write(
    listed: Rectification,
    csv: Path | None,
    html: Path | None,
    output: Output | None,
    lang: Lang | None,
) -> None:
    chinese = chosen_lang(lang) is Lang.ZH
    if csv is not None:
        # The mark tells spreadsheets that it is UTF-8.
        csv.write_text(rectification_csv(listed), encoding="utf-8-sig", newline="")
    if html is not None:
        html.write_text(rectification_page(listed, chinese=chinese), encoding="utf-8")
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is Output.TABLE:
        print_rectification(listed, chinese=chinese)
    else:
        typer.echo(dump(listed.to_document(), form))
