# SPDX-License-Identifier: Apache-2.0
"""What was true of a call at one instant, looked up once and passed on; no law is applied here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol

from govshare_policy.call import Action, Call, RecipientKind
from govshare_policy.chain import ChainState, chain_of, home_of, parties_of
from govshare_policy.identity import Identity, legal_day
from govshare_policy.register import (
    Agreement,
    CatalogueEntry,
    Consent,
    Department,
    Grant,
    Register,
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


def unused(_grant: str, _day: date) -> int:
    """Count no earlier calls: the usage of an offline check."""
    return 0


def unspent(_grant: Grant, _day: date, _subject: str) -> bool:
    """Find room for every subject: the count of an offline check."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterFacts:
    """Gathers facts from a register.

    Attributes:
        used: Counts the calls that a grant has already carried on a day.
        spent: Tells whether a subject would be one too many for a grant on a day.
    """

    register: Register
    used: Callable[[str, date], int] = unused
    spent: Callable[[Grant, date, str], bool] = unspent

    def gather(self, call: Call, identity: Identity, *, at: datetime) -> Facts:
        """Return the facts about *call* as of *at*."""
        register, day = self.register, legal_day(at)
        entry = register.resources.get(call.resource)
        department = register.departments.get(identity.department)
        consent, consent_state = self._consent(call, identity, day)
        chain = chain_of(call, identity, register)
        outside = chain in (ChainState.OUTSIDE, ChainState.UNKNOWN)
        if outside and consent_state is ConsentState.COVERING:
            consent_state = ConsentState.NOT_COVERING
        return Facts(
            as_of=at,
            day=day,
            identity=identity,
            department=department,
            system=register.systems.get(identity.system),
            entry=entry,
            operator_of=frozenset(
                profile
                for profile, role, holder in register.roles
                if role == "platform_operator" and holder == identity.department
            ),
            candidates=self._candidates(call, identity, day),
            consent=consent,
            consent_state=consent_state,
            suspended=any(
                row.covers(call.resource, day)
                for row in register.suspensions.get(identity.department, ())
            ),
            offline_approved=any(
                approval.resource == call.resource
                and approval.department == identity.department
                and approval.approved_by == "provincial_agency"
                and approval.period.covers(day)
                for approval in register.approvals
            ),
            destination=Destination.OUTSIDE
            if outside
            else _destination(call, identity, entry, register),
            recipient=_known_recipient(call, consent, register),
            chain=chain,
            parties=frozenset(name for name in parties_of(call) if home_of(name, register)),
            via=() if outside else tuple(n for n in parties_of(call) if n in register.systems),
            subject_unstated=_lacks_subject(call, entry),
        )

    def _candidates(self, call: Call, identity: Identity, day: date) -> tuple[Candidate, ...]:
        if call.grant:
            named = self.register.grants.get(call.grant)
            if named is None:
                return (Candidate(grant=None, state=GrantState.UNKNOWN),)
            return (self._candidate(named, call, identity, day),)
        # A negotiated result is an exception made for one use: a call has to name it (PX-a16-06).
        grants = [
            grant
            for grant in self.register.grants_of.get((identity.department, call.resource), ())
            if grant.granted_by != "negotiated_agreement"
        ]
        if not grants:
            return (Candidate(grant=None, state=GrantState.NONE),)
        return tuple(self._candidate(grant, call, identity, day) for grant in grants)

    def _candidate(self, grant: Grant, call: Call, identity: Identity, day: date) -> Candidate:
        agreement, agreed = self._agreement(grant, day)
        return Candidate(
            grant=grant,
            state=_state(grant, call, identity, day),
            agreement=agreement,
            agreed=agreed,
            used_today=self.used(grant.id, day) if grant.daily_quota is not None else 0,
            subjects_spent=bool(call.subject) and self.spent(grant, day, call.subject),
        )

    def _agreement(self, grant: Grant, day: date) -> tuple[Agreement | None, bool]:
        agreements = self.register.agreements
        if agreements is None:
            return None, True
        kind = "negotiated" if grant.granted_by == "negotiated_agreement" else "secrecy"
        for agreement in agreements:
            if (
                agreement.kind == kind
                and agreement.resource == grant.resource
                and agreement.department == grant.department
                and agreement.provider == self.register.resources[grant.resource].provider
                and agreement.period.covers(day)
            ):
                return agreement, True
        return None, False

    def _consent(
        self, call: Call, identity: Identity, day: date
    ) -> tuple[Consent | None, ConsentState]:
        if not call.consent:
            return None, ConsentState.NONE
        consent = self.register.consents.get(call.consent)
        if consent is None:
            return None, ConsentState.UNKNOWN
        if not consent.period.covers(day):
            return consent, ConsentState.LAPSED
        covering = _consent_covers(
            consent, call, identity, self.register.resources.get(call.resource)
        )
        return consent, ConsentState.COVERING if covering else ConsentState.NOT_COVERING


