# SPDX-License-Identifier: Apache-2.0
"""Checks of who answers for sharing: posts and units of departments, leads of bases and themes.

Nothing is said of a register that does not keep such columns at all: it may be kept elsewhere.
"""

from collections.abc import Iterator

from govshare_policy.catalogue.columns import BODY_LABELS
from govshare_policy.catalogue.model import DEPARTMENTS_FILE
from govshare_policy.catalogue.question import Fault, Question, fault_at
from govshare_policy.register._appointments import LEADS
from govshare_policy.register._table import Row


def appointed(question: Question) -> Iterator[Fault]:
    """Every department whose kind is one of the values states the columns.

    A column that the register lacks, though it keeps another of the kind, is one fault.
    """
    rows = question.catalogue.departments
    kept = set(BODY_LABELS) & set(rows[0].cells if rows else ())
    for column in question.rule.columns if kept else ():
        if column not in kept:
            yield Fault(row=None, column=column, file=DEPARTMENTS_FILE, other=DEPARTMENTS_FILE)
            continue
        for row in rows:
            if row.text("subject_type") in question.rule.values and not row.text(column):
                yield _of_department(row, column)


def scoped_to(question: Question) -> Iterator[Fault]:
    """Every body that a scope names is of a kind that is one of the values."""
    rows = question.catalogue.departments
    kinds = {row.text("dept_id"): row.text("subject_type") for row in rows}
    for row, column, _ in question.cells():
        for body in row.codes(column):
            if body in kinds and kinds[body] not in question.rule.values:
                yield fault_at(row, column, value=kinds[body], other=body)


def has_lead(question: Question) -> Iterator[Fault]:
    """Every base or theme that an entry names is led by exactly one department."""
    leads, seen = _leads(question), set[str]()
    if leads is None:
        return
    for row, column, code in question.cells():
        if code not in seen and len(leads.get(code, ())) != 1 and code != "-":
            yield fault_at(row, column, value=code)
        seen.add(code)


def led_by(question: Question) -> Iterator[Fault]:
    """The lead of a base or theme holds the role named by the one value, where both are known."""
    leads, role = _leads(question), question.rule.values[0]
    holders = question.catalogue.roles.get((question.profile, role), frozenset())
    seen: set[str] = set()
    if leads is None or not holders:
        return
    for row, column, code in question.cells():
        for lead in leads.get(code, ()) if code not in seen else ():
            if lead not in holders:
                yield fault_at(row, column, value=code, other=lead)
        seen.add(code)


def _leads(question: Question) -> dict[str, list[str]] | None:
    """Return base or theme to the departments that lead it; ``None`` where none is registered."""
    rows = question.catalogue.departments
    if not rows or LEADS not in rows[0].cells:
        return None
    leads: dict[str, list[str]] = {}
    for row in rows:
        for code in row.codes(LEADS):
            leads.setdefault(code, []).append(row.text("dept_id"))
    return leads


def _of_department(row: Row, column: str) -> Fault:
    ident = row.text("dept_id")
    return Fault(
        row=None, column=column, file=DEPARTMENTS_FILE, line=row.line, other=ident, department=ident
    )
