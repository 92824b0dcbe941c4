# SPDX-License-Identifier: Apache-2.0
"""Names and addresses in running text: windows that begin as a released value begins.

Every position of the text is looked at in numpy; only distinct beginnings are hashed, and longer
windows are cut only where the prefilter knows the beginning, level by level.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.starts import LEVELS, MARK

Known = Callable[[list[str]], NDArray[np.bool_]]
"""Says of each string whether the prefilter may hold it."""

_Item = TypeVar("_Item")

LONGEST: Final = 64
"""Characters of the longest window; a longer value is found as a whole cell only."""

_GAP: Final = "\x1f"
_BITS: Final = 21
_BOUNDS: Final = (*LEVELS, LONGEST)


def windows(texts: list[str], known: Known) -> Iterator[tuple[str, int, int]]:
    """Yield the known windows of canonical *texts*: the window, the number of the text, its offset.

    The prefilter may be wrong about some; it is never wrong about what it does not know.
    """
    joined = _GAP.join(texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(
        np.uint64
    )
    starts = np.concatenate(([0], np.flatnonzero(codes == ord(_GAP)) + 1))
    ends = np.concatenate((starts[1:] - 1, [codes.size]))
    found = [*_pairs(joined, codes, known), *_longer(joined, codes, ends, known)]
    if not found:
        return
    owners = np.searchsorted(starts, np.array([at for at, _ in found]), side="right") - 1
    for (at, window), owner in zip(found, owners.tolist(), strict=True):
        yield window, owner, at - int(starts[owner])


def _grams(codes: NDArray[np.uint64], length: int) -> tuple[NDArray[np.int64], ...]:
    """Return where the distinct grams of *length* first stand, every gram's place, and which it is.

    A gram is kept only if it has a character beyond ASCII and crosses no bound; at most three
    characters of 21 bits fit one key without collision.
    """
    count = codes.size - length + 1
    if count < 1:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, nothing
    key = np.zeros(count, dtype=np.uint64)
    wide = np.zeros(count, dtype=bool)
    whole = np.ones(count, dtype=bool)
    for offset in range(length):
        part = codes[offset : offset + count]
        key = (key << np.uint64(_BITS)) | part
        wide |= part > 0x7F  # noqa: PLR2004 - the last ASCII character
        whole &= part != ord(_GAP)
    places = np.flatnonzero(wide & whole)
    _, first, which = np.unique(key[places], return_index=True, return_inverse=True)
    return places[first], places, which


def _pairs(joined: str, codes: NDArray[np.uint64], known: Known) -> Iterator[tuple[int, str]]:
    """Yield the windows of two characters, with their places."""
    first, places, which = _grams(codes, 2)
    pairs = [joined[at : at + 2] for at in first.tolist()]
    if pairs:
        yield from ((at, joined[at : at + 2]) for at in places[known(pairs)[which]].tolist())


def _longer(
    joined: str, codes: NDArray[np.uint64], ends: NDArray[np.int64], known: Known
) -> list[tuple[int, str]]:
    """Return the windows of three characters and more, with their places."""
    first, places, which = _grams(codes, LEVELS[0])
    begun = [MARK + joined[at : at + LEVELS[0]] for at in first.tolist()]
    if not begun:
        return []
    begins = places[known(begun)[which]]
    limits = ends[np.searchsorted(ends, begins, side="left")]
    rest = list(zip(begins.tolist(), limits.tolist(), strict=True))
    found: list[tuple[int, str]] = []
    for low, high in pairwise(_BOUNDS):
        if low > LEVELS[0]:
            rest = [(at, end) for at, end in rest if end - at > low]
            rest = _kept(rest, [MARK + joined[at : at + low] for at, _ in rest], known)
        cut = [
            (at, joined[at : at + length])
            for at, end in rest
            for length in range(low + (low > LEVELS[0]), min(high, end - at) + 1)
        ]
        found += _kept(cut, [window for _, window in cut], known)
    return found


def _kept(items: list[_Item], texts: list[str], known: Known) -> list[_Item]:
    """Return the items whose text the prefilter may hold; each distinct text is asked once."""
    distinct = list(dict.fromkeys(texts))
    if not distinct:
        return []
    held = {text for text, yes in zip(distinct, known(distinct).tolist(), strict=True) if yes}
    return [item for item, text in zip(items, texts, strict=True) if text in held]
