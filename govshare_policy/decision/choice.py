# SPDX-License-Identifier: Apache-2.0
"""Choose, of what the texts say under each grant, what a call may rest on. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import TypeVar

from govshare_policy.call import Call
from govshare_policy.decision.model import Ruling
from govshare_policy.facts import Facts
from govshare_policy.legal import Outcome

T = TypeVar("T")
# What one text says of one kind of fields under each of the candidates, in their order.
Cell = list[Ruling]


def choice(row: Sequence[Cell]) -> list[Ruling]:
    """Return one ruling a text: each the least restrictive that its text has in *row*.

    Of these, those that together release most; then those that look at one grant together; then
    the earlier grants.
    """
    if all(len(cell) == 1 for cell in row):
        return [cell[0] for cell in row]
    options = [_least(cell) for cell in row]
    allowed = all(any(one.outcome is Outcome.ALLOW for one in cell) for cell in row)

    def order(chosen: Sequence[frozenset[str]]) -> tuple[int, bool, tuple[int, ...]]:
        groups = [groups[fields] for groups, fields in zip(options, chosen, strict=True)]
        common = sorted(set(groups[0]).intersection(*groups[1:]))
        numbers = (common[0],) * len(groups) if common else tuple(group[0] for group in groups)
        released = len(chosen[0].intersection(*chosen[1:])) if allowed else 0
        return -released, not common, numbers

    *_, numbers = min(order(chosen) for chosen in product(*options))
    return [cell[number] for cell, number in zip(row, numbers, strict=True)]


def _least(cell: Cell) -> dict[frozenset[str], list[int]]:
    """Return where the least restrictive rulings of *cell* stand, by the fields they speak of.

    Of those that refuse alike, the ones count that the fewest rules stand against: whoever is
    told what is missing is told of the grant that lacks the least.
    """
    least = min(_refused(ruling) for ruling in cell)
    groups: dict[frozenset[str], list[int]] = {}
    for number, ruling in enumerate(cell):
        if _refused(ruling) == least:
            groups.setdefault(frozenset(ruling.fields), []).append(number)
    return groups


def _refused(ruling: Ruling) -> tuple[int, int]:
    against = 0 if ruling.outcome is Outcome.ALLOW else len(ruling.rules)
    return ruling.outcome.restriction, against


def attainable(rows: list[list[Ruling]]) -> list[list[Ruling]]:
    """Return the rows that every text allows; if there is none, the one that is refused least.

    Whoever asks for whatever there may be had is not refused for what may not.
    """
    allowed = [row for row in rows if all(one.outcome is Outcome.ALLOW for one in row)]
    return allowed or [min(rows, key=lambda row: max(one.outcome.restriction for one in row))]


def merged_rulings(rulings: Sequence[Ruling]) -> list[Ruling]:
    """Return *rulings* with those made one that found the same under the same text and grant."""
    if len({one.profile for one in rulings}) == len(rulings):
        return list(rulings)
    merged: dict[tuple[object, ...], Ruling] = {}
    for one in rulings:
        grant = one.grant.id if one.grant is not None else ""
        key = (one.profile, grant, *one.findings.values())
        before = merged.setdefault(key, one)
        if before is not one:
            merged[key] = replace(before, fields=unique((*before.fields, *one.fields)))
    return list(merged.values())


def released_fields(call: Call, facts: Facts, rows: Sequence[Sequence[Ruling]]) -> tuple[str, ...]:
    """Return the fields that all texts release, in the order asked."""
    released = {
        name
        for first, *others in rows
        for name in first.fields
        if all(name in one.fields for one in others)
    }
    entry = facts.entry
    asked = entry.items if call.asks_for_all and entry is not None else call.fields
    return tuple(name for name in asked if name in released)


def unique(values: Iterable[T]) -> tuple[T, ...]:
    """Return *values* without repetition, in their order."""
    return tuple(dict.fromkeys(values))
