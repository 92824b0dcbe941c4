# SPDX-License-Identifier: Apache-2.0
"""Hold the single items of an entry against the rules about share types."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from govshare_policy.catalogue.model import LintRule
from govshare_policy.register._items import COLUMN, item_shares_of
from govshare_policy.register._table import Row
from govshare_policy.register.model import ItemShare

# What a check compares between entries, or with the items of an entry, is not about one item.
_ABOUT_ONE_ENTRY: Final = frozenset(
    ("stated", "filled", "among", "not_among", "includes", "matches", "held_by", "not_copied")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow(Row):
    """An entry as it would read if it consisted of one item only."""

    item: str


def judges_items(rule: LintRule) -> bool:
    """Whether *rule* judges a share type, and so the type of every item."""
    named = "share_type" in rule.when or "share_type" in rule.unless
    compares = rule.check in ("among", "not_among") and "share_type" in rule.columns
    return rule.check in _ABOUT_ONE_ENTRY and (named or compares)


def item_rows(entries: Iterable[Row]) -> Iterator[ItemRow]:
    """Yield a row for every item whose type or text is not simply that of its entry."""
    for row in entries:
        for item, own in item_shares_of(row).items():
            if own.share_type != row.text("share_type") or own.note:
                cells = {**row.cells, **_cells(own)}
                yield ItemRow(file=row.file, line=row.line, cells=cells, item=item)


def column_of_item(column: str) -> str:
    """Return the column in which a fault of an item stands that the checks see in *column*."""
    return COLUMN if column == "share_type" else column


def _cells(own: ItemShare) -> Mapping[str, str]:
    """Return the cells of an entry that the statement about an item replaces."""
    match own.share_type:
        case "unconditional":
            # The scope of the entry is that of its conditional part.
            return {"share_type": own.share_type, "share_scope": "ALL"}
        case "conditional" if own.note:
            return {"share_type": own.share_type, "share_condition": own.note}
        case "non_share" if own.note:
            return {"share_type": own.share_type, "reason": own.note}
        case _:
            return {"share_type": own.share_type}
