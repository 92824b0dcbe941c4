# SPDX-License-Identifier: Apache-2.0
"""The values of an answer to "what may I use?"."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from govshare_policy.call import Call
from govshare_policy.decision import Decision
from govshare_policy.facts import OFFLINE_CHANNELS
from govshare_policy.register import CatalogueEntry, Consent, Grant

ANY: Final = "*"


class State(StrEnum):
    """How a grant stands on the day asked about."""

    NONE = "none"
    NOT_YET_ACTIVE = "not_yet_active"
    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUSPENDED = "suspended"


# A grant in one of these carries nothing; what is lawful all the same needs none.
_NOT_IN_FORCE: Final = frozenset((State.NOT_YET_ACTIVE, State.EXPIRED, State.REVOKED))


class Terms(NamedTuple):
    """One way to call for a resource."""

    system: str
    network: str
    channel: str
    purpose: str


class Released(NamedTuple):
    """What one way to call gives: all fields it may have, and codes of what it obliges to."""

    fields: tuple[str, ...]
    duties: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Calls that are all lawful: any of each list, and any of *fields* together.

    Attributes:
        channels: ``*`` stands for every online channel.
        purposes: ``*`` stands for every purpose, so long as one is stated.
        duties: Codes of what such a call obliges to.
    """

    systems: tuple[str, ...]
    networks: tuple[str, ...]
    channels: tuple[str, ...]
    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    duties: tuple[str, ...]

    def covers(self, call: Call) -> bool:
        """Tell whether *call*, in all but resource and grant, is one of these."""
        online_of_any = ANY in self.channels and call.channel not in OFFLINE_CHANNELS
        offline = call.channel in OFFLINE_CHANNELS and not OFFLINE_CHANNELS.isdisjoint(
            self.channels
        )
        return (
            call.system in self.systems
            and call.network in self.networks
            and (call.channel in self.channels or online_of_any or offline)
            and bool(call.purpose)
            and (call.purpose in self.purposes or ANY in self.purposes)
            and (call.asks_for_all or (bool(call.fields) and set(call.fields) <= set(self.fields)))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """One resource under one grant, under several together, or under none.

    Attributes:
        grant: ``None`` where the department has no grant that carries an unnamed call, and where
            it takes several.
        together: The grants that a call which names none rests on together; else empty. Each
            text, or each share type among the fields, then looks at a grant of its own.
        consent: The consent that a call has to name for *scopes* to hold.
        scopes: What is lawful now; empty if nothing is.
        missing: Where nothing is lawful, the answer to the call that came closest.
    """

    entry: CatalogueEntry
    grant: Grant | None
    state: State
    consent: Consent | None
    scopes: tuple[Scope, ...]
    missing: Decision | None
    together: tuple[Grant, ...] = ()

    @property
    def grants(self) -> tuple[Grant, ...]:
        """Every grant that it rests on."""
        return self.together or ((self.grant,) if self.grant is not None else ())

    @property
    def is_open_anyway(self) -> bool:
        """Whether *scopes* hold though the grant is not in force: their fields are open to all."""
        return bool(self.scopes) and self.state in _NOT_IN_FORCE
