# SPDX-License-Identifier: Apache-2.0
"""Where a pack encodes its text: each rule, duty, scope line, lint rule, deadline, step, report.

What a lint rule, a deadline or a step means is for their own modules to say. Here they are only
read as far as "which line carries which clauses", so that one registry can be held against all.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from govshare_policy.errors import PolicyError
from govshare_policy.policy.pack import Pack
from govshare_policy.policy.plain import decode_plain

LAW_KEYS: Final = ("silence", "open_share", "item_share", "networks", "in_force_from")
_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Reference:
    """The name of something that can stand for a clause, such as ``rule:hu-system``."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """One place of a pack that encodes clauses.

    Attributes:
        clauses: The clauses it cites; may be empty for a key that cites none itself.
        file: Its file, relative to the directory of the packs.
        line: Its line, from 1.
    """

    reference: Reference
    clauses: tuple[str, ...]
    file: str
    line: int


def encodings_of(pack: Pack, directory: Path) -> Iterator[Encoding]:
    """Yield all encodings of *pack*, whose files stand in *directory*.

    Raises:
        PolicyError: If a file cannot be read or is not TOML.
    """
    for rule in pack.rules:
        yield Encoding(
            reference=Reference(kind="rule", name=rule.id),
            clauses=rule.clauses,
            file=f"{pack.profile}/policy.csv",
            line=rule.line,
        )
    yield from _of_law(pack, directory / "law.toml")
    yield from _of_tables(directory / "catalogue.toml", kind="lint", name=("id",))
    yield from _of_tables(directory / "deadlines.toml", kind="deadline", name=("kind", "stage"))
    yield from _of_tables(directory / "workflow.toml", kind="step", name=("id",))
    yield from _of_report(directory / "report.toml")
    yield from _of_tables(directory / "rectification.toml", kind="list", name=("id",))


def _of_law(pack: Pack, path: Path) -> Iterator[Encoding]:
    file, lines = f"{pack.profile}/law.toml", Lines(_read(path))

    def encoding(kind: str, name: str, clauses: tuple[str, ...], line: int) -> Encoding:
        reference = Reference(kind=kind, name=name)
        return Encoding(reference=reference, clauses=clauses, file=file, line=line)

    cited = {
        "silence": (pack.silence,),
        "item_share": (pack.item_share,),
        "in_force_from": (pack.in_force_clause,),
    }
    for key in LAW_KEYS:
        if line := lines.key("", 0, key):
            yield encoding("law", key, cited.get(key, ()), line)
    for dimension, clause in pack.scope.items():
        yield encoding("scope", dimension, (clause,), lines.key("scope", 0, dimension))
    for number, duty in enumerate(pack.duties):
        yield encoding("duty", duty.code, (duty.clause,), lines.header("duty", number))


def _of_tables(path: Path, *, kind: str, name: tuple[str, ...]) -> Iterator[Encoding]:
    """Yield one encoding for every table of a list in *path*, called by its keys *name*."""
    text = _read(path)
    file, lines = f"{path.parent.name}/{path.name}", Lines(text)
    for group, tables in _parsed(file, text).items():
        if not isinstance(tables, list):
            continue
        for number, table in enumerate(tables):
            if not isinstance(table, dict) or not all(key in table for key in name):
                raise PolicyError(f"{file}: a table of `{group}` lacks {' or '.join(name)}")
            yield Encoding(
                reference=Reference(kind=kind, name="/".join(str(table[key]) for key in name)),
                clauses=tuple(dict.fromkeys(_cited(table))),
                file=file,
                line=lines.header(group, number),
            )


def _of_report(path: Path) -> Iterator[Encoding]:
    """Yield what a text asks of reports: duties, silences, and each figure by its name."""
    text = _read(path)
    file, lines = f"{path.parent.name}/{path.name}", Lines(text)
    for group, tables in _parsed(file, text).items():
        rows = (
            [(group, table, lines.header(group, number)) for number, table in enumerate(tables)]
            if isinstance(tables, list)
            else [
                (key, {"clauses": cited}, lines.key(group, 0, key)) for key, cited in tables.items()
            ]
        )
        for name, table, line in rows:
            yield Encoding(
                reference=Reference(kind="report", name=name),
                clauses=tuple(dict.fromkeys(_cited(table))),
                file=file,
                line=line,
            )


def _cited(table: Mapping[str, Any]) -> Iterator[str]:
    """Yield the clauses that *table* and the tables in it cite."""
    for key, value in table.items():
        if key == "clause":
            yield str(value)
        elif key == "clauses" and isinstance(value, list):
            yield from map(str, value)
        elif isinstance(value, dict):
            yield from _cited(value)
        elif isinstance(value, list):
            for inner in value:
                if isinstance(inner, dict):
                    yield from _cited(inner)


class Lines:
    """Finds the lines of tables and keys in a TOML file that is already known to parse."""

    def __init__(self, text: str) -> None:
        self._headers: dict[tuple[str, int], int] = {}
        self._keys: dict[tuple[str, int, str], int] = {}
        table, number, seen = "", 0, dict[str, int]()
        for line, raw in enumerate(text.split("\n"), 1):
            if match := _HEADER.fullmatch(raw):
                table = match[1]
                number = seen.get(table, -1) + 1
                seen[table] = number
                self._headers[table, number] = line
            elif match := _KEY.match(raw):
                self._keys.setdefault((table, number, match[1]), line)

    def header(self, table: str, number: int) -> int:
        """Return the line of the *number*-th header of *table*; 0 if there is none."""
        return self._headers.get((table, number), 0)

    def key(self, table: str, number: int, key: str) -> int:
        """Return the line of *key* below that header; 0 if there is none."""
        return self._keys.get((table, number, key), 0)


def _read(path: Path) -> str:
    where = f"{path.parent.name}/{path.name}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PolicyError(f"{where}: cannot be read ({error.strerror})") from None
    return decode_plain(where, data).replace("\r\n", "\n")


def _parsed(file: str, text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{file}: {error}") from None
