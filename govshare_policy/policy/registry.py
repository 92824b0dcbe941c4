# SPDX-License-Identifier: Apache-2.0
"""The clause registry: what became of every clause of every text, and what stands for it.

A lawyer goes from a clause to the lines that encode it and the cases that prove it, and back. So
the registry is held against the packs in both directions: what a disposition names has to exist,
and what cites a clause has to be named by the clause's disposition.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from govshare_policy.errors import PolicyError
from govshare_policy.legal import Clause
from govshare_policy.policy.bundle import load_pack, packs_directory, profiles
from govshare_policy.policy.clauses import parse_clauses, tsv_rows
from govshare_policy.policy.encodings import Encoding, Reference, encodings_of
from govshare_policy.policy.pack import Pack
from govshare_policy.policy.plain import decode_plain

FRAGMENTS: Final = "fragments"
FRAGMENT_PREFIXES: Final = ("HP", "HI", "H4", "HN", "WH")
COLUMNS: Final = ("clause", "disposition", "by", "test", "reason", "reason_zh")
# Every member of a decision record and of an outcome record (docs/spec/audit-log.md).
RECORD_FIELDS: Final = frozenset(
    (
        *("v", "phase", "id", "t", "department", "system", "network", "certificate"),
        *("outcome", "effect", "clauses", "reasons", "fields", "grant", "commitments"),
        *("grants", "counted"),
        *("duties", "duties.code", "duties.value", "duties.clause"),
        *("policy", "policy.profile", "policy.precedence", "policy.revision"),
        *("texts", "texts.profile", "texts.outcome", "texts.clauses"),
        *("texts.grant", "texts.findings"),
        *("call", "call.id", "call.action", "call.resource", "call.fields"),
        *("call.unknown_fields", "call.purpose", "call.channel", "call.item", "call.consent"),
        *("call.grant", "call.derived", "call.commercial"),
        *("call.recipient", "call.recipient.kind", "call.recipient.id"),
        *("commitments.operator", "commitments.recipient", "commitments.subject_1"),
        *("commitments.request", "commitments.response"),
        *("facts", "facts.day", "facts.flaw", "facts.assumed", "facts.system_department"),
        *("facts.operator_of", "facts.entry", "facts.entry.provider", "facts.entry.source"),
        *("facts.entry.upstream", "facts.entry.share_type", "facts.entry.classification"),
        *("facts.entry.secret", "facts.grants", "facts.grants.id", "facts.grants.state"),
        *("facts.grants.granted_by", "facts.grants.valid_from", "facts.grants.valid_to"),
        *("facts.grants.agreement", "facts.grants.agreed", "facts.grants_tried"),
        *("facts.used", "facts.used.grant", "facts.used.calls", "facts.consent"),
        *("facts.suspensions", "facts.approvals", "facts.destination"),
        *("decision", "status", "rows", "bytes"),
    )
)


class Kind(StrEnum):
    """How a clause is dealt with."""

    ENFORCED = "enforced"
    LINTED = "linted"
    TIMED = "timed"
    WORKFLOW = "workflow"
    RECORDED = "recorded"
    REPORTED = "reported"
    OUT_OF_SCOPE = "out_of_scope"


class Status(StrEnum):
    """How much of what a disposition names is there."""

    BUILT = "built"
    PARTLY = "partly"
    PLANNED = "planned"
    OUT_OF_SCOPE = "out_of_scope"


# What has to be among the things that a disposition names.
BEARERS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.ENFORCED: ("rule", "duty", "scope", "law", "part"),
    Kind.LINTED: ("lint", "part"),
    Kind.TIMED: ("deadline", "part"),
    Kind.WORKFLOW: ("step", "list", "part"),
    Kind.RECORDED: ("record", "list", "part"),
    Kind.REPORTED: ("report", "list", "part"),
    Kind.OUT_OF_SCOPE: (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the product that carries clauses without a line in a pack.

    Attributes:
        where: Its place in the repository; empty while it is only planned.
    """

    name: str
    where: str
    text_en: str
    text_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """What became of one clause.

    Attributes:
        by: What carries it; empty only for what is out of scope.
        tests: What proves it: ``calls:plain`` is a case shipped with the pack, anything with a
            ``::`` a test of the repository.
        reason: Why it is out of scope or only planned, or what the names alone do not say.
    """

    clause: str
    kind: Kind
    by: tuple[Reference, ...]
    tests: tuple[str, ...]
    reason_en: str
    reason_zh: str
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """All clauses with their dispositions, beside all that the packs encode.

    Attributes:
        homes: Clause to the directory whose ``clauses.tsv`` lists it.
        dispositions: By clause; a clause may be missing, which is a fault.
        encodings: By directory and reference; one reference may stand in several places.
    """

    packs: Mapping[str, Pack]
    clauses: Mapping[str, Clause]
    homes: Mapping[str, str]
    dispositions: Mapping[str, Disposition]
    encodings: Mapping[tuple[str, Reference], tuple[Encoding, ...]]
    parts: Mapping[str, Part]

    def status(self, disposition: Disposition) -> Status:
        """Return how much of what *disposition* names is there."""
        if disposition.kind is Kind.OUT_OF_SCOPE:
            return Status.OUT_OF_SCOPE
        there = [ref.kind != "part" or bool(self.parts[ref.name].where) for ref in disposition.by]
        if all(there):
            return Status.BUILT
        return Status.PARTLY if any(there) else Status.PLANNED

    def places(self, home: str, reference: Reference) -> tuple[Encoding, ...]:
        """Return where the pack in *home* has *reference*; empty for parts and record fields."""
        return self.encodings.get((home, reference), ())

    def citing(self, clause: str) -> tuple[Encoding, ...]:
        """Return everything that cites *clause*, in the order of the packs' files."""
        home = self.homes[clause]
        return tuple(
            encoding
            for (where, _), encodings in self.encodings.items()
            if where == home
            for encoding in encodings
            if clause in encoding.clauses
        )


