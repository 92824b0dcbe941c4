# SPDX-License-Identifier: Apache-2.0
"""Load a directory again of which only rows of ``grants.tsv`` changed that stand together.

Everything else is shared with the register before, which stays as it is. Whatever is not that
simple is for the whole load to do, and so is every refusal: it says which line is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final

from govshare_policy.errors import FactError
from govshare_policy.register._grant_rows import GRANTS, GrantReader
from govshare_policy.register._grants import refuse_contradictions
from govshare_policy.register._table import Row
from govshare_policy.register.digest import digest_of
from govshare_policy.register.model import Grant, Register

_BLOCK: Final = 1 << 20
# A quoted cell may span lines, and a blank line is no row: then lines cannot be counted as rows.
_NOT_PLAIN: Final = (b'"', b"\r", b"\n\n")
_Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """The lines that differ, and how many rows stand before them."""

    before: int
    old: bytes
    new: bytes


def with_changed_grants(before: Register, files: Mapping[str, bytes]) -> Register | None:
    """Return the register of *files*, sharing what it can with *before*.

    ``None`` where more changed than rows of grants that stand together, or a row is wrong.
    """
    old = before.sources
    if set(old) != set(files) or any(old[name] != files[name] for name in files if name != GRANTS):
        return None
    change = _change(old[GRANTS], files[GRANTS])
    if change is None:
        return None
    try:
        grants, grants_of = _merged(before, change)
    except FactError:
        return None
    after = replace(before, grants=grants, grants_of=grants_of, digest=digest_of(files))
    after.sources.update(files)
    after.lookups.update(before.lookups)  # they are of the files that did not change
    return after


def _change(old: bytes, new: bytes) -> _Change | None:
    if any(mark in data for data in (old, new) for mark in _NOT_PLAIN):
        return None
    header = old.find(b"\n") + 1
    same = _same_from_start(old, new)
    start = new.rfind(b"\n", 0, same) + 1
    if not header or start < header:
        return None
    tail = _same_from_end(old, new, most=min(len(old), len(new)) - start)
    # The tail begins behind a line end that both have.
    end = new.find(b"\n", len(new) - tail) + 1 if tail else 0
    rest = len(new) - end if end else 0
    return _Change(
        before=new.count(b"\n", header, start),
        old=old[:header] + old[start : len(old) - rest],
        new=new[:header] + new[start : len(new) - rest],
    )


def _same_from_start(one: bytes, other: bytes) -> int:
    """Return how many bytes at the start are the same."""
    most = min(len(one), len(other))
    low = 0
    while low < most and one[low : low + _BLOCK] == other[low : low + _BLOCK]:
        low += _BLOCK
    high = min(low + _BLOCK, most)
    low = min(low, most)
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _same_from_end(one: bytes, other: bytes, *, most: int) -> int:
    """Return how many bytes at the end are the same, of at most *most*."""
    low, high = 0, most
    step = _BLOCK
    while low + step <= most and _tail(one, low, low + step) == _tail(other, low, low + step):
        low += step
    high = min(low + step, most)
    while low < high:
        middle = (low + high + 1) // 2
        if _tail(one, low, middle) == _tail(other, low, middle):
            low = middle
        else:
            high = middle - 1
    return low


def _tail(data: bytes, low: int, high: int) -> bytes:
    return data[len(data) - high : len(data) - low]


def _merged(
    before: Register, change: _Change
) -> tuple[dict[str, Grant], dict[_Pair, tuple[Grant, ...]]]:
    """Return the grants of *before* with *change* made.

    Raises:
        FactError: If a row is wrong, stands twice or contradicts another.
    """

    def read(data: bytes) -> dict[str, Grant]:
        reader = GrantReader(
            departments=before.departments, systems=before.systems, resources=before.resources
        )
        return reader.read(data)

    gone, come = read(change.old), read(change.new)
    kept, last = before.grants, change.before + len(gone)
    if list(islice(kept, change.before, last)) != list(gone):
        raise FactError("the rows are not where they were")
    grants = dict(
        chain(islice(kept.items(), change.before), come.items(), islice(kept.items(), last, None))
    )
    if len(grants) != len(kept) - len(gone) + len(come):
        raise FactError("an id stands twice")
    touched = {(one.department, one.resource) for one in (*gone.values(), *come.values())}
    return grants, _regrouped(before, grants, touched, gone=gone, come=come)


def _regrouped(
    before: Register,
    grants: Mapping[str, Grant],
    touched: set[_Pair],
    *,
    gone: Mapping[str, Grant],
    come: Mapping[str, Grant],
) -> dict[_Pair, tuple[Grant, ...]]:
    groups: dict[_Pair, list[Grant]] = {pair: [] for pair in touched}
    others = any(one.id not in gone for pair in touched for one in before.grants_of.get(pair, ()))
    for grant in (grants if others else come).values():
        group = groups.get((grant.department, grant.resource))
        if group is not None:
            group.append(grant)
    stated = [one for group in groups.values() if len(group) > 1 for one in group]
    refuse_contradictions((one, Row(file=GRANTS, line=0, cells={})) for one in stated)
    grants_of = dict(before.grants_of)
    for pair, group in groups.items():
        if group:
            grants_of[pair] = tuple(group)
        else:
            grants_of.pop(pair, None)
    return grants_of
