# SPDX-License-Identifier: Apache-2.0
"""``govshare grant``: what becomes of permissions: ended, suspended, restored, widened."""

from datetime import date
from typing import Annotated

import typer

from govshare_policy.cli.consent import consent_app
from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.service import change_app
from govshare_policy.cli.workflow import (
    CONFIG,
    AsOfOption,
    Common,
    ConfigOption,
    FindingOption,
    MatterArgument,
    ReasonOption,
    day_of,
    inputs_of,
    print_matters,
    print_rows,
    takes_step,
)
from govshare_policy.cli.workflow_desk import Desk, open_reader
from govshare_policy.register import Grant, Register
from govshare_policy.workflow import Inputs, MatterKind, Role, StepAnswer, Want, permissions

grant_app = typer.Typer(
    no_args_is_help=True,
    help="List, revoke and suspend grants, and ask for consents; every step is recorded.",
)
grant_app.add_typer(consent_app, name="consent")
grant_app.add_typer(change_app, name="change")


@grant_app.command("list")
def list_command(
    *,
    as_of: AsOfOption = "",
    expiring: Annotated[
        int | None, typer.Option("--expiring", min=0, help="Only those ending within so many days.")
    ] = None,
    config: ConfigOption = CONFIG,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """List the grants in force or to come and those that ended, or those about to end.

    Example: govshare grant list --expiring 30
    """
    day = day_of(as_of, "--as-of")
    with open_reader(config) as reader:
        register = reader.bundle.register
    rows = [_row(grant, register, day) for grant in register.grants.values()]
    if expiring is not None:
        rows = [
            row
            for row in rows
            if row["state"] in ("active", "suspended") and int(str(row["days_left"])) <= expiring
        ]
    heads = {
        "grant": "授权",
        "resource": "资源",
        "department": "使用部门",
        "valid_from": "起",
        "valid_to": "止",
        "granted_by": "授权方",
        "state": "状态",
    }
    print_rows("grants", rows, heads, output=output, lang=lang)


@grant_app.command("revoke")
@takes_step(Role.MANAGE)
def revoke_command(
    desk: Desk,
    common: Common,
    *,
    grant: Annotated[str, typer.Argument(metavar="GRANT", help="Its id.")],
    reason: ReasonOption = "",
    negotiated: Annotated[
        bool, typer.Option("--negotiated", help="It was negotiated with the user before.")
    ] = False,
) -> StepAnswer:
    """End a grant, as the one who gave it.

    Example: govshare grant revoke G12 --reason "…" --by D-EDU --person gao
    """
    inputs = inputs_of(reason=reason, flags={Want.NEGOTIATED: negotiated})
    return permissions.revoke(desk.office, grant, common.actor, desk.moment, inputs=inputs)


@grant_app.command("suspend")
@takes_step(Role.MANAGE)
def suspend_command(
    desk: Desk,
    common: Common,
    *,
    department: Annotated[str, typer.Option("--department", help="Whose right is suspended.")],
    resource: Annotated[str, typer.Option("--resource", help="For what; * is everything.")] = "*",
    reason: ReasonOption = "",
) -> StepAnswer:
    """Suspend a department's right to use shared data.

    Example: govshare grant suspend --department D-HCB --resource R08 --reason "…" --by D-DATA …
    """
    return permissions.suspend(
        desk.office,
        department,
        resource,
        common.actor,
        desk.moment,
        inputs=inputs_of(reason=reason),
    )


@grant_app.command("rectify")
@takes_step(Role.OPERATE)
def rectify_command(
    desk: Desk, common: Common, *, matter: MatterArgument, finding: FindingOption = ""
) -> StepAnswer:
    """Report that the cause of a suspension has been put right, as the user.

    Example: govshare grant rectify SUS-2026-0001 --finding "…" --by D-HCB --person qian
    """
    return _in_suspension(desk, common, matter, "rectify", inputs_of(finding=finding))


@grant_app.command("lift")
@takes_step(Role.MANAGE)
def lift_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Lift a suspension after rectification.

    Example: govshare grant lift SUS-2026-0001 --by D-DATA --person xu
    """
    return _in_suspension(desk, common, matter, "lift")


@grant_app.command("terminate")
@takes_step(Role.MANAGE)
def terminate_command(
    desk: Desk, common: Common, *, matter: MatterArgument, reason: ReasonOption = ""
) -> StepAnswer:
    """End the suspended right and every grant under it.

    Example: govshare grant terminate SUS-2026-0001 --reason "…" --by D-DATA --person xu
    """
    return _in_suspension(desk, common, matter, "terminate", inputs_of(reason=reason))


@grant_app.command("suspensions")
def suspensions_command(
    *, config: ConfigOption = CONFIG, output: OutputOption = None, lang: LangOption = None
) -> None:
    """List suspensions and revocations with their state and the steps that are next.

    Example: govshare grant suspensions
    """
    print_matters((MatterKind.SUSPENSION, MatterKind.REVOCATION), config, output, lang)


def _in_suspension(
    desk: Desk, common: Common, matter: str, step: str, inputs: Inputs | None = None
) -> StepAnswer:
    found = desk.matter(matter, MatterKind.SUSPENSION)
    return permissions.conclude_suspension(
        desk.office, found, step, common.actor, desk.moment, inputs=inputs or Inputs()
    )


def _row(grant: Grant, register: Register, day: date) -> dict[str, object]:
    return {
        "grant": grant.id,
        "resource": grant.resource,
        "department": grant.department,
        "systems": list(grant.systems),
        "purposes": list(grant.purposes),
        "fields": list(grant.fields),
        "channels": list(grant.channels),
        "valid_from": grant.period.valid_from.isoformat(),
        "valid_to": grant.period.valid_to.isoformat(),
        "granted_by": grant.granted_by,
        "state": _state(grant, register, day),
        "days_left": (grant.period.valid_to - day).days,
    }


def _state(grant: Grant, register: Register, day: date) -> str:
    if day < grant.period.valid_from:
        return "not_yet_active"
    if day > grant.period.valid_to:
        return "ended"
    suspended = register.suspensions.get(grant.department, ())
    return "suspended" if any(row.covers(grant.resource, day) for row in suspended) else "active"
