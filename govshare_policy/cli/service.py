# SPDX-License-Identifier: Apache-2.0
"""``govshare grant change``: a service that goes on, changed after negotiation and filing."""

from typing import Annotated

import typer

from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.workflow import (
    CONFIG,
    Common,
    ConfigOption,
    MatterArgument,
    ReasonOption,
    codes,
    day_or_none,
    inputs_of,
    print_matters,
    takes_step,
)
from govshare_policy.cli.workflow_desk import Desk
from govshare_policy.workflow import Inputs, MatterKind, Role, StepAnswer, services

change_app = typer.Typer(
    no_args_is_help=True,
    help="Change a service that goes on: negotiated with its user, filed, then in effect.",
)


@change_app.command("propose")
@takes_step(Role.OPERATE)
def propose_command(
    desk: Desk,
    common: Common,
    *,
    grant: Annotated[str, typer.Argument(metavar="GRANT", help="Its id.")],
    reason: ReasonOption = "",
    channels: Annotated[str, typer.Option("--channels", help="api, online_query, …")] = "",
    fields: Annotated[str, typer.Option("--fields", help="Items: id_no,name.")] = "",
    quota: Annotated[int | None, typer.Option("--daily-quota", min=1, help="Calls a day.")] = None,
    to: Annotated[str, typer.Option("--to", help="The last day of the grant.")] = "",
) -> StepAnswer:
    """Tell the user how a service is to change, and why; nothing changes yet.

    Example: govshare grant change propose G12 --channels api --reason "…" --by D-EDU --person gao
    """
    change = services.ServiceChange(
        grant=grant,
        channels=codes(channels) or None,
        fields=codes(fields) or None,
        daily_quota=quota,
        valid_to=day_or_none(to, "--to"),
    )
    inputs = inputs_of(reason=reason)
    return services.propose_change(desk.office, change, common.actor, desk.moment, inputs=inputs)


@change_app.command("agree")
@takes_step(Role.MANAGE)
def agree_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Agree to a change of the service, as its user.

    Example: govshare grant change agree SER-2026-0001 --by D-CAB --person wang
    """
    return _advance(desk, common, matter, "agree")


@change_app.command("object")
@takes_step(Role.MANAGE)
def object_command(
    desk: Desk, common: Common, *, matter: MatterArgument, reason: ReasonOption = ""
) -> StepAnswer:
    """Object to a change of the service, as its user; the service goes on as it is.

    Example: govshare grant change object SER-2026-0001 --reason "…" --by D-CAB --person wang
    """
    return _advance(desk, common, matter, "object", inputs_of(reason=reason))


@change_app.command("file")
@takes_step(Role.MANAGE)
def file_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Put an agreed change on file with the competent authority: from now on it is in effect.

    Example: govshare grant change file SER-2026-0001 --by D-EDU --person sun
    """
    return _advance(desk, common, matter, "file")


@change_app.command("list")
def list_command(
    *, config: ConfigOption = CONFIG, output: OutputOption = None, lang: LangOption = None
) -> None:
    """List changes of services with their state and the steps that are next.

    Example: govshare grant change list
    """
    print_matters((MatterKind.SERVICE_CHANGE,), config, output, lang)


def _advance(
    desk: Desk, common: Common, matter: str, step: str, inputs: Inputs | None = None
) -> StepAnswer:
    found = desk.matter(matter, MatterKind.SERVICE_CHANGE)
    return services.advance_change(
        desk.office, found, step, common.actor, desk.moment, inputs=inputs or Inputs()
    )
