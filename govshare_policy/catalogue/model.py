# SPDX-License-Identifier: Apache-2.0
"""What linting speaks of: rules of a text, the catalogue they look at, and findings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from govshare_policy.register._table import Row

CATALOGUE_FILE: Final = "resources.tsv"
DEPARTMENTS_FILE: Final = "departments.tsv"
PLATFORM_FILE: Final = "platform.tsv"


class Severity(StrEnum):
    """How much a finding weighs: a duty that is not met, or something to look at."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class LintRule:
    """One thing that a text asks of its catalogue.

    Attributes:
        id: Unique in the text, such as ``fq-reason``.
        clauses: The provisions it rests on, the deciding one first; never empty.
        check: The name of the check that looks.
        columns: The columns it looks at, or the keys of ``platform.tsv``.
        when: Column to the values of which an entry has one, if the rule is to look at it.
        unless: The same; an entry that has all of them is passed over.
        values: What the check compares with; each check says what that means.
        text_en: What is said of a fault, with the names of :data:`PLACEHOLDERS` in braces.
    """

    id: str
    clauses: tuple[str, ...]
    severity: Severity
    check: str
    columns: tuple[str, ...]
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unless: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    text_en: str
    text_zh: str

    @property
    def code(self) -> str:
        """What was found, alike in all texts: the id without the prefix of the text."""
        return self.id.partition("-")[2].replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareMeaning:
    """What a share type means under one text, and where the text says so."""

    clauses: tuple[str, ...]
    text_en: str
    text_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LintText:
    """What one text asks of its catalogue, and what its share types mean.

    Attributes:
        item_share: The clause by which items may be laxer than their entry; empty if none.
    """

    profile: str
    rules: tuple[LintRule, ...]
    meanings: Mapping[str, ShareMeaning]
    item_share: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The registers that a lint looks at; cells may be unstated, but what is stated is sound.

    Attributes:
        entries: The rows of ``resources.tsv``, in the order of the file.
        columns: The columns of its header.
        departments: The rows of ``departments.tsv``, in the order of the file.
        names: Department id to its Chinese name.
        roles: Profile and role to the departments that hold it.
        platform: The rows of ``platform.tsv`` by key; ``None`` where there is no such file.
        negotiated: Resource to the first grant of it that rests on a negotiated agreement.
    """

    entries: tuple[Row, ...]
    columns: frozenset[str]
    departments: tuple[Row, ...]
    names: Mapping[str, str]
    roles: Mapping[tuple[str, str], frozenset[str]]
    platform: Mapping[str, Row] | None
    negotiated: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault, where it stands, and the clause that makes it one.

    Attributes:
        resource: The entry; empty where the fault is the platform's or the whole file's.
        line: The line in *file*, from 1.
        clauses: Never empty; the deciding one first.
        item: The item of the entry that it is about, where it is about one.
        department: The department, where it is about one in ``departments.tsv``.
    """

    resource: str
    severity: Severity
    code: str
    rule: str
    clauses: tuple[str, ...]
    file: str
    line: int
    column: str
    text: str
    text_zh: str
    item: str = ""
    department: str = ""

    def to_document(self) -> dict[str, object]:
        """Return the finding as ``govshare catalogue lint`` prints it."""
        about = {"resource": self.resource, "item": self.item, "department": self.department}
        document: dict[str, object] = {key: name for key, name in about.items() if name}
        return document | {
            "severity": self.severity.value,
            "code": self.code,
            "rule": self.rule,
            "clause": self.clauses[0],
            "clauses": list(self.clauses),
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "text": self.text,
            "text_zh": self.text_zh,
        }
