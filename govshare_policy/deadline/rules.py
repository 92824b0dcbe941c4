# SPDX-License-Identifier: Apache-2.0
"""Read the clocks of a text from its ``deadlines.toml``, more strictly than TOML does."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from govshare_policy.deadline.model import (
    STAGES_OF,
    CalendarDay,
    Clock,
    Event,
    Extension,
    Kind,
    Limit,
    Party,
    SameDay,
    Share,
    StageName,
    Unnumbered,
    WorkingDays,
)
from govshare_policy.errors import PolicyError
from govshare_policy.policy import packs_directory, profiles
from govshare_policy.policy.plain import decode_plain

FILE: Final = "deadlines.toml"
MAX_WORKING_DAYS: Final = 250  # about a year; more is a slip of the pen
_REQUIRED: Final = ("kind", "stage", "clauses", "limit")
_OPTIONAL: Final = ("share", "starts", "ends", "actor", "recipient", "extension")
_LEAP_YEAR: Final = 2000
_MONTH_AND_DAY: Final = re.compile(r"[0-9]{2}-[0-9]{2}")

C = TypeVar("C", bound=StrEnum)


def load_clocks(profile: str, *, packs: Path | None = None) -> tuple[Clock, ...]:
    """Return the clocks of the text that *profile* names, in the order of the file.

    Args:
        profile: A profile id, such as ``hubei``.
        packs: The directory of the packs; by default the one that came with the library.

    Raises:
        PolicyError: If the profile is unknown or a file of its pack is wrong.
    """
    directory = packs or packs_directory()
    known = profiles(directory)
    if profile not in known:
        raise PolicyError(f"unknown profile; there are {', '.join(known)}")
    try:
        data, registry = (
            (directory / profile / name).read_bytes() for name in (FILE, "clauses.tsv")
        )
    except OSError as error:
        raise PolicyError(
            f"{profile}: a file of the pack cannot be read ({error.strerror})"
        ) from None
    try:
        return parse_clocks(data, clauses=_clause_ids(registry))
    except PolicyError as error:
        raise PolicyError(f"{profile}/{error}") from None


def parse_clocks(data: bytes, *, clauses: frozenset[str]) -> tuple[Clock, ...]:
    """Return the clocks in the bytes of a ``deadlines.toml``.

    Args:
        data: The file.
        clauses: The ids in the clause registry of the same text.

    Raises:
        PolicyError: If anything in it is not what it has to be; names the clock and the key.
    """
    try:
        document = tomllib.loads(decode_plain(FILE, data))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{FILE}: {error}") from None
    tables = document.pop("clock", None)
    if document:
        raise PolicyError(f"{FILE}: unknown key `{next(iter(document))}`")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise PolicyError(f"{FILE}: `clock` is not a list of tables")
    clocks = tuple(
        _Reader(number, table, clauses).clock() for number, table in enumerate(tables, 1)
    )
    _check_distinct(clocks)
    return clocks


class _Reader:
    """Reads one ``[[clock]]`` and says which key is wrong."""

    def __init__(self, number: int, table: Mapping[str, Any], clauses: frozenset[str]) -> None:
        self._number = number
        self._table = table
        self._clauses = clauses

    def clock(self) -> Clock:
        for key in self._table:
            if key not in (*_REQUIRED, *_OPTIONAL):
                self._refuse(key, "unknown key")
        for key in _REQUIRED:
            if key not in self._table:
                self._refuse(key, "missing")
        kind = self._one_of("kind", Kind)
        stage = self._one_of("stage", StageName)
        if stage not in STAGES_OF[kind]:
            self._refuse("stage", f"`{kind}` has no such stage")
        limit = self._limit()
        self._check_events(limit)
        return Clock(
            kind=kind,
            stage=stage,
            clauses=self._cited(),
            shares=frozenset(self._list("share", Share) if "share" in self._table else Share),
            limit=limit,
            starts=self._list("starts", Event) if "starts" in self._table else (),
            ends=self._list("ends", Event) if "ends" in self._table else (),
            actor=self._one_of("actor", Party) if "actor" in self._table else None,
            recipient=self._one_of("recipient", Party) if "recipient" in self._table else None,
            extension=self._extension(limit),
        )

    def _refuse(self, key: str, fault: str) -> NoReturn:
        raise PolicyError(f"{FILE} clock {self._number} key `{key}`: {fault}")

    def _one_of(self, key: str, codes: type[C]) -> C:
        value = self._table[key]
        if value not in list(codes):
            self._refuse(key, f"not one of {', '.join(codes)}")
        return codes(value)

    def _list(self, key: str, codes: type[C]) -> tuple[C, ...]:
        values = self._table[key]
        if not isinstance(values, list) or not values:
            self._refuse(key, "not a list with something in it")
        for value in values:
            if value not in list(codes):
                self._refuse(key, f"an item is not one of {', '.join(codes)}")
        if len(set(values)) != len(values):
            self._refuse(key, "an item stands twice")
        return tuple(codes(value) for value in values)

    def _cited(self) -> tuple[str, ...]:
        cited = self._table["clauses"]
        if not isinstance(cited, list) or not cited:
            self._refuse("clauses", "not a list with something in it")
        for clause in cited:
            self._known("clauses", clause)
        if len(set(cited)) != len(cited):
            self._refuse("clauses", "an item stands twice")
        return tuple(cited)

    def _known(self, key: str, clause: object) -> str:
        if not isinstance(clause, str) or clause not in self._clauses:
            self._refuse(key, "a clause is not in the clause registry of this text")
        return clause

    def _limit(self) -> Limit:  # noqa: RET503  to refuse is never to return
        match self._table["limit"]:
            case {"working_days": count, **rest} if not rest:
                return WorkingDays(count=self._count("limit", count))
            case {"before": str() as day, **rest} if not rest:
                return self._calendar_day(day, inclusive=False)
            case {"by": str() as day, **rest} if not rest:
                return self._calendar_day(day, inclusive=True)
            case "same_day":
                return SameDay()
            case str() as word if word in list(Unnumbered):
                return Unnumbered(word)
        words = ", ".join(("same_day", *Unnumbered))
        self._refuse("limit", f"not {{working_days}}, {{before}}, {{by}} or one of {words}")

    def _count(self, key: str, count: object) -> int:
        # TOML's true is an int to Python
        if type(count) is not int or not 1 <= count <= MAX_WORKING_DAYS:
            self._refuse(key, f"not a number of working days from 1 to {MAX_WORKING_DAYS}")
        return count

    def _calendar_day(self, text: str, *, inclusive: bool) -> CalendarDay:
        if not _MONTH_AND_DAY.fullmatch(text):
            self._refuse("limit", "not a day such as 01-31")
        try:
            day = date.fromisoformat(f"{_LEAP_YEAR}-{text}")
        except ValueError:
            self._refuse("limit", "no such day in the calendar")
        if (day.month, day.day) == (2, 29):
            self._refuse("limit", "29 February is not a day of every year")
        return CalendarDay(month=day.month, day=day.day, inclusive=inclusive)

    def _check_events(self, limit: Limit) -> None:
        """A clock that runs says what starts and ends it; one that does not, must not."""
        runs = isinstance(limit, WorkingDays | SameDay)
        wanted = {"starts": runs, "ends": runs or isinstance(limit, CalendarDay)}
        for key, want in wanted.items():
            if want and key not in self._table:
                self._refuse(key, "missing")
            if not want and key in self._table:
                self._refuse(key, "the limit has no use for it")

    def _extension(self, limit: Limit) -> Extension | None:
        if "extension" not in self._table:
            return None
        if not isinstance(limit, WorkingDays):
            self._refuse("extension", "the limit has no use for it")
        table = self._table["extension"]
        if not isinstance(table, dict) or set(table) != {"working_days", "clause"}:
            self._refuse("extension", "has the keys `working_days` and `clause`")
        return Extension(
            working_days=self._count("extension", table["working_days"]),
            clause=self._known("extension", table["clause"]),
        )


def _check_distinct(clocks: tuple[Clock, ...]) -> None:
    seen: set[tuple[Kind, StageName, Share]] = set()
    for number, clock in enumerate(clocks, 1):
        for share in clock.shares:
            if (clock.kind, clock.stage, share) in seen:
                raise PolicyError(
                    f"{FILE} clock {number} key `stage`: `{clock.stage}` has another clock for "
                    f"`{share}`"
                )
            seen.add((clock.kind, clock.stage, share))


def _clause_ids(registry: bytes) -> frozenset[str]:
    """Return the first column of ``clauses.tsv``, which loading the pack checks in full."""
    rows = registry.split(b"\n")[1:]
    return frozenset(row.split(b"\t", 1)[0].decode("utf-8", "replace") for row in rows)
