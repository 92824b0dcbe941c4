# SPDX-License-Identifier: Apache-2.0
"""Envelopes sealed by callers, and opened by gateways, each once."""

import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

from govshare_policy.call import Call
from govshare_policy.crypto import DEFAULT_ID, PublicKey, Signer, sign_checked, sm3, verify
from govshare_policy.envelope.content import (
    DOMAIN,
    base64url,
    committed_of,
    decoded,
    public_of,
    read_signed,
    spelled,
)
from govshare_policy.errors import CallError, ConfigError, IdentityError, SignatureError

MAX_ENVELOPE: Final = 16 * 1024
WINDOW: Final = timedelta(minutes=5)
OPENING_BYTES: Final = 32
_PARTS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})")


class Fault(StrEnum):
    """What is wrong with an envelope by itself, or with its being in a record."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    STALE = "stale"
    REPLAYED = "replayed"
    DIFFERS = "differs"


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
        """Return what is in the envelope, used up, or what is wrong with it.

        Raises:
            AuditError: If the nonce cannot be remembered.
        """
        opened = self.read(presented, at=at)
        return opened if opened.fault is not None else self.use(opened, at=at)

    def read(self, presented: Presented, *, at: datetime) -> Opened:
        """Return what is in the envelope without using it up, or what is wrong with it.

        1. The three parts are read, and the content is spelled canonically. 2. Its own key made
        the signature. 3. It is addressed here, and of now. Whose key it is, and whether it says
        what the call says, :meth:`verify_says` and the registers tell.
        """
        try:
            opened, signature, public = _parse(presented)  # 1.
        except (CallError, ConfigError, ValueError, TypeError, KeyError):
            return Opened(fault=Fault.MALFORMED)
        content = opened.content
        try:
            verify(public, DOMAIN + spelled(content), signature, signer_id=DEFAULT_ID)  # 2.
        except SignatureError:
            return Opened(fault=Fault.SIGNATURE)
        if content["audience"] != self.audience:  # 3.
            return Opened(fault=Fault.AUDIENCE)
        stated = datetime.fromisoformat(content["at"])
        if abs(stated - at) > self.window:
            return Opened(fault=Fault.STALE)
        return opened

    def use(self, opened: Opened, *, at: datetime) -> Opened:
        """Return *opened*, which :meth:`read` found whole, if its nonce is new; used up from now.

        Raises:
            AuditError: If the nonce cannot be remembered.
        """
        nonce = opened.content["nonce"]
        until = datetime.fromisoformat(opened.content["at"]) + self.window
        if not self.nonces.claim(opened.key, nonce, at=at, until=until):
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
        "call": public_of(call),
        "commitments": committed_of(call, request, opening),
        "audience": audience,
        "at": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "nonce": secrets.token_hex(16),
        "key": base64.b64encode(signer.public.to_spki()).decode(),
    }
    data = spelled(content)
    signature = sign_checked(signer, DOMAIN + data, signer_id=DEFAULT_ID)
    return ".".join(base64url(part) for part in (data, signature, opening))


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
        wanted["call"] = public_of(call)
        wanted["commitments"] = committed_of(call, opened.request, opened.opening)
    # By their spelling: to Python 0 and 0.0 are equal to false, and to other readers they are not.
    if spelled({name: said.get(name) for name in wanted}) != spelled(wanted):
        raise IdentityError("the envelope says something else than the call")


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
        opening=decoded(shape[3]),
        request=presented.request,
    )
    return opened, signature, public
