# SPDX-License-Identifier: Apache-2.0
"""``govshare audit replay``: does the archived policy still say what the log says it said?"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from govshare_policy.audit import Checkpoint, read_records
from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    Tick,
    chosen_lang,
    chosen_output,
    console,
    dump,
    progress,
)
from govshare_policy.errors import CallError, ConfigError
from govshare_policy.policy import Precedence, load_bundle
from govshare_policy.register import load_register
from govshare_policy.replay import Archive, Loader, Replayed, Verdict, load_bundle_directory, replay

# What a document or a table shows; `--output jsonl` gives all.
SHOWN: Final = 100
_STEP: Final = 1000
_WELL: Final = (Verdict.SAME, Verdict.FAULT)
_NAMES: Final = {
    Verdict.SAME: ("一致", "the same, byte for byte"),
    Verdict.DIFFERS: ("不一致", "differ"),
    Verdict.FAULT: ("系统故障，按规定拒绝", "refused because something failed"),
    Verdict.MISSING: ("缺少当时的规则包", "not replayable: the policy is not among those given"),
    Verdict.UNREADABLE: ("记录无法识别", "not replayable: not what the gate writes"),
}


def replay_command(  # noqa: PLR0913  one option each
    log: Annotated[Path, typer.Argument(metavar="LOGDIR", help="The directory of the log.")],
    *,
    bundle: Annotated[
        list[Path] | None,
        typer.Option("--bundle", help="An archived bundle; may be given again."),
    ] = None,
    profile: Annotated[str, typer.Option("--profile", help="The text, with --data.")] = "",
    data: Annotated[
        Path | None, typer.Option("--data", help="The data directory as it was then.")
    ] = None,
    precedence: Annotated[
        Precedence, typer.Option("--precedence", help="Which texts were asked, with --data.")
    ] = Precedence.STRICTEST,
    packs: Annotated[
        Path | None, typer.Option("--packs", help="The packs as they were then, with --data.")
    ] = None,
    as_if: Annotated[
        bool,
        typer.Option(
            "--as-if", help="Decide by the one policy given, whatever policy a record names."
        ),
    ] = False,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Decide every recorded call again and compare it with its record, byte by byte.

    Exits 0 if all are the same, and 1 if a call differs or cannot be replayed. Says nothing about
    trust: verify the log first.

    Example: govshare audit replay audit/log --bundle archive/2026-01
    """
    form = chosen_output(output, off_terminal=Output.JSON)
    archive, only = _policies(bundle or [], profile, data, precedence, packs)
    if as_if and only is None:
        raise CallError("--as-if takes exactly one policy")
    tally = _Tally()
    with progress("records") as tick:
        under = only() if as_if and only is not None else None
        for one in replay(_ticked(log, tick), archive, under=under):
            tally.take(one)
            if form is Output.JSONL and one.verdict not in _WELL:
                typer.echo(dump(_document(one), form))
    if form is Output.TABLE:
        _print(tally, chinese=chosen_lang(lang) is Lang.ZH)
    else:
        shown = [_document(one) for one in tally.shown]
        found = {} if form is Output.JSONL else {"findings": shown}
        typer.echo(dump(tally.to_document() | found, form))
    if not tally.is_well:
        raise typer.Exit(1)


@dataclass(slots=True)
class _Tally:
    """What was found, and the first findings; memory does not grow with the log."""

    counts: Counter[Verdict] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    shown: list[Replayed] = field(default_factory=list)

    def take(self, one: Replayed) -> None:
        self.counts[one.verdict] += 1
        if one.verdict is Verdict.MISSING:
            self.missing[one.revision] += 1
        if one.verdict not in _WELL and len(self.shown) < SHOWN:
            self.shown.append(one)

    @property
    def is_well(self) -> bool:
        return all(verdict in _WELL for verdict in self.counts)

    def to_document(self) -> dict[str, object]:
        return {
            "calls": self.counts.total(),
            **{verdict.value: self.counts[verdict] for verdict in Verdict},
            "missing_revisions": dict(self.missing),
        }


def _policies(
    bundles: Sequence[Path],
    profile: str,
    data: Path | None,
    precedence: Precedence,
    packs: Path | None,
) -> tuple[Archive, Loader | None]:
    """Return the policies to choose from, and how to load the only one if it is."""
    loaders: dict[str, Loader] = {}
    for directory in bundles:
        revision, loader = load_bundle_directory(directory)
        loaders[revision] = loader
    if bool(profile) != (data is not None):
        raise CallError("--profile and --data go together")
    if data is not None:
        loaded = load_bundle(profile, load_register(data), precedence=precedence, packs=packs)
        loaders[f"sm3:{loaded.revision.hex()}"] = lambda: loaded
    if not loaders:
        raise CallError("give an archived policy: --bundle, or --profile and --data")
    only = next(iter(loaders.values())) if len(loaders) == 1 else None
    return Archive(loaders), only


def _ticked(log: Path, tick: Tick) -> Iterator[tuple[int, bytes]]:
    if not log.is_dir():
        raise ConfigError(f"`{log.name}` is not the directory of a log; check the path")
    total = Checkpoint.from_note((log / "checkpoint").read_bytes()).size
    for index, data in read_records(log):
        if index % _STEP == 0:
            tick(index, max(index, total))
        yield index, data


def _document(one: Replayed) -> dict[str, object]:
    document: dict[str, object] = {
        "index": one.index,
        "id": one.id,
        "verdict": one.verdict.value,
        "revision": one.revision,
    }
    if one.verdict is Verdict.DIFFERS:
        document |= {
            "members": list(one.members),
            "recorded": dict(one.recorded),
            "replayed": dict(one.replayed),
        }
    return document


def _print(tally: _Tally, *, chinese: bool) -> None:
    out = console()
    for verdict, (name_zh, name) in _NAMES.items():
        count = tally.counts[verdict]
        if count or verdict is Verdict.SAME:
            style = "green" if verdict is Verdict.SAME else "" if verdict in _WELL else "bold red"
            out.print(Text(f"{count:>8}  {name_zh if chinese else name}", style=style))
    if not tally.shown:
        return
    heads = (
        ("序号", "结论", "不同之处", "记录为", "重算为")
        if chinese
        else ("#", "verdict", "differs in", "recorded", "decided again")
    )
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for head in heads:
        table.add_column(head, overflow="fold")
    for one in tally.shown:
        table.add_row(
            str(one.index),
            _NAMES[one.verdict][0] if chinese else one.verdict.value,
            ", ".join(one.members),
            _outcome(one.recorded),
            _outcome(one.replayed),
        )
    out.print(table)


def _outcome(noticed: Mapping[str, object]) -> str:
    clauses = noticed.get("clauses")
    first = str(clauses[0]) if isinstance(clauses, list) and clauses else ""
    return " ".join(part for part in (str(noticed.get("outcome", "")), first) if part)
