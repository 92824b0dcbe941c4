# SPDX-License-Identifier: Apache-2.0
"""Texts of law as Casbin policies: loaded, verified, frozen, asked."""

from govshare_policy.policy._law import DutyRule
from govshare_policy.policy.bundle import (
    Bundle,
    Precedence,
    Text,
    load_bundle,
    load_pack,
    packs_directory,
    profiles,
)
from govshare_policy.policy.pack import Pack, Rule
from govshare_policy.policy.parts import Part, kinds_of_fields, readings, shares_of
from govshare_policy.policy.question import FOUND, fields_asked, findings, found_of
from govshare_policy.policy.scope import ScopeLines

__all__ = [
    "FOUND",
    "Bundle",
    "DutyRule",
    "Pack",
    "Part",
    "Precedence",
    "Rule",
    "ScopeLines",
    "Text",
    "fields_asked",
    "findings",
    "found_of",
    "kinds_of_fields",
    "load_bundle",
    "load_pack",
    "packs_directory",
    "profiles",
    "readings",
    "shares_of",
]
