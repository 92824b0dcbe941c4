# SPDX-License-Identifier: Apache-2.0
"""Records on a terminal, for the commands that show some."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from govshare_policy.cli.output import COLOURS, console, visible
from govshare_policy.legal import Outcome

_HEADS: Final = (
    ("序号", "#"),
    ("时间", "time"),
    ("阶段", "phase"),
    ("部门", "department"),
    ("系统", "system"),
    ("资源", "resource"),
    ("结果", "outcome"),
    ("条款", "clause"),
)


def print_records(records: Iterable[tuple[int, Mapping[str, Any]]], *, chinese: bool) -> None:
    """Print *records*, each with its number, as a table."""
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for zh, en in _HEADS:
        table.add_column(zh if chinese else en, overflow="fold")
    for number, record in records:
        outcome = str(record.get("outcome", record.get("status", record.get("event", ""))))
        style = COLOURS[Outcome(outcome)] if outcome in set(Outcome) else ""
        call, clauses = record.get("call", record), record.get("clauses", ())
        table.add_row(
            str(number),
            *(_shown(record.get(key, "")) for key in ("t", "phase", "department", "system")),
            _shown(call.get("resource", "")) if isinstance(call, Mapping) else "",
            Text(visible(outcome), style=style),
            _shown(next(iter(clauses), "")) if isinstance(clauses, list) else "",
        )
    console().print(table)


def _shown(value: object) -> str:
    return visible(str(value))
