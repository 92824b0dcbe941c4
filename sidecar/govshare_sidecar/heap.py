# SPDX-License-Identifier: Apache-2.0
"""The collector of cyclic garbage, told what is worth looking at.

Calls leave next to no cycles, but each makes some fifty objects, and the collector would look
through everything that was ever loaded, texts and registers and all, again and again. That took a
sixth of the time of a call, and stopped all calls for as long as it took.
"""

import gc
from typing import Final

# Objects between two looks at the young ones; then looks before one at those that stayed.
_YOUNG: Final = 10_000
_OLDER: Final = 20


def settle_heap() -> None:
    """Leave everything that is there now out of all looks to come; for after the start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _OLDER, _OLDER)
