# SPDX-License-Identifier: Apache-2.0
"""Read the procedures of a text from its ``workflow.toml``, more strictly than TOML does."""

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from govshare_policy.crypto import sm3
from govshare_policy.deadline import Event
from govshare_policy.errors import PolicyError
from govshare_policy.policy import Pack, packs_directory
from govshare_policy.workflow.model import (
    Cited,
    Level,
    MatterKind,
    Party,
    Role,
    StepRule,
    Tell,
    Want,
    Workflow,
)

FILE: Final = "workflow.toml"
NEW: Final = "new"
BETWEEN: Final = ("same_level", "cross_level")
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
# Who has to be told may be anybody but a settlement, which is nobody.
_TOLD: Final = frozenset(Party) - {Party.SETTLEMENT}
_TELL_KEYS: Final = frozenset(("to", "act", "as", "via", "clause"))
_CITED: Final = ("id", "clauses")
_OF_MATTER: Final = (*_CITED, "matter")
# table -> (keys that must be there, keys that may be)
_KEYS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "statement": (_CITED, ()),
    "step": (
        (*_OF_MATTER, "from", "to", "by", "role"),
        ("step", "routes", "stamps", "wants", "grants", "tells"),
    ),
    "forbidden_reason": (_CITED, ("unless",)),
    "subject": (_CITED, ()),
    "level": ((*_CITED, "raised_by", "settled_by"), ("between",)),
    "closed": ((*_OF_MATTER, "route"), ()),
    "silent": (_OF_MATTER, ("steps",)),
    "note": (_OF_MATTER, ()),
}

C = TypeVar("C", bound=StrEnum)
T = TypeVar("T")


def load_workflow(pack: Pack, *, packs: Path | None = None) -> Workflow:
    """Return the procedures of the text that *pack* is.

    Args:
        pack: The text; its clause registry is what may be cited.
        packs: The directory of the packs; by default the one that came with the library.

    Raises:
        PolicyError: If the file cannot be read or is wrong; names the table, its number and the
            key.
    """
    path = (packs or packs_directory()) / pack.profile / FILE
    try:
        return parse_workflow(path.read_bytes(), profile=pack.profile, clauses=pack.clauses)
    except OSError as error:
        raise PolicyError(f"{pack.profile}/{FILE}: cannot be read ({error.strerror})") from None
    except PolicyError as error:
        raise PolicyError(f"{pack.profile}/{error}") from None


def parse_workflow(data: bytes, *, profile: str, clauses: Collection[str]) -> Workflow:
    """Return the procedures in the bytes of a ``workflow.toml``.

    Raises:
        PolicyError: If anything in it is not what it has to be.
    """
    try:
        document = tomllib.loads(data.decode("utf-8", "strict"))
    except UnicodeDecodeError as error:
        raise PolicyError(f"{FILE}: not valid UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{FILE}: {error}") from None
    for name, tables in document.items():
        if name not in _KEYS:
            raise PolicyError(f"{FILE}: unknown table `{name}`")
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise PolicyError(f"{FILE}: `{name}` is not a list of tables")

    def read(name: str, build: Callable[[_Table], T]) -> tuple[T, ...]:
        tables = document.get(name, [])
        readers = [_Table(name, number, t, clauses) for number, t in enumerate(tables, 1)]
        _check_distinct(readers)
        return tuple(build(reader) for reader in readers)

    levels = read("level", _level)
    return Workflow(
        profile=profile,
        statements=read("statement", _cited),
        steps=(*read("step", _step), *_dispute_steps(levels)),
        forbidden_reasons=read("forbidden_reason", _cited),
        subjects=read("subject", _cited),
        levels=levels,
        closed=read("closed", _cited),
        silent=read("silent", _cited),
        notes=read("note", _cited),
        digest=sm3(data),
    )


