# SPDX-License-Identifier: Apache-2.0
"""``govshare audit``: what auditors run. Needs the log and a trust file, and nothing of ours."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from govshare_policy.audit import (
    LogDamageError,
    Verdict,
    format_time,
    load_trust,
    parse_record,
    read_records,
    verify_log,
)
from govshare_policy.cli.output import (
    COLOURS,
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
from govshare_policy.errors import ConfigError, VerificationError
from govshare_policy.legal import Outcome

LogArgument = Annotated[Path, typer.Argument(metavar="LOGDIR", help="The directory of the log.")]

audit_app = typer.Typer(no_args_is_help=True, help="Verify and read an audit log.")


@audit_app.command("verify")
def verify_command(
    log: LogArgument,
    trust: Annotated[Path, typer.Option("--trust", help="The trust file of the auditor.")],
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Verify every byte of a log, offline: frames, roots, signatures, order, checkpoint.

    Exits 0 when the log verifies and 1 when it does not, naming the first bad record or part.

    Example: govshare audit verify audit/log --trust trust.toml
    """
    form, chinese = chosen_output(output, off_terminal=Output.JSON), chosen_lang(lang) is Lang.ZH
    policy = load_trust(_there(trust))
    try:
        with progress("records") as tick:
            verdict = verify_log(_there(log), policy, progress=tick)
    except VerificationError as error:
        _print_failure(error, form, chinese=chinese)
        raise typer.Exit(1) from None
    _print_verdict(verdict, form, chinese=chinese)


@audit_app.command("show")
def show_command(
    log: LogArgument,
    first: Annotated[int, typer.Option("--from", min=0, help="The first record shown.")] = 0,
    count: Annotated[int, typer.Option("--count", min=1, help="The most records shown.")] = 100,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Show the records of a log as they stand. Says nothing about trust: verify first.

    Example: govshare audit show audit/log --from 0 --count 20
    """
    form = chosen_output(output, off_terminal=Output.JSON)
    wanted = islice(read_records(_there(log)), first, first + count)
    records = ({"index": index, "record": parse_record(data)} for index, data in wanted)
    if form is Output.JSONL:
        for record in records:
            typer.echo(dump(record, form))
    elif form is Output.JSON:
        typer.echo(dump({"records": list(records)}, form))
    else:
        _print_records(records, chinese=chosen_lang(lang) is Lang.ZH)


def _there(path: Path) -> Path:
    if not path.exists():
        raise ConfigError(f"`{path.name}` does not exist; check the path")
    return path


def _print_verdict(verdict: Verdict, form: Output, *, chinese: bool) -> None:
    document = {
        "verified": True,
        "origin": verdict.origin,
        "size": verdict.size,
        "root": verdict.root.hex(),
        "checkpoints": verdict.checkpoints,
        "segments": verdict.segments,
        "first_time": format_time(verdict.first_time),
        "last_time": format_time(verdict.last_time),
        "key_fingerprints": [f"sm3:{print_.hex()}" for print_ in verdict.key_fingerprints],
        "warnings": list(verdict.warnings),
    }
    if form is not Output.TABLE:
        typer.echo(dump(document, form))
        return
    names = {
        "origin": "日志",
        "size": "记录数",
        "root": "根",
        "checkpoints": "已验签检查点",
        "segments": "段",
        "first_time": "首个检查点",
        "last_time": "最近检查点",
        "key_fingerprints": "签名公钥",
        "warnings": "提示",
    }
    out = console()
    said = "验证通过" if chinese else "verified"
    out.print(Text(f"✓ {said}", style="bold green"))
    table = Table(box=None, show_header=False, padding=(0, 1))
    for key, name in names.items():
        value = document[key]
        shown = "\n".join(map(str, value)) if isinstance(value, list) else str(value)
        if shown:
            table.add_row(Text(name if chinese else key.replace("_", " "), style="dim"), shown)
    out.print(table)


def _print_failure(error: VerificationError, form: Output, *, chinese: bool) -> None:
    damage = error if isinstance(error, LogDamageError) else None
    document: dict[str, object] = {"verified": False, "error": str(error)}
    if damage is not None:
        document |= {
            "kind": damage.kind.value,
            "file": damage.part.file,
            "offset": damage.part.offset,
            "first_bad_record": damage.index,
        }
    if form is not Output.TABLE:
        typer.echo(dump(document, form))
        return
    said = "验证不通过" if chinese else "does not verify"
    console().print(Text(f"✗ {said}: {error}", style="bold red"))


def _print_records(records: object, *, chinese: bool) -> None:
    heads = (
        ("序号", "时间", "阶段", "部门", "系统", "资源", "结果", "条款")
        if chinese
        else ("#", "time", "phase", "department", "system", "resource", "outcome", "clause")
    )
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in records:  # type: ignore[attr-defined]
        record = row["record"]
        outcome = str(record.get("outcome", record.get("status", "")))
        style = COLOURS[Outcome(outcome)] if outcome in set(Outcome) else ""
        table.add_row(
            str(row["index"]),
            str(record.get("t", "")),
            str(record.get("phase", "")),
            str(record.get("department", "")),
            str(record.get("system", "")),
            str(record.get("call", {}).get("resource", "")),
            Text(outcome, style=style),
            next(iter(record.get("clauses", ())), ""),
        )
    console().print(table)
