# SPDX-License-Identifier: Apache-2.0
"""``govshare application``: from a department's need to a grant, and disputes on the way."""

from typing import Annotated

import typer

from govshare_policy.cli.dispute import dispute_command, escalate_command, settle_command
from govshare_policy.cli.matters import (
    list_command,
    overdue_command,
    procedure_command,
    steps_command,
)
from govshare_policy.cli.need import need_app
from govshare_policy.cli.referral import answer_command, press_command, refer_command
from govshare_policy.cli.workflow import (
    CalendarOption,
    Common,
    MatterArgument,
    ReasonCodeOption,
    ReasonOption,
    codes,
    day_or_none,
    either,
    inputs_of,
    takes_step,
)
from govshare_policy.cli.workflow_desk import Desk
from govshare_policy.deadline import load_calendar, load_clocks
from govshare_policy.workflow import Inputs, MatterKind, Role, StepAnswer, applications
from govshare_policy.workflow.needs import Narrowed, Need

application_app = typer.Typer(
    no_args_is_help=True,
    help="Apply for data, decide on applications, settle disputes; every step is recorded.",
)

application_app.command("dispute")(dispute_command)
application_app.command("escalate")(escalate_command)
application_app.command("settle")(settle_command)
application_app.command("refer")(refer_command)
application_app.command("press")(press_command)
application_app.command("answer")(answer_command)
application_app.command("list")(list_command)
application_app.command("overdue")(overdue_command)
application_app.command("procedure")(procedure_command)
application_app.command("steps")(steps_command)
application_app.add_typer(need_app, name="need")

FieldsOption = Annotated[str, typer.Option("--fields", help="Items: id_no,name.")]
PurposesOption = Annotated[str, typer.Option("--purposes", help="data_verification, …")]
ChannelsOption = Annotated[str, typer.Option("--channels", help="api, online_query, …")]
SystemsOption = Annotated[str, typer.Option("--systems", help="The systems that will use it.")]
ToOption = Annotated[str, typer.Option("--to", help="The last day of the grant.")]
ApproveOption = Annotated[
    bool | None, typer.Option("--approve/--refuse", help="Which way.", show_default=False)
]


@application_app.command("apply")
@takes_step(Role.OPERATE)
def apply_command(  # noqa: PLR0913  what the texts want stated, one option each
    desk: Desk,
    common: Common,
    *,
    resource: Annotated[str, typer.Option("--resource", help="A resource of the catalogue.")],
    fields: FieldsOption = "",
    purposes: PurposesOption = "",
    channels: ChannelsOption = "",
    systems: SystemsOption = "",
    start: Annotated[str, typer.Option("--from", help="The first day of the grant.")] = "",
    to: ToOption = "",
    need: Annotated[str, typer.Option("--need", help="What it is needed for.")] = "",
    reason: ReasonOption = "",
    basis: Annotated[str, typer.Option("--basis", help="The legal basis of the use.")] = "",
    scenario: Annotated[str, typer.Option("--scenario", help="The scenario of the use.")] = "",
    department: Annotated[
        str, typer.Option("--for", help="For whom a lower platform hands it in.")
    ] = "",
    grantor: Annotated[
        str,
        typer.Option(
            "--grantor", help="provider or platform_operator, where the texts want one of each."
        ),
    ] = "",
) -> StepAnswer:
    """Apply for a resource; says so where none is needed, and everything that is missing at once.

    Example: govshare application apply --resource R12 --by D-CAB --person li --fields id_no
    """
    stated = Need(
        resource=resource,
        fields=codes(fields),
        purposes=codes(purposes),
        channels=codes(channels),
        systems=codes(systems),
        valid_from=day_or_none(start, "--from"),
        valid_to=day_or_none(to, "--to"),
        texts={"need": need, "reason": reason, "basis": basis, "scenario": scenario},
        grantor=grantor,
    )
    return applications.apply(desk.office, stated, common.actor, desk.moment, department=department)


