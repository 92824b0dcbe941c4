# SPDX-License-Identifier: Apache-2.0
"""What nginx says about a request, in one header; pure.

One header, because one line of its configuration sets it whole and takes the place of whatever a
client sends under that name. Spread over several, a line that was forgotten would hand its header
to the clients, and everything would seem to work.
"""

import re
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from multidict import CIMultiDictProxy

from govshare_sidecar.refusal import Cause, RefusedError

# $request_method $request_uri $ssl_client_verify $ssl_client_escaped_cert
ORIGINAL: Final = "Govshare-Original"
_SHAPE: Final = re.compile(r"([A-Z]+) (/[\x21-\x7e]*) (?:NONE|SUCCESS ([\x21-\x7e]+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The request that nginx asks about.

    Attributes:
        target: Path and query, spelled as the client sent them.
        certificate: DER of the certificate that the client showed and nginx verified, if any.
    """

    method: str
    target: str
    certificate: bytes | None = field(repr=False)


def read_original(headers: CIMultiDictProxy[str]) -> Original:
    """Return what nginx says about the request.

    Raises:
        RefusedError: If the header is not there exactly once, or not of its shape; so it is where
            nginx did not verify the certificate that it passes on.
    """
    given = headers.getall(ORIGINAL, ())
    shape = _SHAPE.fullmatch(given[0]) if len(given) == 1 else None
    if shape is None:
        raise _bad()
    method, target, escaped = shape.groups()
    return Original(
        method=method,
        target=target,
        certificate=None if escaped is None else _der(escaped),
    )


def _der(escaped: str) -> bytes:
    try:
        return ssl.PEM_cert_to_DER_cert(unquote(escaped, errors="strict"))
    except ValueError:
        raise _bad() from None


def _bad() -> RefusedError:
    return RefusedError(
        Cause.BAD_HEADER, f"the proxy does not send `{ORIGINAL}` as its example configuration does"
    )
