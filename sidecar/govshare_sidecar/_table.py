# SPDX-License-Identifier: Apache-2.0
"""Reading one TOML table strictly: a key that nobody asks for is an error, not a default."""

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from govshare_policy.errors import ConfigError

_MAX_COUNT: Final = 2**31 - 1


def why(error: OSError) -> str:
    """Return what the system says about *error*, to end a sentence with."""
    return (error.strerror or "it cannot be used").lower()


class Table:
    """The keys of one table, and where they stand, for the sentences about them."""

    def __init__(self, values: Mapping[str, object], *, file: Path, name: str = "") -> None:
        self._values = values
        self._file = file
        self._name = name
        self._asked: set[str] = set()

    def error(self, key: str, complaint: str) -> ConfigError:
        """Return the error that *key* of this table is wrong."""
        where = f"{self._name}.{key}" if self._name else key
        return ConfigError(f"{self._file.name}: `{where}` {complaint}")

    def has(self, key: str) -> bool:
        """Tell whether the table states *key*."""
        return key in self._values

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; without a *default* it has to be there, and never is it empty."""
        value = self._get(key, default)
        if not isinstance(value, str):
            raise self.error(key, "is a text")
        if not value and default != "":
            raise self.error(key, "is empty")
        return value

    def choice(self, key: str, choices: Collection[str], default: str | None = None) -> str:
        """Return one of *choices*."""
        value = self.text(key, default)
        if value not in choices:
            raise self.error(key, f"is one of {', '.join(sorted(choices))}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, "is true or false")
        return value

    def count(self, key: str, default: int) -> int:
        """Return a whole number above zero."""
        value = self._get(key, default)
        if type(value) is not int or not 0 < value <= _MAX_COUNT:
            raise self.error(key, "is a whole number above zero")
        return value

    def seconds(self, key: str, default: float) -> float:
        """Return a duration above zero, in seconds."""
        value = self._get(key, default)
        if type(value) not in (int, float) or not 0 < float(str(value)) <= _MAX_COUNT:
            raise self.error(key, "is a number of seconds above zero")
        return float(str(value))

    def instant(self, key: str) -> datetime:
        """Return a date and time with its offset."""
        value = self._get(key, None)
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self.error(key, "is a date and time with an offset")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, none of them empty or there twice."""
        value = self._get(key, None)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(key, "is a list of texts")
        if not value or "" in value or len(set(value)) != len(value):
            raise self.error(key, "is empty, or names something empty or twice")
        return tuple(value)

    def path(self, key: str) -> Path:
        """Return a path, relative to the directory of the file."""
        return self.resolve(self.text(key))

    def resolve(self, path: str) -> Path:
        """Return *path* as the file means it: relative to its own directory."""
        return self._file.parent / path

    def file(self, key: str) -> Path:
        """Return the path of a file that is there."""
        path = self.path(key)
        if not path.is_file():
            raise self.error(key, "names no file")
        return path

    def table(self, key: str) -> "Table":
        """Return the table *key*, which has to be there."""
        return self._table(key, self._get(key, None))

    def tables(self, key: str) -> tuple["Table", ...]:
        """Return the tables of the array *key*, at least one."""
        value = self._get(key, None)
        if not isinstance(value, list) or not value:
            raise self.error(key, "is an array of tables, at least one")
        return tuple(self._table(f"{key}[{place}]", item) for place, item in enumerate(value))

    def finish(self) -> None:
        """Return only if every key of the table was asked for.

        Raises:
            ConfigError: If one was not, so that a misspelt setting never passes for a default.
        """
        for key in self._values:
            if key not in self._asked:
                raise self.error(key, "is not a setting")

    def _get(self, key: str, default: object) -> object:
        self._asked.add(key)
        value = self._values.get(key, default)
        if value is None:
            raise self.error(key, "is missing")
        return value

    def _table(self, key: str, value: object) -> "Table":
        if not isinstance(value, dict):
            raise self.error(key, "is a table")
        return Table(value, file=self._file, name=f"{self._name}.{key}" if self._name else key)
