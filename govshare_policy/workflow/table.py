# SPDX-License-Identifier: Apache-2.0
"""Reads one table of a ``workflow.toml`` strictly: every fault names table, number and key."""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Final, NoReturn, TypeVar

from govshare_policy.errors import PolicyError
from govshare_policy.workflow.model import Party, Tell

FILE: Final = "workflow.toml"
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
# Who has to be told may be anybody but a settlement, which is nobody.
_TOLD: Final = frozenset(Party) - {Party.SETTLEMENT}
_TELL_KEYS: Final = frozenset(("to", "act", "as", "via", "clause"))
_CITED: Final = ("id", "clauses")
_OF_MATTER: Final = (*_CITED, "matter")
# table -> (keys that must be there, keys that may be)
KEYS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "role": ((*_CITED, "party", "named"), ()),
    "statement": (_CITED, ()),
    "step": (
        (*_OF_MATTER, "from", "to", "by", "role"),
        ("step", "routes", "stamps", "wants", "grants", "tells"),
    ),
    "forbidden_reason": ((*_CITED, "steps", "words"), ("unless",)),
    "subject": (_CITED, ()),
    "level": ((*_CITED, "raised_by", "settled_by"), ("between",)),
    "closed": ((*_OF_MATTER, "route"), ()),
    "silent": (_OF_MATTER, ("steps",)),
    "note": (_OF_MATTER, ()),
}

C = TypeVar("C", bound=StrEnum)


class Table:
    """Reads one table of a list and says which key is wrong."""

    def __init__(
        self, name: str, number: int, table: Mapping[str, Any], clauses: Collection[str]
    ) -> None:
        self._name, self._number, self._table, self._clauses = name, number, table, clauses
        required, optional = KEYS[name]
        for key in table:
            if key not in (*required, *optional):
                self.refuse(key, "unknown key")
        for key in required:
            if key not in table:
                self.refuse(key, "missing")
        self.id = self.text("id")

    def refuse(self, key: str, fault: str) -> NoReturn:
        """Raise :exc:`PolicyError` for *key*."""
        raise PolicyError(f"{FILE} {self._name} {self._number} key `{key}`: {fault}")

    def has(self, key: str) -> bool:
        """Whether *key* is there."""
        return key in self._table

    def text(self, key: str, default: str = "") -> str:
        """Return a text, which is not empty where the key is there."""
        value = self._table.get(key, default)
        if not isinstance(value, str) or (key in self._table and not value):
            self.refuse(key, "not a text with something in it")
        return value

    def name(self, key: str, default: str = "") -> str:
        """Return a lower-case name."""
        value = self.text(key, default)
        if value and not _NAME.fullmatch(value):
            self.refuse(key, "not a lower-case name")
        return value

    def flag(self, key: str) -> bool:
        """Return true or false; false where the key is not there."""
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            self.refuse(key, "not true or false")
        return value

    def one_of(self, key: str, codes: type[C]) -> C:
        """Return one of *codes*."""
        value = self._table[key]
        if value not in list(codes):
            self.refuse(key, f"not one of {', '.join(codes)}")
        return codes(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; none where the key is not there."""
        values = self._table.get(key, [])
        if not isinstance(values, list) or (key in self._table and not values):
            self.refuse(key, "not a list with something in it")
        if not all(isinstance(value, str) and value for value in values):
            self.refuse(key, "an item is not a text")
        if len(set(values)) != len(values):
            self.refuse(key, "an item stands twice")
        return tuple(values)

    def codes(self, key: str, codes: type[C]) -> tuple[C, ...]:
        """Return a list of *codes*; none where the key is not there."""
        values = self.texts(key)
        for value in values:
            if value not in list(codes):
                self.refuse(key, f"an item is not one of {', '.join(codes)}")
        return tuple(codes(value) for value in values)

    def cited(self) -> tuple[str, ...]:
        """Return the clauses, all of which the registry of the text has."""
        values = self.texts("clauses")
        for clause in values:
            self._known("clauses", clause)
        return values

    def tells(self) -> tuple[Tell, ...]:
        """Return who has to be told."""
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
