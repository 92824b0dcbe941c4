# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of legal answers: outcomes, clauses, reasons, duties."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Effect(StrEnum):
    """Whether data may flow; there is no third effect."""

    ALLOW = "allow"
    DENY = "deny"


class Outcome(StrEnum):
    """The seven outcomes of a call (rules, "Outcomes of a call")."""

    ALLOW = "allow"
    NEEDS_PLATFORM_AUTHORIZATION = "needs_platform_authorization"
    NEEDS_GRANT = "needs_grant"
    DENY_NEGOTIABLE = "deny_negotiable"
    DENY = "deny"
    SUSPENDED = "suspended"
    OUT_OF_SCOPE = "out_of_scope"

    @property
    def effect(self) -> Effect:
        """The effect of the outcome; only ``allow`` allows."""
        return Effect.ALLOW if self is Outcome.ALLOW else Effect.DENY

    @property
    def restriction(self) -> int:
        """How restrictive the outcome is: 0 (allow) to 6 (out of scope)."""
        return _RESTRICTION[self]


_RESTRICTION: Final = {outcome: rank for rank, outcome in enumerate(Outcome)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One normative clause of one text, with its paraphrases.

    Attributes:
        parameter: What of it can be set or compared, ``key=value`` by semicolons; may be empty.
    """

    id: str
    document: str
    article: str
    actor: str
    topic: str
    text_en: str
    text_zh: str
    parameter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a call was answered as it was.

    Attributes:
        code: What was found; stable, for programs.
        clause: The provision that makes it matter.
        remedy: What would make the call lawful; empty where nothing would.
    """

    code: str
    clause: str
    text: str
    text_zh: str
    remedy: str = ""
    remedy_zh: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Something an allowed call obliges to, and the clause it follows from."""

    code: str
    value: str
    clause: str
