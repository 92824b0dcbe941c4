# SPDX-License-Identifier: Apache-2.0
"""Envelopes: who asked what for which purpose, under the caller's own SM2 signature.

``BASE64URL(content) "." BASE64URL(signature) "." BASE64URL(opening)``, without padding. The first
two parts stay in the record. Personal values stand in the content as commitments only, and the
opening, which lets one check them, is never recorded. docs/how-to/envelopes.md has an example.
"""

import base64
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

from govshare_policy.call import Call, RecipientKind, parse_object
from govshare_policy.crypto import (
    DEFAULT_ID,
    PublicKey,
    Signer,
    hmac_sm3,
    sign_checked,
    sm3,
    verify,
)
from govshare_policy.errors import CallError, ConfigError, IdentityError, SignatureError

DOMAIN: Final = b"govshare-envelope/v1\n"
MAX_ENVELOPE: Final = 16 * 1024
WINDOW: Final = timedelta(minutes=5)
OPENING_BYTES: Final = 32
_PARTS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})")
_KEYS: Final = frozenset(
    ("v", "system", "department", "call", "commitments", "audience", "at", "nonce", "key")
)
_NONCE: Final = re.compile(r"[0-9a-f]{32}")
_AT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


class Fault(StrEnum):
    """What is wrong with an envelope by itself."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    STALE = "stale"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """An envelope as it came.

    Attributes:
        request: What :func:`request_digest` says of the request it came with; empty where the
            call alone was asked about.
    """

    text: str = field(repr=False)
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An envelope that was looked into; with a *fault*, nothing in it is believed.

    Attributes:
        signed: Content and signature, as the record keeps them.
        key: SM3 of the DER of the key that signed; 32 bytes.
        opening: What its commitments were made with; 32 bytes, or ``None`` where it is out of a
            record, which does not keep it.
    """

    fault: Fault | None = None
    signed: str = ""
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)
    key: bytes = b""
    opening: bytes | None = field(default=None, repr=False)
    request: str = ""


