# SPDX-License-Identifier: Apache-2.0
"""Part a call by the share types of the fields it asks for (``item_share_types``)."""

from dataclasses import dataclass
from typing import Final

from govshare_policy.call import Call
from govshare_policy.facts import Facts
from govshare_policy.policy.pack import Pack
from govshare_policy.quick import quick
from govshare_policy.register import CatalogueEntry

_STRICTNESS: Final = {
    kind: rank
    for rank, kind in enumerate(
        ("unconditional", "controlled", "conditional", "non_share", "unstated")
    )
}


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Fields of one call that are decided together, and the kind of share they are decided by.

    Attributes:
        fields: Those asked for; of a call for all fields, those of the entry.
        share: A finding of the column ``share``.
        clause: Where the type of the items is laxer than that of their entry, the provision that
            lets them be looked at apart from it; else empty.
    """

    fields: tuple[str, ...]
    share: str
    clause: str = ""


def kinds_of_fields(call: Call, facts: Facts) -> tuple[tuple[str, ...], ...]:
    """Return the fields that *call* asks for in groups that have one share type each.

    One group, where the entry does not state types of single items; it may be empty.
    """
    entry, asked = facts.entry, _all_fields(call, facts.entry)
    if entry is None or not entry.item_shares:
        return (asked,)
    groups: dict[str, list[str]] = {}
    for name in asked:
        groups.setdefault(_stated(entry, name), []).append(name)
    return tuple(map(tuple, groups.values())) or ((),)


def readings(fields: tuple[str, ...], facts: Facts, pack: Pack) -> tuple[Part, ...]:
    """Return how the text of *pack* may read *fields*, which have one share type; never empty.

    One reading that allows is enough. An item that is stricter than its entry is what it says.
    One that is laxer is what it says only where the text knows resources that can be had in part
    (``item_share`` in ``law.toml``) and the entry is conditional; what the entry as a whole
    allows is not lost by it.
    """
    entry = facts.entry
    if entry is None:
        return (Part(fields=fields, share="moot"),)
    own, *others = shares_of(entry, fields[0] if fields else "", pack.item_share)
    if not others:
        return (Part(fields=fields, share=own),)
    apart = Part(fields=fields, share=own, clause=pack.item_share)
    return apart, *(Part(fields=fields, share=share) for share in others)


def shares_of(entry: CatalogueEntry, item: str, item_share: str) -> tuple[str, ...]:
    """Return the kinds of share by which *item* of *entry* may be had, its own first.

    Args:
        entry: The entry.
        item: One of its items, or anything else for the entry as a whole.
        item_share: The clause by which part of a resource may be open; empty if there is none.
    """
    whole = _share(entry, entry.share_type)
    if not entry.item_shares:
        return (whole,)
    own = _share(entry, _stated(entry, item))
    if _STRICTNESS[own] >= _STRICTNESS[whole]:
        return (own,)
    return (own, whole) if item_share and whole == "conditional" else (whole,)


def whole_call(call: Call, facts: Facts) -> Part:
    """Return all that *call* asks for, under the type of the entry."""
    entry = facts.entry
    asked = _all_fields(call, entry)
    return Part(fields=asked, share="moot" if entry is None else _share(entry, entry.share_type))


def _all_fields(call: Call, entry: CatalogueEntry | None) -> tuple[str, ...]:
    if not call.asks_for_all:
        return call.fields
    return entry.items if entry is not None else ()


def _stated(entry: CatalogueEntry, item: str) -> str:
    own = entry.item_shares.get(item)
    return own.share_type if own is not None else entry.share_type


def _share(entry: CatalogueEntry, share_type: str) -> str:
    if not share_type or not entry.share_type:
        return "unstated"  # where the entry says nothing, no item of it speaks for the rest
    controlled = share_type == "unconditional" and entry.parameter_controlled
    return "controlled" if controlled else share_type