class _Table:
    """Reads one table of a list and says which key is wrong."""

    def __init__(
        self, name: str, number: int, table: Mapping[str, Any], clauses: Collection[str]
    ) -> None:
        self._name, self._number, self._table, self._clauses = name, number, table, clauses
        required, optional = _KEYS[name]
        for key in table:
            if key not in (*required, *optional):
                self.refuse(key, "unknown key")
        for key in required:
            if key not in table:
                self.refuse(key, "missing")
        self.id = self.text("id")

    def refuse(self, key: str, fault: str) -> NoReturn:
        raise PolicyError(f"{FILE} {self._name} {self._number} key `{key}`: {fault}")

    def has(self, key: str) -> bool:
        return key in self._table

    def text(self, key: str, default: str = "") -> str:
        value = self._table.get(key, default)
        if not isinstance(value, str) or (key in self._table and not value):
            self.refuse(key, "not a text with something in it")
        return value

    def name(self, key: str, default: str = "") -> str:
        value = self.text(key, default)
        if value and not _NAME.fullmatch(value):
            self.refuse(key, "not a lower-case name")
        return value

    def flag(self, key: str) -> bool:
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            self.refuse(key, "not true or false")
        return value

    def one_of(self, key: str, codes: type[C]) -> C:
        value = self._table[key]
        if value not in list(codes):
            self.refuse(key, f"not one of {', '.join(codes)}")
        return codes(value)

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._table.get(key, [])
        if not isinstance(values, list) or (key in self._table and not values):
            self.refuse(key, "not a list with something in it")
        if not all(isinstance(value, str) and value for value in values):
            self.refuse(key, "an item is not a text")
        if len(set(values)) != len(values):
            self.refuse(key, "an item stands twice")
        return tuple(values)

    def codes(self, key: str, codes: type[C]) -> tuple[C, ...]:
        values = self.texts(key)
        for value in values:
            if value not in list(codes):
                self.refuse(key, f"an item is not one of {', '.join(codes)}")
        return tuple(codes(value) for value in values)

    def cited(self) -> tuple[str, ...]:
        values = self.texts("clauses")
        for clause in values:
            self._known("clauses", clause)
        return values

    def tells(self) -> tuple[Tell, ...]:
        values = self._table.get("tells", [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            self.refuse("tells", "not a list of tables")
        return tuple(self._tell(value) for value in values)

    def _tell(self, value: Mapping[str, Any]) -> Tell:
        texts = all(isinstance(text, str) and text for text in value.values())
        if not texts or not {"to", "act", "clause"} <= set(value) <= _TELL_KEYS:
            self.refuse("tells", "has to, act and clause, and may have as and via")
        for key in ("to", "via"):
            if key in value and value[key] not in _TOLD:
                self.refuse("tells", f"`{key}` is not one of {', '.join(sorted(_TOLD))}")
        return Tell(
            to=Party(value["to"]),
            act=value["act"],
            clause=self._known("tells", value["clause"]),
            called=value.get("as", ""),
            via=Party(value["via"]) if "via" in value else None,
        )

    def _known(self, key: str, clause: str) -> str:
        if clause not in self._clauses:
            self.refuse(key, "a clause is not in the clause registry of this text")
        return clause


def _cited(table: _Table) -> Cited:
    matter = MatterKind.APPLICATION
    return Cited(
        id=table.id,
        clauses=table.cited(),
        matter=table.one_of("matter", MatterKind) if table.has("matter") else matter,
        route=table.name("route"),
        steps=table.texts("steps"),
        unless=table.name("unless"),
    )


def _step(table: _Table) -> StepRule:
    matter = table.one_of("matter", MatterKind)
    if matter is MatterKind.DISPUTE:
        table.refuse("matter", "the steps of a dispute follow from its levels")
    return StepRule(
        id=table.name("id"),
        step=table.name("step", table.id),
        matter=matter,
        routes=frozenset(table.texts("routes")),
        sources=table.texts("from"),
        target=table.name("to"),
        by=table.codes("by", Party),
        role=table.one_of("role", Role),
        clauses=table.cited(),
        stamps=table.codes("stamps", Event),
        wants=table.codes("wants", Want),
        tells=table.tells(),
        grants=table.flag("grants"),
    )


def _level(table: _Table) -> Level:
    between = table.text("between")
    if between not in ("", *BETWEEN):
        table.refuse("between", f"not one of {', '.join(BETWEEN)}")
    return Level(
        id=table.id,
        clauses=table.cited(),
        between=between,
        raised_by=table.codes("raised_by", Party),
        settled_by=table.codes("settled_by", Party),
    )


def _dispute_steps(levels: tuple[Level, ...]) -> Iterator[StepRule]:
    """Yield the steps of a dispute: up the chain one level at a time, settled at any of them."""
    for between in BETWEEN:
        before = NEW
        for level in (level for level in levels if level.between in ("", between)):
            raising = before == NEW
            shared = {"matter": MatterKind.DISPUTE, "routes": frozenset((between,))}
            yield StepRule(
                **shared,  # type: ignore[arg-type]
                id=f"{between}:{level.id}",
                step="raise" if raising else "escalate",
                sources=(before,),
                target=level.id,
                by=level.raised_by,
                role=Role.OPERATE,
                clauses=level.clauses,
                wants=(Want.REASON,) if raising else (),
                tells=tuple(
                    Tell(to=party, act="convene", clause=level.clauses[0])
                    for party in dict.fromkeys((*level.settled_by[:1], Party.USER, Party.PROVIDER))
                ),
            )
            yield StepRule(
                **shared,  # type: ignore[arg-type]
                id=f"{between}:{level.id}:settle",
                step="settle",
                sources=(level.id,),
                target="settled",
                by=level.settled_by,
                role=Role.MANAGE,
                clauses=level.clauses,
                wants=(Want.FINDING,),
                tells=tuple(
                    Tell(to=party, act="result", clause=level.clauses[0])
                    for party in (Party.USER, Party.PROVIDER)
                ),
            )
            before = level.id


def _check_distinct(tables: list[_Table]) -> None:
    for number, table in enumerate(tables):
        if table.id in (other.id for other in tables[:number]):
            table.refuse("id", "stands twice")
