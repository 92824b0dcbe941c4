# SPDX-License-Identifier: Apache-2.0
"""Hold the clause registry against the packs, in both directions, and say what does not fit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from govshare_policy.policy.encodings import Reference
from govshare_policy.policy.registry import (
    BEARERS,
    RECORD_FIELDS,
    Disposition,
    Kind,
    Registry,
    Status,
)

# What stands in a file of a pack, and so can be looked up there.
_IN_PACKS: Final = ("rule", "duty", "scope", "law", "lint", "deadline", "step", "report", "list")
# What is proven by the cases of the packs; all else takes a test of the repository.
_PROVERS: Final = {
    "rule": "calls:",
    "lint": "catalogue:",
    "deadline": "deadlines:",
    "step": "workflow:",
}
_BY, _TEST, _REASON = 3, 4, 5

# Directory and name of a case (``calls:plain``) to the clauses and rules that it bears on.
Cases = Mapping[tuple[str, str], frozenset[str]]


class Severity(StrEnum):
    """Whether a fault has to be mended before the packs may be used."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that does not fit.

    Attributes:
        line: From 1; 0 where the fault is that something is missing from the file.
        column: From 1; 0 where it is not about one cell.
    """

    severity: Severity
    code: str
    clause: str
    file: str
    line: int
    column: int
    text: str
    text_zh: str

    def to_document(self) -> dict[str, object]:
        """Return it as a document, ready for JSON."""
        return {
            "severity": self.severity.value,
            "code": self.code,
            "clause": self.clause,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "text": self.text,
            "text_zh": self.text_zh,
        }


def faults_of(registry: Registry, cases: Cases) -> tuple[Fault, ...]:
    """Return what does not fit, errors and warnings, in the order of the clauses.

    Tests of the repository (with ``::`` in their names) are not looked for here: an installed
    package does not have them.
    """
    faults: list[Fault] = []
    for clause, home in registry.homes.items():
        disposition = registry.dispositions.get(clause)
        if disposition is None:
            faults.append(_missing(clause, home))
            continue
        faults += _of_shape(disposition)
        faults += _of_names(disposition, registry, home)
        faults += _of_citations(disposition, registry, home)
        faults += _of_tests(disposition, registry, cases)
        faults += _unbuilt(disposition, registry)
    return tuple(faults)


def _missing(clause: str, home: str) -> Fault:
    return Fault(
        severity=Severity.ERROR,
        code="no_disposition",
        clause=clause,
        file=f"{home}/dispositions.tsv",
        line=0,
        column=0,
        text=f"the clause `{clause}` has no disposition",
        text_zh=f"条款“{clause}”没有处置说明",
    )


def _of_shape(disposition: Disposition) -> Iterator[Fault]:
    kinds = {reference.kind for reference in disposition.by}
    if disposition.kind is Kind.OUT_OF_SCOPE:
        if disposition.by or disposition.tests:
            yield _error(disposition, "out_of_scope_by", _BY, "what is out of scope names nothing")
        if not disposition.reason_en:
            yield _error(disposition, "no_reason", _REASON, "what is out of scope says why")
        return
    if not kinds & set(BEARERS[disposition.kind]):
        text = f"`{disposition.kind}` wants one of {', '.join(BEARERS[disposition.kind])}"
        yield _error(disposition, "nothing_bears_it", _BY, text)


def _of_names(disposition: Disposition, registry: Registry, home: str) -> Iterator[Fault]:
    for reference in disposition.by:
        known = reference.kind == "part"
        known = known or (reference.kind == "record" and reference.name in RECORD_FIELDS)
        if not known and not registry.places(home, reference):
            yield _error(disposition, "unknown_name", _BY, f"there is no `{reference}`")


def _of_citations(disposition: Disposition, registry: Registry, home: str) -> Iterator[Fault]:
    citing = {encoding.reference for encoding in registry.citing(disposition.clause)}
    for reference in sorted(citing - set(disposition.by)):
        text = f"`{reference}` cites the clause and is not named"
        yield _error(disposition, "not_named_back", _BY, text)
    for reference in disposition.by:
        silent = reference.kind in _IN_PACKS and reference not in citing
        if silent and registry.places(home, reference) and not disposition.reason_en:
            text = f"`{reference}` does not cite the clause, and no reason says what it does for it"
            yield _error(disposition, "cites_another", _REASON, text)


def _of_tests(disposition: Disposition, registry: Registry, cases: Cases) -> Iterator[Fault]:
    home = registry.homes[disposition.clause]
    named = {kind: {r.name for r in disposition.by if r.kind == kind} for kind in _PROVERS}
    # The clause itself is cited where part of a conditional resource is found to be open.
    in_part = Reference(kind="law", name="item_share") in disposition.by
    bearing = {
        "calls": named["rule"] | ({disposition.clause} if in_part else set()),
        "catalogue": named["lint"],
        "deadlines": {disposition.clause} if named["deadline"] else set(),
        "workflow": {disposition.clause} if named["step"] else set(),
    }
    for test in disposition.tests:
        if "::" in test:
            continue
        if (home, test) not in cases:
            yield _error(disposition, "unknown_case", _TEST, f"there is no case `{test}`")
        elif not bearing[test.partition(":")[0]] & cases[home, test]:
            text = f"the case `{test}` would be answered the same without what is named"
            yield _error(disposition, "idle_case", _TEST, text)
    for kind in _unproven(disposition, registry):
        yield _error(disposition, "no_test", _TEST, f"no test proves what `{kind}` says it does")


def _unproven(disposition: Disposition, registry: Registry) -> Iterator[str]:
    """Yield the kinds of bearers that no test of *disposition* could notice the loss of."""
    built = {
        reference.kind
        for reference in disposition.by
        if reference.kind != "part" or registry.parts[reference.name].where
    }
    for kind in sorted(built):
        prover = _PROVERS.get(kind, "tests/")
        if not any(test.startswith(prover) for test in disposition.tests):
            yield kind


def _unbuilt(disposition: Disposition, registry: Registry) -> Iterator[Fault]:
    if registry.status(disposition) is not Status.PLANNED:
        return
    names = ", ".join(f"`{reference.name}`" for reference in disposition.by)
    yield Fault(
        severity=Severity.WARNING,
        code="not_encoded_yet",
        clause=disposition.clause,
        file=disposition.file,
        line=disposition.line,
        column=_BY,
        text=f"the clause `{disposition.clause}` is encoded nowhere yet; {names} will do it",
        text_zh=f"条款“{disposition.clause}”尚未编码，计划由 {names} 承担",
    )


_ZH: Final[Mapping[str, str]] = {
    "out_of_scope_by": "不在范围内的条款不应指明承担者或测试",
    "no_reason": "不在范围内的条款须写明理由",
    "nothing_bears_it": "处置方式与承担者不符",
    "no_test": "所指明的承担者没有测试证明",
    "unknown_name": "所指明的承担者不存在",
    "not_named_back": "有规则引用该条款而处置说明未列明",
    "cites_another": "所指明的规则未引用该条款，且未说明理由",
    "unknown_case": "所指明的用例不存在",
    "idle_case": "去掉承担者后用例结果不变，不能证明该条款",
}


def _error(disposition: Disposition, code: str, column: int, text: str) -> Fault:
    return Fault(
        severity=Severity.ERROR,
        code=code,
        clause=disposition.clause,
        file=disposition.file,
        line=disposition.line,
        column=column,
        text=f"`{disposition.clause}`: {text}",
        text_zh=f"“{disposition.clause}”：{_ZH[code]}",
    )
