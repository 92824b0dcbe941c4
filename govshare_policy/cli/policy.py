# SPDX-License-Identifier: Apache-2.0
"""``govshare policy``: read the packs, check them, run their cases, compare two of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from govshare_policy.cli.bundle import bundle_app
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
from govshare_policy.cli.policy_check import lint
from govshare_policy.cli.policy_diff import Difference, Section, differences
from govshare_policy.cli.policy_library import Library
from govshare_policy.cli.policy_run import Result, run
from govshare_policy.cli.policy_show import (
    shown_clause,
    shown_coverage,
    shown_profile,
    shown_rule,
)
from govshare_policy.cli.policy_sides import Said
from govshare_policy.errors import CallError
from govshare_policy.policy import packs_directory, profiles
from govshare_policy.policy.faults import Fault, Severity

policy_app = typer.Typer(
    name="policy",
    help="The texts as policy: print with clause texts, check, run their cases, compare.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ProfileOption = Annotated[
    str | None, typer.Option("--profile", help="One text, e.g. hubei; without it, all of them.")
]
PacksOption = Annotated[
    Path | None,
    typer.Option("--packs", help="The directory of the packs; by default those installed."),
]
SECTIONS_ZH: Final = {
    Section.CALLS: "调用判定",
    Section.SHARE: "基本设定",
    Section.SCOPE: "授权约束的范围",
    Section.DUTIES: "义务",
    Section.PARTIES: "认定归类",
    Section.RULES: "规则",
    Section.DEADLINES: "期限",
    Section.LINT: "目录检查",
    Section.CLAUSES: "条款文字",
    Section.TOPICS: "仅一方涉及的主题",
}
_SHOWN_CLAUSES: Final = 3  # the deciding one and the next two; JSON has them all


policy_app.add_typer(bundle_app, name="bundle")


@policy_app.command("show")
def show_command(
    profile: ProfileOption = None,
    clause: Annotated[str, typer.Option("--clause", help="One clause, e.g. HU-a24-02.")] = "",
    rule: Annotated[str, typer.Option("--rule", help="One rule, e.g. hu-system.")] = "",
    packs: PacksOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Print a clause with where it is encoded and what proves it, a rule, or a whole text.

    Example: govshare policy show --clause HU-a24-02
    """
    if bool(clause) + bool(rule) + (profile is not None) == 0 or (clause and rule):
        raise CallError("name a --clause, a --rule or a --profile")
    library = Library(packs or packs_directory())
    if clause or rule:
        document = library.clause(clause) if clause else library.rule(rule)
        if profile not in (None, document["profile"]):
            raise CallError(f"it is of `{document['profile']}`, which is not the --profile named")
        _print(document, shown_clause if clause else shown_rule, output, lang)
    else:
        _print(library.profile(profile or ""), shown_profile, output, lang)


