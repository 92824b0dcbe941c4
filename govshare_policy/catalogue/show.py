# SPDX-License-Identifier: Apache-2.0
"""What a catalogue holds, and what its share types mean under one text."""

from dataclasses import dataclass

from govshare_policy.catalogue.model import LintText, ShareMeaning
from govshare_policy.register import CatalogueEntry, Register


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEntry:
    """One entry of a catalogue, with what its share type means.

    Attributes:
        kind: The share type, or ``controlled``, ``unstated`` or ``secret``, which mean more.
        provider_name: The Chinese name of the provider.
    """

    entry: CatalogueEntry
    provider_name: str
    kind: str
    meaning: ShareMeaning

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
        )
        for entry in register.resources.values()
    )


def _kind(entry: CatalogueEntry) -> str:
    """Return the kind of *entry*; secrecy outweighs the share type, as it does for a call."""
    if entry.is_secret:
        return "secret"
    if not entry.share_type:
        return "unstated"
    if entry.share_type == "unconditional" and entry.parameter_controlled:
        return "controlled"
    return entry.share_type
