# SPDX-License-Identifier: Apache-2.0
"""What was true of a call at one instant, looked up once and passed on; no law is applied here."""

from govshare_policy.facts.consent import lacks_only_a_purpose
from govshare_policy.facts.gather import RegisterFacts, unspent, unused
from govshare_policy.facts.model import (
    OFFLINE_CHANNELS,
    Candidate,
    ConsentState,
    Destination,
    Facts,
    FactSource,
    GrantState,
)

__all__ = [
    "OFFLINE_CHANNELS",
    "Candidate",
    "ConsentState",
    "Destination",
    "FactSource",
    "Facts",
    "GrantState",
    "RegisterFacts",
    "lacks_only_a_purpose",
    "unspent",
    "unused",
]