@policy_app.command("coverage")
def coverage_command(
    profile: ProfileOption = None,
    packs: PacksOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Print what became of every clause: how it is dealt with, by what, and how much is built.

    Example: govshare policy coverage --profile hubei
    """
    document = Library(packs or packs_directory()).coverage(profile)
    _print(document, shown_coverage, output, lang)


@policy_app.command("lint")
def lint_command(
    packs: PacksOption = None, output: OutputOption = None, lang: LangOption = None
) -> None:
    """Load every pack strictly and hold it against its clause registry.

    Exits 1 if anything is wrong; a clause that is encoded nowhere yet is a warning only.

    Example: govshare policy lint --packs policies
    """
    faults = lint(packs or packs_directory())
    errors = sum(fault.severity is Severity.ERROR for fault in faults)
    document: dict[str, object] = {
        "findings": [fault.to_document() for fault in faults],
        "errors": errors,
        "warnings": len(faults) - errors,
    }
    _print(document, lambda _, chosen: _shown_faults(faults, errors, chosen), output, lang)
    raise typer.Exit(1 if errors else 0)


@policy_app.command("test")
def run_command(
    profile: ProfileOption = None,
    packs: PacksOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Run the cases shipped with the packs against the sample county.

    Exits 1 if a text answers one otherwise than its pack says.

    Example: govshare policy test --profile hubei
    """
    directory = packs or packs_directory()
    known = profiles(directory)
    if profile is not None and profile not in known:
        raise CallError(f"unknown profile; there are {', '.join(known)}")
    with progress("cases") as tick:
        results = run(directory, known if profile is None else (profile,), tick)
    failed = [result for result in results if not result.passed]
    totals = Counter(result.profile for result in results)
    wrong = Counter(result.profile for result in failed)
    document: dict[str, object] = {
        "profiles": {
            name: {"passed": total - wrong[name], "failed": wrong[name]}
            for name, total in totals.items()
        },
        "failures": [result.to_document() for result in failed],
    }
    _print(document, lambda _, chosen: _shown_results(totals, failed, chosen), output, lang)
    raise typer.Exit(1 if failed else 0)


@policy_app.command("diff")
def diff_command(
    a: Annotated[str, typer.Argument(help="A profile, e.g. henan-fengqiu.")],
    b: Annotated[str, typer.Argument(help="Another one, e.g. hubei.")],
    packs: PacksOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Compare two texts clause by clause: what one allows and the other refuses, and why.

    Example: govshare policy diff henan-fengqiu hubei
    """
    with progress("cases") as tick:
        found = differences(a, b, packs=packs or packs_directory(), tick=tick)
    document: dict[str, object] = {
        "a": a,
        "b": b,
        "differences": [difference.to_document() for difference in found],
    }
    _print(document, lambda _, chosen: _shown_differences(a, b, found, chosen), output, lang)


def _print(
    document: dict[str, object],
    shown: Callable[[dict[str, object], Lang], RenderableType],
    output: Output | None,
    lang: Lang | None,
) -> None:
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is Output.TABLE:
        console().print(shown(document, chosen_lang(lang)))
    else:
        typer.echo(dump(document, form))


def _table(*heads: str) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def _shown_faults(faults: Sequence[Fault], errors: int, lang: Lang) -> RenderableType:
    chinese = lang is Lang.ZH
    table = _table(*(("位置", "问题") if chinese else ("where", "what")))
    for fault in faults:
        where = ":".join(str(part) for part in (fault.file, fault.line, fault.column) if part)
        style = "red" if fault.severity is Severity.ERROR else "yellow"
        table.add_row(where, Text(fault.text_zh if chinese else fault.text, style=style))
    warnings = len(faults) - errors
    said = f"{errors} errors, {warnings} warnings"
    return Group(table, Text(f"错误 {errors}，警告 {warnings}" if chinese else said, style="bold"))


def _shown_results(totals: Counter[str], failed: Sequence[Result], lang: Lang) -> RenderableType:
    chinese = lang is Lang.ZH
    wrong = Counter(result.profile for result in failed)
    table = _table(*(("规范", "通过", "失败") if chinese else ("profile", "passed", "failed")))
    for name, total in totals.items():
        style = "red" if wrong[name] else "green"
        table.add_row(name, str(total - wrong[name]), Text(str(wrong[name]), style=style))
    lines: list[RenderableType] = [table]
    for result in failed:
        lines.append(Text(f"{result.profile} {result.case}", style="red"))
        differs: dict[str, dict[str, object]] = result.to_document()["differs"]  # type: ignore[assignment]
        for key, pair in differs.items():
            lines.append(Text(f"  {key}: {pair['expected']} → {pair['answered']}"))
    return Group(*lines)


def _shown_differences(a: str, b: str, found: Sequence[Difference], lang: Lang) -> RenderableType:
    chinese = lang is Lang.ZH
    parts: list[RenderableType] = []
    for section in dict.fromkeys(difference.section for difference in found):
        table = _table("", a, b)
        for difference in found:
            if difference.section is section:
                pair = (_said(side, chinese=chinese) for side in (difference.a, difference.b))
                table.add_row(difference.subject, *pair)
        title = SECTIONS_ZH[section] if chinese else section.value
        parts += [Text(title, style="bold"), table, Text()]
    if not found:
        parts.append(Text("两个文本没有差异" if chinese else "the two texts do not differ"))
    return Group(*parts)


def _said(said: Said, *, chinese: bool) -> Text:
    text = Text((said.zh if chinese else said.en) or "–")
    if said.clauses:
        more = " …" if len(said.clauses) > _SHOWN_CLAUSES else ""
        text.append(f"\n{' '.join(said.clauses[:_SHOWN_CLAUSES])}{more}", style="dim")
    return text
