# SPDX-License-Identifier: Apache-2.0
"""The script of the day: every call, and what each text has to answer (``day.tsv``)."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from govshare_policy.legal import Outcome

PROFILES: Final = ("hubei", "henan-fengqiu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What one text has to answer: the outcome and the clause that decides."""

    outcome: Outcome
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a call over gRPC says besides the columns it shares with one over HTTP.

    Attributes:
        recipient: Kind and id; ``None`` for a call to read.
        claims: The system it claims to be; empty for none.
    """

    resource: str
    recipient: tuple[str, str] | None
    claims: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One kind of call, made some times over.

    Attributes:
        certificate: ``own``, ``none``, ``stranger``, ``expired`` or ``revoked``.
        path: Path before the key, for a call over HTTP; empty for one over gRPC.
        check: What to ask over gRPC; ``None`` for a call over HTTP.
        fields: Comma separated, or ``*``.
    """

    id: str
    system: str
    certificate: str
    path: str
    check: Question | None
    fields: str
    purpose: str
    grant: str
    times: int
    expected: Mapping[str, Expected]
    title_zh: str
    title_en: str


def load_day() -> tuple[Step, ...]:
    """Return the steps of the day, in order."""
    path = Path(__file__).with_name("day.tsv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True)
        return tuple(_step(row) for row in rows)


def _step(row: Mapping[str, str]) -> Step:
    verb, _, rest = row["call"].partition(" ")
    return Step(
        id=row["id"],
        system=row["system"],
        certificate=row["certificate"],
        path=rest if verb == "GET" else "",
        check=None if verb == "GET" else _check(rest.split(" ")),
        fields=row["fields"],
        purpose=row["purpose"],
        grant=row["grant"],
        times=int(row["times"]),
        expected={profile: _expected(row[profile]) for profile in PROFILES},
        title_zh=row["title_zh"],
        title_en=row["title_en"],
    )


def _check(words: list[str]) -> Question:
    match words:
        case [resource]:
            return Question(resource=resource, recipient=None, claims="")
        case [resource, "as", system]:
            return Question(resource=resource, recipient=None, claims=system)
        case [resource, "to", kind, *ident]:
            return Question(resource=resource, recipient=(kind, "".join(ident)), claims="")
        case _:
            raise ValueError(f"a step of the day has a call like no other: {words}")


def _expected(cell: str) -> Expected:
    outcome, _, clause = cell.partition(" ")
    return Expected(outcome=Outcome(outcome), clause=clause)
