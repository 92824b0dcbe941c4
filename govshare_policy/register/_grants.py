# SPDX-License-Identifier: Apache-2.0
"""Grants that cannot hold beside each other: the register is refused that has such a pair.

Grants add up: two for the same use with different fields are two permissions, and a call rests
on whichever serves it. So only these contradict each other, on days that they share:

1. the same permission (resource, department, grantor, systems, purposes, fields and channels)
   under different limits, or under two quotas, for nobody could say how many calls a day it
   carries; or bound to a certificate by one row and to none by the other;
2. two rows by one reply (``reply_ref``) that answer the same use (a purpose, a channel and a
   system in common) in different terms; and, on whatever days, one reply by two grantors.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from govshare_policy.register._table import Row
from govshare_policy.register.model import Grant

# Attribute of a grant to its column in ``grants.tsv``.
_TERMS: Final[Mapping[str, str]] = {
    "systems": "systems",
    "purposes": "purposes",
    "fields": "fields",
    "channels": "channels",
}
_LIMITS: Final[Mapping[str, str]] = {
    "daily_quota": "daily_quota",
    "daily_subjects": "daily_subjects",
    "spki": "cert_spki",
}
_Stated = tuple[Grant, Row]


def refuse_contradictions(grants: Iterable[tuple[Grant, Row]]) -> None:
    """Refuse the later of two grants that contradict each other.

    Sorts the rows of one permission; compares the rows of one reply for one department and one
    resource each with each, for they are few.

    Raises:
        FactError: Naming file, line and column of the later row, and the id of the earlier one.
    """
    same: dict[object, list[_Stated]] = {}
    replies: dict[object, list[_Stated]] = {}
    for grant, row in grants:
        permission = (grant.resource, grant.department, grant.granted_by, *_terms(grant).values())
        same.setdefault(permission, []).append((grant, row))
        if grant.reply:
            reply = (grant.reply, grant.resource, grant.department)
            for earlier, _ in replies.setdefault(reply, []):
                _compare_reply(earlier, grant, row)
            replies[reply].append((grant, row))
    for rows in same.values():
        _compare_limits(rows)


def _terms(grant: Grant) -> dict[str, frozenset[str]]:
    return {name: frozenset(getattr(grant, name)) for name in _TERMS}


def _share_a_day(one: Grant, other: Grant) -> bool:
    first = max(one.period.valid_from, other.period.valid_from)
    return first <= min(one.period.valid_to, other.period.valid_to)


def _compare_limits(rows: list[_Stated]) -> None:
    """Refuse rows of one permission that share a day and have other limits, or two quotas."""
    last: dict[tuple[bool, bool], _Stated] = {}  # of each kind, the one that ends last so far
    for grant, row in sorted(rows, key=lambda stated: stated[0].period.valid_from):
        kind = (grant.daily_quota is not None, grant.spki is not None)
        for (quota, bound), other in last.items():
            if other[0].period.valid_to < grant.period.valid_from:
                continue
            (earlier, _), (_, later) = sorted(
                (other, (grant, row)), key=lambda stated: stated[1].line
            )
            said = f"contradicts grant `{earlier.id}`, the same permission on the same days"
            if quota or kind[0]:
                later.refuse("daily_quota", f"{said}: how many calls it carries cannot be told")
            if bound is not kind[1]:
                later.refuse("cert_spki", f"{said}: only one of them is bound to a certificate")
        if kind not in last or last[kind][0].period.valid_to < grant.period.valid_to:
            last[kind] = (grant, row)


def _compare_reply(earlier: Grant, grant: Grant, row: Row) -> None:
    said = f"contradicts grant `{earlier.id}`, which rests on the same reply"
    if earlier.granted_by != grant.granted_by:
        row.refuse("granted_by", f"{said} by another grantor")
    before, now = _terms(earlier), _terms(grant)
    used_alike = all(before[name] & now[name] for name in ("systems", "purposes", "channels"))
    if not used_alike or not _share_a_day(earlier, grant):
        return
    for name, column in _TERMS.items():
        if before[name] != now[name]:
            row.refuse(column, f"{said} and answers the same use in other terms on the same days")
    for name, column in _LIMITS.items():
        if getattr(earlier, name) != getattr(grant, name):
            row.refuse(column, f"{said} and sets another limit on the same days")
