# SPDX-License-Identifier: Apache-2.0
"""The one form of folded text, by a shorter way where the text is of the plainest shape.

Most cells of most documents are whole numbers, days and sums written plainly, or words. They need
none of the patterns that find out what a value is written as; everything else goes the long way.
"""

import re
from functools import lru_cache
from typing import Final

from govshare_policy.egress.values import canonical

_DAY: Final = re.compile(r"(?:1[89]|20)\d\d[-/]\d\d[-/]\d\d")
_SUM: Final = re.compile(r"[1-9]\d{0,8}\.\d{0,8}[1-9]")
_SHAPED: Final = frozenset((13, 14, 15))
_DAYS: Final = 65_536


def canonical_of(folded: str) -> str:
    """Return :func:`canonical` of text that is folded already."""
    if folded.isdecimal() and folded.isascii():
        return canonical(folded) if len(folded) in _SHAPED else folded
    if folded.isascii():
        if _SUM.fullmatch(folded):
            return folded
        if _DAY.fullmatch(folded):
            return _day(folded)
    return canonical(folded)


@lru_cache(maxsize=_DAYS)
def _day(text: str) -> str:
    """Return the form of a day; there are few of them, and each stands for many people."""
    return canonical(text)
