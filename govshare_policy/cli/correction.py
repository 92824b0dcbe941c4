# SPDX-License-Identifier: Apache-2.0
"""``govshare correction``: doubts about shared data, which never stop a citizen's case."""

from typing import Annotated

import typer

from govshare_policy.cli.joint import joint_app
from govshare_policy.cli.matters import timed_documents
from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.receipt import check_command
from govshare_policy.cli.workflow import (
    CONFIG,
    AsOfOption,
    CalendarOption,
    Common,
    ConfigOption,
    FindingOption,
    MatterArgument,
    codes,
    day_of,
    inputs_of,
    print_rows,
    takes_step,
)
from govshare_policy.cli.workflow_desk import Desk, open_reader
from govshare_policy.workflow import MatterKind, Role, StepAnswer, corrections
from govshare_policy.workflow.corrections import Doubt, citizen_document

correction_app = typer.Typer(
    no_args_is_help=True,
    help="Raise and answer doubts about shared data; an open one blocks nobody.",
)
correction_app.command("check")(check_command)
correction_app.add_typer(joint_app, name="joint")


@correction_app.command("raise")
@takes_step(Role.OPERATE)
def raise_command(
    desk: Desk,
    common: Common,
    *,
    resource: Annotated[str, typer.Option("--resource", help="The resource in doubt.")],
    fields: Annotated[str, typer.Option("--fields", help="The items in doubt.")] = "",
    grant: Annotated[str, typer.Option("--grant", help="Under which grant it was received.")] = "",
    finding: FindingOption = "",
) -> StepAnswer:
    """Report a doubt or an evident error, as the user; says who is told.

    Example: govshare correction raise --resource R08 --fields marital_status --by D-HCB …
    """
    doubt = Doubt(resource=resource, fields=codes(fields), grant=grant)
    inputs = inputs_of(finding=finding)
    return corrections.raise_doubt(desk.office, doubt, common.actor, desk.moment, inputs=inputs)


@correction_app.command("answer")
@takes_step(Role.OPERATE)
def answer_command(
    desk: Desk,
    common: Common,
    *,
    matter: MatterArgument,
    corrected: Annotated[
        bool, typer.Option("--corrected/--confirmed", help="Corrected, or right as they were.")
    ],
    finding: FindingOption = "",
) -> StepAnswer:
    """Answer a doubt, as the provider: what was found, and whether the data were corrected.

    Example: govshare correction answer COR-2026-0001 --corrected --finding "…" --by D-CAB …
    """
    return corrections.answer_doubt(
        desk.office,
        desk.matter(matter, MatterKind.CORRECTION),
        common.actor,
        desk.moment,
        inputs=inputs_of(finding=finding),
        corrected=corrected,
    )


@correction_app.command("list")
def list_command(
    *,
    as_of: AsOfOption = "",
    calendar: CalendarOption = None,
    config: ConfigOption = CONFIG,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """List doubts with their state and, where the text has a clock, when the answer is due.

    Example: govshare correction list --as-of 2026-10-12
    """
    day = day_of(as_of, "--as-of")
    with open_reader(config) as reader:
        timed = timed_documents(reader, MatterKind.CORRECTION, calendar=calendar, as_of=day)
        rows = [
            document
            | {
                "citizen": citizen_document(
                    text for text in reader.texts if text.profile in matter.states
                )
            }
            for matter, document in timed
        ]
    heads = {
        "matter": "事项",
        "department": "使用部门",
        "provider": "提供部门",
        "resource": "资源",
        "states": "状态",
        "due": "截止日",
        "status": "期限",
    }
    print_rows("matters", rows, heads, output=output, lang=lang)
