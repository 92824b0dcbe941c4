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
# Neither a currency nor a country code stands in these, and no time of day.
_CODE: Final = re.compile(r"(?!rmb|cny|usd)[a-z]{1,3}\d{6,15}|\d{8}[0-9a-z]{9}[0-9ace-mo-xz]")
# Characters of which no day, sum or number is written.
_PLACE: Final = re.compile(r"[省市县区镇乡街路村道局厅科技股份限公司]")
_SHAPED: Final = frozenset((13, 14, 15))
_DAYS: Final = 65_536


def canonical_of(folded: str) -> str:
    """Return :func:`canonical` of text that is folded already."""
    if folded.isdecimal() and folded.isascii():
        return canonical(folded) if len(folded) in _SHAPED else folded
    if folded.isascii():
        if _SUM.fullmatch(folded) or _CODE.fullmatch(folded):
            return folded
        if _DAY.fullmatch(folded):
            return _day(folded)
    elif folded.isalnum() and _PLACE.search(folded):
        return folded
    return canonical(folded)


@lru_cache(maxsize=_DAYS)
def _day(text: str) -> str:
    """Return the form of a day; there are few of them, and each stands for many people."""
    return canonical(text)
