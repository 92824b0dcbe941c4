# SPDX-License-Identifier: Apache-2.0
"""How long the law has records kept (保存期限)."""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from govshare_policy.errors import PolicyError
from govshare_policy.policy import packs_directory, profiles

FILE: Final = "retention.toml"
# Binds everywhere, whatever the local text says.
NATIONAL: Final = "national-809"
_KEYS: Final = {"records", "years", "clause"}
_USAGE: Final = "usage"
_MAX_YEARS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """For how many years a provision has records of use kept.

    Attributes:
        clause: The provision.
        years: At least so many, from the day of the record on.
    """

    clause: str
    years: int

    def end(self, day: date) -> date:
        """Return the first day on which a record of *day* need no longer be kept."""
        try:
            return day.replace(year=day.year + self.years)
        except ValueError:
            # 29 February in a common year: the day after keeps the full years.
            return date(day.year + self.years, 3, 1)


def load_terms(profile: str, *, packs: Path | None = None) -> tuple[Term, ...]:
    """Return the terms of the text that *profile* names, and of the national one; never empty.

    Args:
        profile: A profile id, such as ``hubei``.
        packs: The directory of the packs; by default the one that came with the library.

    Raises:
        PolicyError: If the profile is unknown, a file is wrong, or no text sets a term.
    """
    directory = packs or packs_directory()
    known = profiles(directory)
    if profile not in known:
        raise PolicyError(f"unknown profile; there are {', '.join(known)}")
    terms = [
        term
        for name in dict.fromkeys((profile, NATIONAL))
        if (directory / name / FILE).exists()
        for term in _load(directory / name)
    ]
    if not terms:
        raise PolicyError(f"neither {profile} nor {NATIONAL} says how long records are kept")
    return tuple(terms)


def longest(terms: Collection[Term]) -> Term:
    """Return the term that keeps records longest."""
    return max(terms, key=lambda term: term.years)


def _load(pack: Path) -> tuple[Term, ...]:
    try:
        document = tomllib.loads((pack / FILE).read_text(encoding="utf-8"))
        registry = (pack / "clauses.tsv").read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError(f"{pack.name}/{FILE} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise PolicyError(f"{pack.name}/{FILE} is not toml: {error}") from None
    clauses = {line.partition("\t")[0] for line in registry.splitlines()[1:]}
    tables = document.get("term")
    if document.keys() != {"term"} or not isinstance(tables, list):
        raise PolicyError(f"{pack.name}/{FILE} has [[term]] tables only")
    return tuple(_parse(table, clauses, where=f"{pack.name}/{FILE}") for table in tables)


def _parse(table: Any, clauses: Collection[str], *, where: str) -> Term:  # noqa: ANN401 - of a file
    if not isinstance(table, dict) or table.keys() != _KEYS or table["records"] != _USAGE:
        raise PolicyError(f'{where}: a [[term]] has records = "usage", years and clause')
    years, clause = table["years"], table["clause"]
    if type(years) is not int or not 1 <= years <= _MAX_YEARS:
        raise PolicyError(f"{where}: the years of a term are 1 to {_MAX_YEARS}")
    if clause not in clauses:
        raise PolicyError(f"{where}: `{clause}` is no clause of this text")
    return Term(clause=clause, years=years)