@application_app.command("endorse")
@takes_step(Role.MANAGE)
def endorse_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Consent to the own department's application, as the head of its sharing unit.

    Example: govshare application endorse APP-2026-0001 --by D-CAB --person wang
    """
    return _step(desk, common, matter, "endorse", Inputs())


@application_app.command("check")
@takes_step(Role.OPERATE)
def check_command(
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    accept: Annotated[
        bool | None, typer.Option("--accept/--decline", help="Which way.", show_default=False)
    ] = None,
    reason: ReasonOption = "",
    reason_code: ReasonCodeOption = "",
) -> StepAnswer:
    """Check the form of an application, as the platform operator: accept and forward, or decline.

    Example: govshare application check APP-2026-0001 --accept --by O-OPS --person zhao
    """
    inputs = inputs_of(reason_code=reason_code, reason=reason)
    name = either(accept, "accept", "decline")
    return _step(desk, common, matter, name, inputs)


@application_app.command("supplement")
@takes_step(Role.OPERATE)
def supplement_command(
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    missing: Annotated[str, typer.Option("--missing", help="Everything that is missing.")] = "",
) -> StepAnswer:
    """Tell the user everything that is missing, at once and once, as the provider.

    Example: govshare application supplement APP-2026-0001 --missing "…" --by D-NRB --person he
    """
    inputs = inputs_of(missing=missing)
    return _step(desk, common, matter, "supplement", inputs)


@application_app.command("complete")
@takes_step(Role.OPERATE)
def complete_command(
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    material: Annotated[str, typer.Option("--material", help="What is handed in.")] = "",
) -> StepAnswer:
    """Hand in what was missing, as the user.

    Example: govshare application complete APP-2026-0001 --material "…" --by D-CAB --person li
    """
    inputs = inputs_of(material=material)
    return _step(desk, common, matter, "complete", inputs)


@application_app.command("extend")
@takes_step(Role.MANAGE)
def extend_command(
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    days: Annotated[int, typer.Option("--days", min=1, help="Working days.")],
    reason: ReasonOption = "",
    calendar: CalendarOption = None,
) -> StepAnswer:
    """Agree to more time for the provider's answer, as the competent authority.

    Example: govshare application extend APP-2026-0001 --days 5 --by D-DATA --person xu
    """
    return applications.extend(
        desk.office,
        desk.matter(matter, MatterKind.APPLICATION),
        common.actor,
        desk.moment,
        inputs=inputs_of(reason=reason, days=days),
        clocks={text.profile: load_clocks(text.profile) for text in desk.office.texts},
        calendar=load_calendar(calendar),
    )


@application_app.command("clear")
@takes_step(Role.MANAGE)
def clear_command(
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    approve: ApproveOption = None,
    reason: ReasonOption = "",
    reason_code: ReasonCodeOption = "",
) -> StepAnswer:
    """Consent to the answer of the own department, as the head of the provider's sharing unit.

    Example: govshare application clear APP-2026-0001 --approve --by D-NRB --person sun
    """
    inputs = inputs_of(reason_code=reason_code, reason=reason)
    name = either(approve, "clear_approval", "clear_refusal")
    return _step(desk, common, matter, name, inputs)


@application_app.command("decide")
@takes_step(Role.MANAGE)
def decide_command(  # noqa: PLR0913  a grant may be narrowed in every dimension
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    approve: ApproveOption = None,
    reason: ReasonOption = "",
    reason_code: ReasonCodeOption = "",
    fields: FieldsOption = "",
    purposes: PurposesOption = "",
    channels: ChannelsOption = "",
    systems: SystemsOption = "",
    to: ToOption = "",
) -> StepAnswer:
    """Approve an application, as a whole or in part, or refuse it with a specific reason.

    Example: govshare application decide APP-2026-0001 --approve --by D-NRB --person sun
    """
    inputs = inputs_of(reason_code=reason_code, reason=reason)
    name = either(approve, "approve", "refuse")
    found = desk.matter(matter, MatterKind.APPLICATION)
    if name == "refuse":
        return applications.refuse(desk.office, found, common.actor, desk.moment, inputs=inputs)
    narrowed = Narrowed(
        fields=codes(fields) or None,
        purposes=codes(purposes) or None,
        channels=codes(channels) or None,
        systems=codes(systems) or None,
        valid_to=day_or_none(to, "--to"),
    )
    return applications.decide(
        desk.office,
        found,
        name,
        common.actor,
        desk.moment,
        narrowed=narrowed,
        inputs=inputs,
    )


@application_app.command("sign")
@takes_step(Role.MANAGE)
def sign_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Sign what was negotiated about a non-share resource, as the user.

    Example: govshare application sign APP-2026-0001 --by D-EMG --person luo
    """
    return applications.decide(
        desk.office,
        desk.matter(matter, MatterKind.APPLICATION),
        "sign",
        common.actor,
        desk.moment,
    )


@application_app.command("notify")
@takes_step(Role.OPERATE)
def notify_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Tell the user what the provider answered, as the platform operator.

    Example: govshare application notify APP-2026-0001 --by O-OPS --person zhao
    """
    return _step(desk, common, matter, "notify", Inputs())


@application_app.command("supply")
@takes_step(Role.OPERATE)
def supply_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Say that the data are supplied from now on.

    Example: govshare application supply APP-2026-0001 --by D-NRB --person he
    """
    return _step(desk, common, matter, "supply", Inputs())


def _step(desk: Desk, common: Common, matter: str, name: str, inputs: Inputs) -> StepAnswer:
    found = desk.matter(matter, MatterKind.APPLICATION, MatterKind.REFERRAL)
    return applications.step(desk.office, found, name, common.actor, desk.moment, inputs=inputs)