def _state(grant: Grant, call: Call, identity: Identity, day: date) -> GrantState:
    if (grant.department, grant.resource) != (identity.department, call.resource):
        return GrantState.MISPLACED
    if grant.spki is not None and not identity.assumed and grant.spki != identity.spki:
        return GrantState.MISPLACED
    if day < grant.period.valid_from:
        return GrantState.NOT_YET
    return GrantState.ACTIVE if day <= grant.period.valid_to else GrantState.EXPIRED


def lacks_only_a_purpose(call: Call, facts: Facts) -> bool:
    """Whether the consent that *call* names would cover it, were one of its purposes stated."""
    consent = facts.consent
    if call.purpose or consent is None or facts.consent_state is not ConsentState.NOT_COVERING:
        return False
    return any(
        _consent_covers(consent, replace(call, purpose=purpose), facts.identity, facts.entry)
        for purpose in consent.purposes
    )


def _consent_covers(
    consent: Consent, call: Call, identity: Identity, entry: CatalogueEntry | None
) -> bool:
    if entry is None or (consent.resource, consent.department, consent.provider) != (
        call.resource,
        identity.department,
        entry.provider,
    ):
        return False
    if call.commercial and not consent.commercial:
        return False
    # A consent that lists purposes covers those; an onward one that lists none leaves them open,
    # while one to change the purpose has to say to what.
    stated = call.purpose in consent.purposes
    if call.action is Action.READ:
        onward = consent.kind == "onward"
        return not onward and (stated or (consent.kind == "scope_change" and not consent.purposes))
    recipient = call.recipient.id if call.recipient is not None else ""
    named = bool(recipient) and recipient in consent.recipients
    return consent.kind == "onward" and named and (stated or not consent.purposes)


def _known_recipient(call: Call, consent: Consent | None, register: Register) -> str:
    named = call.recipient.id if call.recipient is not None else ""
    consented = consent.recipients if consent is not None else ()
    return named if named in register.departments or named in consented else ""


def _lacks_subject(call: Call, entry: CatalogueEntry | None) -> bool:
    asked = entry is not None and bool(entry.subject)
    return asked and call.action is Action.READ and not call.subject


def _destination(
    call: Call, identity: Identity, entry: CatalogueEntry | None, register: Register
) -> Destination:
    recipient = call.recipient
    if recipient is None:
        system = register.systems.get(identity.system)
        # An intermediary passes data on by its nature, so it has to say to whom.
        relays = system is not None and system.intermediary
        if call.on_behalf_of:
            return Destination.OWN
        return Destination.UNSTATED if relays else Destination.NOT_NAMED
    if recipient.kind is not RecipientKind.DEPARTMENT:
        return Destination.OUTSIDE
    if recipient.id and recipient.id == identity.department:
        return Destination.OWN
    if entry is not None and recipient.id == entry.provider:
        return Destination.PROVIDER
    return Destination.DEPARTMENT
