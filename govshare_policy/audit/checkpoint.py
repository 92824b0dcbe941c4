# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: what a log commits to, as a signed note (C2SP shapes, SM2 and SM3).

A note is the body (origin, size, root; one line each), an empty line, and signature lines
``— <name> <base64 of key id || blob>``. Our blob is a time and a DER signature; lines of other
keys are carried along and never counted.
"""

import base64
import binascii
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Self

from govshare_policy.audit.merkle import HASH_BYTES
from govshare_policy.crypto import DEFAULT_ID, PublicKey, Signer, sign_checked, sm3, verify
from govshare_policy.errors import SignatureError, VerificationError

# 0xff is C2SP's range for signature types without a number; the OID is that of SM2-with-SM3.
SIGNATURE_TYPE: Final = b"\xff1.2.156.10197.1.501/gm-cosignature/v1"
MAX_NOTE_BYTES: Final = 16 * 1024
MAX_SIGNATURES: Final = 16
KEY_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_MAX_SIZE: Final = 2**63 - 1
_NAME: Final = re.compile(r"[!-*,-~]{1,255}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def check_name(name: str) -> str:
    """Return *name* if it can be an origin or the name of a key: 1 to 255 of visible ASCII, no +.

    Raises:
        VerificationError: If it cannot.
    """
    if _NAME.fullmatch(name) is None:
        raise VerificationError("a name is 1 to 255 visible ascii characters, none of them a plus")
    return name


def key_id(name: str, public: PublicKey) -> bytes:
    """Return ``SM3(name || 0x0A || type || point)[:4]``; it tells keys apart and proves nothing."""
    return sm3(name.encode() + b"\n" + SIGNATURE_TYPE + public.point)[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line.

    Attributes:
        name: Who signs.
        key_id: 4 bytes.
        blob: What the type of the key says; in our type a big-endian u64 of Unix seconds, and DER.
    """

    name: str
    key_id: bytes
    blob: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.key_id) != KEY_ID_BYTES or not self.blob:
            raise VerificationError("a signature line is too short")

    def to_line(self) -> str:
        """Return the line, without its newline."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.blob).decode()}"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Return the signature that *line* holds.

        Raises:
            VerificationError: If it is not a signature line.
        """
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—":  # noqa: PLR2004 - the three words of a line
            raise VerificationError("a signature line is not a dash, a name and base64")
        data = decode_base64(parts[2])
        return cls(name=parts[1], key_id=data[:KEY_ID_BYTES], blob=data[KEY_ID_BYTES:])

    def stamped(self) -> tuple[int, bytes]:
        """Return the time (Unix seconds) and the DER signature in the blob of our type.

        Raises:
            SignatureError: If the blob is too short to hold both.
        """
        if len(self.blob) <= _TIME_BYTES:
            raise SignatureError(f"the signature of `{self.name}` is too short")
        return int.from_bytes(self.blob[:_TIME_BYTES]), self.blob[_TIME_BYTES:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A state of a log, and who vouches for it.

    Attributes:
        origin: The name of the log.
        size: Number of records.
        root: Root hash over them; 32 bytes.
        signatures: In the order of the note; at most 16.
    """

    origin: str
    size: int
    root: bytes
    signatures: tuple[NoteSignature, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.origin)
        if not 0 <= self.size <= _MAX_SIZE:
            raise VerificationError("the size of a checkpoint is outside 0 to 2^63-1")
        if len(self.root) != HASH_BYTES:
            raise VerificationError("the root of a checkpoint does not have 32 bytes")

    def body(self) -> str:
        """Return the three lines that every signature covers."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def to_note(self) -> bytes:
        """Return the signed note."""
        lines = "".join(f"{signature.to_line()}\n" for signature in self.signatures)
        return f"{self.body()}\n{lines}".encode()

    @classmethod
    def from_note(cls, note: bytes) -> Self:
        """Return the checkpoint that *note* spells; no signature is verified.

        Raises:
            VerificationError: If *note* is not the one spelling of a checkpoint.
        """
        if len(note) > MAX_NOTE_BYTES:
            raise VerificationError(f"the note is longer than {MAX_NOTE_BYTES} bytes")
        try:
            text = note.decode()
        except UnicodeDecodeError:
            raise VerificationError("the note is not utf-8") from None
        body, blank, tail = text.partition("\n\n")
        lines = body.split("\n")
        if not blank or len(lines) != 3:  # noqa: PLR2004 - origin, size, root
            raise VerificationError("the note is not three lines and an empty one")
        if not tail.endswith("\n"):
            raise VerificationError("the note does not end in a signature line")
        signatures = tail[:-1].split("\n")
        if len(signatures) > MAX_SIGNATURES:
            raise VerificationError(f"the note has more than {MAX_SIGNATURES} signatures")
        origin, size, root = lines
        if _SIZE.fullmatch(size) is None:
            raise VerificationError("the size in the note is not a decimal number")
        parsed = tuple(NoteSignature.from_line(line) for line in signatures)
        if len({(line.name, line.key_id) for line in parsed}) != len(parsed):
            raise VerificationError("the note has two signatures of one key")
        return cls(origin=origin, size=int(size), root=decode_base64(root), signatures=parsed)

    def signed_bytes(self, name: str, time: int) -> bytes:
        """Return the bytes that the key of *name* signs at *time* (Unix seconds)."""
        return f"gm-cosignature/v1\ncosigner {name}\ntime {time}\n{self.body()}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSslExport:
    """What ``openssl dgst -sm3 -verify`` needs to check one signature of a checkpoint.

    Attributes:
        message: The signed bytes (``msg.bin``).
        signature: DER (``sig.der``).
        public_pem: The public key (``pub.pem``).
    """

    message: bytes
    signature: bytes
    public_pem: bytes


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer, *, name: str, time: int) -> Checkpoint:
    """Return *checkpoint* with the signature of *signer* added, after verifying that signature.

    Args:
        checkpoint: What to sign.
        signer: Holds the key.
        name: The name of the key; for a log, its origin.
        time: Unix seconds.

    Raises:
        SignatureError: If the signer returned a signature that does not verify.
    """
    message = checkpoint.signed_bytes(name, time)
    der = sign_checked(signer, message, signer_id=DEFAULT_ID)
    line = NoteSignature(
        name=name,
        key_id=key_id(name, signer.public),
        blob=time.to_bytes(_TIME_BYTES) + der,
    )
    return replace(checkpoint, signatures=(*checkpoint.signatures, line))


