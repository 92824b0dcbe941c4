# SPDX-License-Identifier: Apache-2.0
"""Applications to other platforms and pressing, as commands of ``govshare application``."""

from typing import Annotated

import typer

from govshare_policy.cli.workflow import (
    CalendarOption,
    Common,
    FindingOption,
    MatterArgument,
    ReasonOption,
    codes,
    inputs_of,
    takes_step,
)
from govshare_policy.cli.workflow_desk import Desk
from govshare_policy.deadline import load_calendar, load_clocks
from govshare_policy.workflow import Inputs, MatterKind, Role, StepAnswer, referrals
from govshare_policy.workflow.needs import Need


@takes_step(Role.OPERATE)
def refer_command(
    desk: Desk,
    common: Common,
    *,
    to: Annotated[referrals.Upper, typer.Option("--to", help="Which platform has the data.")],
    resource: Annotated[str, typer.Option("--resource", help="Its id in the other catalogue.")],
    fields: Annotated[str, typer.Option("--fields", help="Items: id_no,name.")] = "",
    purposes: Annotated[str, typer.Option("--purposes", help="data_verification, …")] = "",
    need: Annotated[str, typer.Option("--need", help="What it is needed for.")] = "",
    reason: ReasonOption = "",
) -> StepAnswer:
    """Apply for data of an upper platform; the operator checks the form and passes it on.

    Example: govshare application refer --to national_platform --resource N-0815 --by D-CAB …
    """
    stated = Need(
        resource=resource,
        fields=codes(fields),
        purposes=codes(purposes),
        channels=(),
        texts={"need": need, "reason": reason},
    )
    return referrals.refer(
        desk.office, stated, to, common.actor, desk.moment, inputs=inputs_of(reason=reason)
    )


@takes_step(Role.OPERATE)
def press_command(
    desk: Desk, common: Common, *, matter: MatterArgument, calendar: CalendarOption = None
) -> StepAnswer:
    """Press a provider or an upper platform for its answer, as the operator; says if it is late.

    Example: govshare application press APP-2026-0001 --by O-OPS --person zhao
    """
    yardstick = referrals.Yardstick(
        clocks={text.profile: load_clocks(text.profile) for text in desk.office.texts},
        calendar=load_calendar(calendar),
    )
    found = desk.matter(matter, MatterKind.APPLICATION, MatterKind.REFERRAL)
    return referrals.press(desk.office, found, common.actor, desk.moment, yardstick=yardstick)


@takes_step(Role.OPERATE)
def answer_command(
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    granted: Annotated[bool, typer.Option("--granted/--refused", help="What it answered.")],
    finding: FindingOption = "",
) -> StepAnswer:
    """Record what an upper platform answered, as the operator of this one.

    Example: govshare application answer REF-2026-0001 --granted --finding "…" --by O-OPS …
    """
    return referrals.answer_referral(
        desk.office,
        desk.matter(matter, MatterKind.REFERRAL),
        common.actor,
        desk.moment,
        inputs=Inputs(texts=inputs_of(finding=finding).texts),
        granted=granted,
    )
