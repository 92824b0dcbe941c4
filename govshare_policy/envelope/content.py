# SPDX-License-Identifier: Apache-2.0
"""What stands in an envelope, and the one way to spell it."""

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from govshare_policy.call import Call, RecipientKind, parse_object
from govshare_policy.crypto import PublicKey, hmac_sm3
from govshare_policy.errors import CallError, ConfigError

DOMAIN: Final = b"govshare-envelope/v1\n"
_KEYS: Final = frozenset(
    ("v", "system", "department", "call", "commitments", "audience", "at", "nonce", "key")
)
_NONCE: Final = re.compile(r"[0-9a-f]{32}")
_AT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


def read_signed(signed: str) -> tuple[dict[str, Any], bytes, bytes, PublicKey]:
    """Return what a record keeps of an envelope: content, its bytes, signature and key.

    Raises:
        CallError: If it is none.
    """
    content, mark, signature = signed.partition(".")
    try:
        data, der = decoded(content), decoded(signature)
        document = parse_object(data)
        _verify_shape(document)
        if not mark or spelled(document) != data:
            raise CallError("an envelope is spelled canonically")
        return document, data, der, PublicKey.from_spki(_key_of(document))
    except (ConfigError, ValueError, TypeError, KeyError):
        raise CallError("the envelope is not of its shape") from None


def _verify_shape(document: Mapping[str, Any]) -> None:
    if set(document) != _KEYS or document["v"] != 1 or type(document["v"]) is not int:
        raise CallError("an envelope has the members of its version")
    if not _NONCE.fullmatch(document["nonce"]) or not _AT.fullmatch(document["at"]):
        raise CallError("a nonce or an instant is not of its shape")
    datetime.fromisoformat(document["at"])
    base64.b64decode(document["key"], validate=True)


def _key_of(document: Mapping[str, Any]) -> bytes:
    return base64.b64decode(document["key"], validate=True)


def public_of(call: Call) -> dict[str, Any]:
    """Return what of *call* may stand in the clear: all that is neither proven nor personal."""
    said: dict[str, Any] = {
        "action": call.action.value,
        "resource": call.resource,
        "fields": list(call.fields),
        "purpose": call.purpose,
        "channel": call.channel,
        "item": call.item,
        "grant": call.grant,
        "consent": call.consent,
        "derived": call.derived,
        "commercial": call.commercial,
        "on_behalf_of": list(call.on_behalf_of),
        "forwarded_for": list(call.forwarded_for),
    }
    if call.recipient is not None:
        kind = call.recipient.kind
        known = "" if kind is RecipientKind.PERSON else call.recipient.id
        said["recipient"] = {"kind": kind.value, "id": known}
    return said


def committed_of(call: Call, request: str, opening: bytes) -> dict[str, str]:
    """Return commitments to what of *call* is personal, and to the *request*, under *opening*."""
    recipient = call.recipient
    person = recipient is not None and recipient.kind is RecipientKind.PERSON
    values = {
        "request": request,
        "operator": call.operator,
        "subject": call.subject,
        "recipient": recipient.id if recipient is not None and person else "",
    }
    return {
        name: hmac_sm3(opening, name.encode() + b"\x00" + value.encode()).hex()
        for name, value in values.items()
        if value
    }


def spelled(document: Mapping[str, Any]) -> bytes:
    """Return the one spelling of *document*."""
    # RFC 8785: the keys are ASCII, and there is no number but small integers.
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "strict")


def base64url(data: bytes) -> str:
    """Return *data* as a part of an envelope."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the bytes of a part of an envelope.

    Raises:
        CallError: If they are spelled in another way than :func:`base64url` does.
        ValueError: If it is no base64.
    """
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise CallError("a part of an envelope is not spelled canonically")
    return data
