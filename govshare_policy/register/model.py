# SPDX-License-Identifier: Apache-2.0
"""The rows of the registers as values. An empty string or tuple means "not stated"."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

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
