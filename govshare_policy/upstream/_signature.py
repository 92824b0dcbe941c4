# SPDX-License-Identifier: Apache-2.0
"""The header ``Govshare-Signature``: ``BASE64URL(content) "." BASE64URL(signature)``, no padding.

The content is JSON in canonical spelling (RFC 8785) with texts only. docs/how-to/upstream.md lists
its members.
"""

import base64
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from govshare_policy.call import parse_object
from govshare_policy.crypto import DEFAULT_ID, PublicKey, Signer, sign_checked, sm3, verify
from govshare_policy.errors import CallError, IdentityError, SignatureError

HEADER: Final = "Govshare-Signature"
WINDOW: Final = timedelta(seconds=60)
_DOMAIN: Final = b"govshare-upstream/v1\n"
_MAX_HEADER: Final = 4096
_PARTS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_NONCE: Final = re.compile(r"[0-9a-f]{32}")
_AT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
_MEMBERS: Final = frozenset(
    ("v", "record", "method", "target", "body", "audience", "at", "nonce", "key")
)


class Nonces(Protocol):
    """Remembers nonces: :class:`Memory` for one process, ``NonceStore`` for several."""

    def claim(self, key: bytes, nonce: str, *, at: datetime, until: datetime) -> bool:
        """Remember *nonce* of *key* until then, and say whether it is new.

        Raises:
            AuditError: If it cannot be remembered.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as a department's API gets it.

    Attributes:
        target: Path and query, encoded as they stand on the wire.
        body: All of it, as it arrived.
    """

    method: str
    target: str = field(repr=False)
    body: bytes = field(default=b"", repr=False)


def rpc_request(path: str, *, fields: str, message: bytes) -> Request:
    """Return what is signed of an RPC.

    Args:
        path: Of the method, such as ``/county.v1.Marriages/Find``.
        fields: What ``govshare-fields`` says.
        message: The one message as it arrived; empty where messages come in a stream, which the
            signature does not cover.
    """
    return Request(method="POST", target=f"{path}?{fields}", body=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Whom a department's API answers.

    Attributes:
        keys: Of the sidecar; two while it changes from one to the next.
        audience: The name under which the sidecar knows this API.
        nonces: Of the requests that came already.
        window: How far the instant of a request may be from now, either way.
    """

    keys: tuple[PublicKey, ...]
    audience: str
    nonces: Nonces
    window: timedelta = WINDOW

    def __post_init__(self) -> None:
        if not self.keys or not self.audience:
            raise ValueError("a gateway has a key, and a name for this API")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What the sidecar vouches for.

    Attributes:
        record: The id of the decision record under which the request was allowed.
        key: The fingerprint of the key that signed; 32 bytes.
    """

    record: str
    at: datetime
    key: bytes


def sign_request(
    request: Request, signer: Signer, *, record: str, audience: str, at: datetime
) -> str:
    """Return the value of :data:`HEADER` for *request*; good for one request.

    Args:
        request: Exactly what will be sent.
        signer: Holds the sidecar's key.
        record: The id of the decision record; it has to be on the disk by now.
        audience: The name of the API that is asked.
        at: Now, with a zone.

    Raises:
        ConfigError: If the key cannot be used.
    """
    content = {
        "v": "1",
        "record": record,
        **_digests(request),
        "audience": audience,
        "at": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "nonce": secrets.token_hex(16),
        "key": signer.public.fingerprint.hex(),
    }
    data = _spelled(content)
    signature = sign_checked(signer, _DOMAIN + data, signer_id=DEFAULT_ID)
    return f"{_base64url(data)}.{_base64url(signature)}"


def verify_request(
    texts: Sequence[str], request: Request, gateway: Gateway, *, at: datetime
) -> Vouched:
    """Return what the sidecar says of *request*, once it is certain that it sent it just now.

    1. There is one header, and it is spelled as it has to be. 2. A key of the gateway made the
    signature. 3. It is addressed here, and of now. 4. It is about this request. 5. It has not been
    here before: asked last, so that nobody uses up the nonce of a request that he could only alter.

    Args:
        texts: Every :data:`HEADER` that came.
        request: What came with it.
        gateway: Whom this API answers.
        at: Now, with a zone.

    Raises:
        IdentityError: If a step fails. Nothing may be answered.
        AuditError: If the nonce cannot be remembered; nothing may be answered either.
    """
    data, signature, content = _parsed(texts)  # 1.
    key = bytes.fromhex(content["key"])
    _verify_signature(data, signature, key, gateway)  # 2.
    if content["audience"] != gateway.audience:  # 3.
        raise IdentityError("the signature of the request is meant for another API")
    stated = datetime.fromisoformat(content["at"])
    if abs(stated - at) > gateway.window:
        raise IdentityError("the signature of the request is not of now")
    if any(content[name] != value for name, value in _digests(request).items()):  # 4.
        raise IdentityError("the signature is of another request")
    if not gateway.nonces.claim(key, content["nonce"], at=at, until=stated + gateway.window):  # 5.
        raise IdentityError("the request came before")
    return Vouched(record=content["record"], at=stated, key=key)


def _verify_signature(data: bytes, signature: bytes, key: bytes, gateway: Gateway) -> None:
    for public in gateway.keys:
        if public.fingerprint == key:
            try:
                return verify(public, _DOMAIN + data, signature, signer_id=DEFAULT_ID)
            except SignatureError:
                break
    raise IdentityError("the signature of the request is not the gateway's")


def _digests(request: Request) -> dict[str, str]:
    return {
        "method": request.method,
        "target": sm3(request.target.encode("utf-8", "surrogateescape")).hex(),
        "body": sm3(request.body).hex(),
    }


def _parsed(texts: Sequence[str]) -> tuple[bytes, bytes, dict[str, str]]:
    if len(texts) != 1 or len(texts[0]) > _MAX_HEADER:
        raise IdentityError("the request has not one signature of the gateway")
    parts = _PARTS.fullmatch(texts[0])
    try:
        if parts is None:
            raise ValueError  # noqa: TRY301  one way out of all that can be wrong
        data, signature = map(_decoded, parts.groups())
        content = _members(data)
    except (CallError, ValueError):
        raise IdentityError("the signature of the request cannot be read") from None
    return data, signature, content


def _members(data: bytes) -> dict[str, str]:
    document = parse_object(data)
    content = {name: text for name, text in document.items() if isinstance(text, str)}
    if set(document) != _MEMBERS or set(content) != _MEMBERS or _spelled(content) != data:
        raise ValueError
    if content["v"] != "1" or len(bytes.fromhex(content["key"])) != len(sm3(b"")):
        raise ValueError
    if not _NONCE.fullmatch(content["nonce"]) or not _AT.fullmatch(content["at"]):
        raise ValueError
    datetime.fromisoformat(content["at"])
    return content


def _spelled(content: Mapping[str, str]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    # Bits that stand for nothing would give one signature several spellings.
    if _base64url(data) != text:
        raise ValueError
    return data
