# SPDX-License-Identifier: Apache-2.0
"""Read one table of a ``rectification.toml`` and say which key is wrong."""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Final, NoReturn, TypeVar

from govshare_policy.errors import PolicyError
from govshare_policy.supervision.model import ALL_OTHERS, ENDINGS, Tell

NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
_RECIPIENTS: Final = frozenset(("department", "company", "person", "public"))

C = TypeVar("C", bound=StrEnum)


class Table:
    """Reads one table and says which key is wrong."""

    def __init__(
        self,
        where: str,
        table: Mapping[str, Any],
        *,
        keys: tuple[tuple[str, ...], tuple[str, ...]],
        clauses: Collection[str],
        reasons: Collection[str],
    ) -> None:
        """Read *table*, which has to have the first of *keys* and may have the second.

        Args:
            where: What the messages begin with.
            table: As TOML gives it.
            keys: The keys that must be there, and those that may.
            clauses: What may be cited.
            reasons: The reason codes that an answer may give.

        Raises:
            PolicyError: If a key is missing or unknown; so does every method for a bad value.
        """
        self._where = where
        self._table, self._clauses, self._reasons = table, clauses, reasons
        required, optional = keys
        for key in table:
            if key not in (*required, *optional):
                self.refuse(key, "unknown key")
        for key in required:
            if key not in table:
                self.refuse(key, "missing")
        self.id = self.name("id") if "id" in required else ""

    def refuse(self, key: str, fault: str) -> NoReturn:
        """Raise :exc:`PolicyError` for *key*."""
        raise PolicyError(f"{self._where} key `{key}`: {fault}")

    def text(self, key: str) -> str:
        """Return the text of *key*."""
        value = self._table[key]
        if not isinstance(value, str) or not value:
            self.refuse(key, "not a text with something in it")
        return value

    def name(self, key: str) -> str:
        """Return the lower-case name of *key*."""
        value = self.text(key)
        if not NAME.fullmatch(value):
            self.refuse(key, "not a lower-case name")
        return value

    def flag(self, key: str) -> bool:
        """Return whether *key* says so."""
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            self.refuse(key, "not true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the list of texts of *key*; none if the key is not there."""
        values = self._table.get(key, [])
        if not isinstance(values, list) or (key in self._table and not values):
            self.refuse(key, "not a list with something in it")
        if not all(isinstance(value, str) and value for value in values):
            self.refuse(key, "an item is not a text")
        if len(set(values)) != len(values):
            self.refuse(key, "an item stands twice")
        return tuple(values)

    def names(self, key: str, form: re.Pattern[str] = NAME) -> tuple[str, ...]:
        """Return the list of names of *key*, each of *form*."""
        values = self.texts(key)
        if not all(form.fullmatch(value) for value in values if value != ALL_OTHERS):
            self.refuse(key, "an item is not a lower-case name")
        return values

    def one_of(self, key: str, codes: type[C]) -> C:
        """Return the one of *codes* that *key* says."""
        if self._table[key] not in list(codes):
            self.refuse(key, f"not one of {', '.join(codes)}")
        return codes(self._table[key])

    def codes(self, key: str, codes: type[C]) -> tuple[C, ...]:
        """Return the list of *codes* of *key*."""
        values = self.texts(key)
        for value in values:
            if value not in list(codes):
                self.refuse(key, f"an item is not one of {', '.join(codes)}")
        return tuple(codes(value) for value in values)

    def cited(self, key: str = "clauses") -> tuple[str, ...]:
        """Return the clauses that *key* cites."""
        values = self.texts(key)
        for clause in values:
            self.known(key, clause)
        return values

    def known(self, key: str, clause: str) -> str:
        """Return *clause*, which is one of the text."""
        if clause not in self._clauses:
            self.refuse(key, "a clause is not in the clause registry of this text")
        return clause

    def reason_codes(self) -> tuple[str, ...]:
        """Return the reason codes."""
        values = self.texts("reasons")
        for value in values:
            if value not in self._reasons:
                self.refuse("reasons", f"`{value}` is no reason that an answer gives")
        return values

    def recipients(self) -> tuple[str, ...]:
        """Return the kinds of recipients."""
        values = self.texts("recipients")
        if not set(values) <= _RECIPIENTS:
            self.refuse("recipients", f"an item is not one of {', '.join(sorted(_RECIPIENTS))}")
        return values

    def endings(self) -> tuple[str, ...]:
        """Return how fetches end that count."""
        values = self.texts("endings")
        if not set(values) <= set(ENDINGS):
            self.refuse("endings", f"an item is not one of {', '.join(ENDINGS)}")
        return values

    def tells(self) -> tuple[Tell, ...]:
        """Return who is told."""
        values = self._table.get("tells", [])
        good = isinstance(values, list) and all(
            isinstance(value, dict)
            and set(value) == {"to", "act", "clause"}
            and all(isinstance(text, str) and text for text in value.values())
            for value in values
        )
        if not good:
            self.refuse("tells", "is a list of tables of to, act and clause")
        for value in values:
            self.known("tells", value["clause"])
        return tuple(Tell(**value) for value in values)
