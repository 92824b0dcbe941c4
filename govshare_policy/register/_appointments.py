# SPDX-License-Identifier: Apache-2.0
"""Who answers for sharing in a department: posts and units in ``departments.tsv``, no persons."""

import re
from typing import Final

from govshare_policy.register._table import Row

POSTS: Final = ("head_post", "deputy_post")
UNIT: Final = "sharing_unit"
LEADS: Final = "leads"
# A post is a code such as ``director``: whoever writes a name into the cell is told so, and a
# name in the register could reach a page or a report.
_POST: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def check_appointments(row: Row) -> None:
    """Check the cells that say who leads and who does the work; each may be empty.

    Raises:
        FactError: If a post is no code of small letters, or the unit or a base led is no code.
    """
    for column in POSTS:
        if row.text(column) and not _POST.fullmatch(row.text(column)):
            row.refuse(column, "not a post such as director or deputy_director; no names here")
    if row.text(UNIT):
        row.code(UNIT)
    row.codes(LEADS)
