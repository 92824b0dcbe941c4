# SPDX-License-Identifier: Apache-2.0
"""PEM with exactly one block and nothing around it.

Source:
    RFC 7468 §3 (strict form, any line length).
"""

import base64
import binascii
import re
from typing import Final

from govshare_policy.errors import ConfigError

_BLOCK: Final = re.compile(
    rb"\s*-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*"
)
_LINE: Final = 64


def parse_pem(text: bytes) -> tuple[str, bytes]:
    """Return the label and the contents of the one block in *text*.

    Raises:
        ConfigError: If *text* is not exactly one block.
    """
    match = _BLOCK.fullmatch(text)
    if match is None:
        raise ConfigError("the key is not exactly one PEM block")
    try:
        contents = base64.b64decode(b"".join(match[2].split()), validate=True)
    except binascii.Error:
        raise ConfigError("the PEM block is not valid base64") from None
    return match[1].decode("ascii"), contents


def format_pem(label: str, contents: bytes) -> bytes:
    """Return one block, with lines of 64 characters."""
    body = base64.b64encode(contents)
    lines = [body[i : i + _LINE] for i in range(0, len(body), _LINE)]
    edge = label.encode("ascii")
    return b"\n".join((b"-----BEGIN %s-----" % edge, *lines, b"-----END %s-----" % edge, b""))
