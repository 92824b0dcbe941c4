# SPDX-License-Identifier: Apache-2.0
"""``govshare deadline``: when each step is due under a text, and whether it was in time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    console,
    dump,
)
from govshare_policy.deadline import (
    Event,
    Kind,
    Question,
    ShareType,
    Stage,
    Status,
    due_stages,
    load_calendar,
    load_clocks,
    share_of,
)
from govshare_policy.deadline.model import EARLIEST, LATEST, Party, StageName
from govshare_policy.errors import CallError

_YEAR: Final = "year"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FOUR_DIGITS: Final = re.compile(r"[0-9]{4}")
# Where no share type is named: the one that a kind is about in every text that has it.
_USUAL_SHARE: Final = {Kind.DIRECT_AUTHORIZATION: ShareType.UNCONDITIONAL}

_STAGES: Final = {
    StageName.FORM_CHECK: ("规范性检查", "form check"),
    StageName.PROVIDER_ANSWER: ("提供部门答复", "provider's answer"),
    StageName.NOTICE: ("告知使用部门", "notice to the user"),
    StageName.DIRECT_AUTHORIZATION: ("平台直接授权", "direct authorisation"),
    StageName.RELEASE_AUTHORIZATION: ("授权供数", "release authorisation"),
    StageName.SUPPLY: ("提供数据", "supply"),
    StageName.CATALOGUE_UPDATE: ("目录更新", "catalogue update"),
    StageName.CATALOGUE_REVIEW: ("目录审核发布", "catalogue review"),
    StageName.CORRECTION_ANSWER: ("校核答复", "answer to a correction"),
    StageName.ANNUAL_REPORT: ("年度报告", "annual report"),
}
_STATUSES: Final = {
    Status.OPEN: ("未办结", "open", "yellow"),
    Status.ON_TIME: ("按时", "on time", "green"),
    Status.LATE: ("逾期", "late", "red"),
    Status.NO_LIMIT: ("未定期限", "no limit", "dim"),
}
_PARTIES: Final = {
    Party.PROVIDER: ("提供部门", "provider"),
    Party.USER: ("使用部门", "user department"),
    Party.DEPARTMENT: ("政务部门", "department"),
    Party.PLATFORM_OPERATOR: ("平台管理单位", "platform operator"),
    Party.COMPETENT_AUTHORITY: ("主管部门", "competent authority"),
    Party.CITY_PLATFORM_BUILDER: ("市级共享平台建设单位", "builder of the city platform"),
    Party.COUNTY_PLATFORM_BUILDER: ("县级共享平台建设单位", "builder of the county platform"),
    Party.LEADING_GROUP_OFFICE: ("领导小组办公室", "leading-group office"),
    Party.DATA_BUREAU: ("县政务服务和大数据管理局", "county data bureau"),
    Party.SMART_CITY_OFFICE: ("市智慧城市管理办公室", "smart-city office"),
    Party.CITY_DRC: ("市发展改革委", "city reform commission"),
    Party.PROVINCIAL_DRC: ("省发展改革委", "provincial reform commission"),
    Party.GOVERNMENT: ("本级人民政府", "government"),
}
_HEADS: Final = {
    Lang.ZH: ("环节", "责任方", "到期日", "状态", "条款"),
    Lang.EN: ("stage", "who acts", "due", "status", "clause"),
}

ProfileOption = Annotated[str, typer.Option("--profile", help="Whose text counts: hubei, …")]
KindOption = Annotated[Kind, typer.Option("--kind", help="What the due dates are asked for.")]
AtOption = Annotated[
    list[str] | None,
    typer.Option(
        "--at",
        metavar="KEY=DATE",
        help=f"When something happened; keys {', '.join(Event)}, and year=YYYY, the year "
        "reported on. May be given many times.",
    ),
]
ShareTypeOption = Annotated[
    ShareType | None,
    typer.Option(
        "--share-type",
        help="Share type of the entry; without it conditional, or unconditional for a direct "
        "authorisation.",
    ),
]
ControlledOption = Annotated[
    bool,
    typer.Option(
        "--parameter-controlled",
        help="The entry is unconditional, with an interface whose parameters are controlled.",
    ),
]
ExtensionOption = Annotated[
    int,
    typer.Option(
        "--extension",
        min=0,
        metavar="DAYS",
        help="Working days of an agreed and notified extension, as far as the text has one.",
    ),
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
        "--as-of", metavar="DATE", help="Judge what is unfinished on this day; no clock is read."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What ``--at`` says: days of events, and the year reported on."""

    at: dict[Event, date]
    year: int | None


