# SPDX-License-Identifier: Apache-2.0
"""Messages of several parts: forms with files, and mail."""

import re
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Final, NamedTuple

from govshare_policy.egress.reading.model import Budget, Code, UnscannableError

_BEGINS: Final = re.compile(
    rb"\s*(?:--[^\r\n]{1,200}\r?\n)?(?:[A-Za-z-]+: [^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*+)*?"
    rb"(?:content-(?:disposition|type|transfer-encoding)|mime-version): ",
    re.IGNORECASE,
)
_BOUNDARY: Final = re.compile(rb"\s*--([^\r\n]{1,200}?)[ \t]*\r?\n")
_NAMED: Final = re.compile(r'boundary\s*=\s*"?([^";]{1,200})', re.IGNORECASE)
_HEAD_BYTES: Final = 1 << 14


class Part(NamedTuple):
    """One part: its content, its label and what its headers say besides."""

    body: bytes
    content_type: str
    headers: str


def is_message(body: bytes, content_type: str) -> bool:
    """Tell whether *body* is a message of parts."""
    if content_type.lower().startswith("multipart/"):
        named = _NAMED.search(content_type)
        if named and b"--" + named.group(1).encode(errors="replace") in body:
            return True
    return _BEGINS.match(body[:_HEAD_BYTES]) is not None


def parts_of(body: bytes, content_type: str, *, budget: Budget) -> list[Part]:
    """Return the parts of a message, and what stands before, between and after them.

    Raises:
        UnscannableError: If there are too many, or they are nested too deep.
    """
    boundary = _BOUNDARY.match(body[:_HEAD_BYTES])
    label = content_type.replace("\r", " ").replace("\n", " ")
    if label.lower().startswith("multipart/"):
        head = f"Content-Type: {label}\r\n\r\n".encode(errors="replace")
    elif boundary is not None:
        head = b'Content-Type: multipart/form-data; boundary="%b"\r\n\r\n' % boundary.group(1)
    else:
        head = b""
    try:
        message = BytesParser(policy=compat32).parsebytes(head + body.lstrip())
        return [part for item in message.walk() for part in _parts(item, budget)]
    except RecursionError:
        raise UnscannableError(Code.TOO_DEEP) from None
    except (LookupError, ValueError):
        raise UnscannableError(Code.MALFORMED) from None


def _parts(message: Message, budget: Budget) -> list[Part]:
    """Return what one part says itself."""
    budget.add_member()
    headers = "\n".join(str(value) for value in message.values())
    around = [text for text in (message.preamble, message.epilogue) if text and text.strip()]
    parts = [Part(text.encode(errors="surrogateescape"), "", "") for text in around]
    payload = None if message.is_multipart() else message.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    budget.expand(len(content))
    label = "" if content.startswith(b"--") else message.get_content_type()
    return [*parts, Part(content, label, headers)]
