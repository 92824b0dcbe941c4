# SPDX-License-Identifier: Apache-2.0
"""Sum up many lawful calls as few blocks, in each of which everything goes with everything."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from govshare_policy.entitlements.model import ANY, Released, Scope, Terms
from govshare_policy.facts import OFFLINE_CHANNELS

# A purpose and a channel that no register names: where they are lawful, any is.
PROBE: Final = "entitlement-probe"
_SYSTEM, _NETWORK, _CHANNEL, _PURPOSE = range(4)  # the columns of Terms

_Row = tuple[tuple[str, ...], ...]


def blocks(lawful: Mapping[Terms, Released], asked: Sequence[Terms]) -> Iterator[Scope]:
    """Yield *lawful*, which is what was allowed of *asked*, as few scopes."""
    rows: list[_Row] = [
        (*((value,) for value in terms), released.fields, released.duties)
        for terms, released in lawful.items()
    ]
    columns = list(zip(*asked, strict=True))
    for column in (_PURPOSE, _CHANNEL, _NETWORK, _SYSTEM):
        rows = _merged(rows, column, frozenset(columns[column]) - OFFLINE_CHANNELS)
    for systems, networks, channels, purposes, fields, duties in rows:
        yield Scope(
            systems=systems,
            networks=networks,
            channels=channels,
            purposes=purposes,
            fields=fields,
            duties=duties,
        )


def _merged(rows: Sequence[_Row], column: int, asked: AbstractSet[str]) -> list[_Row]:
    """Return *rows* with those made one that differ in *column* alone."""
    groups: dict[_Row, list[str]] = {}
    for row in rows:
        rest = (*row[:column], *row[column + 1 :])
        groups.setdefault(rest, []).extend(row[column])
    merged = ((rest, _opened(found, asked)) for rest, found in groups.items())
    return [(*rest[:column], named, *rest[column:]) for rest, named in merged if named]


def _opened(found: Sequence[str], asked: AbstractSet[str]) -> tuple[str, ...]:
    """Return *found*, or ``*`` for all of it that is online if nothing that was asked is not in it.

    The code of nobody never shows: where some code that was asked is refused, ``*`` would be too
    much, and the others stand by their names.
    """
    if PROBE not in found:
        return tuple(found)
    if asked <= set(found):
        return (ANY, *(value for value in found if value in OFFLINE_CHANNELS))
    return tuple(value for value in found if value != PROBE)
