# SPDX-License-Identifier: Apache-2.0
"""Disputes, as commands of ``govshare application``."""

from typing import Annotated

import typer

from govshare_policy.cli.workflow import (
    Common,
    FindingOption,
    MatterArgument,
    ReasonOption,
    either,
    inputs_of,
    takes_step,
)
from govshare_policy.cli.workflow_desk import Desk
from govshare_policy.workflow import MatterKind, Role, StepAnswer, disputes


@takes_step(Role.OPERATE)
def dispute_command(
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    about: Annotated[str, typer.Option("--about", help="conditions, reasons or result.")] = (
        "result"
    ),
    reason: ReasonOption = "",
    cross_level: Annotated[
        bool, typer.Option("--cross-level", help="The two sides are of different levels.")
    ] = False,
) -> StepAnswer:
    """Disagree with the conditions, reasons or result of an application: the first instance.

    Example: govshare application dispute APP-2026-0001 --reason "…" --by D-CAB --person li
    """
    return disputes.dispute(
        desk.office,
        desk.matter(matter, MatterKind.APPLICATION),
        common.actor,
        desk.moment,
        about=about,
        between="cross_level" if cross_level else "same_level",
        inputs=inputs_of(reason=reason),
    )


@takes_step(Role.OPERATE)
def escalate_command(
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    reason: ReasonOption = "",
) -> StepAnswer:
    """Bring a dispute that could not be settled to the next instance.

    Example: govshare application escalate DIS-2026-0001 --by D-CAB --person li
    """
    return disputes.escalate(
        desk.office,
        desk.matter(matter, MatterKind.DISPUTE),
        common.actor,
        desk.moment,
        inputs=inputs_of(reason=reason),
    )


@takes_step(Role.MANAGE)
def settle_command(
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    reopen: Annotated[
        bool | None, typer.Option("--reopen/--stands", help="Which way.", show_default=False)
    ] = None,
    finding: FindingOption = "",
) -> StepAnswer:
    """Record how a dispute ended: the provider decides anew, or the result stands.

    Example: govshare application settle DIS-2026-0001 --reopen --finding "…" --by D-DATA …
    """
    reopens = either(reopen, "reopen", "stands") == "reopen"
    return disputes.settle(
        desk.office,
        desk.matter(matter, MatterKind.DISPUTE),
        common.actor,
        desk.moment,
        inputs=inputs_of(finding=finding),
        reopens=reopens,
    )
