# SPDX-License-Identifier: Apache-2.0
"""``govshare grant consent``: what the provider may allow beyond a grant, where a text has it."""

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
from govshare_policy.errors import CallError
from govshare_policy.workflow import Inputs, MatterKind, Role, StepAnswer, permissions
from govshare_policy.workflow.permissions import ConsentKind, ConsentNeed

consent_app = typer.Typer(
    no_args_is_help=True,
    help="Consent to onward provision, another purpose or a wider scope, where a text has it.",
)


@consent_app.command("request")
@takes_step(Role.OPERATE)
def request_command(  # noqa: PLR0913  a consent says what, to whom, for what and how long
    desk: Desk,
    common: Common,
    *,
    kind: Annotated[ConsentKind, typer.Option("--kind", help="What it would lift.")],
    resource: Annotated[str, typer.Option("--resource", help="A resource of the catalogue.")],
    start: Annotated[str, typer.Option("--from", help="Its first day.")],
    to: Annotated[str, typer.Option("--to", help="Its last day.")],
    recipients: Annotated[str, typer.Option("--recipients", help="Whom the data go to.")] = "",
    purposes: Annotated[str, typer.Option("--purposes", help="The purposes it covers.")] = "",
    written: Annotated[bool, typer.Option("--written", help="Applied for in writing.")] = False,
    commercial: Annotated[bool, typer.Option("--commercial", help="For commercial use.")] = False,
    reason: ReasonOption = "",
) -> StepAnswer:
    """Ask the provider for a consent, as the user; says by which clause there is none.

    Example: govshare grant consent request --kind onward --resource R08 --recipients O-UTL …
    """
    first, last = day_or_none(start, "--from"), day_or_none(to, "--to")
    if first is None or last is None:
        raise CallError("a consent has a period; give --from and --to")
    need = ConsentNeed(
        kind=kind,
        resource=resource,
        valid_from=first,
        valid_to=last,
        recipients=codes(recipients),
        purposes=codes(purposes),
        written=written,
        commercial=commercial,
    )
    inputs = inputs_of(reason=reason)
    return permissions.request_consent(desk.office, need, common.actor, desk.moment, inputs=inputs)


@consent_app.command("give")
@takes_step(Role.MANAGE)
def give_command(desk: Desk, common: Common, *, matter: MatterArgument) -> StepAnswer:
    """Give a consent, as the provider; it then stands in consents.tsv.

    Example: govshare grant consent give CON-2026-0001 --by D-CAB --person wang
    """
    return _in_consent(desk, common, matter, "give")


@consent_app.command("decline")
@takes_step(Role.MANAGE)
def decline_command(
    desk: Desk, common: Common, *, matter: MatterArgument, reason: ReasonOption = ""
) -> StepAnswer:
    """Decline a consent with the reason, as the provider.

    Example: govshare grant consent decline CON-2026-0001 --reason "…" --by D-CAB --person wang
    """
    return _in_consent(desk, common, matter, "decline", inputs_of(reason=reason))


@consent_app.command("list")
def consents_command(
    *, config: ConfigOption = CONFIG, output: OutputOption = None, lang: LangOption = None
) -> None:
    """List consents that were asked for, with their state.

    Example: govshare grant consent list
    """
    print_matters((MatterKind.CONSENT,), config, output, lang)


def _in_consent(
    desk: Desk, common: Common, matter: str, step: str, inputs: Inputs | None = None
) -> StepAnswer:
    found = desk.matter(matter, MatterKind.CONSENT)
    return permissions.answer_consent(
        desk.office, found, step, common.actor, desk.moment, inputs=inputs or Inputs()
    )
