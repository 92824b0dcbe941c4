# SPDX-License-Identifier: Apache-2.0
"""What the commands of supervision share: taking one step, and listing what the log tells."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from govshare_policy.audit import load_trust, read_records
from govshare_policy.cli.output import (
    Lang,
    Output,
    chosen_lang,
    chosen_output,
    console,
    dump,
    progress,
)
from govshare_policy.cli.workflow import print_rows
from govshare_policy.cli.workflow_desk import Desk, open_desk
from govshare_policy.errors import CallError
from govshare_policy.report import open_sources
from govshare_policy.supervision import (
    Bureau,
    ProceedingKind,
    Proceedings,
    StepTaken,
    Wish,
    load_supervision,
)

ProfileOption = Annotated[
    str, typer.Option("--profile", help="Under which text; default: the first that knows this.")
]
UntilOption = Annotated[str, typer.Option("--until", metavar="DATE", help="The last day for it.")]
LogOption = Annotated[
    list[Path], typer.Option("--log", help="The directory of the log of steps. Many times.")
]
TrustOption = Annotated[
    list[Path] | None,
    typer.Option("--trust", help="A trust file; with one for each log, the logs are verified."),
]
OverdueOption = Annotated[bool, typer.Option("--overdue", help="Only what is overdue.")]


def take(
    wish: Callable[[Desk], Wish],
    profile: str,
    config: Path,
    at: str,
    output: Output | None,
    lang: Lang | None,
) -> None:
    """Take the step of *wish* and print what became of it.

    Args:
        wish: Makes the step once the desk is open.
        profile: The text it is taken under; by default the first that knows such proceedings.
        config: The configuration of the deployment.
        at: When; empty for now.
        output: The form of what is printed.
        lang: Its language.

    Raises:
        CallError: If the deployment does not ask that text, or the step cannot be judged.
    """
    with open_desk(config, at) as desk:
        office, asked = desk.office, wish(desk)
        texts = [load_supervision(text.pack.profile) for text in office.bundle.texts]
        knowing = [text for text in texts if any(r.kind is asked.kind for r in text.steps)]
        named = [text for text in texts if text.profile == profile]
        if profile and not named:
            raise CallError("the text is not one that this deployment asks")
        bureau = Bureau(
            text=(named or knowing or texts)[0],
            register=office.bundle.register,
            proceedings=proceedings_of(desk),
            log=office.log,
            salts=office.salts,
            revision=office.bundle.revision,
        )
        taken = bureau.take(asked)
    _print(taken, output, lang)


def proceedings_of(desk: Desk) -> Proceedings:
    """Return the proceedings that the log of *desk* tells of."""
    office, found = desk.office, Proceedings()
    for index, data in read_records(office.log_directory):
        found.take(json.loads(data), origin=office.log.origin, index=index)
    return found


def print_proceedings(
    kind: ProceedingKind,
    logs: list[Path],
    trusts: list[Path] | None,
    day: date,
    *,
    overdue: bool,
    output: Output | None,
    lang: Lang | None,
) -> None:
    """Print the proceedings of *kind* that *logs* tell of, or those that are overdue on *day*."""
    found = Proceedings()
    with progress("bytes") as tick:
        sources = open_sources(logs, [load_trust(path) for path in trusts or ()], progress=tick)
    for source in sources:
        for index, record in source.numbered():
            found.take(record, origin=source.origin, index=index)
    rows = [
        one.to_document(day)
        for one in found
        if one.kind is kind and (one.is_overdue(day) or not overdue)
    ]
    heads = {
        "matter": "事项",
        "profile": "文本",
        "department": "责任单位",
        "violation": "违规情形",
        "grant": "授权",
        "resource": "资源",
        "state": "状态",
        "until": "期限",
        "overdue": "逾期",
    }
    print_rows("proceedings", rows, heads, output=output, lang=lang)


def _print(taken: StepTaken, output: Output | None, lang: Lang | None) -> None:
    """Print what became of a step; exit 1 if it was refused."""
    form = chosen_output(output, off_terminal=Output.JSON)
    chinese = chosen_lang(lang) is Lang.ZH
    if form is not Output.TABLE:
        typer.echo(dump(taken.to_document(), form))
    elif taken.refusal is not None:
        said = taken.refusal.text_zh if chinese else taken.refusal.text
        console().print(Text(f"✗ {taken.step}: {said}", style="bold red"))
    else:
        told = ", ".join(f"{one['to']} ({one['bodies'] or '–'})" for one in taken.told)
        console().print(Text(f"✓ {taken.matter}  {taken.step} → {taken.state}", style="bold green"))
        console().print(Text(f"  {', '.join(taken.clauses)}  {told}  #{taken.record}"))
    if taken.refusal is not None:
        raise typer.Exit(1)
