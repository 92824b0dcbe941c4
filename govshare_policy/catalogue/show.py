# SPDX-License-Identifier: Apache-2.0
"""What a catalogue holds, and what its share types mean under one text."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from govshare_policy.catalogue.model import LintText, ShareMeaning
from govshare_policy.policy import shares_of
from govshare_policy.register import CatalogueEntry, ItemShare, Register


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownItem:
    """One item that states a share type of its own, with what follows from it.

    Attributes:
        kind: What it counts as: its own type, or that of the entry where the text looks at no
            item apart and the entry is stricter.
    """

    item: str
    own: ItemShare
    kind: str
    meaning: ShareMeaning

    def to_document(self) -> dict[str, object]:
        """Return the item with all that is stated of it."""
        return {
            "item": self.item,
            "share_type": self.own.share_type,
            "note": self.own.note,
            "kind": self.kind,
            "clauses": list(self.meaning.clauses),
            "text": self.meaning.text_en,
            "text_zh": self.meaning.text_zh,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEntry:
    """One entry of a catalogue, with what its share type means.

    Attributes:
        kind: The share type, or ``controlled``, ``unstated`` or ``secret``, which mean more.
        provider_name: The Chinese name of the provider.
        items: The items that state a type of their own.
    """

    entry: CatalogueEntry
    provider_name: str
    kind: str
    meaning: ShareMeaning
    items: tuple[ShownItem, ...]

    def to_document(self) -> dict[str, object]:
        """Return the entry with all that it states."""
        return {
            "resource": self.entry.id,
            "name": self.entry.name_zh,
            "provider": self.entry.provider,
            "provider_name": self.provider_name,
            "share_type": self.entry.share_type,
            "kind": self.kind,
            "clause": self.meaning.clauses[0],
            "clauses": list(self.meaning.clauses),
            "text": self.meaning.text_en,
            "text_zh": self.meaning.text_zh,
            "items": list(self.entry.items),
            "item_share_types": [item.to_document() for item in self.items],
            "stated": dict(self.entry.more),
        }


def show(register: Register, text: LintText) -> tuple[ShownEntry, ...]:
    """Return the entries of the catalogue, in its order."""
    return tuple(
        ShownEntry(
            entry=entry,
            provider_name=register.departments[entry.provider].name_zh,
            kind=(kind := _kind(entry)),
            meaning=text.meanings[kind],
            items=tuple(_items(entry, text)),
        )
        for entry in register.resources.values()
    )


def _items(entry: CatalogueEntry, text: LintText) -> Iterator[ShownItem]:
    for item, own in entry.item_shares.items():
        kind, *others = shares_of(entry, item, text.item_share)
        if entry.is_secret:
            kind, others = "secret", []
        meaning = text.meanings[kind]
        apart = (text.item_share,) if others else ()
        cited = tuple(dict.fromkeys((*meaning.clauses, *apart)))
        yield ShownItem(item=item, own=own, kind=kind, meaning=replace(meaning, clauses=cited))


def _kind(entry: CatalogueEntry) -> str:
    """Return the kind of *entry*; secrecy outweighs the share type, as it does for a call."""
    if entry.is_secret:
        return "secret"
    if not entry.share_type:
        return "unstated"
    if entry.share_type == "unconditional" and entry.parameter_controlled:
        return "controlled"
    return entry.share_type