def load_registry(packs: Path | None = None) -> Registry:
    """Load every pack, every clause and every disposition.

    Args:
        packs: The directory of the packs; by default the one that came with the library.

    Raises:
        PolicyError: If a file is wrong in itself. Whether the files agree with each other is for
            :func:`govshare_policy.policy.faults.faults_of` to say.
    """
    directory = packs or packs_directory()
    loaded = {name: load_pack(name, packs=directory) for name in profiles(directory)}
    clauses = {name: pack.clauses for name, pack in loaded.items()}
    if (directory / FRAGMENTS).is_dir():
        clauses[FRAGMENTS] = _fragments(directory / FRAGMENTS)
    parts = _parts(directory / "common" / "parts.toml")
    dispositions: dict[str, Disposition] = {}
    for name, known in clauses.items():
        for disposition in _dispositions(directory / name / "dispositions.tsv", known, parts):
            dispositions[disposition.clause] = disposition
    return Registry(
        packs=loaded,
        clauses={ident: clause for known in clauses.values() for ident, clause in known.items()},
        homes={ident: name for name, known in clauses.items() for ident in known},
        dispositions=dispositions,
        encodings=_encodings(loaded, directory),
        parts=parts,
    )


def _encodings(
    packs: Mapping[str, Pack], directory: Path
) -> dict[tuple[str, Reference], tuple[Encoding, ...]]:
    found: dict[tuple[str, Reference], tuple[Encoding, ...]] = {}
    for name, pack in packs.items():
        for encoding in encodings_of(pack, directory / name):
            key = (name, encoding.reference)
            found[key] = (*found.get(key, ()), encoding)
    return found


def _fragments(directory: Path) -> Mapping[str, Clause]:
    text = _text(directory / "clauses.tsv")
    try:
        return parse_clauses(text, prefixes=FRAGMENT_PREFIXES)
    except PolicyError as error:
        raise PolicyError(f"{FRAGMENTS}/{error}") from None


def _dispositions(
    path: Path, clauses: Mapping[str, Clause], parts: Mapping[str, Part]
) -> Iterable[Disposition]:
    file = f"{path.parent.name}/{path.name}"
    seen: set[str] = set()
    for line, cells in tsv_rows(_text(path), file=file, columns=COLUMNS):
        ident, kind, by, tests, english, chinese = cells
        where = f"{file} line {line}"
        if ident not in clauses or ident in seen:
            raise PolicyError(f"{where} column 1: not a clause of this text, or it stands twice")
        if kind not in set(Kind):
            raise PolicyError(f"{where} column 2: `{kind}` is not a disposition")
        if bool(english) is not bool(chinese):
            raise PolicyError(f"{where} column 5: a reason stands in one language only")
        seen.add(ident)
        yield Disposition(
            clause=ident,
            kind=Kind(kind),
            by=_references(by, parts, where),
            tests=tuple(tests.split("|")) if tests else (),
            reason_en=english,
            reason_zh=chinese,
            file=file,
            line=line,
        )


def _references(cell: str, parts: Mapping[str, Part], where: str) -> tuple[Reference, ...]:
    found: list[Reference] = []
    for word in cell.split("|") if cell else ():
        kind, _, name = word.partition(":")
        if kind not in {bearer for bearers in BEARERS.values() for bearer in bearers} or not name:
            raise PolicyError(f"{where} column 3: `{word}` is not a kind and a name")
        reference = Reference(kind=kind, name=name)
        if reference in found:
            raise PolicyError(f"{where} column 3: `{word}` stands twice")
        if kind == "part" and name not in parts:
            raise PolicyError(f"{where} column 3: `{name}` is not in common/parts.toml")
        found.append(reference)
    return tuple(found)


def _parts(path: Path) -> dict[str, Part]:
    try:
        tables = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"common/{path.name}: {error}") from None
    return {name: _part(name, table) for name, table in tables.items()}


def _part(name: str, table: object) -> Part:
    where = f"common/parts.toml: `{name}`"
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise PolicyError(f"{where} is not a table of texts")
    keys = {"status", "en", "zh"} | ({"where"} if table.get("status") == "built" else set())
    if set(table) != keys:
        raise PolicyError(f"{where} has the keys status, en, zh, and where once it is built")
    if table["status"] not in ("built", "planned"):
        raise PolicyError(f"{where}: the status is built or planned")
    return Part(name=name, where=table.get("where", ""), text_en=table["en"], text_zh=table["zh"])


def _text(path: Path) -> str:
    where = f"{path.parent.name}/{path.name}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PolicyError(f"{where}: cannot be read ({error.strerror})") from None
    return decode_plain(where, data)