class Nonces(Protocol):
    """Remembers the nonces of envelopes, exactly, whoever else does."""

    def claim(self, key: bytes, nonce: str, *, at: datetime, until: datetime) -> bool:
        """Remember *nonce* of *key* until then, and say whether it is new.

        Raises:
            AuditError: If it cannot be remembered. No call is answered.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Opener:
    """Opens the envelopes that are meant for one gateway, each once.

    Attributes:
        audience: The name that they have to be addressed to.
        window: How far the instant in an envelope may be from now, either way.
    """

    audience: str
    nonces: Nonces
    window: timedelta = WINDOW

    def open(self, presented: Presented, *, at: datetime) -> Opened:
        """Return what is in the envelope, or what is wrong with it.

        1. The three parts are read, and the content is spelled canonically. 2. Its own key made
        the signature. 3. It is addressed here, and of now. 4. Its nonce is new. Whose key it is,
        and whether it says what the call says, :meth:`verify_says` and the registers tell.

        Raises:
            AuditError: If the nonce cannot be remembered.
        """
        try:
            opened, signature, public = _parse(presented)  # 1.
        except (CallError, ConfigError, ValueError, TypeError, KeyError):
            return Opened(fault=Fault.MALFORMED)
        content = opened.content
        try:
            verify(public, DOMAIN + _spelled(content), signature, signer_id=DEFAULT_ID)  # 2.
        except SignatureError:
            return Opened(fault=Fault.SIGNATURE)
        if content["audience"] != self.audience:  # 3.
            return Opened(fault=Fault.AUDIENCE)
        stated = datetime.fromisoformat(content["at"])
        if abs(stated - at) > self.window:
            return Opened(fault=Fault.STALE)
        until = stated + self.window
        if not self.nonces.claim(opened.key, content["nonce"], at=at, until=until):  # 4.
            return Opened(fault=Fault.REPLAYED)
        return opened


def seal(
    call: Call,
    signer: Signer,
    *,
    system: str,
    department: str,
    audience: str,
    at: datetime,
    request: str = "",
) -> str:
    """Return *call* in an envelope, ready for the header ``Govshare-Envelope``.

    Args:
        call: Exactly what will be asked, channel and fields of the route included.
        signer: Holds a key that is registered for *system*.
        system: Who asks.
        department: Whose system it is.
        audience: The name of the gateway, which is that of its log unless it says otherwise.
        at: Now, with a zone.
        request: What :func:`request_digest` says of the request; empty where none goes along
            (``Check``, AuthZEN).

    Raises:
        ConfigError: If the key cannot be used.
    """
    opening = secrets.token_bytes(OPENING_BYTES)
    content = {
        "v": 1,
        "system": system,
        "department": department,
        "call": _public(call),
        "commitments": _committed(call, request, opening),
        "audience": audience,
        "at": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "nonce": secrets.token_hex(16),
        "key": base64.b64encode(signer.public.to_spki()).decode(),
    }
    data = _spelled(content)
    signature = sign_checked(signer, DOMAIN + data, signer_id=DEFAULT_ID)
    return ".".join(_base64url(part) for part in (data, signature, opening))


def request_digest(method: str, target: str, body: bytes = b"") -> str:
    """Return SM3 of a request as the caller sends it; 64 hex digits.

    Args:
        method: ``GET`` or ``POST``; over gRPC ``POST``.
        target: Path and query, encoded as they are sent.
        body: All of it; over gRPC the one message, and nothing where messages come in a stream.
    """
    return sm3(f"{method}\n{target}\n".encode() + body).hex()


def verify_says(opened: Opened, call: Call, *, system: str, department: str) -> None:
    """Return only if the envelope says of *call*, its caller and its request what is the case.

    Of one out of a record only the caller is looked at: what the call said stands there in part.

    Raises:
        IdentityError: If it says anything else.
    """
    said = opened.content
    wanted: dict[str, object] = {"system": system, "department": department}
    if opened.opening is not None:
        wanted["call"] = _public(call)
        wanted["commitments"] = _committed(call, opened.request, opened.opening)
    if any(said.get(name) != value for name, value in wanted.items()):
        raise IdentityError("the envelope says something else than the call")


def read_signed(signed: str) -> tuple[dict[str, Any], bytes, bytes, PublicKey]:
    """Return what a record keeps of an envelope: content, its bytes, signature and key.

    Raises:
        CallError: If it is none.
    """
    content, mark, signature = signed.partition(".")
    try:
        data, der = _decoded(content), _decoded(signature)
        document = parse_object(data)
        _verify_shape(document)
        if not mark or _spelled(document) != data:
            raise CallError("an envelope is spelled canonically")
        return document, data, der, PublicKey.from_spki(_key_of(document))
    except (ConfigError, ValueError, TypeError, KeyError):
        raise CallError("the envelope is not of its shape") from None


def verify_signed(signed: str) -> dict[str, Any]:
    """Return the content of a recorded envelope, once its own key made its signature.

    Whose key it is, ``certificates.tsv`` says: compare SM3 of ``key``.

    Raises:
        CallError: If it is no envelope.
        SignatureError: If the key did not make it.
    """
    document, data, signature, public = read_signed(signed)
    verify(public, DOMAIN + data, signature, signer_id=DEFAULT_ID)
    return document


def open_recorded(signed: str) -> Opened:
    """Return the envelope that a record keeps, with its fault where its signature is not good.

    Raises:
        CallError: If it is no envelope.
    """
    content, data, signature, public = read_signed(signed)
    try:
        verify(public, DOMAIN + data, signature, signer_id=DEFAULT_ID)
    except SignatureError:
        return Opened(fault=Fault.SIGNATURE)
    return Opened(signed=signed, content=content, key=public.fingerprint)


def _parse(presented: Presented) -> tuple[Opened, bytes, PublicKey]:
    shape = _PARTS.fullmatch(presented.text)
    if shape is None or len(presented.text) > MAX_ENVELOPE:
        raise CallError("an envelope has three parts")
    signed = f"{shape[1]}.{shape[2]}"
    content, _, signature, public = read_signed(signed)
    opened = Opened(
        signed=signed,
        content=content,
        key=public.fingerprint,
        opening=_decoded(shape[3]),
        request=presented.request,
    )
    return opened, signature, public


def _verify_shape(document: Mapping[str, Any]) -> None:
    if set(document) != _KEYS or document["v"] != 1:
        raise CallError("an envelope has the members of its version")
    if not _NONCE.fullmatch(document["nonce"]) or not _AT.fullmatch(document["at"]):
        raise CallError("a nonce or an instant is not of its shape")
    datetime.fromisoformat(document["at"])
    base64.b64decode(document["key"], validate=True)


def _key_of(document: Mapping[str, Any]) -> bytes:
    return base64.b64decode(document["key"], validate=True)


def _public(call: Call) -> dict[str, Any]:
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


def _committed(call: Call, request: str, opening: bytes) -> dict[str, str]:
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


def _spelled(document: Mapping[str, Any]) -> bytes:
    # RFC 8785: the keys are ASCII, and there is no number but small integers.
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "strict")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _base64url(data) != text:
        raise CallError("a part of an envelope is not spelled canonically")
    return data
