# SPDX-License-Identifier: Apache-2.0
"""The registers a platform keeps: departments, systems, catalogue, grants, consents and more."""

from govshare_policy.register.load import load_register
from govshare_policy.register.model import (
    Agreement,
    Approval,
    CatalogueEntry,
    Certificate,
    Consent,
    Department,
    Grant,
    ItemShare,
    Register,
    Suspension,
    System,
)

__all__ = [
    "Agreement",
    "Approval",
    "CatalogueEntry",
    "Certificate",
    "Consent",
    "Department",
    "Grant",
    "ItemShare",
    "Register",
    "Suspension",
    "System",
    "load_register",
]
