# SPDX-License-Identifier: Apache-2.0
"""``govshare egress trace`` and ``heartbeats``: where rows came from, and when a guard was off."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from govshare_policy.audit import SaltStore, format_time
from govshare_policy.cli.audit_common import LogArgument, there
from govshare_policy.cli.egress_evidence import key_of, read_rows, records_of
from govshare_policy.cli.egress_marks import CANARY, ORDER
from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.workflow import print_rows
from govshare_policy.crypto import load_public_key
from govshare_policy.egress.batchfile import Row
from govshare_policy.egress.canary import load_register
from govshare_policy.egress.heartbeat_keeper import HeartbeatKeeper
from govshare_policy.egress.keys import load_keys
from govshare_policy.egress.leafstore import RELEASES, LeafStore
from govshare_policy.egress.trace import Candidate, Signs, candidates_in, trace
from govshare_policy.errors import AuditError, CallError, VerificationError
from govshare_policy.inspection.choice import parse_until

_FORMAT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_FITS: Final = {
    "decision": "判定",
    "at": "时间",
    "department": "部门",
    "resource": "资源",
    "records": "记录数",
    "weight": "权重",
    "likelihood": "可能性",
}
_GAPS: Final = {
    "guard": "守卫",
    "fault": "缺陷",
    "since": "自",
    "until": "至",
    "first": "首号",
    "last": "末号",
}

SeenOption = Annotated[
    str, typer.Option("--seen", metavar="TIME", help="When the rows were found; a day or instant.")
]


def trace_command(  # noqa: PLR0913  each is an option of the command
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The leaked rows.")],
    log: LogArgument,
    salts: Annotated[
        Path | None, typer.Option("--salts", help="The salt store, for the leaves.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help="The key file, for canaries and order.")
    ] = None,
    register: Annotated[
        Path | None, typer.Option("--register", help="The register of canaries.")
    ] = None,
    by: Annotated[
        str, typer.Option("--by", metavar="FIELDS", help="What told rows apart when marked.")
    ] = "",
    renamed: Annotated[
        list[str] | None,
        typer.Option("--renamed", metavar="THEIRS=OURS", help="A field that has another name."),
    ] = None,
    resource: Annotated[str, typer.Option("--resource", help="Only releases of this.")] = "",
    seen: SeenOption = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The most that are named.")] = 10,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Name the releases that leaked rows fit, with a likelihood; nothing of the rows is printed.

    Exits 1 if none of them is likelier than that the rows came from elsewhere.

    Example: govshare egress trace leaked.csv audit/log --salts audit/salts.sqlite
    --keys egress.key --register canaries.jsonl --by id_no
    """
    rows = _renamed(read_rows(file), renamed or ())
    if not rows:
        raise CallError("the file holds no row")
    candidates = candidates_in(records_of(log), instant=_instant, resource=resource)
    department = load_keys(keys) if keys is not None else ()
    signs = Signs(
        canary_keys=[key.derive(CANARY) for key in department],
        planted=load_register(there(register)) if register is not None else (),
        order_keys=[key.derive(ORDER) for key in department],
        order_fields=tuple(by.split(",")) if by else (),
    )
    until = None
    if seen:
        until = datetime.fromtimestamp(parse_until(seen, "--seen") / 1_000_000, UTC)
    with_keys = candidates if salts is None else _with_keys(candidates, there(salts))
    fits = trace(rows, with_keys, signs, seen=until)
    documents = [fit.to_document() for fit in fits[:limit]]
    print_rows("fits", documents, _FITS, output=output, lang=lang)
    raise typer.Exit(int(not any(fit.weight > 0 for fit in fits)))


def heartbeats_command(
    file: Annotated[Path, typer.Argument(metavar="STORE", help="The heartbeats that are kept.")],
    *,
    every: Annotated[
        float, typer.Option("--every", min=0.1, help="Seconds from one to the next.")
    ] = 60.0,
    take: Annotated[
        Path | None, typer.Option("--take", help="First keep the signed heartbeat in this file.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="With --take: the guard's public key (PEM).")
    ] = None,
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="TIME", help="Until when to look; default now.")
    ] = "",
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """List where heartbeats are missing, late, or contradict each other; exits 1 if anywhere.

    Example: govshare egress heartbeats heartbeats.sqlite --every 60
    """
    now = datetime.now(UTC)
    until = now
    if as_of:
        until = datetime.fromtimestamp(parse_until(as_of, "--as-of") / 1_000_000, UTC)
    if (take is None) is not (key is None):
        raise CallError("--take and --key go together")
    if take is not None and key is not None:
        data = there(take).read_bytes()
        HeartbeatKeeper(file).take(data, load_public_key(key), at=now)
    keeper = HeartbeatKeeper(there(file), read_only=True)
    found = [
        gap
        for guard in keeper.guards()
        for gap in keeper.gaps(guard, every=timedelta(seconds=every), at=until)
    ]
    documents = [
        {
            "guard": gap.guard,
            "fault": gap.fault.value,
            "since": format_time(gap.since) if gap.since.year > 1 else "",
            "until": format_time(gap.until),
            "first": gap.first,
            "last": gap.last,
        }
        for gap in found
    ]
    print_rows("gaps", documents, _GAPS, output=output, lang=lang)
    raise typer.Exit(int(bool(found)))


def _renamed(rows: Iterable[Row], renamed: Iterable[str]) -> list[Row]:
    names = dict(one.split("=", 1) for one in renamed if "=" in one)
    if any("=" not in one for one in renamed):
        raise CallError("--renamed takes THEIRS=OURS")
    return [
        replace(row, cells={names.get(name, name): text for name, text in row.cells.items()})
        for row in rows
    ]


def _with_keys(candidates: Iterable[Candidate], salts: Path) -> Iterable[Candidate]:
    """Yield *candidates* with keys and leaves, where they are still to be had."""
    place = salts.with_name(RELEASES)
    with SaltStore(salts, read_only=True) as store:
        leaves = LeafStore(place, read_only=True) if place.exists() else None
        for one in candidates:
            found = one
            with suppress(VerificationError, AuditError):
                kept = leaves.leaves(one.decision) if leaves is not None else b""
                found = replace(one, key=key_of(store, one.decision), leaves=kept)
            yield found


def _instant(text: str) -> datetime:
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
