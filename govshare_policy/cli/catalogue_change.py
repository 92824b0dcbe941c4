# SPDX-License-Identifier: Apache-2.0
"""``govshare catalogue``: changes of entries, by their providers, step by step."""

import unicodedata
from typing import Annotated

import typer

from govshare_policy.cli.matters import timed_documents
from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.workflow import (
    CONFIG,
    AsOfOption,
    CalendarOption,
    Common,
    ConfigOption,
    MatterArgument,
    ReasonOption,
    day_of,
    day_or_none,
    inputs_of,
    print_rows,
    takes_step,
)
from govshare_policy.cli.workflow_desk import Desk, open_reader
from govshare_policy.errors import CallError
from govshare_policy.workflow import Inputs, MatterKind, Role, StepAnswer, entries

catalogue_change_app = typer.Typer(
    no_args_is_help=True, help="Change the catalogue: every step is recorded."
)


@catalogue_change_app.command("propose")
@takes_step(Role.OPERATE)
def propose_command(
    desk: Desk,
    common: Common,
    *,
    resource: Annotated[str, typer.Option("--resource", help="The entry.")],
    cells: Annotated[
        list[str] | None,
        typer.Option("--set", help="A column and its new cell: update_cycle=每日; repeatable."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="The entry is not there yet.")] = False,
    changed: Annotated[
        str, typer.Option("--changed", help="When the law or the duty changed that it follows.")
    ] = "",
) -> StepAnswer:
    """Propose a change of an entry, as its provider; the catalogue stays as it is.

    Example: govshare catalogue propose --resource R12 --set update_cycle=每日 --by D-NRB …
    """
    proposal = entries.Proposal(
        resource=resource,
        cells=dict(_cell(cell) for cell in cells or ()),
        is_new=new,
        changed_on=day_or_none(changed, "--changed"),
    )
    return entries.propose(desk.office, proposal, common.actor, desk.moment, inputs=Inputs())


@catalogue_change_app.command("endorse")
@takes_step(Role.MANAGE)
def endorse_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Consent to a change of the own department, as its head, and send it for review.

    Example: govshare catalogue endorse CAT-2026-0001 --by D-NRB --person sun
    """
    return _advance(desk, common, matter, "endorse")


@catalogue_change_app.command("verify")
@takes_step(Role.MANAGE)
def verify_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Verify the legal basis of a share type, as the competent authority.

    Example: govshare catalogue verify CAT-2026-0001 --by D-DRC --person deng
    """
    return _advance(desk, common, matter, entries.VERIFY)


@catalogue_change_app.command("approve")
@takes_step(Role.MANAGE)
def approve_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Approve a change after review, as the competent authority.

    Example: govshare catalogue approve CAT-2026-0001 --by D-DATA --person xu
    """
    return _advance(desk, common, matter, "approve")


@catalogue_change_app.command("return")
@takes_step(Role.MANAGE)
def return_command(
    desk: Desk, common: Common, *, matter: MatterArgument, reason: ReasonOption = ""
) -> StepAnswer:
    """Return a change with the reason, as the authority that reviews it or its basis.

    Example: govshare catalogue return CAT-2026-0001 --reason "…" --by D-DATA --person xu
    """
    return _advance(desk, common, matter, "return", inputs_of(reason=reason))


@catalogue_change_app.command("publish")
@takes_step(Role.MANAGE)
def publish_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Publish a change; the entry is rewritten as soon as every text is content.

    Under Order 809 the authority announces it: --role operate, by another person than approved it.

    Example: govshare catalogue publish CAT-2026-0001 --by D-NRB --person sun
    """
    found = desk.matter(matter, MatterKind.CATALOGUE)
    return entries.publish_change(desk.office, found, common.actor, desk.moment)


@catalogue_change_app.command("changes")
def changes_command(
    *,
    as_of: AsOfOption = "",
    calendar: CalendarOption = None,
    config: ConfigOption = CONFIG,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """List changes of entries with their state, the next steps, and when the next one is due.

    Example: govshare catalogue changes --as-of 2026-12-15
    """
    day = day_of(as_of, "--as-of")
    with open_reader(config) as reader:
        timed = timed_documents(reader, MatterKind.CATALOGUE, calendar=calendar, as_of=day)
        rows = [
            document | {"columns": sorted(matter.content["cells"])} for matter, document in timed
        ]
    heads = {
        "matter": "事项",
        "resource": "资源",
        "provider": "提供部门",
        "columns": "变更栏目",
        "states": "状态",
        "next": "可办步骤",
        "due": "截止日",
        "status": "期限",
    }
    print_rows("changes", rows, heads, output=output, lang=lang)


def _advance(
    desk: Desk, common: Common, matter: str, step: str, inputs: Inputs | None = None
) -> StepAnswer:
    found = desk.matter(matter, MatterKind.CATALOGUE)
    return entries.advance(
        desk.office, found, step, common.actor, desk.moment, inputs=inputs or Inputs()
    )


def _cell(text: str) -> tuple[str, str]:
    column, separator, cell = unicodedata.normalize("NFC", text).partition("=")
    if not separator:
        raise CallError("`--set` is a column and its cell, such as update_cycle=每日")
    return column.strip(), cell.strip()
