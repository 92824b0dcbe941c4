# SPDX-License-Identifier: Apache-2.0
"""``govshare correction joint``: data that conflict, verified by all who answer for them."""

from typing import Annotated

import typer

from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.workflow import (
    CONFIG,
    Common,
    ConfigOption,
    FindingOption,
    MatterArgument,
    codes,
    inputs_of,
    print_matters,
    takes_step,
)
from govshare_policy.cli.workflow_desk import Desk
from govshare_policy.workflow import MatterKind, Role, StepAnswer, conflicts

joint_app = typer.Typer(
    no_args_is_help=True,
    help="Verify data of several providers that conflict, together with all of them.",
)


@joint_app.command("raise")
@takes_step(Role.OPERATE)
def raise_command(
    desk: Desk,
    common: Common,
    *,
    resources: Annotated[str, typer.Option("--resources", help="The entries: R12,R36.")],
    fields: Annotated[str, typer.Option("--fields", help="The items that differ.")] = "",
    finding: FindingOption = "",
) -> StepAnswer:
    """Report that data of several providers conflict; anybody may.

    Example: govshare correction joint raise --resources R12,R36 --finding "…" --by D-EDU …
    """
    conflict = conflicts.Conflict(resources=codes(resources), fields=codes(fields))
    inputs = inputs_of(finding=finding)
    return conflicts.raise_conflict(desk.office, conflict, common.actor, desk.moment, inputs=inputs)


@joint_app.command("verify")
@takes_step(Role.OPERATE)
def verify_command(
    desk: Desk, common: Common, *, matter: MatterArgument, finding: FindingOption = ""
) -> StepAnswer:
    """Say what was found in the own data, as a provider, or on the platform, as its operator.

    Example: govshare correction joint verify JOI-2026-0001 --finding "…" --by D-NRB --person he
    """
    found = desk.matter(matter, MatterKind.JOINT_VERIFICATION)
    inputs = inputs_of(finding=finding)
    return conflicts.verify_conflict(desk.office, found, common.actor, desk.moment, inputs=inputs)


@joint_app.command("conclude")
@takes_step(Role.MANAGE)
def conclude_command(
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    stands: Annotated[
        str, typer.Option("--stands", help="The entry whose data stand; empty for none.")
    ] = "",
    finding: FindingOption = "",
) -> StepAnswer:
    """Conclude, as the operator, when all have verified: whose data stand, never which value.

    Example: govshare correction joint conclude JOI-2026-0001 --stands R12 --by O-OPS --person zhou
    """
    return conflicts.conclude_conflict(
        desk.office,
        desk.matter(matter, MatterKind.JOINT_VERIFICATION),
        common.actor,
        desk.moment,
        inputs=inputs_of(finding=finding),
        stands=stands,
    )


@joint_app.command("list")
def list_command(
    *, config: ConfigOption = CONFIG, output: OutputOption = None, lang: LangOption = None
) -> None:
    """List joint verifications with their state and who has verified.

    Example: govshare correction joint list
    """
    print_matters((MatterKind.JOINT_VERIFICATION,), config, output, lang)
