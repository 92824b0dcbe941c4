# SPDX-License-Identifier: Apache-2.0
"""``govshare disposal``: what becomes of data once the grant they came under has ended."""

import re
from typing import Annotated, Final

import typer

from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.supervision_desk import (
    LogOption,
    OverdueOption,
    ProfileOption,
    TrustOption,
    UntilOption,
    print_proceedings,
    proceedings_of,
    take,
)
from govshare_policy.cli.workflow import (
    CONFIG,
    AsOfOption,
    AtOption,
    ByOption,
    ConfigOption,
    PersonOption,
    RoleOption,
    day_of,
    day_or_none,
)
from govshare_policy.cli.workflow_desk import Desk
from govshare_policy.errors import CallError
from govshare_policy.supervision import ProceedingKind, Wish
from govshare_policy.workflow import Actor, Role

_WAY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")

WayOption = Annotated[
    str, typer.Option("--way", help="How, as a code: destroyed, returned, anonymised.")
]
GrantArgument = Annotated[str, typer.Argument(metavar="GRANT", help="The grant that ended.")]

disposal_app = typer.Typer(
    no_args_is_help=True,
    help="Have data disposed of once their purpose is over; every step is recorded.",
)


@disposal_app.command("require")
def require_command(  # noqa: PLR0913  one parameter an option
    *,
    grant: GrantArgument,
    by: ByOption,
    person: PersonOption,
    way: WayOption = "",
    until: UntilOption = "",
    profile: ProfileOption = "",
    role: RoleOption = Role.MANAGE,
    at: AtOption = "",
    config: ConfigOption = CONFIG,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Say as the provider how the data under a grant that ended are to be disposed of.

    Example: govshare disposal require G07 --way destroyed --until 2026-12-31 --by D-HEC --person yu
    """

    def wish(desk: Desk) -> Wish:
        return Wish(
            kind=ProceedingKind.DISPOSAL,
            step="require",
            actor=Actor(body=by, person=person, role=role),
            moment=desk.moment,
            grant=grant,
            way=_way(way),
            until=day_or_none(until, "--until"),
        )

    take(wish, profile, config, at, output, lang)


@disposal_app.command("state")
def state_command(  # noqa: PLR0913  one parameter an option
    *,
    grant: GrantArgument,
    by: ByOption,
    person: PersonOption,
    way: WayOption = "",
    profile: ProfileOption = "",
    role: RoleOption = Role.MANAGE,
    at: AtOption = "",
    config: ConfigOption = CONFIG,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """State as the user that the data under a grant that ended have been disposed of.

    Example: govshare disposal state G07 --way destroyed --by D-EDU --person gao
    """

    def wish(desk: Desk) -> Wish:
        known = [one.id for one in proceedings_of(desk) if one.grant == grant]
        return Wish(
            kind=ProceedingKind.DISPOSAL,
            step="dispose",
            actor=Actor(body=by, person=person, role=role),
            moment=desk.moment,
            matter=known[0] if known else "",
            grant=grant,
            way=_way(way),
        )

    take(wish, profile, config, at, output, lang)


@disposal_app.command("list")
def list_command(
    *,
    log: LogOption,
    trust: TrustOption = None,
    as_of: AsOfOption = "",
    overdue: OverdueOption = False,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """List the disposals that were required or stated; the report has those nobody states.

    Example: govshare disposal list --log audit/workflow/log --overdue
    """
    print_proceedings(
        ProceedingKind.DISPOSAL,
        log,
        trust,
        day_of(as_of, "--as-of"),
        overdue=overdue,
        output=output,
        lang=lang,
    )


def _way(text: str) -> str:
    if text and not _WAY.fullmatch(text):
        raise CallError("a way is made of lower-case letters, digits and underscores")
    return text
