# SPDX-License-Identifier: Apache-2.0
"""Postings side by side, sorted by tag, with the releases they come from and a prefilter.

A run is the same whether its arrays lie in memory or in a mapped file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

RELEASE: Final = np.dtype(
    [
        ("first", "<u4"),
        ("rows", "<u4"),
        ("name", "<u8"),
        ("day", "<i4"),
        ("at", "<u8"),
        ("size", "<u4"),
    ]
)
"""A release: its first row and their number, the tag of its receipt id, the last day of its
duties (days since 1970), and where its description stands."""

NEVER: Final = 2**31 - 1
"""The last day of duties that do not end."""

_BLOOM_BITS: Final = 12
_MIXER: Final = np.uint64(0x9E3779B97F4A7C15)
_PROBES: Final = (58, 52, 46, 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Postings of some releases; all arrays of a kind have one length.

    Attributes:
        tags: Sorted.
        rows: The row reference of each posting.
        fields: The number of its field within its release.
        bits: Its surprisal.
        bloom: The prefilter: a word each for some of the quick hashes.
        releases: Sorted by first row; of type :data:`RELEASE`.
        descriptions: The descriptions of the releases, one after the other.
    """

    tags: NDArray[np.uint64] = field(repr=False)
    rows: NDArray[np.uint32] = field(repr=False)
    fields: NDArray[np.uint8] = field(repr=False)
    bits: NDArray[np.uint8] = field(repr=False)
    bloom: NDArray[np.uint64] = field(repr=False)
    releases: NDArray[np.void] = field(repr=False)
    descriptions: memoryview = field(repr=False)

    def owners(self, rows: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return the number of the release of each of *rows*, or -1 where it is not here."""
        first = self.releases["first"]
        at = np.searchsorted(first, rows, side="right") - 1
        if not first.size:
            return np.full(rows.size, -1, dtype=np.int64)
        inside = (at >= 0) & (rows - first[at] < self.releases["rows"][at])
        return np.where(inside, at, -1).astype(np.int64)

    def describe(self, number: int) -> bytes:
        """Return the description of the release of this number."""
        begin = int(self.releases["at"][number])
        return bytes(self.descriptions[begin : begin + int(self.releases["size"][number])])


@dataclass(frozen=True, slots=True, kw_only=True)
class Loose:
    """A run and the quick hashes its prefilter is made of, with the first row of their release.

    They are needed where runs are put together, and are not kept in memory otherwise.
    """

    run: Run
    quick: NDArray[np.uint32] = field(repr=False)
    first: NDArray[np.uint32] = field(repr=False)

    @classmethod
    def of(
        cls,
        *,
        postings: tuple[
            NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint8], NDArray[np.uint8]
        ],
        quick: NDArray[np.uint32],
        first: NDArray[np.uint32],
        releases: NDArray[np.void],
        descriptions: bytes,
    ) -> Self:
        """Return a run of *postings* (tags, rows, fields, bits) in any order."""
        tags, rows, fields, bits = postings
        order = np.argsort(tags, kind="stable")
        run = Run(
            tags=tags[order],
            rows=rows[order],
            fields=fields[order],
            bits=bits[order],
            bloom=make_bloom(quick),
            releases=releases,
            descriptions=memoryview(descriptions),
        )
        return cls(run=run, quick=quick, first=first)


def join_runs(parts: Sequence[Loose], *, dropped: frozenset[int]) -> Loose:
    """Return one run of *parts*, which are in order of rows, without what was *dropped*.

    Args:
        parts: At least one.
        dropped: First rows of the releases that are gone.
    """
    gone = np.array(sorted(dropped), dtype=np.uint32)
    postings: list[
        tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint8], NDArray[np.uint8]]
    ]
    postings, releases, descriptions = [], [], bytearray()
    for part in parts:
        run = part.run
        stays = ~np.isin(run.releases["first"], gone)
        keep = stays[run.owners(run.rows)]
        postings.append((run.tags[keep], run.rows[keep], run.fields[keep], run.bits[keep]))
        kept = run.releases[stays].copy()
        if bool(stays.all()):
            kept["at"] += np.uint64(len(descriptions))
            descriptions += run.descriptions
        else:
            for at, number in enumerate(np.flatnonzero(stays).tolist()):
                kept["at"][at] = len(descriptions)
                descriptions += run.describe(number)
        releases.append(kept)
    first = np.concatenate([part.first for part in parts])
    quick = np.concatenate([part.quick for part in parts])
    keep = ~np.isin(first, gone)
    tags, rows, fields, bits = (np.concatenate(column) for column in zip(*postings, strict=True))
    return Loose.of(
        postings=(tags, rows, fields, bits),
        quick=quick[keep],
        first=first[keep],
        releases=np.concatenate(releases),
        descriptions=bytes(descriptions),
    )


def find_postings(
    run: Run, tags: NDArray[np.uint64], dropped: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint8], NDArray[np.uint8]] | None:
    """Return the postings of *tags* in *run*, by column."""
    if not run.tags.size:
        return None
    low = np.searchsorted(run.tags, tags, side="left")
    # Few of the tags are here: only for those the other end is looked for.
    here = np.flatnonzero(run.tags[np.minimum(low, run.tags.size - 1)] == tags)
    if not here.size:
        return None
    low = low[here]
    counts = np.searchsorted(run.tags, tags[here], side="right") - low
    query = np.repeat(here, counts)
    at = np.arange(query.size) - np.repeat(np.cumsum(counts) - counts, counts)
    at += np.repeat(low, counts)
    if dropped.size:
        keep = ~np.isin(run.releases["first"][run.owners(run.rows[at])], dropped)
        query, at = query[keep], at[keep]
    return query, run.rows[at], run.fields[at], run.bits[at]


def make_bloom(quick: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return a prefilter of *quick*: all bits of one hash lie in one word of 64."""
    distinct = np.unique(quick)
    words = np.zeros(max(1, -(-distinct.size * _BLOOM_BITS // 64)), dtype=np.uint64)
    np.bitwise_or.at(words, _bloom_place(distinct, words.size), _bloom_mask(distinct))
    return words


def any_bloom_holds(
    blooms: Sequence[NDArray[np.uint64]], quick: NDArray[np.uint32]
) -> NDArray[np.bool_]:
    """Return for each of *quick* whether one of the prefilters *blooms* may hold it."""
    known = np.zeros(quick.size, dtype=bool)
    mask = _bloom_mask(quick)
    for words in blooms:
        known |= (words[_bloom_place(quick, words.size)] & mask) == mask
    return known


def _bloom_place(quick: NDArray[np.uint32], words: int) -> NDArray[np.int64]:
    return ((quick.astype(np.uint64) * np.uint64(words)) >> np.uint64(32)).astype(np.int64)


def _bloom_mask(quick: NDArray[np.uint32]) -> NDArray[np.uint64]:
    mixed = quick.astype(np.uint64) * _MIXER
    mixed ^= mixed >> np.uint64(29)
    mixed *= _MIXER
    mask = np.zeros(quick.size, dtype=np.uint64)
    for shift in _PROBES:
        mask |= np.uint64(1) << ((mixed >> np.uint64(shift)) & np.uint64(63))
    return mask
