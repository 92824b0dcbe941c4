# SPDX-License-Identifier: Apache-2.0
"""Text without marks of its form: which shape it has, or which two it may have."""

from typing import Final

from govshare_policy.egress.reading.columns import columns_text
from govshare_policy.egress.reading.lines import (
    has_joints,
    lines_text,
    without_breaks,
    without_leads,
)
from govshare_policy.egress.reading.model import join_rows
from govshare_policy.egress.reading.sideways import blocks_text, lists_text
from govshare_policy.egress.reading.tables import (
    delimited_text,
    find_delimiter,
    is_clean,
    split_gaps,
    table_text,
)

_FEW_LINES: Final = 3


def plain_text(text: str) -> str:
    """Return the segments of text without marks of its form: a table, columns or lines."""
    text = without_leads(without_breaks(text))
    if has_joints(text):
        return lines_text(text)
    delimiter = find_delimiter(text)
    if delimiter is not None:
        found = join_rows([delimited_text(text, delimiter), blocks_text(text, delimiter)])
        is_short = text.count("\n", 0, 1 << 12) < _FEW_LINES
        in_doubt = is_short or not is_clean(text)
        return lines_text(text, beside=[found, lists_text(text)]) if in_doubt else found
    rows = split_gaps(text)
    found = "" if rows is None else table_text(rows)
    return lines_text(text, beside=[found, columns_text(text), lists_text(text)])