def deadline_command(  # noqa: PLR0913  one parameter an option
    profile: ProfileOption,
    kind: KindOption,
    *,
    at: AtOption = None,
    share_type: ShareTypeOption = None,
    parameter_controlled: ControlledOption = False,
    extension: ExtensionOption = 0,
    calendar: CalendarOption = None,
    as_of: AsOfOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Say when each step is due under a text, and whether it was taken in time.

    Counts working days by the published holidays; the day of the event itself is not counted.
    Exits 0 even when something is late.

    Example: govshare deadline --profile hubei --kind application --share-type conditional
    --at submitted=2025-09-22 --at received=2025-09-25
    """
    happened = _happened(at or [])
    share_type = share_type or _USUAL_SHARE.get(kind, ShareType.CONDITIONAL)
    stages = due_stages(
        Question(
            kind=kind,
            share=share_of(share_type, parameter_controlled=parameter_controlled),
            at=happened.at,
            year=happened.year,
            extension_days=extension,
            as_of=None if as_of is None else _day(as_of, "--as-of"),
        ),
        clocks=load_clocks(profile),
        calendar=load_calendar(calendar),
    )
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is Output.TABLE:
        _print_stages(stages, chosen_lang(lang))
        return
    document = {
        "profile": profile,
        "kind": kind.value,
        "share_type": share_type.value,
        "parameter_controlled": parameter_controlled,
        "stages": [stage.to_document() for stage in stages],
    }
    typer.echo(dump(document, form))


def _happened(given: Sequence[str]) -> Happened:
    at: dict[Event, date] = {}
    year: int | None = None
    for item in given:
        key, separator, value = item.partition("=")
        if not separator:
            raise CallError("--at takes a key and a date, such as submitted=2025-09-22")
        if key == _YEAR:
            if year is not None:
                raise CallError("--at names `year` twice; give each key once")
            year = _year(value)
        elif key in list(Event):
            if Event(key) in at:
                raise CallError(f"--at names `{key}` twice; give each key once")
            at[Event(key)] = _day(value, f"--at {key}")
        else:
            raise CallError(f"--at has an unknown key; use one of {', '.join((*Event, _YEAR))}")
    return Happened(at=at, year=year)


def _year(text: str) -> int:
    if not _FOUR_DIGITS.fullmatch(text) or not EARLIEST.year <= int(text) < LATEST.year:
        raise CallError(
            f"--at year takes a year from {EARLIEST.year} to {LATEST.year - 1}, such as 2025"
        )
    return int(text)


def _day(text: str, option: str) -> date:
    if not _DATE.fullmatch(text):
        raise CallError(f"{option} takes a date, such as 2025-09-22")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise CallError(f"{option} names a day that is not in the calendar") from None
    if not EARLIEST <= day <= LATEST:
        raise CallError(f"{option} takes a date from {EARLIEST} to {LATEST}")
    return day


def _print_stages(stages: Sequence[Stage], lang: Lang) -> None:
    word = 0 if lang is Lang.ZH else 1
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for head in _HEADS[lang]:
        table.add_column(head, overflow="fold")
    for stage in stages:
        table.add_row(
            _STAGES[stage.stage][word],
            _PARTIES[stage.actor][word] if stage.actor else "–",
            _due(stage, lang),
            Text(_STATUSES[stage.status][word], style=_STATUSES[stage.status][2]),
            ", ".join(stage.clauses) or "–",
        )
    console().print(table)


def _due(stage: Stage, lang: Lang) -> str:
    if stage.due is None:
        return "–"
    if not stage.provisional:
        return stage.due.isoformat()
    chinese, english = "（暂定：放假安排未公布）", " (provisional: holidays not published)"
    return f"{stage.due}{chinese if lang is Lang.ZH else english}"
