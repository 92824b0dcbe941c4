# SPDX-License-Identifier: Apache-2.0
"""What the commands for procedures share: the deployment, the actor, the answer."""

import inspect
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import typer
from rich.table import Table
from rich.text import Text

from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    console,
    dump,
)
from govshare_policy.cli.workflow_desk import open_desk, open_reader
from govshare_policy.errors import CallError
from govshare_policy.identity import SHANGHAI, legal_day
from govshare_policy.workflow import (
    Actor,
    Inputs,
    Matter,
    MatterKind,
    Role,
    StepAnswer,
    Want,
    Workflow,
    next_steps,
)

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_REASON_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")

ConfigOption = Annotated[
    Path, typer.Option("--config", help="The configuration of the deployment (TOML).")
]
AtOption = Annotated[
    str, typer.Option("--at", help="When, with a zone; default: now. Recorded as stated.")
]
ByOption = Annotated[str, typer.Option("--by", help="The body that acts, e.g. D-CAB.")]
PersonOption = Annotated[
    str, typer.Option("--person", help="Who acts for it; kept as a commitment only.")
]
RoleOption = Annotated[Role, typer.Option("--role", help="In which role the person acts.")]
MatterArgument = Annotated[str, typer.Argument(metavar="MATTER", help="Its id: APP-2026-0001.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="The specific reason, in words.")]
ReasonCodeOption = Annotated[
    str, typer.Option("--reason-code", help="The reason as a code: outside_duties.")
]
FindingOption = Annotated[str, typer.Option("--finding", help="What was found, in words.")]
CalendarOption = Annotated[
    Path | None, typer.Option("--calendar", help="A TSV file over the published holidays.")
]
AsOfOption = Annotated[str, typer.Option("--as-of", help="The day looked at; default: today.")]
CONFIG: Final = Path("govshare.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What every command that takes a step is told besides its own options."""

    by: ByOption
    person: PersonOption
    role: RoleOption
    config: ConfigOption = CONFIG
    at: AtOption = ""
    output: OutputOption = None
    lang: LangOption = None

    @property
    def actor(self) -> Actor:
        """Who takes the step."""
        return Actor(body=self.by, person=self.person, role=self.role)


def takes_step(role: Role) -> Callable[[Callable[..., StepAnswer]], Callable[..., None]]:
    """Make a command of a function that takes a step: with the common options, and the answer out.

    The function gets a :class:`Desk` and the :class:`Common` options before its own, which are
    keyword-only.

    Args:
        role: The role that the step is usually taken in; ``--role`` says otherwise.
    """

    def decorate(function: Callable[..., StepAnswer]) -> Callable[..., None]:
        own = list(inspect.signature(function).parameters.values())[2:]
        hints = get_type_hints(function, include_extras=True)
        common = {
            name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in inspect.signature(Common).parameters.items()
        }
        common["role"] = common["role"].replace(default=role)

        def command(**options: Any) -> None:  # noqa: ANN401  whatever the options are
            told = Common(**{name: options.pop(name) for name in common})
            with open_desk(told.config, told.at) as desk:
                answer = function(desk, told, **options)
            print_answer(answer, told.output, told.lang)

        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.__signature__ = inspect.Signature([*own, *common.values()])  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: hints[p.name] for p in own} | get_type_hints(
            Common, include_extras=True
        )
        return command

    return decorate


def inputs_of(
    *,
    reason_code: str = "",
    days: int = 0,
    flags: Mapping[Want, bool] | None = None,
    **texts: str,
) -> Inputs:
    """Return what a step comes with; *texts* are named as the wants are."""
    if reason_code and not _REASON_CODE.fullmatch(reason_code):
        raise CallError("a reason code is made of lower-case letters, digits and underscores")
    return Inputs(
        texts={Want(name): unicodedata.normalize("NFC", text) for name, text in texts.items()},
        reason_code=reason_code,
        days=days,
        flags=frozenset(want for want, is_there in (flags or {}).items() if is_there),
    )


def codes(text: str) -> tuple[str, ...]:
    """Return the codes in a list such as ``id_no,name``; the empty text has none."""
    parts = re.split(r"[,|]", unicodedata.normalize("NFC", text))
    return tuple(part.strip() for part in parts) if text else ()


def day_of(text: str, option: str) -> date:
    """Return the day that *option* states, or today.

    Raises:
        CallError: If it is no day.
    """
    return day_or_none(text, option) or legal_day(datetime.now(UTC))


def day_or_none(text: str, option: str) -> date | None:
    """Return the day that *option* states, if it states one."""
    if not text:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise CallError(f"`{option}` is a day such as 2026-01-05")


def print_answer(answer: StepAnswer, output: Output | None, lang: Lang | None) -> None:
    """Print what became of a step; exit 1 if it was refused."""
    form = chosen_output(output, off_terminal=Output.JSON)
    document = answer.to_document()
    if form is Output.TABLE:
        _print_step(answer, chinese=chosen_lang(lang) is Lang.ZH)
    else:
        typer.echo(dump(document, form))
    if answer.refusal is not None:
        raise typer.Exit(1)


def either(chosen: bool | None, yes: str, no: str) -> str:  # noqa: FBT001  an option's value
    """Return the name of the way that was chosen.

    Raises:
        CallError: If none was.
    """
    if chosen is None:
        raise CallError(f"say which way: `{yes}` or `{no}`; see --help")
    return yes if chosen else no


def print_rows(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    output: Output | None,
    lang: Lang | None,
) -> None:
    """Print *rows* as a table of *columns* (key to Chinese head), a document or lines."""
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is Output.JSON:
        typer.echo(dump({name: list(rows)}, form))
    elif form is Output.JSONL:
        for row in rows:
            typer.echo(dump(row, form))
    else:
        chinese = chosen_lang(lang) is Lang.ZH
        table = Table(box=None, header_style="bold", padding=(0, 1))
        for key, head in columns.items():
            table.add_column(head if chinese else key.replace("_", " "), overflow="fold")
        for row in rows:
            table.add_row(*(_shown(row.get(key, "")) for key in columns))
        console().print(table)


def print_matters(
    kinds: tuple[MatterKind, ...],
    config: ConfigOption,
    output: OutputOption,
    lang: LangOption,
) -> None:
    """Print the matters of *kinds*, with their state and the steps that are next."""
    with open_reader(config) as reader:
        rows = [
            matter_document(matter, reader.texts)
            for kind in kinds
            for matter in reader.matters(kind)
        ]
    heads = {
        "matter": "事项",
        "department": "使用部门",
        "resource": "资源",
        "states": "状态",
        "next": "可办步骤",
    }
    print_rows("matters", rows, heads, output=output, lang=lang)


def matter_document(matter: Matter, texts: Sequence[Workflow]) -> dict[str, object]:
    """Return *matter* with its history, ready for JSON; persons stay out."""
    own = [text for text in texts if text.profile in matter.states]
    return {
        "matter": matter.id,
        "kind": matter.kind.value,
        "about": matter.parent,
        "route": matter.route,
        "department": matter.department,
        "provider": matter.provider,
        "resource": matter.resource,
        "states": dict(matter.states),
        "next": list(next_steps(matter, own)),
        "stamps": {
            profile: {event.value: day.isoformat() for event, day in events.items()}
            for profile, events in matter.stamps.items()
        },
        "content": dict(matter.content),
        "steps": [
            {
                "step": taken.step,
                "at": taken.at.astimezone(SHANGHAI).isoformat(),
                "by": taken.body,
                "role": taken.role.value,
                "record": {"id": taken.id, "index": taken.record},
                **dict(taken.detail),
            }
            for taken in matter.steps
        ],
    }


def _print_step(answer: StepAnswer, *, chinese: bool) -> None:
    out = console()
    if answer.refusal is not None:
        said = answer.refusal.text_zh if chinese else answer.refusal.text
        out.print(Text(f"✗ {answer.step}: {said}", style="bold red"))
    else:
        out.print(Text(f"✓ {answer.matter}  {answer.step}", style="bold green"))
    rows = [
        ("条款" if chinese else "clauses", ", ".join(answer.clauses)),
        ("状态" if chinese else "states", _shown(dict(answer.states))),
        ("告知" if chinese else "told", "\n".join(_told(told) for told in answer.told)),
        ("审计记录" if chinese else "record", f"{answer.record} {answer.step_id}"),
        *((key, _shown(value)) for key, value in answer.more.items()),
    ]
    table = Table(box=None, show_header=False, padding=(0, 1))
    for head, value in rows:
        if value:
            table.add_row(Text(head, style="dim"), value)
    out.print(table)


def _told(told: Mapping[str, str]) -> str:
    return f"{told['to']} ({told['bodies'] or '–'}) {told['act']} {told['clause']}"


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {_shown(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_shown, value))
    return "" if value is None else str(value)
