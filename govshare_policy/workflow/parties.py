# SPDX-License-Identifier: Apache-2.0
"""Who is who in a matter: the sides it has, and the roles that the register gives to bodies."""

from typing import Final

from govshare_policy.audit.salts import commitment
from govshare_policy.register import Register
from govshare_policy.workflow.model import Matter, Party

SIDES: Final = frozenset((Party.USER, Party.PROVIDER, Party.SETTLEMENT))


def parties_of(matter: Matter, body: str, profile: str, register: Register) -> frozenset[Party]:
    """Return what *body* is in the matter under one text; an applicant is nothing else."""
    own = body == matter.department
    if own and matter.has_applicant:
        return frozenset((Party.USER,))
    return frozenset(
        (
            *roles_of(body, profile, register),
            *((Party.USER,) if own else ()),
            *((Party.PROVIDER,) if body in matter.providers else ()),
        )
    )


def roles_of(body: str, profile: str, register: Register) -> frozenset[Party]:
    """Return the roles of *body* under one text, as ``roles.tsv`` gives them."""
    return frozenset(
        Party(role)
        for text, role, holder in register.roles
        if text == profile and holder == body and role in set(Party) - SIDES
    )


def holders_of(party: Party, profile: str, register: Register) -> tuple[str, ...]:
    """Return the bodies that ``roles.tsv`` gives a role under one text, in order of their ids."""
    rows = sorted(register.roles)
    return tuple(body for text, role, body in rows if (text, role) == (profile, party.value))


def bodies_of(matter: Matter, party: Party, profile: str, register: Register) -> tuple[str, ...]:
    """Return who is *party* in the matter under one text; empty where the register names nobody."""
    match party:
        case Party.USER:
            return (matter.department,) if matter.department else ()
        case Party.PROVIDER:
            return matter.providers
        case Party.SETTLEMENT:
            return ()
        case _:
            return holders_of(party, profile, register)


def person_key(matter: Matter, person: str) -> str:
    """Return what the store keeps of a person: only good for telling persons apart."""
    return commitment(matter.salt, "person", person)
