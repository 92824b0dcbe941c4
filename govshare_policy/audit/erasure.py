# SPDX-License-Identifier: Apache-2.0
"""Erasing salts: recorded first, then done, and finished later if it broke off in between.

The records stay, and so does every proof about them. What goes is the one thing by which a value
that somebody guesses could be held against them.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from govshare_policy.audit.log import AuditLog
from govshare_policy.audit.record import encode_record, format_time, new_record_id
from govshare_policy.audit.salts import SaltStore
from govshare_policy.audit.salttree import day_of
from govshare_policy.audit.verify import read_records
from govshare_policy.errors import AuditError, CallError
from govshare_policy.identity import legal_day

MAX_RECORDS: Final = 1000
_REASON: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What somebody wants erased.

    Attributes:
        records: Ids of decision records, or of other records with commitments of their own.
        days: Legal days, all salts of which are to go.
        reason: An open code, such as ``request_of_the_person``.
        actor: Who wants it; the record holds a commitment to it.
    """

    records: tuple[str, ...] = ()
    days: tuple[date, ...] = ()
    reason: str
    actor: str

    def __post_init__(self) -> None:
        if not self.records and not self.days:
            raise CallError("name a record or a day to erase")
        if len(self.records) + len(self.days) > MAX_RECORDS:
            raise CallError(f"one erasure names at most {MAX_RECORDS} records and days")
        if _REASON.fullmatch(self.reason) is None:
            raise CallError("the reason is a code of lower-case letters, digits and underscores")
        if not self.actor:
            raise CallError("say who wants the erasure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """An erasure that was carried out: the record that says so, and its number in the log."""

    record: str
    index: int


def want_erasure(
    salts: SaltStore, directory: Path, erasure: Erasure, *, at: datetime, log_size: int
) -> str:
    """Keep *erasure* in mind, and return the id of the record that will say it was done.

    Nothing is erased before :func:`finish_erasures`.

    Args:
        salts: The store.
        directory: The log the records are in.
        erasure: What to erase.
        at: Now.
        log_size: A size that the log has reached; its record of the erasure comes after that.

    Raises:
        CallError: If a day is not over, a record is not in the log or has no salt of its own, or
            something of it was erased before.
        VerificationError: If an id is no UUIDv7.
        AuditError: If the log cannot be read or the store not written.
    """
    today = legal_day(at)
    for day in erasure.days:
        if day >= today:
            raise CallError(f"the day {day} is not over, so its salts are still in use")
    for what in (*erasure.records, *(day.isoformat() for day in erasure.days)):
        if by := salts.erased_by(what):
            raise CallError(f"`{what}` was erased before, as record `{by}` says")
    for record in erasure.records:
        day_of(record)
    _verify_there(directory, frozenset(erasure.records))
    ident = new_record_id(at)
    committed = salts.commit(ident, {"actor": erasure.actor})
    content: dict[str, Any] = {
        "records": list(erasure.records),
        "days": [day.isoformat() for day in erasure.days],
        "reason": erasure.reason,
        "commitments": committed,
    }
    salts.want(ident, {"log_size": log_size, "record": content})
    return ident


def finish_erasures(
    salts: SaltStore, log: AuditLog, directory: Path, *, at: datetime
) -> tuple[Erased, ...]:
    """Carry out every erasure that is wanted: the record first, then the salts.

    One that broke off is taken up where it stopped, so that it is recorded once and done.

    Args:
        salts: The store.
        log: Open, so that nobody else does the same.
        directory: Where *log* writes.
        at: Now.

    Raises:
        AuditError: If a record was not written, or the salts could not be erased. Calling this
            again finishes it.
    """
    wanted = salts.wanted()
    if not wanted:
        return ()
    known = min(content["log_size"] for content in wanted.values())
    named = _named(directory, frozenset(wanted), since=known)
    there = {record["id"]: index for index, record in named}
    done = []
    for ident, content in wanted.items():
        index = there.get(ident)
        if index is None:
            index = log.append(_record(ident, content["record"], at=at)).index
        # INVARIANT: the log says that the salts are gone before they are.
        days = [date.fromisoformat(day) for day in content["record"]["days"]]
        salts.erase(content["record"]["records"], days, by=ident)
        done.append(Erased(record=ident, index=index))
    return tuple(done)


def _record(ident: str, content: Mapping[str, Any], *, at: datetime) -> bytes:
    fixed = {"v": 1, "phase": "admin", "event": "erasure", "id": ident, "t": format_time(at)}
    return encode_record({**content, **fixed})


def _verify_there(directory: Path, idents: Collection[str]) -> None:
    """Return only if each of *idents* is a record whose salt is its own."""
    there = {record["id"]: record for _, record in _named(directory, idents)} if idents else {}
    for ident in idents:
        if ident not in there:
            raise CallError(f"the log holds no record `{ident}`")
        if there[ident]["phase"] == "outcome":
            decision = there[ident]["decision"]
            raise CallError(f"record `{ident}` has no salt of its own; name `{decision}`")


def _named(
    directory: Path, idents: Collection[str], *, since: int = 0
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the records *idents* among those from number *since* on, with their numbers."""
    needles = tuple(ident.encode() for ident in idents)
    try:
        for index, data in read_records(directory):
            # Cheap first: most records name none of them, and a name may stand in any member.
            if index < since or not any(needle in data for needle in needles):
                continue
            record = json.loads(data)
            if record.get("id") in idents:
                yield index, record
    except OSError as error:
        raise AuditError(f"the log `{directory.name}` cannot be read") from error
