# SPDX-License-Identifier: Apache-2.0
"""From the text of a document to the released values in it.

Folding and cutting are done on the whole text; of what could be a value only what the prefilter
knows is tagged and looked up. The text is taken a piece at a time, cut between segments, so that
the memory needed does not grow with the document.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.candidates import LONG, ROW, Forms, Table, forms_of, inner, tabulate
from govshare_policy.egress.covered import covered
from govshare_policy.egress.index import Index
from govshare_policy.egress.join import Released, Standing, join
from govshare_policy.egress.score import Hits, Ints, nothing
from govshare_policy.egress.tags import Tagger
from govshare_policy.egress.values import Kind, fold, kind_of
from govshare_policy.egress.windows import windows

PIECE: Final = 500_000
"""Characters scanned at once."""

SAMPLE: Final = 4_000
"""Cells of a piece whose kinds are counted."""

WIDE: Final = 96
"""A segment of more cells is no one record: what stands in it must stand close together."""

_PARTS: Final = 20
_HALF_TEXT: Final = LONG // 2
_HALF_CELLS: Final = WIDE // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What of a text is known to the index.

    Attributes:
        hits: Every released value found, with its places and records.
        tags: The tag of each distinct value, by :attr:`Hits.value`.
        kinds: The kind of each that the index has, by its shape; of the others, empty.
        segments: How many segments hold anything.
        samples: Of each piece, some of its distinct cells, and of how many each is one.
    """

    hits: Hits
    tags: NDArray[np.uint64]
    kinds: list[Kind]
    segments: int
    samples: list[tuple[list[str], int]] = field(repr=False)

    def count_kinds(self) -> Counter[Kind]:
        """Return about how many distinct cells of each kind there are, released or not."""
        counts: Counter[Kind] = Counter()
        for cells, step in self.samples:
            for kind, count in Counter(map(kind_of, cells)).items():
                counts[kind] += count * step
        return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """Looks texts up in an index. Holds no state of its own; calls may run side by side."""

    index: Index
    tagger: Tagger

    def known(self, texts: list[str]) -> NDArray[np.bool_]:
        """Return for each of *texts* whether the prefilter may hold it."""
        if not texts:
            return np.empty(0, dtype=bool)
        return self.index.might_hold(self.tagger.quick(texts))

    def scan(self, text: str) -> Scan:
        """Return what of *text* is known; segments are parted by U+001E, cells by U+001F."""
        numbers: dict[str, int] = {}
        places: list[Ints] = []
        values: list[Ints] = []
        samples: list[tuple[list[str], int]] = []
        segments = first = 0
        for piece in _pieces(text):
            table = tabulate(fold(piece))
            forms = forms_of(table.cells)
            value, place = self._standing(table, forms, numbers=numbers, first=first)
            step = 1 + len(forms.whole) // SAMPLE
            samples.append((forms.whole[::step], step))
            values.append(value)
            places.append(place)
            segments += table.segments
            first += 1 + int(table.segment[-1]) if table.segment.size else 0
        if not numbers:
            return Scan(
                hits=nothing(),
                tags=np.empty(0, dtype=np.uint64),
                kinds=[],
                segments=segments,
                samples=samples,
            )
        tags = self.tagger.tags(list(numbers))
        found = self.index.lookup(tags)
        released = Released(
            value=found.query.astype(np.int64),
            row=found.row.astype(np.int64),
            field=found.field.astype(np.int64),
            bits=found.surprisal.astype(np.int64),
        )
        standing = Standing(value=np.concatenate(values), place=np.concatenate(places))
        return Scan(
            hits=join(standing, released, values=len(numbers)),
            tags=tags,
            kinds=_kinds(list(numbers), released.value),
            segments=segments,
            samples=samples,
        )

    def _standing(
        self, table: Table, forms: Forms, *, numbers: dict[str, int], first: int
    ) -> tuple[Ints, Ints]:
        """Return which known value stands where; *numbers* grows."""
        whole = forms.whole
        items = [(whole[at], at, 0) for at in np.flatnonzero(self.known(whole)).tolist()]
        apart = ~covered(table, forms.complexes, longest=LONG, widest=WIDE)
        divisible = [at for at in forms.divisible if apart[at]]
        known = dict(zip(table.cells, whole, strict=True))
        parts = inner([table.cells[at] for at in divisible], known, self.known)
        items += [(text, divisible[owner], off) for text, owner, off in parts]
        complexes = [at for at in forms.complexes if apart[at]]
        texts = [whole[at] for at in complexes]
        cut = windows(texts, self.tagger.hashes, self.index.might_hold)
        items += [(text, complexes[owner], off) for text, owner, off in cut]
        value = np.array(
            [numbers.setdefault(text, len(numbers)) for text, _, _ in items], dtype=np.int64
        )
        cell = np.array([at for _, at, _ in items], dtype=np.int64)
        offset = np.array([off for _, _, off in items], dtype=np.int64)
        return _places(table, value, cell=cell, offset=offset, first=first)


def _kinds(values: list[str], found: Ints) -> list[Kind]:
    """Return the kinds of the *values* that were *found*."""
    kinds = [Kind.EMPTY] * len(values)
    for at in np.unique(found).tolist():
        kinds[at] = kind_of(values[at])
    return kinds


def _places(
    table: Table, value: Ints, *, cell: Ints, offset: Ints, first: int
) -> tuple[Ints, Ints]:
    """Return every standing of values that were found in distinct cells, without repetition.

    A place is a segment; of a long cell or a wide segment it is a part of it. The parts overlap
    by half, so that neighbours always have one in common.
    """
    order = np.argsort(table.cell, kind="stable")
    counts = np.bincount(table.cell, minlength=len(table.cells))
    begins = np.cumsum(counts) - counts
    which = np.repeat(np.arange(cell.size), counts[cell])
    nth = np.arange(which.size) - np.repeat(np.cumsum(counts[cell]) - counts[cell], counts[cell])
    at = order[begins[cell[which]] + nth]
    segment = table.segment[at]
    width = np.bincount(table.segment)
    ordinal = at - np.searchsorted(table.segment, segment, side="left")
    length = np.fromiter(map(len, table.cells), dtype=np.int64, count=len(table.cells))
    long = length[cell[which]] > LONG
    part = np.where(long, offset[which] // _HALF_TEXT + 1, 0)
    part = np.where(width[segment] > WIDE, ordinal // _HALF_CELLS + 1, part)
    place = ((segment + first) << _PARTS) | np.minimum(part, (1 << _PARTS) - 1)
    before = part > 1
    values = np.concatenate((value[which], value[which][before]))
    places = np.concatenate((place, place[before] - 1))
    order = np.lexsort((values, places))
    values, places = values[order], places[order]
    new = np.ones(values.size, dtype=bool)
    new[1:] = (values[1:] != values[:-1]) | (places[1:] != places[:-1])
    return values[new], places[new]


def _pieces(text: str) -> Iterator[str]:
    """Cut *text* between segments; a segment longer than a piece stays whole."""
    begin = 0
    while len(text) - begin > PIECE:
        end = text.rfind(ROW, begin, begin + PIECE)
        if end < 0:
            end = text.find(ROW, begin + PIECE)
        if end < 0:
            break
        yield text[begin:end]
        begin = end + 1
    yield text[begin:]
