# SPDX-License-Identifier: Apache-2.0
"""What the demo shows: rich on a terminal, plain and 100 columns wide in a pipe."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from examples.county.calls import Made
from examples.county.onward import Tried
from govshare_policy.cli.output import COLOURS, Lang
from govshare_policy.legal import Clause, Outcome

WIDTH: Final = 100
SELECTED: Final = (
    "D01", "D09", "D10", "D12", "D13", "D14", "D17", "D19", "D20", "D24", "D26", "D31", "D34",
    "D36", "D37",
)  # fmt: skip
COMPARED: Final = ("D09", "D17", "D18", "D05", "D37")
_OUTCOMES_ZH: Final = {
    Outcome.ALLOW: "放行",
    Outcome.NEEDS_PLATFORM_AUTHORIZATION: "需平台授权",
    Outcome.NEEDS_GRANT: "需部门授权",
    Outcome.DENY_NEGOTIABLE: "可协商",
    Outcome.DENY: "拒绝",
    Outcome.SUSPENDED: "已暂停",
    Outcome.OUT_OF_SCOPE: "不在范围",
}
_NAMES: Final = {
    Lang.ZH: {"hubei": "湖北省办法", "henan-fengqiu": "河南封丘通知", "consumer": "用数部门"},
    Lang.EN: {"hubei": "Hubei", "henan-fengqiu": "Fengqiu (Henan)", "consumer": "the consumer"},
}


class Screen:
    """Prints the demo in one language."""

    def __init__(self, lang: Lang) -> None:
        self._zh = lang is Lang.ZH
        self._names = _NAMES[lang]
        terminal = sys.stdout.isatty()
        width = min(Console().width, 120) if terminal else WIDTH
        # In a pipe nothing but text and line ends may come out, whatever FORCE_COLOR says.
        self._console = Console(
            width=width,
            highlight=False,
            force_terminal=None if terminal else False,
            color_system="auto" if terminal else None,
        )

    def say(self, zh: str, en: str, *, style: str = "") -> None:
        """Print one line."""
        self._console.print(Text(self._choose(zh, en), style=style))

    def done(self, zh: str, en: str) -> None:
        """Print a line about something that went well."""
        self._console.print(Text.assemble(("✓ ", "bold green"), self._choose(zh, en)))

    def heading(self, zh: str, en: str) -> None:
        """Print the heading of a part."""
        self._console.print()
        self._console.print(Text(self._choose(zh, en), style="bold"))

    def header(self) -> None:
        """Print what this is."""
        title = self._choose("政务共享卫士 · 青岚县的一天", "govshare · a day in Qinglan county")
        text = self._choose(
            "虚构的县、虚构的人，真实的服务、证书与连接。同一天的调用交给两个文本分别裁决：\n"
            "湖北省办法与河南封丘通知（precedence = local，各依本文本，以显出差别；"
            "init 默认写 strictest）。",
            "The county and its people are invented; services, certificates and connections are "
            "real.\nThe same day is answered under two texts, Hubei's and Fengqiu's (precedence = "
            "local: each text\nanswers alone, so that they can be seen to differ; init writes "
            "strictest).",
        )
        self._console.print(
            Panel(Text(text), title=title, title_align="left", box=self._frame(), padding=(0, 1))
        )

    @contextmanager
    def progress(self, profiles: Sequence[str], total: int) -> Iterator[Callable[[str], None]]:
        """Show how many of *total* calls a profile has had while the block runs."""
        if not self._console.is_terminal:
            yield lambda _profile: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self._console, transient=True) as bars:
            tasks = {name: bars.add_task(self._name(name), total=total) for name in profiles}
            yield lambda profile: bars.advance(tasks[profile])

    def selected(self, made: Sequence[Made], clauses: Mapping[str, Clause]) -> None:
        """Print some calls with their outcome, the clause that decides, and why."""
        table = self._table()
        self._column(table, "调用", "call", ratio=4)
        table.add_column(self._choose("结果", "outcome"), min_width=10 if self._zh else 13)
        table.add_column(self._choose("条款", "clause"), no_wrap=True)
        self._column(table, "理由", "why", ratio=5)
        for call in _firsts(made, SELECTED):
            clause = clauses[_expected_clause(call)]
            why = self._choose(call.reason_zh, call.reason_en) or self._sentence(clause)
            table.add_row(self._title(call), self._outcome(call), clause.id, why)
        self._console.print(table)

    def compared(
        self,
        days: Mapping[str, Sequence[Made]],
        clauses: Mapping[str, Clause],
        released: Callable[[Made], Sequence[str]],
    ) -> None:
        """Print what two texts say of the same calls."""
        table = self._table()
        self._column(table, "同一调用", "the same call", ratio=3)
        for profile in days:
            table.add_column(self._name(profile), ratio=4, overflow="fold")
        columns = [list(_firsts(made, COMPARED)) for made in days.values()]
        for row in zip(*columns, strict=True):
            cells = []
            if table.rows:
                table.add_row()
            for call in row:
                clause = clauses[_expected_clause(call)]
                cell = self._outcome(call)
                cell = Text.assemble(cell, f" {clause.id}\n{self._sentence(clause)}")
                if fields := released(call):
                    cell.append(f"\n→ {', '.join(fields)}", style="dim")
                cells.append(cell)
            table.add_row(self._title(row[0]), *cells)
        self._console.print(table)

    def onward(self, tried: Sequence[Tried]) -> None:
        """Print what became of each way of passing obtained data on."""
        table = self._table()
        self._column(table, "用数系统发给公司", "a consumer sends a company", ratio=3)
        table.add_column(self._choose("结果", "outcome"), min_width=12)
        table.add_column(self._choose("条款", "clause"), no_wrap=True)
        table.add_column(self._choose("识别出的回执", "receipt recognised"), no_wrap=True)
        for one in tried:
            outcome, style = self._choose("放行", "passes"), "green"
            if one.denied:
                counted = f" {one.denied}/{one.sent}" if one.sent > 1 else ""
                outcome, style = self._choose("拒绝", "denied") + counted, "red"
            title = self._choose(one.title_zh, one.title_en)
            table.add_row(title, Text(outcome, style=style), one.clause, one.receipt)
        self._console.print(table)

    def filtered(self, title: tuple[str, str], before: object, after: object) -> None:
        """Print what a department's API returned beside what left the sidecar."""
        self.say(*title)
        table = self._table()
        self._column(table, "部门接口返回", "the department returned", ratio=1)
        self._column(table, "离开代理", "what left the sidecar", ratio=1)
        table.add_row(_indented(before), Text(_indented(after), style="green"))
        self._console.print(table)

    def counts(self, days: Mapping[str, Sequence[Made]]) -> None:
        """Print how often each outcome was given."""
        counts = {profile: Counter(call.outcome for call in made) for profile, made in days.items()}
        table = self._table(expand=False)
        table.add_column(self._choose("结果", "outcome"))
        for profile in days:
            table.add_column(self._name(profile), justify="right")
        for outcome in Outcome:
            if any(count[outcome] for count in counts.values()):
                numbers = [str(count[outcome]) for count in counts.values()]
                table.add_row(self._outcome_text(outcome), *numbers)
        totals = [str(len(made)) for made in days.values()]
        table.add_row(self._choose("合计", "calls"), *totals, style="bold")
        self._console.print(table)

    def verified(self, profile: str, verdict: Mapping[str, Any]) -> None:
        """Print what ``govshare audit verify`` found."""
        size, checkpoints, root = verdict["size"], verdict["checkpoints"], verdict["root"][:16]
        self.done(
            f"{self._name(profile)}：{size} 条记录、{checkpoints} 个 SM2 签名检查点全部验证，"
            f"根 {root}…",
            f"{self._name(profile)}: {size} records and {checkpoints} SM2-signed checkpoints "
            f"verified, root {root}…",
        )

    def refused(self, sentence: str) -> None:
        """Print that something was refused, as it should be."""
        self._console.print(Text.assemble(("✗ ", "bold red"), sentence))

    def command(self, line: str, printed: str = "") -> None:
        """Print a command one can run, and what it printed."""
        self._console.print(Text(f"  $ {line}", style="cyan"), soft_wrap=True)
        if printed:
            self._console.print(Text(f"  {printed}"))

    def fault(self, line: str) -> None:
        """Print something that is not as the script has it."""
        self._console.print(Text(f"✗ {line}", style="bold red"))

    def _choose(self, zh: str, en: str) -> str:
        return zh if self._zh else en

    def _name(self, profile: str) -> str:
        return self._names[profile]

    def _title(self, call: Made) -> str:
        return self._choose(call.step.title_zh, call.step.title_en)

    def _sentence(self, clause: Clause) -> str:
        return self._choose(clause.text_zh, clause.text_en)

    def _outcome(self, call: Made) -> Text:
        return self._outcome_text(Outcome(call.outcome))

    def _outcome_text(self, outcome: Outcome) -> Text:
        english = outcome.value.replace("_", " ")
        return Text(self._choose(_OUTCOMES_ZH[outcome], english), style=COLOURS[outcome])

    def _column(self, table: Table, zh: str, en: str, *, ratio: int) -> None:
        # Chinese has no spaces to break at: fold, or the end of a sentence would be cut off.
        table.add_column(self._choose(zh, en), ratio=ratio, overflow="fold")

    def _table(self, *, expand: bool = True) -> Table:
        return Table(
            box=self._box(),
            expand=expand,
            pad_edge=self._console.is_terminal,
            header_style="bold",
        )

    def _box(self) -> box.Box:
        return box.ROUNDED if self._console.is_terminal else box.SIMPLE_HEAD

    def _frame(self) -> box.Box:
        return box.ROUNDED if self._console.is_terminal else box.HORIZONTALS


def _firsts(made: Sequence[Made], ids: Sequence[str]) -> Iterator[Made]:
    """Yield the first call of each step in *ids*."""
    first = {call.step.id: call for call in reversed(made)}
    yield from (first[ident] for ident in ids)


def _expected_clause(call: Made) -> str:
    return call.step.expected[call.profile].clause


def _indented(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)
