# SPDX-License-Identifier: Apache-2.0
"""``govshare correction check``: a delivery held against its entry when it is received."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.workflow import (
    CONFIG,
    AtOption,
    ConfigOption,
    print_answer,
    print_rows,
)
from govshare_policy.cli.workflow_desk import open_desk, open_reader
from govshare_policy.errors import CallError
from govshare_policy.register._table import read_bytes
from govshare_policy.workflow import Actor, Role
from govshare_policy.workflow.delivery import Finding, check_delivery
from govshare_policy.workflow.receipts import tell_defects


def check_command(  # noqa: PLR0913  what takes a step has the options of a step
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .tsv, .csv or .json file.")],
    resource: Annotated[str, typer.Option("--resource", help="The entry it is delivered for.")],
    tell: Annotated[
        bool, typer.Option("--tell", help="Open a correction ticket for the defects.")
    ] = False,
    by: Annotated[str, typer.Option("--by", help="With --tell: the operator.")] = "",
    person: Annotated[str, typer.Option("--person", help="With --tell: who acts for it.")] = "",
    config: ConfigOption = CONFIG,
    at: AtOption = "",
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Hold a delivery against its entry: items, encoding, rows, numbers, duplicates.

    Defects are kinds, items and row numbers; nothing of the file is repeated. Exits 1 when there
    is one. With --tell the provider is told by a correction ticket.

    Example: govshare correction check r12.csv --resource R12 --tell --by O-OPS --person zhao
    """
    with open_reader(config) as reader:
        entry = reader.bundle.register.resources.get(resource)
    if entry is None:
        raise CallError("the catalogue has no such resource")
    findings = check_delivery(read_bytes(file), suffix=file.suffix.lower(), items=entry.items)
    if not tell or not findings:
        _print(findings, output, lang)
        raise typer.Exit(1 if findings else 0)
    actor = Actor(body=by, person=person, role=Role.OPERATE)
    with open_desk(config, at) as desk:
        answer = tell_defects(desk.office, resource, findings, actor, desk.moment)
    print_answer(answer, output, lang)
    raise typer.Exit(1)


def _print(findings: Sequence[Finding], output: OutputOption, lang: LangOption) -> None:
    heads = {"kind": "缺陷", "item": "信息项", "count": "数量", "rows": "行号"}
    rows = [finding.to_document() for finding in findings]
    print_rows("defects", rows, heads, output=output, lang=lang)
