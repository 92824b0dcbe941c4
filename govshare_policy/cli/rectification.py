# SPDX-License-Identifier: Apache-2.0
"""``govshare rectification``: notices of violations, followed until they are put right."""

import re
from collections.abc import Callable
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
    take,
)
from govshare_policy.cli.workflow import (
    CONFIG,
    AsOfOption,
    AtOption,
    ByOption,
    ConfigOption,
    MatterArgument,
    PersonOption,
    ReasonOption,
    RoleOption,
    day_of,
    day_or_none,
)
from govshare_policy.cli.workflow_desk import Desk
from govshare_policy.errors import CallError
from govshare_policy.supervision import ProceedingKind, Wish
from govshare_policy.workflow import Actor, Role

_EVIDENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:#-]{0,254}")
_MOST_EVIDENCE: Final = 100

rectification_app = typer.Typer(
    no_args_is_help=True,
    help="Give notice of a violation, and follow it until it is put right; every step is recorded.",
)


@rectification_app.command("notice")
def notice_command(  # noqa: PLR0913  one parameter an option
    *,
    department: Annotated[str, typer.Option("--department", help="Who has to put it right.")],
    violation: Annotated[
        str, typer.Option("--violation", help="The item of the list, e.g. px-catalogue.")
    ],
    by: ByOption,
    person: PersonOption,
    resource: Annotated[str, typer.Option("--resource", help="What it is about.")] = "",
    evidence: Annotated[
        list[str] | None,
        typer.Option("--evidence", help="As the report names it: log#12, resources.tsv:3."),
    ] = None,
    reason: ReasonOption = "",
    until: UntilOption = "",
    profile: ProfileOption = "",
    role: RoleOption = Role.MANAGE,
    at: AtOption = "",
    config: ConfigOption = CONFIG,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Record the notice that the body of the text gives to a department.

    Example: govshare rectification notice --department D-HCB --violation hu-purpose
    --resource R08 --evidence audit.example/calls#12 --until 2026-12-31 --reason "…"
    --by D-DRC --person deng
    """
    stated = _evidence(evidence or [])

    def wish(desk: Desk) -> Wish:
        return Wish(
            kind=ProceedingKind.RECTIFICATION,
            step="notice",
            actor=Actor(body=by, person=person, role=role),
            moment=desk.moment,
            told=department,
            violation=violation,
            resource=resource,
            reason=reason,
            until=day_or_none(until, "--until"),
            evidence=stated,
        )

    take(wish, profile, config, at, output, lang)


@rectification_app.command("reply")
def reply_command(  # noqa: PLR0913  one parameter an option
    *,
    matter: MatterArgument,
    by: ByOption,
    person: PersonOption,
    reason: ReasonOption = "",
    profile: ProfileOption = "",
    role: RoleOption = Role.OPERATE,
    at: AtOption = "",
    config: ConfigOption = CONFIG,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Record what the department answers: what it has put right.

    Example: govshare rectification reply REC-2026-0001 --reason "…" --by D-HCB --person qian
    """
    wish = _step("reply", matter, Actor(body=by, person=person, role=role), reason)
    take(wish, profile, config, at, output, lang)


@rectification_app.command("close")
def close_command(  # noqa: PLR0913  one parameter an option
    *,
    matter: MatterArgument,
    by: ByOption,
    person: PersonOption,
    profile: ProfileOption = "",
    role: RoleOption = Role.MANAGE,
    at: AtOption = "",
    config: ConfigOption = CONFIG,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Record that it is put right.

    Example: govshare rectification close REC-2026-0001 --by D-DRC --person deng
    """
    wish = _step("close", matter, Actor(body=by, person=person, role=role), "")
    take(wish, profile, config, at, output, lang)


@rectification_app.command("escalate")
def escalate_command(  # noqa: PLR0913  one parameter an option
    *,
    matter: MatterArgument,
    step: Annotated[
        str,
        typer.Option("--step", help="What the text has: report, criticise, refer."),
    ],
    by: ByOption,
    person: PersonOption,
    reason: ReasonOption = "",
    profile: ProfileOption = "",
    role: RoleOption = Role.MANAGE,
    at: AtOption = "",
    config: ConfigOption = CONFIG,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Record what follows when it is not put right: reported upward, criticised, referred.

    Example: govshare rectification escalate REC-2026-0001 --step report --by D-DRC --person deng
    """
    wish = _step(step, matter, Actor(body=by, person=person, role=role), reason)
    take(wish, profile, config, at, output, lang)


@rectification_app.command("list")
def list_command(
    *,
    log: LogOption,
    trust: TrustOption = None,
    as_of: AsOfOption = "",
    overdue: OverdueOption = False,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """List the notices, how they stand, and by when they have to be put right.

    Example: govshare rectification list --log audit/workflow/log --overdue --as-of 2027-01-05
    """
    print_proceedings(
        ProceedingKind.RECTIFICATION,
        log,
        trust,
        day_of(as_of, "--as-of"),
        overdue=overdue,
        output=output,
        lang=lang,
    )


def _step(step: str, matter: str, actor: Actor, reason: str) -> Callable[[Desk], Wish]:
    return lambda desk: Wish(
        kind=ProceedingKind.RECTIFICATION,
        step=step,
        actor=actor,
        moment=desk.moment,
        matter=matter,
        reason=reason,
    )


def _evidence(places: list[str]) -> tuple[str, ...]:
    if len(places) > _MOST_EVIDENCE or not all(_EVIDENCE.fullmatch(place) for place in places):
        raise CallError("evidence is `log#record`, `file:line` or the id of a matter, at most 100")
    return tuple(dict.fromkeys(places))
