# SPDX-License-Identifier: Apache-2.0
"""``govshare catalogue``: hold a catalogue against a text, bring one in, show one."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from govshare_policy.catalogue import Finding, Severity, lint, load_catalogue, load_lint
from govshare_policy.catalogue.bring import import_catalogue
from govshare_policy.catalogue.columns import LABELS
from govshare_policy.catalogue.show import ShownEntry, show
from govshare_policy.cli.catalogue_change import catalogue_change_app
from govshare_policy.cli.check import DataOption, ProfileOption
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
from govshare_policy.errors import CallError
from govshare_policy.legal import Clause
from govshare_policy.register import load_register

SEVERITIES = {
    Severity.ERROR: ("red", "错误"),
    Severity.WARNING: ("yellow", "提示"),
}
KINDS = {
    "unconditional": ("green", "无条件共享"),
    "controlled": ("green", "无条件共享（管控参数）"),
    "conditional": ("yellow", "有条件共享"),
    "non_share": ("red", "不予共享"),
    "unstated": ("red", "未写明"),
    "secret": ("magenta", "涉密"),
}

ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Replace the catalogue that is there.")
]

catalogue_app = typer.Typer(no_args_is_help=True, help="Lint, import and show the catalogue.")


catalogue_app.add_typer(catalogue_change_app)


@catalogue_app.command("lint")
def lint_command(
    profile: ProfileOption,
    data: DataOption,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Hold the catalogue against what the text asks of it; findings cite file, line and clause.

    Exits 0 when there is no error (warnings may be), 1 when there is one, 2 on bad input.

    Example: govshare catalogue lint --profile hubei --data data
    """
    text, _ = load_lint(profile)
    findings = lint(load_catalogue(data), text)
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is Output.JSONL:
        for finding in findings:
            typer.echo(dump(finding.to_document(), form))
    elif form is Output.JSON:
        counts = {"profile": profile, **_counts(findings)}
        typer.echo(dump(counts | {"findings": [f.to_document() for f in findings]}, form))
    else:
        _print_findings(findings, chinese=chosen_lang(lang) is Lang.ZH)
    raise typer.Exit(1 if _counts(findings)["errors"] else 0)


@catalogue_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .tsv, .csv or .xlsx file.")],
    data: DataOption,
    profile: Annotated[
        str | None, typer.Option("--profile", help="Also count what a lint would find.")
    ] = None,
    replace: ReplaceOption = False,  # noqa: FBT002  typer reads options so
    sheet: Annotated[
        str | None, typer.Option("--sheet", help="The sheet of a workbook that has several.")
    ] = None,
    encoding: Annotated[
        str, typer.Option("--encoding", help="utf-8, or gb18030 as spreadsheets save CSV.")
    ] = "utf-8",
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Bring a catalogue into the data directory: all of it, or nothing.

    Headers may be Chinese or English. Exits 2 when a header or a cell is wrong, naming file, row
    and column; the directory is then as it was.

    Example: govshare catalogue import --data data catalogue.xlsx --replace
    """
    text = load_lint(profile)[0] if profile is not None else None
    with progress("entries") as tick:
        done = import_catalogue(
            file, data, replace=replace, sheet=sheet, encoding=encoding, progress=tick
        )
    document: dict[str, object] = {"entries": done.entries, "columns": list(done.columns)}
    if text is not None:
        document |= {"profile": profile, **_counts(lint(load_catalogue(data), text))}
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is not Output.TABLE:
        typer.echo(dump(document, form))
        return
    chinese = chosen_lang(lang) is Lang.ZH
    said = f"已导入 {done.entries} 个目录项" if chinese else f"{done.entries} entries imported"
    if text is not None:
        errors, warnings = document["errors"], document["warnings"]
        said += (
            f"；检查：错误 {errors}，提示 {warnings}"
            if chinese
            else f"; lint: errors {errors}, warnings {warnings}"
        )
    console().print(Text(f"✓ {said}", style="bold green"))


@catalogue_app.command("show")
def show_command(
    profile: ProfileOption,
    data: DataOption,
    resource: Annotated[
        str | None, typer.Option("--resource", help="Only this entry, with all it states.")
    ] = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Show the entries and what their share types mean under the text, with the clause.

    Example: govshare catalogue show --profile hubei --data data --resource R12
    """
    text, clauses = load_lint(profile)
    shown = show(load_register(data), text)
    if resource is not None:
        shown = tuple(entry for entry in shown if entry.entry.id == resource)
        if not shown:
            raise CallError("the catalogue has no resource of that id")
    form = chosen_output(output, off_terminal=Output.JSON)
    chinese = chosen_lang(lang) is Lang.ZH
    if form is Output.JSONL:
        for entry in shown:
            typer.echo(dump(entry.to_document(), form))
    elif form is Output.JSON:
        entries = [entry.to_document() for entry in shown]
        typer.echo(dump({"profile": profile, "entries": entries}, form))
    elif resource is not None:
        _print_entry(shown[0], clauses, chinese=chinese)
    else:
        _print_entries(shown, chinese=chinese)


