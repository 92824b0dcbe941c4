# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is: the steps that clocks run for, and those whose time is over."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from govshare_policy.deadline import (
    Calendar,
    Clock,
    Event,
    Kind,
    Question,
    Share,
    ShareType,
    Status,
    due_stages,
    share_of,
)
from govshare_policy.deadline.model import Stage
from govshare_policy.register import CatalogueEntry, Register
from govshare_policy.workflow.machine import is_over
from govshare_policy.workflow.model import Matter, MatterKind, Party, Workflow
from govshare_policy.workflow.parties import bodies_of
from govshare_policy.workflow.referrals import referral_question

_SIDES: Final = {
    "user": Party.USER,
    "provider": Party.PROVIDER,
    "platform_operator": Party.PLATFORM_OPERATOR,
    "competent_authority": Party.COMPETENT_AUTHORITY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A step that a clock runs for.

    Attributes:
        profile: The text whose clock it is.
        bodies: Whose turn it is, as far as the register says.
        days_left: Calendar days until the due day; negative once it is over.
    """

    matter: str
    kind: MatterKind
    profile: str
    stage: Stage
    bodies: tuple[str, ...]
    days_left: int

    @property
    def is_late(self) -> bool:
        """Whether the time is over."""
        return self.stage.status is Status.LATE

    def to_document(self) -> dict[str, object]:
        """Return the turn, ready for JSON."""
        return {
            "matter": self.matter,
            "kind": self.kind.value,
            "profile": self.profile,
            "bodies": list(self.bodies),
            "days_left": self.days_left,
            **self.stage.to_document(),
        }


def turns(
    matters: Sequence[Matter],
    *,
    texts: Sequence[Workflow],
    register: Register,
    clocks: Mapping[str, Sequence[Clock]],
    calendar: Calendar,
    as_of: date,
) -> tuple[Turn, ...]:
    """Return the steps of *matters* that clocks run for on *as_of*, the most urgent first.

    Args:
        matters: Of any kind; clocks run for applications here and to other platforms, for
            corrections and for changes of the catalogue.
        texts: The procedures of the texts that were asked.
        register: Says the share type of what was applied for, and who is who.
        clocks: The clocks of each text, by profile.
        calendar: The working days.
        as_of: The day on which they are looked at.
    """
    found = [
        turn
        for matter in matters
        if not is_over(matter, [text for text in texts if text.profile in matter.states])
        for turn in _turns(matter, register, clocks, calendar, as_of)
    ]
    return tuple(sorted(found, key=lambda turn: (turn.days_left, turn.matter)))


def _turns(
    matter: Matter,
    register: Register,
    clocks: Mapping[str, Sequence[Clock]],
    calendar: Calendar,
    as_of: date,
) -> Iterator[Turn]:
    for profile in matter.states:
        for question in _questions(matter, profile, register, as_of):
            for stage in due_stages(question, clocks=clocks[profile], calendar=calendar):
                if stage.due is None or stage.status not in (Status.OPEN, Status.LATE):
                    continue
                party = _SIDES.get(str(stage.actor), Party.PROVIDER)
                yield Turn(
                    matter=matter.id,
                    kind=matter.kind,
                    profile=profile,
                    stage=stage,
                    bodies=bodies_of(matter, party, profile, register),
                    days_left=(stage.due - as_of).days,
                )


def _questions(matter: Matter, profile: str, register: Register, as_of: date) -> Iterator[Question]:
    at = dict(matter.stamps.get(profile, {}))
    entry = register.resources.get(matter.resource)
    match matter.kind:
        case MatterKind.REFERRAL:
            yield replace(referral_question(matter, profile), as_of=as_of)
        case MatterKind.CATALOGUE:
            if matter.content["changed"]:
                at[Event.CHANGED] = date.fromisoformat(matter.content["changed"])
            # The clocks of updates are the same for every share type.
            yield Question(kind=Kind.CATALOGUE_UPDATE, share=Share.CONDITIONAL, at=at, as_of=as_of)
        case MatterKind.APPLICATION | MatterKind.CORRECTION if entry and entry.share_type:
            yield from _of_entry(matter, entry, at, as_of)
        case _:
            return


def _of_entry(
    matter: Matter, entry: CatalogueEntry, at: Mapping[Event, date], as_of: date
) -> Iterator[Question]:
    kinds = [Kind.CORRECTION if matter.kind is MatterKind.CORRECTION else Kind.APPLICATION]
    if "grant" in matter.content and matter.kind is MatterKind.APPLICATION:
        kinds.append(Kind.SUPPLY)  # what was refused is not supplied
    for kind in kinds:
        yield Question(
            kind=kind,
            share=share_of(
                ShareType(entry.share_type), parameter_controlled=entry.parameter_controlled
            ),
            at=at,
            extension_days=int(matter.content.get("extension_days", 0)),
            as_of=as_of,
        )
