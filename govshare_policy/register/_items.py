# SPDX-License-Identifier: Apache-2.0
"""The share types of single items: the column ``item_share_types`` of ``resources.tsv``."""

import re
from typing import Final

from govshare_policy.register._table import Row
from govshare_policy.register.model import SHARE_TYPES, ItemShare

COLUMN: Final = "item_share_types"
SEPARATOR: Final = "|"
_ITEM: Final = re.compile(r"\s*([^\s*|,=:]+)\s*=\s*([^\s*|,=:]+)\s*(?::\s*(.*?)\s*)?", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def item_shares_of(row: Row) -> dict[str, ItemShare]:
    """Return the share types that *row* states for single items; empty where it states none.

    The cell is a list such as ``name=unconditional|pay_base=conditional:限救助核对``. After the
    colon stands the condition of a conditional item or the reason of one that is withheld.

    Raises:
        FactError: If the cell has another form, names an item that is not one of the entry or
            names one twice; says file, line and column.
    """
    shares: dict[str, ItemShare] = {}
    cell = row.text(COLUMN)
    known = row.codes("items", ",|") if cell else ()
    for number, part in enumerate(cell.split(SEPARATOR) if cell else (), 1):
        match = _ITEM.fullmatch(part)
        if match is None:
            row.refuse(COLUMN, f"part {number} is not item=share_type or item=share_type:text")
        item, share_type, note = match[1], match[2], match[3]
        row.known(COLUMN, item, known, f"item in the entry (part {number})")
        if share_type not in SHARE_TYPES:
            said = ", ".join(sorted(SHARE_TYPES))
            row.refuse(COLUMN, f"the share type of part {number} is not one of {said}")
        if item in shares:
            row.refuse(COLUMN, f"`{item}` stands twice")
        if note is not None and (not note or _CONTROL.search(note)):
            row.refuse(COLUMN, f"the text of part {number} is empty or has a control character")
        if note and share_type == "unconditional":
            row.refuse(COLUMN, f"part {number} is unconditional and has a condition")
        shares[item] = ItemShare(share_type=share_type, note=note or "")
    return shares
