# SPDX-License-Identifier: Apache-2.0
"""What a report takes from a record: who asked for what, what was answered, what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from govshare_policy.errors import VerificationError
from govshare_policy.legal import Outcome

T = TypeVar("T")

RELEASED: Final = "released"
NO_SUCH_RECORD: Final = "no_such_record"
UPSTREAM: Final = "upstream_"


class Ending(StrEnum):
    """What became of an allowed call, as far as availability goes.

    The department answered if data left or it had no such record; it failed if it could not be
    asked or gave nothing usable. A call that was only decided here has no outcome record.
    """

    RELEASED = "released"
    NOT_FOUND = "not_found"
    FAILED = "failed"
    OTHER = "other"
    OPEN = "not_concluded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decision record.

    Attributes:
        department: The registered caller; empty where nobody was proven; *system* likewise.
        resource: The registered resource; empty where none was named.
        clause: The deciding one.
        profiles: The texts that were asked.
    """

    id: str
    at: datetime
    department: str
    system: str
    resource: str
    outcome: Outcome
    clause: str
    profiles: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """One outcome record: what became of the decision it names."""

    decision: str
    status: str
    rows: int
    size_bytes: int

    @property
    def ending(self) -> Ending:
        """What the status says about the department's API."""
        if self.status == RELEASED:
            return Ending.RELEASED
        if self.status == NO_SUCH_RECORD:
            return Ending.NOT_FOUND
        return Ending.FAILED if self.status.startswith(UPSTREAM) else Ending.OTHER


def decided(record: Mapping[str, Any]) -> Decided:
    """Return the decision in *record*, whose phase is ``decision``.

    Raises:
        VerificationError: If it is not what the gate writes.
    """
    call, policy = taken(record, "call", dict), taken(record, "policy", dict)
    clauses = taken(record, "clauses", list)
    texts = [taken(text, "profile", str) for text in taken(record, "texts", list)]
    outcome = taken(record, "outcome", str)
    if outcome not in set(Outcome) or not clauses or not isinstance(clauses[0], str):
        raise VerificationError("a decision record has no outcome or clause that is known")
    return Decided(
        id=taken(record, "id", str),
        at=instant(record),
        department=taken(record, "department", str),
        system=taken(record, "system", str),
        resource=taken(call, "resource", str),
        outcome=Outcome(outcome),
        clause=clauses[0],
        profiles=frozenset((taken(policy, "profile", str), *texts)),
    )


def concluded(record: Mapping[str, Any]) -> Concluded:
    """Return the outcome in *record*, whose phase is ``outcome``.

    Raises:
        VerificationError: If it is not what the gate writes.
    """
    return Concluded(
        decision=taken(record, "decision", str),
        status=taken(record, "status", str),
        rows=taken(record, "rows", int),
        size_bytes=taken(record, "bytes", int),
    )


def instant(record: Mapping[str, Any]) -> datetime:
    """Return the instant of *record*.

    Raises:
        VerificationError: If it states none.
    """
    try:
        at = datetime.fromisoformat(taken(record, "t", str))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise VerificationError("the `t` of a record is not an instant")
    return at


def taken(record: object, key: str, kind: type[T]) -> T:
    """Return the value of *key*, which has to be of *kind*.

    Raises:
        VerificationError: If it is not there or of another type.
    """
    value = record.get(key) if isinstance(record, Mapping) else None
    if not isinstance(value, kind):
        raise VerificationError(f"the `{key}` of a record is missing or of the wrong type")
    return value
