# SPDX-License-Identifier: Apache-2.0
"""Envelopes: who asked what for which purpose, under the caller's own SM2 signature.

``BASE64URL(content) "." BASE64URL(signature) "." BASE64URL(opening)``, without padding. The first
two parts stay in the record. Personal values stand in the content as commitments only, and the
opening, which lets one check them, is never recorded. docs/how-to/envelopes.md has an example.
"""

from govshare_policy.envelope.content import read_signed
from govshare_policy.envelope.kept import open_recorded, verify_kept, verify_signed
from govshare_policy.envelope.sealed import (
    WINDOW,
    Fault,
    Nonces,
    Opened,
    Opener,
    Presented,
    request_digest,
    seal,
    verify_says,
)

__all__ = [
    "WINDOW",
    "Fault",
    "Nonces",
    "Opened",
    "Opener",
    "Presented",
    "open_recorded",
    "read_signed",
    "request_digest",
    "seal",
    "verify_kept",
    "verify_says",
    "verify_signed",
]
