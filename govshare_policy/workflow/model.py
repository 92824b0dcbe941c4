# SPDX-License-Identifier: Apache-2.0
"""The words and values of procedures: who takes which step in which matter, and what follows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from govshare_policy.deadline import Event


class MatterKind(StrEnum):
    """What a procedure is about; the prefix of its ids is :attr:`prefix`."""

    APPLICATION = "application"
    DISPUTE = "dispute"
    CORRECTION = "correction"
    CONSENT = "consent"
    SUSPENSION = "suspension"
    REVOCATION = "revocation"
    REFERRAL = "referral"  # an application for data of another platform
    NEED = "need"  # what a department needs and the catalogue does not have
    CATALOGUE = "catalogue"  # a change of an entry
    SERVICE_CHANGE = "service_change"
    JOINT_VERIFICATION = "joint_verification"

    @property
    def prefix(self) -> str:
        """Three letters that the ids of such matters begin with."""
        return self.value[:3].upper()


# A correction that the platform asks for when it receives data, not a user.
RECEIPT: Final = "receipt"
# Matters in which nobody asks for something that others decide.
_WITHOUT_APPLICANT: Final = frozenset(
    map(MatterKind, ("need", "catalogue", "service_change", "joint_verification"))
)


class Party(StrEnum):
    """A side of a matter. All but the user, the provider and a settlement are roles of a body."""

    USER = "user"
    PROVIDER = "provider"
    PLATFORM_OPERATOR = "platform_operator"
    COMPETENT_AUTHORITY = "competent_authority"
    GOVERNMENT = "government"
    CITY_GOV_OFFICE = "city_gov_office"
    FUNCTIONAL_DEPARTMENT = "functional_department"
    COMMON_SUPERIOR = "common_superior"
    LOWER_PLATFORM = "lower_platform"
    PROVINCIAL_PLATFORM = "provincial_platform"
    NATIONAL_PLATFORM = "national_platform"
    SETTLEMENT = "settlement"  # nobody: the step follows from a dispute that was settled


class Role(StrEnum):
    """What a person does for a body; kept apart (GB/T 39477-2020, 6.2)."""

    OPERATE = "operate"
    MANAGE = "manage"
    AUDIT = "audit"


class Want(StrEnum):
    """What a step has to come with."""

    REASON = "reason"
    REASON_CODE = "reason_code"
    MISSING = "missing"
    MATERIAL = "material"
    FINDING = "finding"
    DAYS = "days"
    WRITTEN = "written"
    NEGOTIATED = "negotiated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who takes a step: a person, for a body, in a role.

    Attributes:
        body: A department of the register.
        person: Who it is; kept as a commitment only.
    """

    body: str
    person: str = field(repr=False)
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Who has to be told of a step, and what that does.

    Attributes:
        called: What the text calls the party, where that is not the name of the party.
        via: Through whom, where not directly.
    """

    to: Party
    act: str
    clause: str
    called: str = ""
    via: Party | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRule:
    """One allowed step of one text.

    Attributes:
        id: Unique in the text.
        step: What the step is called; several rules may share it.
        routes: The routes it belongs to; empty means all.
        sources: The states it may be taken in.
        clauses: Never empty; the deciding one first.
        stamps: The events whose day it sets, for the clocks.
        grants: Whether the text lets the permission take effect with it.
    """

    id: str
    step: str
    matter: MatterKind
    routes: frozenset[str]
    sources: tuple[str, ...]
    target: str
    by: tuple[Party, ...]
    role: Role
    clauses: tuple[str, ...]
    stamps: tuple[Event, ...] = ()
    wants: tuple[Want, ...] = ()
    tells: tuple[Tell, ...] = ()
    grants: bool = False

    def belongs_to(self, kind: MatterKind, route: str) -> bool:
        """Whether the rule is one of matters of this kind on this route."""
        return self.matter is kind and (not self.routes or route in self.routes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A name with the clauses it rests on.

    Attributes:
        steps: Those a silence is about; for a forbidden reason, those that refuse.
        unless: For a forbidden reason, the step after which it is no longer forbidden.
        words: For a forbidden reason, what gives it away in free text, as ``bare`` leaves it.
    """

    id: str
    clauses: tuple[str, ...]
    matter: MatterKind = MatterKind.APPLICATION
    route: str = ""
    steps: tuple[str, ...] = ()
    unless: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One instance of a dispute, as the text orders them.

    Attributes:
        between: ``same_level`` or ``cross_level`` where the text tells them apart, else empty.
        raised_by: Who may bring a dispute here.
        settled_by: Who records how it ended here.
    """

    id: str
    clauses: tuple[str, ...]
    between: str
    raised_by: tuple[Party, ...]
    settled_by: tuple[Party, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the text calls the body of a role; which one that is here stands in ``roles.tsv``."""

    id: str
    party: Party
    named: str
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """The procedures of one text.

    Attributes:
        roles: The bodies that the text names; a role it leaves open is not among them.
        statements: What an application has to state.
        steps: All allowed steps; those of disputes are made from *levels*.
        closed: What the text bans, so that no step leads there.
        silent: What the text does not know; another text may.
        notes: What a matter must not lead to.
        digest: SM3 of the file; 32 bytes.
    """

    profile: str
    roles: tuple[Named, ...]
    statements: tuple[Cited, ...]
    steps: tuple[StepRule, ...]
    forbidden_reasons: tuple[Cited, ...]
    subjects: tuple[Cited, ...]
    levels: tuple[Level, ...]
    closed: tuple[Cited, ...]
    silent: tuple[Cited, ...]
    notes: tuple[Cited, ...]
    digest: bytes

    def rules(self, kind: MatterKind, route: str) -> tuple[StepRule, ...]:
        """Return the steps of matters of this kind on this route."""
        return tuple(rule for rule in self.steps if rule.belongs_to(kind, route))

    def naming(self, parties: Iterable[Party]) -> tuple[str, ...]:
        """Return the clauses by which the text names the bodies that are *parties*."""
        wanted = frozenset(parties)
        return tuple(c for role in self.roles if role.party in wanted for c in role.clauses)

    def chain(self, between: str) -> tuple[Level, ...]:
        """Return the instances of a dispute between bodies of the ``same_level`` or not."""
        return tuple(level for level in self.levels if level.between in ("", between))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A step that was taken, as the store keeps it.

    Attributes:
        id: The id of its audit record; a UUIDv7.
        person: A keyed digest of the person; only good for telling persons of one matter apart.
        record: The number of the audit record.
    """

    id: str
    step: str
    at: datetime
    body: str
    person: str
    role: Role
    record: int
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """A procedure under way or over.

    Attributes:
        department: Who opened it, or whom it is about.
        provider: Whose data it is about; several are joined by ``|``, and so are resources.
        route: Which of the ways a matter of this kind may go.
        states: Profile to state; every text in force when it was opened has its own.
        stamps: Profile to event to the day on which it happened.
        parent: The matter it is about, else empty.
        salt: Keys the digests of persons; 32 bytes.
        content: What was stated when it was opened, and what was decided.
    """

    id: str
    kind: MatterKind
    route: str
    department: str
    provider: str
    resource: str
    states: Mapping[str, str]
    stamps: Mapping[str, Mapping[Event, date]]
    content: Mapping[str, Any]
    salt: bytes = field(repr=False)
    parent: str = ""
    steps: tuple[Taken, ...] = ()

    @property
    def providers(self) -> tuple[str, ...]:
        """Whose data it is about."""
        return tuple(self.provider.split("|")) if self.provider else ()

    @property
    def has_applicant(self) -> bool:
        """Whether its department asks for something, so that the user's steps are all it has."""
        return self.kind not in _WITHOUT_APPLICANT and self.route != RECEIPT


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEdit:
    """One row of a register file to write, or to take out where *cells* is ``None``.

    Attributes:
        key: The id in the first column that the file is keyed by.
        cells: The columns to set; others stay as they are.
    """

    file: str
    key: str
    cells: Mapping[str, str] | None
