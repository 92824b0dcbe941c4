# SPDX-License-Identifier: Apache-2.0
"""What an approver lets pass unread: forms for a destination, each line signed, with an end.

A line is a JSON object, a tab, and an SM2 signature over the object in base64. Lines are added and
never changed; one that is not signed by the approver makes the whole list unusable.
"""

import base64
import binascii
import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Self

from govshare_policy.audit.disk import describe
from govshare_policy.crypto import PublicKey, Signer, sign_checked, verify
from govshare_policy.egress.reading import Code
from govshare_policy.errors import CallError, ConfigError, VerificationError

TUNNEL: Final = "tunnel"
"""The form of a connection whose content nobody here sees (``CONNECT``)."""

FORMS: Final = (*(code.value for code in Code), TUNNEL)
_SIGNER_ID: Final = b"govshare-egress-allow"
_KEYS: Final = frozenset(("destination", "form", "approver", "reason", "since", "until"))
_MAX_BYTES: Final = 1 << 20
_MAX_TEXT: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """One form that may pass unread to one destination.

    Attributes:
        destination: ``host:port``.
        form: A code of the reader, or ``tunnel``.
        approver: Who answers for it.
        reason: Why.
        since: First day.
        until: Last day.
    """

    destination: str
    form: str
    approver: str
    reason: str
    since: date
    until: date

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise CallError(f"a form is one of {', '.join(FORMS)}")
        texts = (self.destination, self.approver, self.reason)
        if not all(text.strip() and len(text) <= _MAX_TEXT for text in texts):
            raise CallError("an allowance names a destination, an approver and a reason")
        if self.until < self.since:
            raise CallError("an allowance ends on the day it begins or later")

    def to_json(self) -> bytes:
        """Return the bytes that are signed."""
        form = {name: str(getattr(self, name)) for name in sorted(_KEYS)}
        return json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return what :meth:`to_json` wrote.

        Raises:
            VerificationError: If it did not write that.
        """
        try:
            form = json.loads(text)
            if set(form) != _KEYS:
                raise VerificationError("an allowance has other members than it should")
            since, until = (date.fromisoformat(form.pop(key)) for key in ("since", "until"))
            return cls(since=since, until=until, **form)
        except (ValueError, TypeError, CallError):
            raise VerificationError("an allowance is malformed") from None


def allowed_forms(
    allowances: tuple[Allowance, ...], destination: str, *, on: date
) -> frozenset[str]:
    """Return the forms that may pass unread to *destination* on the day *on*."""
    return frozenset(
        one.form
        for one in allowances
        if one.destination == destination and one.since <= on <= one.until
    )


def load_allowances(path: Path, *, public: PublicKey) -> tuple[Allowance, ...]:
    """Return what the file at *path* allows; one that is not there allows nothing.

    Raises:
        SignatureError: If a line was not signed by *public*.
        VerificationError: If a line is malformed.
        ConfigError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError(f"cannot read `{path.name}`: {describe(error)}") from None
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"`{path.name}` is larger than {_MAX_BYTES} bytes")
    allowances = []
    for line in data.splitlines():
        text, _, signature = line.partition(b"\t")
        try:
            raw = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            raise VerificationError(f"a line of `{path.name}` has no signature") from None
        verify(public, text, raw, signer_id=_SIGNER_ID)
        allowances.append(Allowance.from_json(text))
    return tuple(allowances)


def add_allowance(path: Path, allowance: Allowance, *, signer: Signer) -> None:
    """Add *allowance* to the file at *path*, signed; it is on the disk when this returns.

    Raises:
        SignatureError: If what is there was not signed by the same approver.
        ConfigError: If it cannot be written, or the key cannot sign.
    """
    load_allowances(path, public=signer.public)
    text = allowance.to_json()
    signature = base64.b64encode(sign_checked(signer, text, signer_id=_SIGNER_ID))
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o640), "ab") as file:
            file.write(text + b"\t" + signature + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(f"cannot write `{path.name}`: {describe(error)}") from None
