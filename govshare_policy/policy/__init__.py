# SPDX-License-Identifier: Apache-2.0
"""Texts of law as Casbin policies: loaded, verified, frozen, asked."""

from govshare_policy.policy.bundle import (
    Bundle,
    Precedence,
    Text,
    load_bundle,
    load_pack,
    packs_directory,
    profiles,
)
from govshare_policy.policy.pack import DutyRule, Pack, Rule
from govshare_policy.policy.question import ScopeLines, fields_asked, findings

__all__ = [
    "Bundle",
    "DutyRule",
    "Pack",
    "Precedence",
    "Rule",
    "ScopeLines",
    "Text",
    "fields_asked",
    "findings",
    "load_bundle",
    "load_pack",
    "packs_directory",
    "profiles",
]
