# SPDX-License-Identifier: Apache-2.0
"""The rows of the registers as values. An empty string or tuple means "not stated"."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, TypeVar

from govshare_policy.quick import quick

T = TypeVar("T")
K = TypeVar("K")

_NONE: Final[frozenset[str]] = frozenset()
GRANTED_BY: Final = frozenset(
    ("provider", "platform_operator", "competent_authority", "negotiated_agreement")
)
SHARE_TYPES: Final = frozenset(("unconditional", "conditional", "non_share"))
BASIS_LEVELS: Final = frozenset(
    (
        "law",
        "admin_regulation",
        "state_council_decision",
        "central_policy",
        "ministry_rule",
        "local_regulation",
        "local_gov_rule",
        "local_rule",
        "policy",
        "internal_notice",
    )
)
CATEGORIES: Final = frozenset(("basic", "theme", "department"))
ITEM_CLASSES: Final = frozenset(("basic_item", "business_item", "-"))
CONSENT_KINDS: Final = frozenset(("onward", "purpose_change", "scope_change"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days from *valid_from* to *valid_to*, both included, in Asia/Shanghai."""

    valid_from: date
    valid_to: date

    def covers(self, day: date) -> bool:
        """Whether *day* lies in the period."""
        return self.valid_from <= day <= self.valid_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A body that shares or would like to (部门). ``subject_type`` is an open code.

    Who leads it and who does the work stand in the register for the lint only
    (:mod:`govshare_policy.catalogue`): no decision asks for them.
    """

    id: str
    name_zh: str
    name_en: str
    subject_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """An information system and the department that runs it.

    Attributes:
        envelope: Whether its calls have to come in an envelope that it signed.
    """

    id: str
    name_zh: str
    department: str
    intermediary: bool
    envelope: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemShare:
    """The share type of one item of an entry, where it is not simply the entry's.

    Attributes:
        note: The condition of a conditional item, the reason of one that is withheld.
    """

    share_type: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """One resource of the catalogue (目录项), as its own columns state it.

    Attributes:
        item_shares: By item; one that is not in it has the type of the entry.
        subject: The item by which the resource is asked for, one at a time; empty where it is not.
    """

    id: str
    name_zh: str
    name_en: str
    provider: str
    share_type: str
    share_scope: tuple[str, ...]
    purposes: tuple[str, ...]
    share_method: tuple[str, ...]
    parameter_controlled: bool
    items: tuple[str, ...]
    is_secret: bool
    classification: str
    usage_requirements: str
    item_shares: Mapping[str, ItemShare] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)
    subject: str = ""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A permission with scope, purpose, manner, systems and validity (授权).

    Attributes:
        reply: The document it was given by (批复文号); empty where none is stated.
        daily_subjects: How many subjects a day it carries; ``None`` leaves that to the gateway.
    """

    id: str
    resource: str
    department: str
    systems: tuple[str, ...]
    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    channels: tuple[str, ...]
    period: Period
    granted_by: str
    daily_quota: int | None
    spki: bytes | None
    reply: str = ""
    daily_subjects: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A provider's consent to onward provision, another purpose or a wider scope."""

    id: str
    kind: str
    resource: str
    provider: str
    department: str
    recipients: tuple[str, ...]
    purposes: tuple[str, ...]
    written: bool
    commercial: bool
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval of offline file exchange (HU-a16-02)."""

    id: str
    resource: str
    department: str
    approved_by: str
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A negotiated or secrecy agreement between provider and user."""

    id: str
    kind: str
    resource: str
    provider: str
    department: str
    channel: str
    network: str
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """A department's right to share, suspended for one resource or for all (``*``)."""

    id: str
    department: str
    resource: str
    recorded_on: date
    lifted_on: date | None

    def covers(self, resource: str, day: date) -> bool:
        """Whether the suspension holds for *resource* on *day*."""
        lifted = self.lifted_on is not None and self.lifted_on <= day
        return self.resource in ("*", resource) and self.recorded_on <= day and not lifted


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A registered key of a system; *spki* is SM3 of the DER SubjectPublicKeyInfo, 32 bytes."""

    system: str
    spki: bytes
    valid_from: date
    valid_to: date
    revoked_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """All registers of one platform, read at one moment and never changed.

    Attributes:
        agreements: ``None`` where there is no such file: a grant is then its own agreement.
        digest: SM3 over the names and contents of the files read; 32 bytes.
        lookups: Rows by what they are asked for, made when first asked for.
        sources: The files read, by name; a register that was changed after has none.
    """

    departments: Mapping[str, Department]
    systems: Mapping[str, System]
    resources: Mapping[str, CatalogueEntry]
    grants: Mapping[str, Grant]
    grants_of: Mapping[tuple[str, str], tuple[Grant, ...]]
    consents: Mapping[str, Consent]
    approvals: tuple[Approval, ...]
    agreements: tuple[Agreement, ...] | None
    suspensions: Mapping[str, tuple[Suspension, ...]]
    roles: frozenset[tuple[str, str, str]]
    certificates: Mapping[bytes, tuple[Certificate, ...]]
    platform: Mapping[str, str]
    digest: bytes
    lookups: dict[str, Mapping[object, Any]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    sources: dict[str, bytes] = field(init=False, repr=False, compare=False, default_factory=dict)

    def approvals_of(self, department: str, resource: str) -> tuple[Approval, ...]:
        """Return the approvals given to *department* for *resource*, in the order of the file."""
        known = self._looked_up("approvals", self.approvals, _user_and_resource)
        return known.get((department, resource), ())

    def agreements_of(self, department: str, resource: str) -> tuple[Agreement, ...]:
        """Return the agreements of *department* about *resource*, in the order of the file."""
        known = self._looked_up("agreements", self.agreements or (), _user_and_resource)
        return known.get((department, resource), ())

    def suspensions_of(self, department: str, resource: str) -> tuple[Suspension, ...]:
        """Return the suspensions of *department* that speak of *resource*, whatever the day."""
        if department not in self.suspensions:
            return ()
        rows = (row for of_one in self.suspensions.values() for row in of_one)
        known = self._looked_up("suspensions", rows, _user_and_resource)
        return (*known.get((department, resource), ()), *known.get((department, "*"), ()))

    def operated_by(self, department: str) -> frozenset[str]:
        """Return the profiles in which *department* runs the platform."""
        known = self.lookups.get("operators")
        if known is None:
            held: dict[object, set[str]] = {}
            for profile, role, holder in self.roles:
                if role == "platform_operator":
                    held.setdefault(holder, set()).add(profile)
            known = {holder: frozenset(profiles) for holder, profiles in held.items()}
            self.lookups["operators"] = known
        found: frozenset[str] = known.get(department, _NONE)
        return found

    def _looked_up(
        self, name: str, rows: Iterable[T], key: Callable[[T], object]
    ) -> Mapping[object, tuple[T, ...]]:
        known = self.lookups.get(name)
        if known is None:
            # Two threads may both make it; they make the same.
            known = self.lookups[name] = grouped(rows, key)
        return known


def _user_and_resource(row: "Approval | Agreement | Suspension") -> object:
    return row.department, row.resource


def grouped(rows: Iterable[T], key: Callable[[T], K]) -> dict[K, tuple[T, ...]]:
    """Return *rows* by their *key*, each group in the order of the rows."""
    groups: dict[K, tuple[T, ...]] = {}
    several: dict[K, list[T]] = {}
    for row in rows:
        name = key(row)
        if name not in groups:
            groups[name] = (row,)
        else:
            several.setdefault(name, [*groups[name]]).append(row)
    groups.update((name, tuple(group)) for name, group in several.items())
    return groups
