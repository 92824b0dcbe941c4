# SPDX-License-Identifier: Apache-2.0
"""``govshare entitlements``: what a department may use now, and what is missing for the rest."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from govshare_policy.audit import format_time
from govshare_policy.cli.bundle import parse_instant
from govshare_policy.cli.output import (
    COLOURS,
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    console,
    dump,
    progress,
)
from govshare_policy.decision import Decision
from govshare_policy.entitlements import Entitlement, Scope, State, entitlements, load_revoked
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Basis
from govshare_policy.identity import AssumedTrust
from govshare_policy.policy import Precedence, load_bundle
from govshare_policy.register import load_register

_STATES: Final = {
    State.NONE: ("无授权", "no grant", "dim"),
    State.NOT_YET_ACTIVE: ("未生效", "not yet active", "yellow"),
    State.ACTIVE: ("有效", "active", "green"),
    State.EXPIRING: ("即将到期", "expiring", "yellow"),
    State.EXPIRED: ("已过期", "expired", "red"),
    State.REVOKED: ("已撤销", "revoked", "red"),
    State.SUSPENDED: ("已暂停", "suspended", "magenta"),
}
_OPEN_ANYWAY: Final = (
    "以下信息项对各部门开放，无需授权，与该授权的状态无关",
    "these fields are open to all; no grant is needed, and the state of this one changes nothing",
)
_HEADS: Final = {
    Lang.ZH: ("资源", "授权", "现在可用，或所缺条件"),
    Lang.EN: ("resource", "grant", "lawful now, or what is missing"),
}


def entitlements_command(  # noqa: PLR0913  one parameter an option
    *,
    profile: Annotated[str, typer.Option("--profile", help="Whose text decides: hubei, …")],
    data: Annotated[Path, typer.Option("--data", help="The data directory.")],
    department: Annotated[str, typer.Option("--department", help="The id of the department.")],
    system: Annotated[
        str, typer.Option("--system", help="One of its systems; by default all of them.")
    ] = "",
    resource: Annotated[
        str, typer.Option("--resource", help="One resource; by default the whole catalogue.")
    ] = "",
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="INSTANT", help="The instant asked about; by default now."),
    ] = None,
    precedence: Annotated[
        Precedence, typer.Option("--precedence", help="Which texts are asked when two speak.")
    ] = Precedence.LOCAL,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """List what a department may use now, and for the rest what is missing and the clause.

    Every line is what `govshare check` answers to a call in the terms of the grant.

    Example: govshare entitlements --profile hubei --data data --department D-HCB
    """
    instant = datetime.now(UTC) if at is None else parse_instant(at, option="--at")
    register = load_register(data)
    basis = Basis(
        trust=AssumedTrust(),
        facts=RegisterFacts(register=register),
        bundle=load_bundle(profile, register, precedence=precedence),
    )
    found: list[Entitlement] = []
    order = {ident: number for number, ident in enumerate(register.resources, 1)}
    with progress("resources") as tick:
        for one in entitlements(
            basis,
            department=department,
            system=system,
            resource=resource,
            at=instant,
            revoked=load_revoked(data),
        ):
            found.append(one)
            tick(order[one.entry.id], len(order))
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is Output.TABLE:
        _print(found, chosen_lang(lang))
    elif form is Output.JSONL:
        for one in found:
            typer.echo(dump(_document(one), form))
    else:
        head = {
            "profile": profile,
            "precedence": precedence.value,
            "revision": f"sm3:{basis.bundle.revision.hex()}",
            "department": department,
            "system": system,
            "at": format_time(instant),
        }
        typer.echo(dump(head | {"entitlements": [_document(one) for one in found]}, form))


def _document(one: Entitlement) -> dict[str, object]:
    grant, entry = one.grant, one.entry
    periods = [grant.period for grant in one.grants]
    starts = max((period.valid_from for period in periods), default=None)
    ends = min((period.valid_to for period in periods), default=None)
    return {
        "resource": entry.id,
        "name_zh": entry.name_zh,
        "name_en": entry.name_en,
        "provider": entry.provider,
        "share_type": entry.share_type,
        "grant": grant.id if grant is not None else "",
        "grants": [grant.id for grant in one.grants],
        "state": one.state.value,
        "valid_from": starts.isoformat() if starts is not None else "",
        "valid_to": ends.isoformat() if ends is not None else "",
        "consent": one.consent.id if one.consent is not None else "",
        "lawful": [
            {
                "systems": list(scope.systems),
                "networks": list(scope.networks),
                "channels": list(scope.channels),
                "purposes": list(scope.purposes),
                "fields": list(scope.fields),
                "duties": list(scope.duties),
            }
            for scope in one.scopes
        ],
        "missing": _missing(one.missing) if one.missing is not None else None,
        "note": _OPEN_ANYWAY[1] if one.is_open_anyway else "",
        "note_zh": _OPEN_ANYWAY[0] if one.is_open_anyway else "",
    }


def _missing(decision: Decision) -> dict[str, object]:
    return {
        "outcome": decision.outcome.value,
        "clauses": list(decision.clauses),
        "reasons": [
            {
                "code": reason.code,
                "clause": reason.clause,
                "text": reason.text,
                "text_zh": reason.text_zh,
                "remedy": reason.remedy,
                "remedy_zh": reason.remedy_zh,
            }
            for reason in decision.reasons
        ],
    }


def _print(found: Iterable[Entitlement], lang: Lang) -> None:
    chinese = lang is Lang.ZH
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for head in _HEADS[lang]:
        table.add_column(head, overflow="fold")
    for one in sorted(found, key=lambda one: one.missing is not None):  # what is lawful first
        name = one.entry.name_zh if chinese else one.entry.name_en or one.entry.name_zh
        zh, en, style = _STATES[one.state]
        names = " + ".join(grant.id for grant in one.grants)
        grant = Text(f"{names} " if names else "")
        grant.append(zh if chinese else en, style=style)
        if one.consent is not None:
            grant.append(f" + {one.consent.id}")
        table.add_row(f"{one.entry.id} {name}", grant, _said(one, chinese=chinese))
    console().print(table)


def _said(one: Entitlement, *, chinese: bool) -> Text:
    if one.missing is None:
        lines = [_scope(scope, chinese=chinese) for scope in one.scopes]
        if one.is_open_anyway:
            lines.insert(0, Text(_OPEN_ANYWAY[0 if chinese else 1], style="yellow"))
        return Text("\n").join(lines)
    reason = one.missing.reasons[0]
    text, remedy = (reason.text_zh, reason.remedy_zh) if chinese else (reason.text, reason.remedy)
    said = Text(f"{one.missing.outcome.value} ", style=COLOURS[one.missing.outcome])
    said.append(f"{reason.clause} {text}", style="default")
    if remedy:
        said.append(f"\n→ {remedy}", style="dim")
    return said


def _scope(scope: Scope, *, chinese: bool) -> Text:
    anything = "任何" if chinese else "any"
    said = Text("✓ ", style="green")
    said.append(", ".join(scope.fields), style="default")
    parts = (scope.purposes, scope.channels, scope.systems, scope.networks)
    shown = (", ".join(anything if value == "*" else value for value in part) for part in parts)
    said.append(f"  [{' · '.join(shown)}]", style="dim")
    return said
