# SPDX-License-Identifier: Apache-2.0
"""From bytes of any ordinary form to segments of cells; nothing else knows formats.

What cannot be read in full, within limits, is :exc:`UnscannableError`: never a part of it.
"""

from govshare_policy.egress.reading.model import (
    CELL,
    ROW,
    Code,
    Limits,
    Reading,
    UnscannableError,
)
from govshare_policy.egress.reading.reader import read

__all__ = ["CELL", "ROW", "Code", "Limits", "Reading", "UnscannableError", "read"]
