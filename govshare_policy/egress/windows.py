# SPDX-License-Identifier: Apache-2.0
"""Names and addresses in running text: windows that begin as a released value begins.

Every position of the text is hashed and looked up at once; longer windows are looked up only
where the prefilter knows the beginning, level by level. Only windows that it knows are ever cut.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.hashing import CHUNK, Quick, Words
from govshare_policy.egress.starts import LEVELS, MARK

Holds = Callable[[Words], NDArray[np.bool_]]
"""Says of each hash whether the prefilter may hold it."""

LONGEST: Final = 64
"""Characters of the longest window; a longer value is found as a whole cell only."""

_GAP: Final = "\x1f"
_BOUNDS: Final = (*LEVELS, LONGEST)
_Ints = NDArray[np.int64]


def windows(texts: list[str], hashes: Quick, holds: Holds) -> Iterator[tuple[str, int, int]]:
    """Yield the known windows of canonical *texts*: the window, the number of the text, its offset.

    The prefilter may be wrong about some; it is never wrong about what it does not know.
    """
    joined = _GAP.join([*texts, ""])
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    starts = np.concatenate(([0], np.flatnonzero(codes == ord(_GAP)) + 1))
    for begin in range(0, codes.size, CHUNK):
        chunk = codes[begin : begin + CHUNK + LONGEST]
        for places, sizes in _found(chunk, hashes, holds):
            owners = np.searchsorted(starts, places + begin, side="right") - 1
            offsets = places + begin - starts[owners]
            entries = zip(
                (places + begin).tolist(),
                sizes.tolist(),
                owners.tolist(),
                offsets.tolist(),
                strict=True,
            )
            yield from ((joined[at : at + n], who, off) for at, n, who, off in entries)


def _found(codes: NDArray[np.uint32], hashes: Quick, holds: Holds) -> Iterator[tuple[_Ints, _Ints]]:
    """Yield places and sizes of known windows that begin in the first chunk of *codes*."""
    sums = hashes.sums(codes)
    wide = codes > 0x7F  # noqa: PLR2004 - the last ASCII character
    gaps = np.append(np.flatnonzero(codes == ord(_GAP)), codes.size)
    whole = np.ones(codes.size, dtype=bool)
    whole[gaps[:-1]] = False
    pairs = _grams(wide, whole, 2, reach=2)
    pairs = pairs[holds(hashes.windows(sums, pairs, 2))]
    yield pairs, np.full(pairs.size, 2, dtype=np.int64)
    begins = _grams(wide, whole, LEVELS[0], reach=LEVELS[-1])
    for low, high in pairwise(_BOUNDS):
        begins = begins[holds(hashes.marked(sums, begins, low, mark=MARK))]
        room = gaps[np.searchsorted(gaps, begins)] - begins
        first = low + (low > LEVELS[0])
        counts = np.clip(np.minimum(room, high) - first + 1, 0, None)
        places = np.repeat(begins, counts)
        nth = np.arange(places.size) - np.repeat(np.cumsum(counts) - counts, counts)
        sizes = nth + first
        known = holds(hashes.windows(sums, places, sizes))
        yield places[known], sizes[known]
        begins = begins[room > high]


def _grams(wide: NDArray[np.bool_], whole: NDArray[np.bool_], length: int, *, reach: int) -> _Ints:
    """Return where in the first chunk grams of *length* begin.

    Within *reach* of its begin stands a character beyond ASCII, and no gram crosses a bound.
    """
    count = wide.size - length + 1
    if count < 1:
        return np.empty(0, dtype=np.int64)
    so_far = np.concatenate(([0], np.cumsum(wide)))
    begins = np.arange(count)
    some = so_far[np.minimum(begins + reach, wide.size)] > so_far[begins]
    all_of = np.ones(count, dtype=bool)
    for offset in range(length):
        all_of &= whole[offset : offset + count]
    return np.flatnonzero((some & all_of)[:CHUNK])
