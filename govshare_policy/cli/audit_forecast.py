# SPDX-License-Identifier: Apache-2.0
"""``govshare audit forecast`` and ``salts``: what a log will need, and if its salts are whole."""

import shutil
from datetime import UTC
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from govshare_policy.audit import SaltStore
from govshare_policy.audit.disk import describe
from govshare_policy.cli.audit_common import LogArgument, there
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
from govshare_policy.errors import AuditError
from govshare_policy.identity import legal_day
from govshare_policy.keeping import (
    Forecast,
    copy_salts,
    forecast,
    inspect_salts,
    load_terms,
    longest,
    read_points,
    repeat_erasures,
)

ArchiveOption = Annotated[
    list[Path] | None, typer.Option("--archive", help="Where dropped segments are read.")
]
_NAMES: Final = {
    "records_per_day": "每日记录数",
    "bytes_per_day": "每日字节数",
    "free_bytes": "磁盘可用字节",
    "full_on": "磁盘写满之日",
    "clause": "保存期限依据",
    "years": "保存年限",
    "log_bytes": "期限内日志字节",
    "salts_bytes": "期限内盐值库字节",
    "index_bytes": "期限内索引字节",
    "kept": "有盐值的记录",
    "erased": "盐值已依记录抹除",
    "missing": "盐值缺失",
    "first_missing": "缺失的首批记录",
    "unfinished": "未执行的抹除",
    "repeated": "已重新执行的抹除",
    "since": "统计起",
    "until": "统计止",
}


def forecast_command(
    log: LogArgument,
    *,
    profile: Annotated[
        str, typer.Option("--profile", help="The text whose term of keeping counts as well.")
    ] = "national-809",
    years: Annotated[
        int | None, typer.Option("--years", min=1, max=100, help="Keep it for so long instead.")
    ] = None,
    salts: Annotated[Path | None, typer.Option("--salts", help="The salt store.")] = None,
    window: Annotated[
        int, typer.Option("--window", min=1, help="Days back that the rates are taken from.")
    ] = 30,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Say how fast a log grows, when its disk is full, and what keeping it as long as asked takes.

    An estimate: nothing is verified.

    Example: govshare audit forecast audit/log --salts audit/salts.sqlite --profile hubei
    """
    term = longest(load_terms(profile))
    try:
        found = forecast(
            read_points(there(log)),
            years=years or term.years,
            free_bytes=shutil.disk_usage(log).free,
            salts_bytes=there(salts).stat().st_size if salts else 0,
            window_days=window,
        )
    except OSError as error:
        raise AuditError(f"the log `{log.name}` cannot be read: {describe(error)}") from error
    _print(_document(found, clause="" if years else term.clause), output, lang)


def salts_command(
    log: LogArgument,
    *,
    salts: Annotated[Path, typer.Option("--salts", help="The salt store.")],
    archive: ArchiveOption = None,
    copy: Annotated[
        Path | None, typer.Option("--copy", help="Copy the store there, replacing an older copy.")
    ] = None,
    repeat: Annotated[
        bool, typer.Option("--repeat-erasures", help="Erase again what an old copy brought back.")
    ] = False,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Tell whether every commitment of a log has its salt or the record by which it was erased.

    Exits 1 if a salt is missing, or an erasure on record was not carried out.

    Example: govshare audit salts audit/log --salts audit/salts.sqlite --copy /mnt/b/salts.sqlite
    """
    archives = [path / "log" if (path / "log").is_dir() else path for path in archive or ()]
    repeated: tuple[str, ...] = ()
    try:
        if repeat:
            with SaltStore(there(salts)) as store:
                repeated = repeat_erasures(there(log), store, archives=archives)
        with SaltStore(there(salts), read_only=True) as store:
            report = inspect_salts(there(log), store, archives=archives)
        if copy is not None:
            copy_salts(salts, copy)
    except OSError as error:
        raise AuditError(f"the log or its salts: {describe(error)}") from error
    is_whole = not (report.missing or report.unfinished)
    document: dict[str, object] = {
        "whole": is_whole,
        "kept": report.kept,
        "erased": report.erased,
        "missing": report.missing,
        "first_missing": list(report.first_missing),
        "unfinished": list(report.unfinished),
        "repeated": list(repeated),
    }
    _print(document, output, lang)
    if not is_whole:
        raise typer.Exit(1)


def _document(found: Forecast, *, clause: str) -> dict[str, object]:
    gone = legal_day(found.until)
    return {
        "since": found.since.astimezone(UTC).isoformat(),
        "until": found.until.astimezone(UTC).isoformat(),
        "records_per_day": round(found.records_per_day, 1),
        "bytes_per_day": round(found.bytes_per_day),
        "free_bytes": found.free_bytes,
        "full_on": found.full_on.isoformat() if found.full_on else "",
        "days_left": (found.full_on - gone).days if found.full_on else -1,
        "years": found.years,
        "clause": clause,
        "log_bytes": found.log_bytes,
        "salts_bytes": found.salts_bytes,
        "index_bytes": found.index_bytes,
    }


def _print(document: dict[str, object], output: Output | None, lang: Lang | None) -> None:
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is not Output.TABLE:
        typer.echo(dump(document, form))
        return
    chinese = chosen_lang(lang) is Lang.ZH
    table = Table(box=None, show_header=False, padding=(0, 1))
    for key, name in _NAMES.items():
        if key in document:
            table.add_row(Text(name if chinese else key.replace("_", " ")), str(document[key]))
    console().print(table)
