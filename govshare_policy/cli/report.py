# SPDX-License-Identifier: Apache-2.0
"""``govshare report``: statistics and annual reports, counted from the audit log."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

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
from govshare_policy.cli.report_rectification import rectification_command
from govshare_policy.cli.report_table import print_duties, print_report
from govshare_policy.deadline import load_calendar
from govshare_policy.errors import CallError
from govshare_policy.identity import legal_day
from govshare_policy.register import load_register
from govshare_policy.report import (
    Annual,
    AsOf,
    Figures,
    Span,
    csv_text,
    gather,
    load_annual,
    open_sources,
    page,
    statistics_document,
    views,
)

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class By(StrEnum):
    """What the lines of a table are."""

    DEPARTMENT = "department"
    RESOURCE = "resource"


LogOption = Annotated[
    list[Path], typer.Option("--log", help="The directory of a log. May be given many times.")
]
TrustOption = Annotated[
    list[Path] | None,
    typer.Option("--trust", help="A trust file; with one for each log, the logs are verified."),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="The data directory: names, providers, share types."),
]
DepartmentOption = Annotated[
    str, typer.Option("--department", help="Only what this department used and provided.")
]
ByOption = Annotated[
    By | None, typer.Option("--by", help="The lines of the table; by default both kinds.")
]
CalendarOption = Annotated[
    Path | None,
    typer.Option(
        "--calendar",
        help="A TSV file (date, kind: holiday or makeup_workday) over the published holidays.",
    ),
]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="DATE", help="The report as it was at the end of this day; else today."
    ),
]
CsvOption = Annotated[
    Path | None, typer.Option("--csv", help="Also write the figures to this CSV file.")
]
HtmlOption = Annotated[
    Path | None, typer.Option("--html", help="Also write the report to this HTML page.")
]

report_app = typer.Typer(no_args_is_help=True, help="What supervising bodies ask for.")
report_app.command("rectification")(rectification_command)


@report_app.command("statistics")
def statistics_command(  # noqa: PLR0913  one parameter an option
    *,
    log: LogOption,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day, included.")],
    trust: TrustOption = None,
    data: DataOption = None,
    as_of: AsOfOption = None,
    department: DepartmentOption = "",
    by: ByOption = None,
    calendar: CalendarOption = None,
    csv: CsvOption = None,
    html: HtmlOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Count applications, calls and availability over any days (Asia/Shanghai).

    The steps of applications are records of a log too: give that log as well. With --trust every
    log is verified first, and nothing is counted if one does not verify.

    Example: govshare report statistics --log audit/log --log audit/workflow/log --data data
    --from 2026-01-01 --to 2026-03-31 --html statistics.html
    """
    span = _span(_day(first, "--from"), _day(last, "--to"))
    figures = _figures(
        span, log, trust, data, calendar, as_of=_as_of(as_of), profile="", department=department
    )
    _write(figures, None, by, csv, html, output, lang)


@report_app.command("annual")
def annual_command(  # noqa: PLR0913  one parameter an option
    *,
    profile: Annotated[str, typer.Option("--profile", help="Whose text asks: hubei, …")],
    year: Annotated[int, typer.Option("--year", min=2000, max=2198, help="The year reported on.")],
    log: LogOption,
    trust: TrustOption = None,
    data: DataOption = None,
    department: DepartmentOption = "",
    submitted: Annotated[
        str | None, typer.Option("--submitted", metavar="DATE", help="When it was handed in.")
    ] = None,
    as_of: AsOfOption = None,
    by: ByOption = None,
    calendar: CalendarOption = None,
    csv: CsvOption = None,
    html: HtmlOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Report the year of a text: who owes it to whom by when, and the figures it asks for.

    Counts what the text was asked about. A text that asks for no report says so, with the clause.

    Example: govshare report annual --profile henan-fengqiu --year 2025 --log audit/log
    --trust trust.toml --data data --html 2025.html
    """
    judged, handed_in = _as_of(as_of), None
    if submitted is not None:
        handed_in = _day(submitted, "--submitted")
        if judged.stated is not None and handed_in > judged.stated:
            raise CallError("--submitted is later than --as-of; by then nothing was handed in")
    span = Span.of_year(year)
    figures = _figures(
        span, log, trust, data, calendar, as_of=judged, profile=profile, department=department
    )
    # One day for all of it, also where it is that of the log.
    annual = load_annual(profile, year, submitted=handed_in, as_of=figures.as_of)
    _write(figures, annual, by, csv, html, output, lang)


def _figures(
    span: Span,
    logs: Sequence[Path],
    trusts: Sequence[Path] | None,
    data: Path | None,
    calendar: Path | None,
    *,
    as_of: AsOf,
    profile: str,
    department: str,
) -> Figures:
    register = load_register(data) if data is not None else None
    policies = [load_trust(trust) for trust in trusts or ()]
    with progress("bytes") as tick:
        sources = open_sources(logs, policies, progress=tick)
    with progress("records") as tick:
        figures = gather(
            sources,
            span,
            as_of=as_of,
            profile=profile,
            register=register,
            calendar=load_calendar(calendar),
            progress=tick,
        )
    return figures.about(department) if department else figures


def _write(
    figures: Figures,
    annual: Annual | None,
    by: By | None,
    csv: Path | None,
    html: Path | None,
    output: Output | None,
    lang: Lang | None,
) -> None:
    lines, language = views(figures), chosen_lang(lang)
    chinese = language is Lang.ZH
    if csv is not None:
        # The mark tells spreadsheets that it is UTF-8.
        csv.write_text(csv_text(figures, lines), encoding="utf-8-sig", newline="")
    if html is not None:
        html.write_text(page(figures, lines, annual, chinese=chinese), encoding="utf-8")
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is Output.TABLE:
        if annual is not None:
            print_duties(annual, chinese=chinese)
        print_report(
            figures,
            lines,
            chinese=chinese,
            departments=by is not By.RESOURCE,
            resources=by is not By.DEPARTMENT,
        )
        return
    typer.echo(dump(_document(figures, annual, by), form))


def _document(figures: Figures, annual: Annual | None, by: By | None) -> dict[str, object]:
    head: dict[str, object] = {"report": "statistics"}
    if annual is not None:
        asks = annual.asks
        head = {
            "report": "annual",
            "year": annual.year,
            "name_zh": asks.name_zh,
            "name_en": asks.name_en,
            "duties": [due.to_document() for due in annual.dues],
            "silences": [
                {"clause": one.clause, "zh": one.zh, "en": one.en} for one in asks.silences
            ],
            "asked_by": {figure.value: list(cited) for figure, cited in asks.figures.items()},
        }
    document = head | statistics_document(figures, views(figures))
    if by is By.DEPARTMENT:
        del document["resources"]
    elif by is By.RESOURCE:
        del document["departments_used"], document["departments_provided"]
    return document


def _span(first: date, last: date) -> Span:
    if last < first:
        raise CallError("--to is earlier than --from; give the first day first")
    return Span(first=first, last=last)


def _as_of(text: str | None) -> AsOf:
    stated = None if text is None else _day(text, "--as-of")
    return AsOf(today=legal_day(datetime.now(UTC)), stated=stated)


def _day(text: str, option: str) -> date:
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise CallError(f"{option} takes a day of the calendar, such as 2026-01-31")
    return day
