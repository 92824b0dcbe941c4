# SPDX-License-Identifier: Apache-2.0
"""The signed list of what is in an archive.

The first line of what is signed tells it from a checkpoint, which the same key signs.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from govshare_policy.audit import TrustPolicy
from govshare_policy.audit.checkpoint import NoteSignature, key_id
from govshare_policy.crypto import DEFAULT_ID, Signer, verify
from govshare_policy.errors import SignatureError, VerificationError

FORMAT: Final = "govshare-archive/v1"
_HEX: Final = "[0-9a-f]{64}"
_NUMBER: Final = "0|[1-9][0-9]{0,18}"
_FIELDS: Final = tuple(
    re.compile(rf"{name} ({value})", re.ASCII)
    for name, value in (
        ("origin", "[!-~]{1,255}"),
        ("at", "[0-9TZ:.-]{27}"),
        ("log-size", _NUMBER),
        ("size", _NUMBER),
        ("root", _HEX),
    )
)
_FILE: Final = re.compile(rf"file ([!-~]{{1,1024}}) ({_NUMBER}) ({_HEX})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One file of an archive.

    Attributes:
        path: Below the directory of the archive, with ``/``; visible ASCII without spaces.
        size_bytes: Its length.
        digest: SM3 of its content; 32 bytes.
    """

    path: str
    size_bytes: int
    digest: bytes

    def __post_init__(self) -> None:
        if self.path.startswith("/") or not {"", ".", ".."}.isdisjoint(self.path.split("/")):
            raise VerificationError("the list of an archive names a file outside it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is in an archive.

    Attributes:
        origin: The name of the log.
        at: When it was made, as records write it.
        log_size: The size of the log at that time; it says which key may have signed.
        size: How many records the archive has.
        root: Root over them; 32 bytes.
        files: Sorted by path.
    """

    origin: str
    at: str
    log_size: int
    size: int
    root: bytes
    files: tuple[Listed, ...]

    def find(self, path: str) -> Listed | None:
        """Return what is listed at *path*; none if nothing is."""
        return next((file for file in self.files if file.path == path), None)

    def to_text(self) -> str:
        """Return the lines that are signed."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield FORMAT
        yield f"origin {self.origin}"
        yield f"at {self.at}"
        yield f"log-size {self.log_size}"
        yield f"size {self.size}"
        yield f"root {self.root.hex()}"
        for file in self.files:
            yield f"file {file.path} {file.size_bytes} {file.digest.hex()}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the list that *text* spells.

        Raises:
            VerificationError: If it is not the one spelling of a list.
        """
        first, *lines = text.split("\n")
        fields = [form.fullmatch(line) for form, line in zip(_FIELDS, lines, strict=False)]
        matches = [_FILE.fullmatch(line) for line in lines[len(_FIELDS) : -1]]
        found = [match for match in (*fields, *matches) if match is not None]
        if first != FORMAT or len(found) != len(lines) - 1 or len(fields) != len(_FIELDS):
            raise VerificationError(f"the list of the archive is not of format `{FORMAT}`")
        origin, at, log_size, size, root = (match[1] for match in found[: len(_FIELDS)])
        files = tuple(
            Listed(path=match[1], size_bytes=int(match[2]), digest=bytes.fromhex(match[3]))
            for match in found[len(_FIELDS) :]
        )
        listing = cls(
            origin=origin,
            at=at,
            log_size=int(log_size),
            size=int(size),
            root=bytes.fromhex(root),
            files=files,
        )
        paths = [file.path for file in files]
        if paths != sorted(set(paths)) or listing.to_text() != text:
            raise VerificationError("the files in the list of the archive are not in order")
        return listing


def sign_listing(listing: Listing, signer: Signer) -> bytes:
    """Return *listing* with the signature of the key of the log.

    Raises:
        ConfigError: If the key cannot sign.
    """
    text = listing.to_text()
    line = NoteSignature(
        name=listing.origin,
        key_id=key_id(listing.origin, signer.public),
        blob=signer.sign(text.encode(), signer_id=DEFAULT_ID),
    )
    return f"{text}\n{line.to_line()}\n".encode()


def verify_listing(data: bytes, trust: TrustPolicy) -> Listing:
    """Return the list in *data*, once the key of the log is known to have signed it.

    Raises:
        VerificationError: If it is malformed or of another log.
        SignatureError: If no key of the log that was in force at its size signed it.
    """
    try:
        text, _, tail = data.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise VerificationError("the list of the archive is not utf-8") from None
    listing = Listing.from_text(f"{text}\n")
    line = NoteSignature.from_line(tail.removesuffix("\n"))
    if listing.origin != trust.origin or not tail.endswith("\n"):
        raise VerificationError("the list of the archive is of another log")
    for key in trust.keys:
        named = (key.name, key_id(key.name, key.public))
        if key.covers(listing.log_size) and named == (line.name, line.key_id):
            verify(key.public, f"{text}\n".encode(), line.blob, signer_id=DEFAULT_ID)
            return listing
    raise SignatureError("no trusted key of the log signed the list of the archive")
