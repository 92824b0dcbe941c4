# SPDX-License-Identifier: Apache-2.0
"""The one form of folded text, by a shorter way where the text is of the plainest shape.

Most cells of most documents are whole numbers, days and sums written plainly, or words. They need
none of the patterns that find out what a value is written as; everything else goes the long way.
"""

import re
import sys
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.forms import canonical_folded
from govshare_policy.egress.kinds import is_day
from govshare_policy.egress.shapes import GAP, Shapes

_DAY: Final = re.compile(r"((?:1[89]|20)\d\d)([-/.])(\d\d)\2(\d\d)")
_WRITTEN_DAY: Final = re.compile(r"((?:1[89]|20)\d\d)年(\d\d?)月(\d\d?)日")
_GROUPED: Final = re.compile(r"[1-9]\d{0,2}(?:,\d{3}){1,3}(?:\.\d{1,2})?")
_SUM: Final = re.compile(r"[1-9]\d{0,8}\.\d{0,8}[1-9]")
# Neither a currency nor a country code stands in these, and no time of day.
_CODE: Final = re.compile(r"(?!rmb|cny|usd)[a-z]{1,3}\d{6,15}|\d{8}[0-9a-z]{9}[0-9ace-mo-xz]")
# Characters of which no day, sum or number is written.
_PLACE: Final = re.compile(r"[省市县区镇乡街路村道局厅科技股份限公司]")
_BETWEEN: Final = re.compile(r"[^\w%*]+|_+")
_LONG: Final = 64
"""Characters above which no text is a day, a sum or a number, with or without separators."""

_SHAPED: Final = frozenset((13, 14, 15))
_DAYS: Final = 65_536


def canonicals(cells: list[str], shapes: Shapes) -> list[str]:
    """Return the one form of each of *cells*, folded, which have these *shapes*."""
    whole = list(cells)
    other = ~shapes.own_form()
    bare = other & shapes.bare_form()
    chosen = np.flatnonzero(bare).tolist()
    for at, form in zip(chosen, _without_gaps([cells[at] for at in chosen]), strict=True):
        whole[at] = form
    for at in np.flatnonzero(other & ~bare).tolist():
        whole[at] = canonical_of(cells[at])
    return whole


def _without_gaps(cells: list[str]) -> list[str]:
    """Return *cells* without what stands between letters."""
    if not cells:
        return []
    codes = np.frombuffer(GAP.join(cells).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    text: str = codes[_kept()[codes]].tobytes().decode("utf-32-le", "surrogatepass")
    return text.split(GAP)


@cache
def _kept() -> NDArray[np.bool_]:
    """Return which characters are kept: those of no gap, and the separator of cells."""
    codes = range(sys.maxunicode + 1)
    kept = np.fromiter((chr(code).isalnum() for code in codes), dtype=bool, count=len(codes))
    kept[[ord(character) for character in f"%*{GAP}"]] = True
    return kept


def canonical_of(folded: str) -> str:  # noqa: PLR0911 - a shape each
    """Return the one form of text that is folded already."""
    if folded.isdecimal() and folded.isascii():
        return canonical_folded(folded) if len(folded) in _SHAPED else folded
    if folded.isascii():
        if _SUM.fullmatch(folded) or _CODE.fullmatch(folded):
            return folded
        if _DAY.fullmatch(folded):
            return _day(folded)
        if _GROUPED.fullmatch(folded):
            bare = folded.replace(",", "")
            return bare.rstrip("0").rstrip(".") if "." in bare else bare
    elif len(folded) > _LONG:
        bare = _BETWEEN.sub("", folded)
        return bare if len(bare) > _LONG else canonical_folded(folded)
    elif folded.isalnum():
        if _PLACE.search(folded):
            return folded
        if _WRITTEN_DAY.fullmatch(folded):
            return _day(folded)
    return canonical_folded(folded)


@lru_cache(maxsize=_DAYS)
def _day(text: str) -> str:
    """Return the form of a day; there are few of them, and each stands for many people."""
    match = _WRITTEN_DAY.fullmatch(text)
    year, month, day = match.groups() if match else (text[:4], text[5:7], text[8:])
    digits = f"{year}{month:0>2}{day:0>2}"
    return digits if is_day(digits) else canonical_folded(text)
