# SPDX-License-Identifier: Apache-2.0
"""What is applied for and what is granted of it, and the rows that a grant is written as."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from govshare_policy.errors import CallError
from govshare_policy.register import CatalogueEntry, Grant, Register
from govshare_policy.register.model import Period
from govshare_policy.workflow.answer import Refusal
from govshare_policy.workflow.lawful import APART, Request
from govshare_policy.workflow.model import Matter, RowEdit, Workflow
from govshare_policy.workflow.sentences import refusal

MAX_TEXT: Final = 4000
CODE: Final = re.compile(r"[^\s*|,]+")
# What an application may state, and what has to be there for it to be stated.
_STATED_BY: Final[Mapping[str, str]] = {
    "purpose": "purposes",
    "scope": "fields",
    "share_method": "channels",
    "time_limit": "period",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a department applies for.

    Attributes:
        systems: The information systems that will use the data.
        valid_from: With *valid_to*, the time limit; ``None`` where not stated.
        texts: Free texts by name: ``need``, ``reason``, ``basis``, ``scenario``.
        grantor: Which of two grantors is applied to, where the texts name different ones; empty
            where one grant is enough.
    """

    resource: str
    fields: tuple[str, ...]
    purposes: tuple[str, ...]
    channels: tuple[str, ...]
    systems: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    grantor: str = ""

    def __post_init__(self) -> None:
        if self.grantor not in ("", *APART):
            raise CallError(f"a grantor that is applied to apart is one of {', '.join(APART)}")
        lists = (self.fields, self.purposes, self.channels, self.systems)
        for value in (value for values in lists for value in values):
            if not CODE.fullmatch(value) or not unicodedata.is_normalized("NFC", value):
                raise CallError("a field, purpose, channel or system is a code in normal form C")
        if any(len(set(values)) != len(values) for values in lists):
            raise CallError("a field, purpose, channel or system stands twice")
        if any(len(text) > MAX_TEXT for text in self.texts.values()):
            raise CallError(f"a free text has at most {MAX_TEXT} characters")

    def states(self, name: str) -> bool:
        """Whether the statement *name* is made."""
        if name not in _STATED_BY:
            return bool(self.texts.get(name, "").strip())
        if name == "time_limit":
            return self.valid_from is not None and self.valid_to is not None
        return bool(getattr(self, _STATED_BY[name]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """What the provider grants of what was applied for; ``None`` leaves it as it is."""

    fields: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None
    systems: tuple[str, ...] | None = None
    valid_to: date | None = None


def request_document(request: Request) -> dict[str, Any]:
    """Return *request* as it is kept, recorded and shown."""
    return {
        "resource": request.resource,
        "fields": list(request.fields),
        "purposes": list(request.purposes),
        "channels": list(request.channels),
        "systems": list(request.systems),
        "valid_from": request.period.valid_from.isoformat(),
        "valid_to": request.period.valid_to.isoformat(),
    }


def unstated(need: Need, texts: Sequence[Workflow]) -> Refusal | None:
    """Return the refusal that names everything *texts* want stated and *need* does not state."""
    missing = [
        (cited.id, clause)
        for text in texts
        for cited in text.statements
        if not need.states(cited.id)
        for clause in cited.clauses
    ]
    if not missing:
        return None
    names = ", ".join(dict.fromkeys(name for name, _ in missing))
    return refusal("statement_missing", [clause for _, clause in missing], names=names)


def request_of(need: Need, entry: CatalogueEntry, department: str, register: Register) -> Request:
    """Return *need* as a request for a grant.

    Raises:
        CallError: If it names something unknown, or lacks what no grant is written without.
    """
    if not need.fields or not need.purposes or not need.channels:
        raise CallError("an application names at least one field, one purpose and one channel")
    if need.valid_from is None or need.valid_to is None or need.valid_to < need.valid_from:
        raise CallError("an application names a period: its first day and its last")
    if not set(need.fields) <= set(entry.items):
        raise CallError("a field applied for is not in the catalogue entry")
    for system in need.systems:
        if system not in register.systems or register.systems[system].department != department:
            raise CallError("a system applied for is not registered as one of the applicant")
    return Request(
        department=department,
        resource=entry.id,
        fields=need.fields,
        purposes=need.purposes,
        channels=need.channels,
        systems=need.systems,
        period=Period(valid_from=need.valid_from, valid_to=need.valid_to),
    )


def narrow(matter: Matter, narrowed: Narrowed, day: date) -> Request | tuple[str, ...]:
    """Return what is granted from *day* on, or in what it would be wider than applied for.

    Raises:
        CallError: If nothing would be granted, or only for days gone by.
    """
    asked = matter.content.get("granted") or matter.content["request"]
    if "grant" in matter.content:
        asked = matter.content["request"]  # decided anew, so nothing was granted yet
    chosen: dict[str, tuple[str, ...]] = {}
    wider: list[str] = []
    for name in ("fields", "purposes", "channels", "systems"):
        values = getattr(narrowed, name)
        chosen[name] = tuple(asked[name]) if values is None else values
        if not chosen[name] and asked[name]:
            raise CallError(f"`{name}` of the grant is empty")
        if not set(chosen[name]) <= set(asked[name]):
            wider.append(name)
    last = date.fromisoformat(asked["valid_to"])
    valid_to = narrowed.valid_to or last
    if valid_to > last:
        wider.append("valid_to")
    if wider:
        return tuple(wider)
    start = max(date.fromisoformat(asked["valid_from"]), day)
    if start > valid_to:
        raise CallError("the period of the grant is over already")
    return Request(
        department=matter.department,
        resource=matter.resource,
        period=Period(valid_from=start, valid_to=valid_to),
        **chosen,
    )


def grant_rows(
    matter: Matter, grant: str, granted: Request, register: Register
) -> tuple[RowEdit, ...]:
    """Return the rows that make *granted* a grant under the id *grant*."""
    period = {
        "valid_from": granted.period.valid_from.isoformat(),
        "valid_to": granted.period.valid_to.isoformat(),
    }
    shared = {"resource_id": granted.resource, "user_dept": granted.department, **period}
    row = RowEdit(
        file="grants.tsv",
        key=grant,
        cells={
            **shared,
            "systems": "|".join(granted.systems),
            "purposes": "|".join(granted.purposes),
            "fields": ",".join(granted.fields),
            "channels": "|".join(granted.channels),
            "granted_by": matter.route,
            "note": matter.id,
        },
    )
    negotiated = matter.route == "negotiated_agreement"
    if not negotiated or register.agreements is None:
        return (row,)
    # Where agreements are registered, a negotiated grant needs one of its own.
    agreed = {**shared, "kind": "negotiated", "provider": matter.provider, "note": matter.id}
    return (row, RowEdit(file="agreements.tsv", key=f"A-{matter.id}", cells=agreed))


def ended(grant: Grant, day: date, by: str) -> RowEdit:
    """Return the row that ends *grant* before *day*; one that never held on a day is taken out."""
    last = day - timedelta(days=1)
    if last < grant.period.valid_from:
        return RowEdit(file="grants.tsv", key=grant.id, cells=None)
    cells = {"valid_to": last.isoformat(), "note": f"revoked {day.isoformat()} {by}"}
    return RowEdit(file="grants.tsv", key=grant.id, cells=cells)
