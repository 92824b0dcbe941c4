# SPDX-License-Identifier: Apache-2.0
"""The facts about one call, as values."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol

from govshare_policy.call import Call
from govshare_policy.chain import ChainState
from govshare_policy.identity import Identity
from govshare_policy.quick import quick
from govshare_policy.register import (
    Agreement,
    CatalogueEntry,
    Consent,
    Department,
    Grant,
    System,
)

OFFLINE_CHANNELS: Final = frozenset(
    ("offline_exchange", "offline_file_exchange", "offline_file", "offline")
)


class GrantState(StrEnum):
    """What became of the grant that was looked at."""

    NONE = "none"
    UNKNOWN = "unknown"
    MISPLACED = "misplaced"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    ACTIVE = "active"


class Destination(StrEnum):
    """Where the data of a call would end, seen from the caller."""

    NOT_NAMED = "none"
    OWN = "own"
    PROVIDER = "provider"
    DEPARTMENT = "department"
    OUTSIDE = "outside"
    UNSTATED = "unstated"


class ConsentState(StrEnum):
    """What became of the consent that the call names."""

    NONE = "none"
    UNKNOWN = "unknown"
    LAPSED = "lapsed"
    NOT_COVERING = "not_covering"
    COVERING = "covering"


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One grant that might carry the call, or the absence of one.

    Attributes:
        agreement: The agreement in force between provider and user, where one is registered.
        agreed: Whether an agreement is in force; a grant is its own where none are registered.
        used_today: Calls already allowed under the grant on this day.
        subjects_spent: Whether the subject of the call would be one too many on this day.
    """

    grant: Grant | None
    state: GrantState
    agreement: Agreement | None = None
    agreed: bool = False
    used_today: int = 0
    subjects_spent: bool = False


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything about one call that a decision may rest on.

    Attributes:
        as_of: The instant of which all of it is true.
        day: The same as a day in Asia/Shanghai.
        candidates: Never empty. The grant the call names, or every grant it might rest on.
        operator_of: Profiles in which the caller's department runs the platform.
        recipient: The recipient's id where a register or the consent knows it, else empty.
        chain: Where the parties stand that the call names; one outside the caller's department is
            a third party, whatever recipient or consent the call names beside it.
        parties: Those of them that a register knows.
        via: The systems among these, all of the caller's department; none if any party is not.
        subject_unstated: Whether the entry is asked for by a subject, and the call names none.
        lasting: Whether the same facts hold of every like call by the same caller for the rest of
            the day, as long as the source stands. A source that does not know leaves it false.
    """

    as_of: datetime
    day: date
    identity: Identity
    department: Department | None
    system: System | None
    entry: CatalogueEntry | None
    operator_of: frozenset[str]
    candidates: tuple[Candidate, ...]
    consent: Consent | None
    consent_state: ConsentState
    suspended: bool
    offline_approved: bool
    destination: Destination
    recipient: str
    chain: ChainState = ChainState.NONE
    parties: frozenset[str] = frozenset()
    via: tuple[str, ...] = ()
    subject_unstated: bool = False
    lasting: bool = False

    @property
    def provides_itself(self) -> bool:
        """Whether the caller's department is the provider of the resource."""
        if self.department is None or self.entry is None:
            return False
        return self.entry.provider == self.department.id


class FactSource(Protocol):
    """Where facts come from."""

    def gather(self, call: Call, identity: Identity, *, at: datetime) -> Facts:
        """Return the facts about *call* as of *at*."""
        ...
