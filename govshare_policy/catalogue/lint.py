# SPDX-License-Identifier: Apache-2.0
"""Hold a catalogue against what a text asks of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from govshare_policy.catalogue.checks import CHECKS
from govshare_policy.catalogue.columns import LABELS, word_of
from govshare_policy.catalogue.items import ItemRow, column_of_item, item_rows, judges_items
from govshare_policy.catalogue.model import Catalogue, Finding, LintRule, LintText
from govshare_policy.catalogue.question import Fault, Question
from govshare_policy.register._items import COLUMN as ITEM_TYPES


def lint(catalogue: Catalogue, text: LintText) -> tuple[Finding, ...]:
    """Return every finding: what is said of whole files first, then line by line.

    Pure: the same catalogue and text give the same findings.
    """
    found = [finding for rule in text.rules for finding in _found(rule, catalogue, text.profile)]
    order = {rule.id: number for number, rule in enumerate(text.rules)}
    return tuple(sorted(found, key=lambda f: (f.resource != "", f.file, f.line, order[f.rule])))


def _found(rule: LintRule, catalogue: Catalogue, profile: str) -> Iterator[Finding]:
    question = Question(rule=rule, catalogue=catalogue, profile=profile)
    faults = list(CHECKS[rule.check].find(question))
    if judges_items(rule):
        rows = list(item_rows(catalogue.entries))
        faults += _of_items(CHECKS[rule.check].find(replace(question, rows=rows)), faults)
    for fault in faults:
        yield _finding(rule, fault, catalogue)


def _of_items(found: Iterable[Fault], of_entries: Iterable[Fault]) -> Iterator[Fault]:
    """Yield the faults of items that are not those of their entries, for these say it all."""
    said = {(_resource(fault), fault.column) for fault in of_entries}
    for fault in found:
        if (_resource(fault), fault.column) not in said:
            yield replace(fault, column=column_of_item(fault.column))


def _finding(rule: LintRule, fault: Fault, catalogue: Catalogue) -> Finding:
    item = fault.row.item if isinstance(fault.row, ItemRow) else ""
    text = rule.text_en.format_map(_values(fault, catalogue, chinese=False))
    text_zh = rule.text_zh.format_map(_values(fault, catalogue, chinese=True))
    return Finding(
        resource=_resource(fault),
        severity=rule.severity,
        code=rule.code,
        rule=rule.id,
        clauses=rule.clauses,
        file=fault.file,
        line=fault.line,
        column=fault.column,
        text=f"{text} (item `{item}`)" if item else text,
        text_zh=f"{text_zh}（信息项“{item}”）" if item else text_zh,
        item=item,
        department=fault.department,
    )


def _resource(fault: Fault) -> str:
    return fault.row.text("resource_id") if fault.row is not None else ""


def _values(fault: Fault, catalogue: Catalogue, *, chinese: bool) -> dict[str, str]:
    provider = fault.row.text("provider") if fault.row else ""
    names = catalogue.names if chinese else {}
    return {
        "column": LABELS.get(fault.column, (fault.column, fault.column))[chinese],
        "value": _word(fault, names) if chinese else fault.value,
        "other": names.get(fault.other, fault.other),
        "resource": fault.row.text("resource_id") if fault.row else "",
        "provider": names.get(provider, provider),
    }


def _word(fault: Fault, names: Mapping[str, str]) -> str:
    column = "share_type" if fault.column == ITEM_TYPES else fault.column
    return names.get(fault.value, word_of(column, fault.value))
