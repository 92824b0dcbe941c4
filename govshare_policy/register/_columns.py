# SPDX-License-Identifier: Apache-2.0
"""The files of a data directory and their columns (docs/reference/registers.md)."""

from collections.abc import Mapping
from typing import Final

REQUIRED_FILES: Final = ("departments.tsv", "systems.tsv", "resources.tsv", "grants.tsv")
# file -> (columns that must be there, columns that may be)
COLUMNS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "departments.tsv": (
        ("dept_id", "name_zh", "name_en", "subject_type"),
        ("head_post", "deputy_post", "sharing_unit", "leads", "role_note"),
    ),
    "systems.tsv": (("system_id", "name_zh", "dept_id"), ("intermediary", "envelope", "note")),
    "resources.tsv": (
        (
            "resource_id",
            "name_zh",
            "provider",
            "share_type",
            "share_method",
            "parameter_controlled",
            "items",
            "is_secret",
        ),
        (
            "resource_code",
            "name_en",
            "category",
            "base_or_theme",
            "item_class",
            "share_condition",
            "share_scope",
            "purposes",
            "legal_basis_level",
            "legal_basis_ref",
            "update_cycle",
            "format",
            "source",
            "usage_requirements",
            "reason",
            "basis_verified_by",
            "secrecy_review",
            "classification",
            "fee",
            "upstream",
            "updated_on",
            "filed_on",
            "review_requested_on",
            "item_share_types",
            "subject",
            "note",
        ),
    ),
    "grants.tsv": (
        (
            "grant_id",
            "resource_id",
            "user_dept",
            "systems",
            "purposes",
            "fields",
            "channels",
            "valid_from",
            "valid_to",
            "granted_by",
        ),
        ("daily_quota", "daily_subjects", "cert_spki", "reply_ref", "note"),
    ),
    "consents.tsv": (
        (
            "consent_id",
            "kind",
            "resource_id",
            "provider",
            "user_dept",
            "recipients",
            "purposes",
            "written",
            "commercial",
            "valid_from",
            "valid_to",
        ),
        ("note",),
    ),
    "approvals.tsv": (
        (
            "approval_id",
            "kind",
            "resource_id",
            "user_dept",
            "approved_by",
            "valid_from",
            "valid_to",
        ),
        ("note",),
    ),
    "agreements.tsv": (
        (
            "agreement_id",
            "kind",
            "resource_id",
            "provider",
            "user_dept",
            "channel",
            "network",
            "valid_from",
            "valid_to",
        ),
        ("note",),
    ),
    "suspensions.tsv": (
        ("suspension_id", "user_dept", "resource_id", "recorded_on", "lifted_on"),
        ("note",),
    ),
    "roles.tsv": (("profile", "role", "dept_id"), ("note",)),
    "certificates.tsv": (
        ("system_id", "spki", "valid_from", "valid_to", "revoked_on"),
        ("note",),
    ),
    "platform.tsv": (("key", "value"), ()),
}
