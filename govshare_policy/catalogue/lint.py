# SPDX-License-Identifier: Apache-2.0
"""Hold a catalogue against what a text asks of it."""

from collections.abc import Iterator, Mapping

from govshare_policy.catalogue.checks import CHECKS, Fault, Question
from govshare_policy.catalogue.columns import LABELS, word_of
from govshare_policy.catalogue.model import Catalogue, Finding, LintRule, LintText


def lint(catalogue: Catalogue, text: LintText) -> tuple[Finding, ...]:
    """Return every finding: what is said of whole files first, then line by line.

    Pure: the same catalogue and text give the same findings.
    """
    found = [finding for rule in text.rules for finding in _found(rule, catalogue, text.profile)]
    order = {rule.id: number for number, rule in enumerate(text.rules)}
    return tuple(sorted(found, key=lambda f: (f.resource != "", f.file, f.line, order[f.rule])))


def _found(rule: LintRule, catalogue: Catalogue, profile: str) -> Iterator[Finding]:
    question = Question(rule=rule, catalogue=catalogue, profile=profile)
    for fault in CHECKS[rule.check].find(question):
        yield Finding(
            resource=fault.row.text("resource_id") if fault.row else "",
            severity=rule.severity,
            code=rule.code,
            rule=rule.id,
            clauses=rule.clauses,
            file=fault.file,
            line=fault.line,
            column=fault.column,
            text=rule.text_en.format_map(_values(fault, catalogue, chinese=False)),
            text_zh=rule.text_zh.format_map(_values(fault, catalogue, chinese=True)),
        )


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
    return names.get(fault.value, word_of(fault.column, fault.value))
