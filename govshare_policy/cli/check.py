# SPDX-License-Identifier: Apache-2.0
"""``govshare check`` and ``govshare explain``: answer calls offline, recording nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.table import Table
from rich.text import Text

from govshare_policy.call import MAX_CALL_BYTES, parse_call
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
from govshare_policy.decision import Decision, Ruling
from govshare_policy.errors import CallError
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Answer, Basis, check
from govshare_policy.identity import AssumedTrust
from govshare_policy.legal import Effect, Outcome
from govshare_policy.policy import Precedence, load_bundle
from govshare_policy.register import load_register

ProfileOption = Annotated[str, typer.Option("--profile", help="Whose text decides: hubei, …")]
DataOption = Annotated[Path, typer.Option("--data", help="The data directory.")]
PrecedenceOption = Annotated[
    Precedence, typer.Option("--precedence", help="Which texts are asked when two speak.")
]
CallsOption = Annotated[
    str, typer.Option("--calls", help="A file with one JSON object a line; - for standard input.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the input: its answer, or what is wrong with it."""

    number: int
    answer: Answer | None = None
    error: str = ""

    def to_document(self) -> dict[str, object]:
        """Return the answer as a document, or the number of the line and the error."""
        if self.answer is not None:
            return self.answer.to_document()
        return {"line": self.number, "error": self.error}


@dataclass(slots=True)
class Tally:
    """How a batch went, for the exit code."""

    lines: int = 0
    denied: int = 0
    unparsed: int = 0

    def count(self, line: Line) -> None:
        """Count one line."""
        self.lines += 1
        self.unparsed += line.answer is None
        self.denied += line.answer is not None and line.answer.decision.effect is Effect.DENY

    @property
    def exit_code(self) -> int:
        """2 if a line did not parse, 1 if the only call was denied, else 0."""
        if self.unparsed:
            return 2
        return 1 if self.lines == self.denied == 1 else 0


