# SPDX-License-Identifier: Apache-2.0
"""``govshare application need``: what departments need, and the list compiled of it."""

from typing import Annotated

import typer

from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.workflow import (
    CONFIG,
    Common,
    ConfigOption,
    MatterArgument,
    codes,
    print_rows,
    takes_step,
)
from govshare_policy.cli.workflow_desk import Desk, open_reader
from govshare_policy.workflow import MatterKind, Role, StepAnswer, demand

need_app = typer.Typer(
    no_args_is_help=True, help="State needs that no entry meets, and compile the list of needs."
)
ProviderOption = Annotated[str, typer.Option("--provider", help="The body that has the data.")]


@need_app.command("state")
@takes_step(Role.OPERATE)
def state_command(
    desk: Desk,
    common: Common,
    *,
    data: Annotated[str, typer.Option("--data-needed", help="Which data, in words.")],
    purposes: Annotated[str, typer.Option("--purposes", help="What for: data_verification, …")],
    provider: ProviderOption = "",
) -> StepAnswer:
    """State a need that no entry of the catalogue meets, as the department that has it.

    Example: govshare application need state --data-needed "…" --purposes admin_basis --by D-CAB …
    """
    need = demand.StatedNeed(data=data, purposes=codes(purposes), provider=provider)
    return demand.state_need(desk.office, need, common.actor, desk.moment)


@need_app.command("list")
@takes_step(Role.MANAGE)
def list_command(
    desk: Desk, common: Common, *, matter: MatterArgument, provider: ProviderOption = ""
) -> StepAnswer:
    """Put a need on the list, as the competent authority, and say who is to supply the data.

    Example: govshare application need list NEE-2026-0001 --provider D-EDU --by D-DATA --person xu
    """
    found = desk.matter(matter, MatterKind.NEED)
    return demand.list_need(desk.office, found, common.actor, desk.moment, provider=provider)


@need_app.command("show")
def show_command(
    *, config: ConfigOption = CONFIG, output: OutputOption = None, lang: LangOption = None
) -> None:
    """Print the list: all that was applied for or stated, from whom, and how far it has come.

    Example: govshare application need show --output json
    """
    with open_reader(config) as reader:
        applications = reader.matters(MatterKind.APPLICATION)
        lines = demand.demand_list(applications, reader.matters(MatterKind.NEED))
    heads = {
        "provider": "提供部门",
        "resource": "资源",
        "data": "所需数据",
        "department": "使用部门",
        "purposes": "用途",
        "standing": "进展",
        "matter": "事项",
    }
    rows = [line.to_document() for line in lines]
    print_rows("needs", rows, heads, output=output, lang=lang)
