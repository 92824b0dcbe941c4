# SPDX-License-Identifier: Apache-2.0
"""Look up the facts of a call; how long it takes does not depend on how much is registered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from govshare_policy.call import Action, Call, RecipientKind
from govshare_policy.chain import ChainState, chain_of, home_of, parties_of
from govshare_policy.facts.consent import consent_covers
from govshare_policy.facts.model import Candidate, ConsentState, Destination, Facts, GrantState
from govshare_policy.identity import Identity, legal_day
from govshare_policy.register import (
    Agreement,
    CatalogueEntry,
    Consent,
    Grant,
    Register,
)

_NOBODY: Final[frozenset[str]] = frozenset()


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
        named = parties_of(call)
        chain = chain_of(call, identity, register) if named else ChainState.NONE
        candidates = self._candidates(call, identity, day)
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
            operator_of=register.operated_by(identity.department),
            candidates=candidates,
            consent=consent,
            consent_state=consent_state,
            suspended=self._is_suspended(identity.department, call.resource, day),
            offline_approved=self._is_approved(identity.department, call.resource, day),
            destination=Destination.OUTSIDE
            if outside
            else _destination(call, identity, entry, register),
            recipient=_known_recipient(call, consent, register),
            chain=chain,
            parties=frozenset([name for name in named if home_of(name, register)])
            if named
            else _NOBODY,
            via=() if outside else tuple([name for name in named if name in register.systems]),
            subject_unstated=_lacks_subject(call, entry),
            # What is counted changes with every call; all else comes from registers that stand.
            lasting=not call.subject and not any(_is_counted(one.grant) for one in candidates),
        )

    def _is_suspended(self, department: str, resource: str, day: date) -> bool:
        rows = self.register.suspensions_of(department, resource)
        return bool(rows) and any(row.covers(resource, day) for row in rows)

    def _is_approved(self, department: str, resource: str, day: date) -> bool:
        rows = self.register.approvals_of(department, resource)
        return bool(rows) and any(
            row.approved_by == "provincial_agency" and row.period.covers(day) for row in rows
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
        register = self.register
        if register.agreements is None:
            return None, True
        kind = "negotiated" if grant.granted_by == "negotiated_agreement" else "secrecy"
        for agreement in register.agreements_of(grant.department, grant.resource):
            if (
                agreement.kind == kind
                and agreement.provider == register.resources[grant.resource].provider
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
        covering = consent_covers(
            consent, call, identity, self.register.resources.get(call.resource)
        )
        return consent, ConsentState.COVERING if covering else ConsentState.NOT_COVERING


def _is_counted(grant: Grant | None) -> bool:
    return grant is not None and grant.daily_quota is not None


def _state(grant: Grant, call: Call, identity: Identity, day: date) -> GrantState:
    if (grant.department, grant.resource) != (identity.department, call.resource):
        return GrantState.MISPLACED
    if grant.spki is not None and not identity.assumed and grant.spki != identity.spki:
        return GrantState.MISPLACED
    if day < grant.period.valid_from:
        return GrantState.NOT_YET
    return GrantState.ACTIVE if day <= grant.period.valid_to else GrantState.EXPIRED


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