def check_command(
    profile: ProfileOption,
    data: DataOption,
    precedence: PrecedenceOption = Precedence.LOCAL,
    calls: CallsOption = "-",
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Answer calls offline: JSON lines in, JSON lines out. Records nothing.

    Exits 0 when all is well, 1 when a single call is denied, 2 when a line does not parse.

    Example: govshare check --profile hubei --data data --calls calls.jsonl
    """
    basis = _basis(profile, data, precedence)
    form = chosen_output(output, off_terminal=Output.JSONL)
    tally, kept = Tally(), []
    with _opened(calls) as (stream, size), progress("calls") as tick:
        for line in _answers(stream, basis):
            tally.count(line)
            if form is Output.JSONL:
                typer.echo(dump(line.to_document(), form))
            else:
                kept.append(line)
            if size:
                tick(stream.tell(), size)
    if not tally.lines:
        raise CallError("there is no call on the input; give one JSON object a line")
    if form is Output.JSON:
        typer.echo(dump([line.to_document() for line in kept], form))
    elif form is Output.TABLE:
        _print_answers(kept, chosen_lang(lang))
    raise typer.Exit(tally.exit_code)


def explain_command(
    profile: ProfileOption,
    data: DataOption,
    precedence: PrecedenceOption = Precedence.LOCAL,
    calls: CallsOption = "-",
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Answer one call offline, with every rule that was tried and why it did not match.

    Exits 0 when the call is allowed, 1 when it is denied, 2 when it does not parse.

    Example: echo '{"id": …}' | govshare explain --profile hubei --data data
    """
    basis = _basis(profile, data, precedence)
    with _opened(calls) as (stream, _):
        lines = list(_answers(stream, basis))
    if len(lines) != 1:
        raise CallError(f"explain takes one call, and there are {len(lines)} on the input")
    answer = lines[0].answer
    if answer is None:
        raise CallError(lines[0].error)
    tried = [row for ruling in answer.decision.rulings for row in _tried(ruling, basis)]
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is Output.TABLE:
        _print_explanation(answer, tried, basis, chosen_lang(lang))
    else:
        findings = [
            {"profile": ruling.profile, **ruling.findings} for ruling in answer.decision.rulings
        ]
        typer.echo(dump(answer.to_document() | {"findings": findings, "tried": tried}, form))
    raise typer.Exit(0 if answer.decision.effect is Effect.ALLOW else 1)


def _basis(profile: str, data: Path, precedence: Precedence) -> Basis:
    register = load_register(data)
    return Basis(
        trust=AssumedTrust(),
        facts=RegisterFacts(register=register),
        bundle=load_bundle(profile, register, precedence=precedence),
    )


@contextmanager
def _opened(calls: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open the input; the size is 0 where it is not known."""
    if calls == "-":
        yield sys.stdin.buffer, 0
        return
    path = Path(calls)
    with path.open("rb") as stream:
        yield stream, path.stat().st_size


def _answers(stream: BinaryIO, basis: Basis) -> Iterator[Line]:
    for number, data in _lines(stream):
        if not data.strip():
            continue
        try:
            yield Line(number=number, answer=check(parse_call(data), basis))
        except CallError as error:
            yield Line(number=number, error=str(error))


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines, each cut just past the most that a call may have."""
    number = 0
    while piece := stream.readline(MAX_CALL_BYTES + 2):
        number += 1
        line = piece.removesuffix(b"\n").removesuffix(b"\r")
        while piece and not piece.endswith(b"\n"):
            piece = stream.readline(1 << 20)
        yield number, line


def _tried(ruling: Ruling, basis: Basis) -> list[dict[str, object]]:
    pack = next(t.pack for t in basis.bundle.texts if t.pack.profile == ruling.profile)
    rows: list[dict[str, object]] = []
    for rule in pack.rules:
        missed = rule.misses(ruling.findings, pack.policy.kinds)
        rows.append(
            {
                "profile": pack.profile,
                "rule": rule.id,
                "line": rule.line,
                "clauses": list(rule.clauses),
                "outcome": rule.outcome.value,
                "matched": not missed,
                "why_not": [
                    {"column": column, "wanted": wanted, "found": ruling.findings[column]}
                    for column, wanted in missed.items()
                ],
            }
        )
    return rows


def _print_answers(lines: list[Line], lang: Lang) -> None:
    chinese = lang is Lang.ZH
    heads = ("调用", "结果", "条款", "理由") if chinese else ("call", "outcome", "clause", "reason")
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for head in heads:
        table.add_column(head, overflow="fold")
    for line in lines:
        if line.answer is None:
            where = f"第 {line.number} 行" if chinese else f"line {line.number}"
            table.add_row(where, Text("–", style="red"), "", line.error)
            continue
        decision = line.answer.decision
        reason = decision.reasons[0]
        why = Text(reason.text_zh if chinese else reason.text)
        if remedy := reason.remedy_zh if chinese else reason.remedy:
            why.append(f"\n→ {remedy}", style="green")
        outcome = Text(decision.outcome.value, style=COLOURS[decision.outcome])
        table.add_row(line.answer.id, outcome, decision.clauses[0], why)
    console().print(table)


def _print_explanation(
    answer: Answer, tried: list[dict[str, object]], basis: Basis, lang: Lang
) -> None:
    chinese, out = lang is Lang.ZH, console()
    decision = answer.decision
    style = f"bold {COLOURS[decision.outcome]}"
    out.print(Text(f"{answer.id}  {decision.outcome.value}", style=style))
    clauses = {c.id: c for t in basis.bundle.texts for c in t.pack.clauses.values()}
    for reason in decision.reasons:
        text, remedy = (
            (reason.text_zh, reason.remedy_zh) if chinese else (reason.text, reason.remedy)
        )
        out.print(f"  {reason.clause}  {text}")
        clause = clauses[reason.clause]
        said = clause.text_zh if chinese else clause.text_en
        out.print(Text(f"    {clause.document} {clause.article}: {said}", style="dim"))
        if remedy:
            out.print(Text(f"    → {remedy}", style="green"))
    for line in _said_by_texts(answer.decision, chinese=chinese):
        out.print(line)
    heads = (
        ("规则", "条款", "结果", "不适用的原因")
        if chinese
        else ("rule", "clause", "outcome", "why not")
    )
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in tried:
        table.add_row(*_explained(row, chinese=chinese))
    out.print(table)


def _said_by_texts(decision: Decision, *, chinese: bool) -> Iterator[Text]:
    """Yield a line a text where several were asked: which decided, and which would have not so."""
    strictest: dict[str, Outcome] = {}
    for ruling in decision.rulings:
        before = strictest.setdefault(ruling.profile, ruling.outcome)
        strictest[ruling.profile] = max(before, ruling.outcome, key=lambda one: one.restriction)
    for profile, outcome in strictest.items() if len(strictest) > 1 else ():
        agrees = outcome is decision.outcome
        if chinese:
            word = "据此作出" if agrees else "单独适用时结果不同"
        else:
            word = "decides" if agrees else "alone would have decided otherwise"
        line = Text(f"  {profile}  ", style="dim")
        line.append(outcome.value, style=COLOURS[outcome])
        yield line.append(f"  {word}", style="dim")


def _explained(row: dict[str, object], *, chinese: bool) -> tuple[str | Text, ...]:
    missed: list[dict[str, str]] = row["why_not"]  # type: ignore[assignment]
    is_not = "≠"
    why: str | Text = Text("适用" if chinese else "matched", style="bold")
    if missed:
        first = missed[0]
        why = f"{first['column']}: {first['found']} {is_not} {first['wanted']}"
    clauses: list[str] = row["clauses"]  # type: ignore[assignment]
    style = "" if missed else "bold"
    return Text(str(row["rule"]), style=style), clauses[0], str(row["outcome"]), why
