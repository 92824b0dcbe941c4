# SPDX-License-Identifier: Apache-2.0
"""``govshare roles``: who may take which step, and by which clause."""

from typing import Annotated

import typer

from govshare_policy.cli.check import DataOption, ProfileOption
from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.workflow import print_rows
from govshare_policy.errors import CallError
from govshare_policy.policy import load_pack
from govshare_policy.register import load_register
from govshare_policy.workflow import Role, load_workflow
from govshare_policy.workflow.roles import competences

roles_app = typer.Typer(no_args_is_help=True, help="Show who may do what, and by which clause.")


@roles_app.callback()
def _options() -> None:
    """Show who may do what, and by which clause."""


@roles_app.command("show")
def show_command(
    *,
    profile: ProfileOption,
    data: DataOption,
    body: Annotated[str, typer.Option("--body", help="Only what this body is by its role.")] = "",
    role: Annotated[Role | None, typer.Option("--role", help="Only steps of this role.")] = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Print the parties of a text, the bodies that are them, and the steps they may take.

    User and provider are sides of a matter, so each matter names them. Who audits takes no step.

    Example: govshare roles show --profile hubei --data data --body O-OPS
    """
    register = load_register(data)
    if body and body not in register.departments:
        raise CallError("the register has no such department")
    found = competences((load_workflow(load_pack(profile)),), register)
    rows = [
        competence.to_document()
        for competence in found
        if (not body or body in competence.bodies)
        and (role is None or (competence.rule is not None and competence.rule.role is role))
    ]
    heads = {
        "party": "角色",
        "named": "文本所称",
        "bodies": "单位",
        "named_by": "设立条款",
        "role": "岗位",
        "matter": "事项类别",
        "step": "步骤",
        "clauses": "条款",
    }
    print_rows("competences", rows, heads, output=output, lang=lang)