def _counts(findings: tuple[Finding, ...]) -> dict[str, int]:
    counted = Counter(finding.severity for finding in findings)
    return {"errors": counted[Severity.ERROR], "warnings": counted[Severity.WARNING]}


def _table(*heads: str) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def _print_findings(findings: tuple[Finding, ...], *, chinese: bool) -> None:
    table = _table(
        *(
            ("资源", "程度", "条款", "位置", "发现")
            if chinese
            else ("resource", "severity", "clause", "where", "finding")
        )
    )
    for finding in findings:
        style, word = SEVERITIES[finding.severity]
        table.add_row(
            finding.resource or "–",
            Text(word if chinese else finding.severity.value, style=style),
            finding.clauses[0],
            f"{finding.file}:{finding.line} {finding.column}",
            finding.text_zh if chinese else finding.text,
        )
    if findings:
        console().print(table)
    counts = _counts(findings)
    errors, warnings = counts["errors"], counts["warnings"]
    said = f"错误 {errors}，提示 {warnings}" if chinese else f"errors {errors}, warnings {warnings}"
    style = "bold red" if errors else "bold green"
    console().print(Text(f"{'✗' if errors else '✓'} {said}", style=style))


def _print_entries(shown: tuple[ShownEntry, ...], *, chinese: bool) -> None:
    table = _table(
        *(
            ("资源", "名称", "提供方", "共享类型", "条款", "含义")
            if chinese
            else ("resource", "name", "provider", "share type", "clause", "meaning")
        )
    )
    for row in shown:
        table.add_row(
            row.entry.id,
            row.entry.name_zh if chinese else row.entry.name_en or row.entry.name_zh,
            row.provider_name if chinese else row.entry.provider,
            _kind(row.kind, chinese=chinese),
            row.meaning.clauses[0],
            row.meaning.text_zh if chinese else row.meaning.text_en,
        )
        for item in row.items:
            table.add_row(
                "",
                f"· {item.item}",
                "",
                _kind(item.kind, chinese=chinese),
                item.meaning.clauses[0],
                item.own.note or (item.meaning.text_zh if chinese else item.meaning.text_en),
            )
    console().print(table)


def _kind(kind: str, *, chinese: bool) -> Text:
    style, word = KINDS[kind]
    return Text(word if chinese else kind, style=style)


def _print_entry(row: ShownEntry, clauses: Mapping[str, Clause], *, chinese: bool) -> None:
    out = console()
    style, word = KINDS[row.kind]
    out.print(Text(f"{row.entry.id}  {row.entry.name_zh}", style="bold"))
    out.print(Text(f"  {word if chinese else row.kind}", style=f"bold {style}"))
    out.print(f"  {row.meaning.text_zh if chinese else row.meaning.text_en}")
    for ident in row.meaning.clauses:
        clause = clauses[ident]
        said = clause.text_zh if chinese else clause.text_en
        out.print(Text(f"    {ident}  {clause.document} {clause.article}: {said}", style="dim"))
    table = Table(box=None, show_header=False, padding=(0, 1))
    for column, cell in row.entry.more.items():
        table.add_row(Text(LABELS[column][chinese], style="dim"), cell)
    for item in row.items:
        what = _kind(item.kind, chinese=chinese)
        if item.own.note:
            what.append(f"  {item.own.note}", style="default")
        what.append(f"  {', '.join(item.meaning.clauses)}", style="dim")
        table.add_row(Text(f"· {item.item}", style="dim"), what)
    out.print(table)
