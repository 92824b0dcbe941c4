# SPDX-License-Identifier: Apache-2.0
"""Blocks in rarer alphabets among other text: base85 and ASCII85, in lines or in one long one."""

import re
from collections.abc import Iterator
from typing import Final

from govshare_policy.egress.reading.alphabets import rare_layer
from govshare_policy.egress.reading.model import Budget

# Lines of one length with a shorter one at the end, or one line that is longer than any word.
_BLOCK: Final = re.compile(
    r"^(?:[!-~]{40,200}+\r?\n)++(?:[!-~]{1,200}+\r?$)?|^[!-~]{200,}+\r?$", re.MULTILINE
)


def rare_blocks_of(text: str, *, budget: Budget) -> Iterator[tuple[int, int, str, bytes]]:
    """Yield start, end, encoding and content of such blocks in *text*."""
    for match in _BLOCK.finditer(text):
        budget.tick()
        # The word after a block may look like its last line.
        block = match.group().rstrip("\r\n")
        for kept in (block, block[: max(block.rfind("\n"), 0)]):
            if (found := rare_layer(kept)) is not None:
                yield match.start(), match.start() + len(kept), *found
                break
