# SPDX-License-Identifier: Apache-2.0
"""One rule asked of one catalogue, and the faults that a check answers with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from govshare_policy.catalogue.model import CATALOGUE_FILE, Catalogue, LintRule
from govshare_policy.register._table import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault and where it stands.

    Attributes:
        row: The entry; ``None`` where the whole file is at fault.
        value: What stands there, where a sentence may say it.
        other: The id of the other entry or department concerned.
        department: The department, where the fault is in its own row.
    """

    row: Row | None
    column: str
    file: str = CATALOGUE_FILE
    line: int = 1
    value: str = ""
    other: str = ""
    department: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One rule, asked of one catalogue under one profile.

    Attributes:
        rows: What stands for the entries, where it is not they themselves.
    """

    rule: LintRule
    catalogue: Catalogue
    profile: str
    rows: Sequence[Row] | None = None

    def entries(self) -> Iterator[Row]:
        """Yield the entries that the rule looks at."""
        when, unless = self.rule.when, self.rule.unless
        for row in self.catalogue.entries if self.rows is None else self.rows:
            if not _has(row, when) or (unless and _has(row, unless)):
                continue
            yield row

    def cells(self) -> Iterator[tuple[Row, str, str]]:
        """Yield entry, column and cell of what the rule looks at and the entry states."""
        for row in self.entries():
            for column in self.rule.columns:
                if row.text(column):
                    yield row, column, row.text(column)


Check = Callable[[Question], Iterator[Fault]]


def fault_at(row: Row, column: str, *, value: str = "", other: str = "") -> Fault:
    """Return the fault of the cell of *row* in *column*."""
    return Fault(row=row, column=column, line=row.line, value=value, other=other)


def _has(row: Row, wanted: Mapping[str, tuple[str, ...]]) -> bool:
    return all(row.text(column) in values for column, values in wanted.items())
