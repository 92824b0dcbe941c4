# SPDX-License-Identifier: Apache-2.0
"""Ask for every resource, under every grant, in every way that could be answered differently."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import Final

from govshare_policy.call import DEFAULT_NETWORK, Action, Call
from govshare_policy.call_values import ALL_FIELDS
from govshare_policy.decision import Decision
from govshare_policy.entitlements.blocks import PROBE, blocks
from govshare_policy.entitlements.model import Entitlement, Released, State, Terms
from govshare_policy.errors import CallError
from govshare_policy.facts import GrantState, RegisterFacts
from govshare_policy.gate import Answer, Basis, check
from govshare_policy.identity import Identity, legal_day
from govshare_policy.legal import Effect, Outcome
from govshare_policy.register import CatalogueEntry, Consent, Grant, Register

EXPIRING_DAYS: Final = 30
INTRANET: Final = "intranet"
_OFFLINE: Final = "offline_exchange"
# What may be used is asked as if about a person, one by one, where that is how it is used.
_SUBJECT: Final = "somebody"


def entitlements(
    basis: Basis,
    *,
    department: str,
    system: str = "",
    resource: str = "",
    at: datetime,
    revoked: Collection[str] = (),
) -> Iterator[Entitlement]:
    """Yield what *department* may read, resource by resource in the order of the catalogue.

    Args:
        basis: What an offline check is decided on.
        department: Its id.
        system: One of its systems; empty for all of them.
        resource: The one asked about; empty for all of the catalogue.
        at: The instant asked about.
        revoked: Grants that ended by revocation, where that is known; others have expired.

    Raises:
        CallError: If the department, the system or the resource is not registered.
    """
    register = basis.bundle.register
    if department not in register.departments:
        raise CallError("the department is not in `departments.tsv`; check the id")
    if system and system not in register.systems:
        raise CallError("the system is not in `systems.tsv`; check the id")
    if resource and resource not in register.resources:
        raise CallError("the resource is not in `resources.tsv`; check the id")
    own = tuple(ident for ident, one in register.systems.items() if one.department == department)
    asker = _Asker(basis, department, (system,) if system else own, at, revoked)
    for ident in (resource,) if resource else register.resources:
        yield from asker.entitlements(register.resources[ident])


class _Asker:
    """Asks for one department at one instant."""

    def __init__(
        self,
        basis: Basis,
        department: str,
        systems: Sequence[str],
        at: datetime,
        revoked: Collection[str],
    ) -> None:
        self._revoked = revoked
        self._basis = basis
        self._register = basis.bundle.register
        self._department = department
        self._systems = systems or ("",)  # an answer to no system says what is missing
        self._at = at

    def entitlements(self, entry: CatalogueEntry) -> Iterator[Entitlement]:
        grants = self._register.grants_of.get((self._department, entry.id), ())
        if all(grant.granted_by == "negotiated_agreement" for grant in grants):
            yield from self._under(entry, None)  # such a grant carries only calls that name it
        for grant in grants:
            yield from self._under(entry, grant)
        unnamed = [grant for grant in grants if grant.granted_by != "negotiated_agreement"]
        if len(unnamed) > 1:
            for consent in (None, *self._consents(entry)):
                yield from self._together(entry, unnamed, consent)

    def _consents(self, entry: CatalogueEntry) -> Iterator[Consent]:
        for consent in self._register.consents.values():
            if (consent.resource, consent.department) == (entry.id, self._department):
                yield consent

    def _together(
        self, entry: CatalogueEntry, grants: Sequence[Grant], consent: Consent | None
    ) -> Iterator[Entitlement]:
        """Yield what is lawful under several of *grants* at once, one a set of grants."""
        asked = list(_terms(self._systems, entry, grants, consent, self._register))
        lawful: dict[tuple[str, ...], dict[Terms, Released]] = {}
        for terms in asked:
            answer = self._answer(entry, None, consent, terms)
            used = tuple(grant.id for grant in answer.decision.grants)
            if answer.decision.effect is Effect.ALLOW and len(used) > 1:
                lawful.setdefault(used, {})[terms] = _released(answer)
        for used, released in lawful.items():
            together = tuple(self._register.grants[ident] for ident in used)
            yield Entitlement(
                entry=entry,
                grant=None,
                state=self._state_of(together),
                consent=consent,
                scopes=tuple(blocks(released, asked)),
                missing=None,
                together=together,
            )

    def _under(self, entry: CatalogueEntry, grant: Grant | None) -> Iterator[Entitlement]:
        plain = self._ask(entry, grant, None)
        yield plain
        for consent in self._consents(entry):
            more = self._ask(entry, grant, consent)
            if more.scopes and more.scopes != plain.scopes:
                yield more

    def _ask(
        self, entry: CatalogueEntry, grant: Grant | None, consent: Consent | None
    ) -> Entitlement:
        grants = (grant,) if grant is not None else ()
        asked = list(_terms(self._systems, entry, grants, consent, self._register))
        lawful: dict[Terms, Released] = {}
        closest: Decision | None = None
        for terms in asked:
            answer = self._answer(entry, grant, consent, terms)
            decision = answer.decision
            if decision.effect is Effect.ALLOW:
                lawful[terms] = _released(answer)
            elif closest is None or decision.outcome.restriction < closest.outcome.restriction:
                closest = decision
        scopes = tuple(blocks(lawful, asked))
        missing = None if scopes else closest
        return Entitlement(
            entry=entry,
            grant=grant,
            state=self._state(entry, grant, missing),
            consent=consent,
            scopes=scopes,
            missing=missing,
        )

    def _answer(
        self, entry: CatalogueEntry, grant: Grant | None, consent: Consent | None, terms: Terms
    ) -> Answer:
        """Ask for every field, else for all that the grant has."""
        every = self._check(entry, grant, consent, terms, entry.items)
        if every.decision.effect is Effect.ALLOW:
            return every
        return self._check(entry, grant, consent, terms, ALL_FIELDS)

    def _check(
        self,
        entry: CatalogueEntry,
        grant: Grant | None,
        consent: Consent | None,
        terms: Terms,
        fields: tuple[str, ...],
    ) -> Answer:
        call = Call(
            id="",
            action=Action.READ,
            resource=entry.id,
            fields=fields,
            purpose=terms.purpose,
            at=self._at,
            department=self._department,
            system=terms.system,
            channel=terms.channel,
            network=terms.network,
            grant=grant.id if grant is not None else "",
            consent=consent.id if consent is not None else "",
            subject=_SUBJECT if entry.subject else "",
        )
        return check(call, self._basis)

    def _state(self, entry: CatalogueEntry, grant: Grant | None, missing: Decision | None) -> State:
        # Not every text suspends, so the answer says it and not the register.
        if missing is not None and missing.outcome is Outcome.SUSPENDED:
            return State.SUSPENDED
        if grant is None:
            return State.NONE
        call = Call(
            id="",
            action=Action.READ,
            resource=entry.id,
            fields=ALL_FIELDS,
            purpose="",
            grant=grant.id,
        )
        identity = Identity(department=self._department, assumed=True)
        facts = RegisterFacts(register=self._register).gather(call, identity, at=self._at)
        (candidate,) = facts.candidates
        if candidate.state is GrantState.NOT_YET:
            return State.NOT_YET_ACTIVE
        if candidate.state is GrantState.EXPIRED:
            return State.REVOKED if grant.id in self._revoked else State.EXPIRED
        return self._state_of((grant,))

    def _state_of(self, grants: Sequence[Grant]) -> State:
        """Return how *grants* stand, all of which are in force: as the first of them that ends."""
        left = min(grant.period.valid_to for grant in grants) - legal_day(self._at)
        return State.EXPIRING if left <= timedelta(days=EXPIRING_DAYS) else State.ACTIVE


def _released(answer: Answer) -> Released:
    duties = tuple(dict.fromkeys(duty.code for duty in answer.duties))
    return Released(fields=answer.decision.fields, duties=duties)


def _terms(
    systems: Sequence[str],
    entry: CatalogueEntry,
    grants: Sequence[Grant],
    consent: Consent | None,
    register: Register,
) -> Iterator[Terms]:
    """Yield every way of calling that could be answered differently, the grants' own first."""
    granted = [system for grant in grants for system in grant.systems]
    purposes = [purpose for one in (*grants, consent) if one for purpose in one.purposes]
    channels = [*(channel for grant in grants for channel in grant.channels), *entry.share_method]
    agreed = [one for one in register.agreements or () if one.resource == entry.id]
    for values in product(
        dict.fromkeys((*(one for one in granted if one in systems), *systems)),
        dict.fromkeys((DEFAULT_NETWORK, INTRANET, *(one.network for one in agreed if one.network))),
        dict.fromkeys(
            (*channels, *(one.channel for one in agreed if one.channel), PROBE, _OFFLINE)
        ),
        dict.fromkeys((*purposes, PROBE)),
    ):
        yield Terms(*values)
