# SPDX-License-Identifier: Apache-2.0
"""Holds (冻结): while one stands, nothing is dropped from the log."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from govshare_policy.audit import (
    Receipt,
    SaltStore,
    encode_record,
    format_time,
    new_record_id,
    read_records,
)
from govshare_policy.errors import CallError

PLACED: Final = "hold"
LIFTED: Final = "hold_lifted"
_MARKER: Final = b'"event":"hold'
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_REASON: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold that stands.

    Attributes:
        name: Chosen by whoever placed it, such as the number of a case.
        reason: A code.
        index: The record that placed it.
    """

    name: str
    reason: str
    index: int


def standing_holds(directory: Path, *, archives: Sequence[Path] = ()) -> tuple[Hold, ...]:
    """Return the holds that were placed and not lifted, in the order in which they were placed.

    Says nothing about trust: verify the log first.

    Args:
        directory: The log.
        archives: Where segments that were dropped are read.

    Raises:
        VerificationError: If the log cannot be read to its end.
        OSError: If a file cannot be read.
    """
    holds: dict[str, Hold] = {}
    for index, data in read_records(directory, archives=archives):
        if _MARKER not in data:
            continue
        record = json.loads(data)
        if record.get("phase") != "admin":
            continue
        if record.get("event") == PLACED:
            name = record["hold"]
            holds.setdefault(name, Hold(name=name, reason=record["reason"], index=index))
        elif record.get("event") == LIFTED:
            holds.pop(record["hold"], None)
    return tuple(holds.values())


def place_hold(
    name: str,
    *,
    reason: str,
    actor: str,
    standing: Sequence[Hold],
    salts: SaltStore,
    append: Callable[[bytes], Receipt],
    at: datetime,
) -> Receipt:
    """Have the log say that nothing is to be dropped until the hold *name* is lifted.

    Raises:
        CallError: If the name or the reason is not spelt as it has to be, or the hold stands.
        AuditError: If the record was not written.
    """
    if any(hold.name == name for hold in standing):
        raise CallError(f"the hold `{name}` stands already")
    return _record(name, PLACED, reason=reason, actor=actor, salts=salts, append=append, at=at)


def lift_hold(
    name: str,
    *,
    reason: str,
    actor: str,
    standing: Sequence[Hold],
    salts: SaltStore,
    append: Callable[[bytes], Receipt],
    at: datetime,
) -> Receipt:
    """Have the log say that the hold *name* no longer stands.

    Raises:
        CallError: If the reason is not spelt as it has to be, or no such hold stands.
        AuditError: If the record was not written.
    """
    if all(hold.name != name for hold in standing):
        raise CallError(f"no hold `{name}` stands")
    return _record(name, LIFTED, reason=reason, actor=actor, salts=salts, append=append, at=at)


def _record(
    name: str,
    event: str,
    *,
    reason: str,
    actor: str,
    salts: SaltStore,
    append: Callable[[bytes], Receipt],
    at: datetime,
) -> Receipt:
    if _NAME.fullmatch(name) is None:
        raise CallError("a hold is named by lower-case letters, digits, dashes and underscores")
    if _REASON.fullmatch(reason) is None:
        raise CallError("the reason is a code of lower-case letters, digits and underscores")
    if not actor:
        raise CallError("say who wants it")
    ident = new_record_id(at)
    return append(
        encode_record(
            {
                "v": 1,
                "id": ident,
                "t": format_time(at),
                "phase": "admin",
                "event": event,
                "hold": name,
                "reason": reason,
                "commitments": salts.commit(ident, {"actor": actor}),
            }
        )
    )