def find_signature(checkpoint: Checkpoint, name: str, public: PublicKey) -> NoteSignature | None:
    """Return the line that claims to be of this key, unverified; none if there is none."""
    wanted = (name, key_id(name, public))
    for line in checkpoint.signatures:
        if (line.name, line.key_id) == wanted:
            return line
    return None


def verify_signature(checkpoint: Checkpoint, line: NoteSignature, public: PublicKey) -> datetime:
    """Return when *public* signed *checkpoint*, once the signature in *line* has been verified.

    Raises:
        SignatureError: If it was not this key that signed, or not these bytes.
    """
    time, der = line.stamped()
    message = checkpoint.signed_bytes(line.name, time)
    verify(public, message, der, signer_id=DEFAULT_ID)
    try:
        return datetime.fromtimestamp(time, UTC)
    except (OverflowError, ValueError, OSError):
        raise SignatureError("the time of the signature is not in the calendar") from None


def export_openssl(checkpoint: Checkpoint, *, name: str, public: PublicKey) -> OpenSslExport:
    """Return the three files with which OpenSSL alone checks the signature of *public*.

    ``openssl dgst -sm3 -verify pub.pem -sigopt distid:1234567812345678 -signature sig.der msg.bin``

    Raises:
        SignatureError: If the checkpoint has no signature line of that key.
    """
    line = find_signature(checkpoint, name, public)
    if line is None:
        raise SignatureError(f"the checkpoint has no signature of `{name}`")
    time, der = line.stamped()
    message = checkpoint.signed_bytes(name, time)
    return OpenSslExport(message=message, signature=der, public_pem=public.to_pem())


def decode_base64(text: str) -> bytes:
    """Return the bytes that *text* spells in standard, padded, canonical base64.

    Raises:
        VerificationError: If *text* is another spelling, or none.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise VerificationError("a line is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise VerificationError("a line is not canonical base64")
    return data
