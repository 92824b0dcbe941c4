# SPDX-License-Identifier: Apache-2.0
"""For departments: an API that answers the sidecar in front of it, and nobody else.

Every request that the sidecar sends on carries ``Govshare-Signature``: under which record it was
allowed, what it asks for, when, and for whom it is meant, under the sidecar's SM2 key. The modules
beside this one put the check in front of WSGI, ASGI, aiohttp and gRPC applications.
"""

from govshare_policy.upstream._memory import Memory
from govshare_policy.upstream._signature import (
    HEADER,
    WINDOW,
    Gateway,
    Nonces,
    Request,
    Vouched,
    rpc_request,
    sign_request,
    verify_request,
)

__all__ = [
    "HEADER",
    "WINDOW",
    "Gateway",
    "Memory",
    "Nonces",
    "Request",
    "Vouched",
    "rpc_request",
    "sign_request",
    "verify_request",
]
