# SPDX-License-Identifier: Apache-2.0
"""What an auditor may ask a record for, taken from its bytes."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The members of a record that can be asked for; empty where it has none, or of another type.

    Attributes:
        at_us: Its instant, in microseconds since 1970; none if it states none.
        phase: ``decision``, ``outcome``, ``workflow``, ``key``, ``recovery``, ``admin``.
        outcome: Of a decision or a step; of an outcome record, its status.
        clauses: In its order, the deciding one first.
        grants: Every grant that it rests on.
        persons: The names of its commitments to persons, sorted.
    """

    at_us: int | None = None
    phase: str = ""
    department: str = ""
    system: str = ""
    resource: str = ""
    outcome: str = ""
    effect: str = ""
    clauses: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()


def traits_of(data: bytes) -> Traits:
    """Return the traits of the record in *data*, which may hold anything."""
    record = load_object(data)
    call = record.get("call")
    clauses = record.get("clauses")
    committed = record.get("commitments")
    resource = _word(record, "resource")
    if isinstance(call, Mapping):
        resource = _word(call, "resource")
    return Traits(
        at_us=microseconds(record.get("t")),
        phase=_word(record, "phase"),
        department=_word(record, "department"),
        system=_word(record, "system"),
        resource=resource,
        outcome=_word(record, "outcome") or _word(record, "status"),
        effect=_word(record, "effect"),
        clauses=_words(clauses) if isinstance(clauses, list) else (),
        grants=_grants(record),
        persons=tuple(sorted(_words(committed))) if isinstance(committed, Mapping) else (),
    )


def load_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object in *data*; an empty one if there is none."""
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def microseconds(stated: object) -> int | None:
    """Return the instant that the text *stated* spells, in microseconds since 1970, if it does."""
    try:
        at = datetime.fromisoformat(stated) if isinstance(stated, str) else None
    except ValueError:
        return None
    return None if at is None or at.tzinfo is None else instant_us(at)


def instant_us(at: datetime) -> int:
    """Return the instant *at*, which has a zone, in microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def _grants(record: Mapping[str, Any]) -> tuple[str, ...]:
    several = record.get("grants")
    words = (record.get("grant"), *(several if isinstance(several, list) else ()))
    return tuple(dict.fromkeys(word for word in _words(words) if word))


def _word(record: Mapping[str, Any], key: str) -> str:
    return next(iter(_words((record.get(key),))), "")


def _words(values: Iterable[object]) -> tuple[str, ...]:
    # Half a surrogate pair, which JSON can spell, is no text that can be stored or asked for.
    return tuple(
        value for value in values if isinstance(value, str) and not SURROGATE.search(value)
    )
