# SPDX-License-Identifier: Apache-2.0
"""What somebody is told who asks a department's API without the sidecar."""

import json
from http import HTTPStatus
from typing import Final

from govshare_policy.errors import GovshareError, IdentityError

MEDIA_TYPE: Final = "application/problem+json"
MAX_BODY: Final = 1 << 20


def status_of(error: GovshareError) -> HTTPStatus:
    """Return the status of a request that failed its check with *error*."""
    is_theirs = isinstance(error, IdentityError)
    return HTTPStatus.UNAUTHORIZED if is_theirs else HTTPStatus.SERVICE_UNAVAILABLE


def problem_of(error: GovshareError) -> bytes:
    """Return the body that says so."""
    status = status_of(error)
    document = {
        "type": "urn:govshare:problem:not_through_the_gateway",
        "title": "本接口只应答共享网关 (this API answers the sharing gateway only)",
        "status": status.value,
        "detail": str(error),
    }
    return json.dumps(document, ensure_ascii=False).encode()


TOO_LARGE: Final = IdentityError("the body is larger than the gateway sends")
BROKEN_OFF: Final = IdentityError("the body broke off")
PACKED: Final = IdentityError("the body is packed, and what unpacks it here does so too early")
