# SPDX-License-Identifier: Apache-2.0
"""The parties that a call is made for or was passed on by, as its caller states them."""

from enum import StrEnum

from govshare_policy.call import Call
from govshare_policy.identity import Identity
from govshare_policy.register import Register


class ChainState(StrEnum):
    """What became of the parties that the call names as its recipients and its way."""

    NONE = "none"
    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


def parties_of(call: Call) -> tuple[str, ...]:
    """Return every party that *call* names, those it is made for first."""
    return (*call.on_behalf_of, *call.forwarded_for)


def chain_of(call: Call, identity: Identity, register: Register) -> ChainState:
    """Return where the parties of *call* stand, seen from the caller."""
    parties = parties_of(call)
    if not parties:
        return ChainState.NONE
    homes = [home_of(name, register) for name in parties]
    if "" in homes:
        return ChainState.UNKNOWN
    inside = all(home == identity.department for home in homes)
    return ChainState.INSIDE if inside else ChainState.OUTSIDE


def home_of(party: str, register: Register) -> str:
    """Return the department that *party* is or belongs to; empty where no register knows it."""
    system = register.systems.get(party)
    if system is not None:
        return system.department
    return party if party in register.departments else ""
