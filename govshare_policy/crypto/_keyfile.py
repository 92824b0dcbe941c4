# SPDX-License-Identifier: Apache-2.0
"""Keys by name: those on disk, and the way to those in devices."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from govshare_policy.crypto._choice import chosen_signer, chosen_verifier
from govshare_policy.crypto._curve import MAX_SECRET
from govshare_policy.crypto._front import Signer, load_signer
from govshare_policy.crypto._pem import format_pem, parse_pem
from govshare_policy.crypto._pkcs8 import decrypt_key, encrypt_key
from govshare_policy.crypto._public import PublicKey
from govshare_policy.crypto._sdf import SCHEME as SDF_SCHEME
from govshare_policy.crypto._sdf import open_sdf
from govshare_policy.errors import ConfigError

_LABEL: Final = "ENCRYPTED PRIVATE KEY"
_SCHEME: Final = "file:"
_MAX_FILE_BYTES: Final = 65_536
_OPEN_TO_OTHERS: Final = 0o077


def open_signer(uri: str, passphrase: bytes) -> Signer:
    """Return a signer for the key that *uri* names.

    Args:
        uri: ``file:PATH``, where PATH is an encrypted PKCS#8 key in PEM; or
            ``sdf:/path/to/library.so?key=N``, a key in a cryptographic device.
        passphrase: What the file is encrypted under, or the access code of the key in the device;
            never empty.

    Raises:
        ConfigError: If the scheme is unknown, the file cannot be read, is not encrypted or does
            not open or is open to others than its owner, the key is no SM2 key in range, or
            nothing on this host can sign.
    """
    if uri.startswith(SDF_SCHEME):
        return open_sdf(uri, passphrase)
    if not uri.startswith(_SCHEME):
        raise ConfigError("a signing key is named `file:PATH` or `sdf:/LIBRARY?key=N`")
    if not passphrase:
        raise ConfigError("a private key is kept under a passphrase; it cannot be empty")
    path = Path(uri.removeprefix(_SCHEME))
    with _naming(path):
        label, contents = parse_pem(_read(path, private=True))
        if label != _LABEL:
            raise ConfigError(f"it is not an `{_LABEL}`; encrypt it with `openssl pkcs8 -topk8`")
        decoded = decrypt_key(contents, passphrase)
        return load_signer(
            chosen_signer(), chosen_verifier(), secret=decoded.secret, point=decoded.point
        )


def generate_key(path: Path, passphrase: bytes) -> PublicKey:
    """Write a new private key to *path*, encrypted, and return its public key.

    The file is new, readable by its owner only, and on the disk before this returns.

    Raises:
        ConfigError: If *passphrase* is empty, *path* exists or cannot be written, or nothing on
            this host can sign.
    """
    if not passphrase:
        raise ConfigError("a private key is kept under a passphrase; it cannot be empty")
    secret = 1 + secrets.randbelow(MAX_SECRET)
    signer = load_signer(chosen_signer(), chosen_verifier(), secret=secret, point=None)
    text = format_pem(_LABEL, encrypt_key(secret, signer.public.point, passphrase))
    with _naming(path):
        _write_new(path, text)
    return signer.public


def load_public_key(path: Path) -> PublicKey:
    """Return the public key in the PEM file at *path*.

    Raises:
        ConfigError: If the file cannot be read, or holds no SM2 public key.
    """
    with _naming(path):
        return PublicKey.from_pem(_read(path))


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say which file an error is about."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"cannot use the key file `{path}`: {error}") from None


def _read(path: Path, *, private: bool = False) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{error.strerror}".lower()) from None
    # Whoever can copy it can guess at its passphrase for as long as they like.
    if private and mode & _OPEN_TO_OTHERS:
        raise ConfigError("it is open to others than its owner; chmod 600 it")
    if len(text) > _MAX_FILE_BYTES:
        raise ConfigError(f"it is longer than {_MAX_FILE_BYTES} bytes")
    return text


def _write_new(path: Path, text: bytes) -> None:
    """Create *path* with *text*, and leave nothing behind if that fails."""
    try:
        # With O_EXCL a symbolic link is in the way too, wherever it leads.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(f"{error.strerror}".lower()) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise ConfigError(f"{error.strerror}".lower()) from None


def _sync_directory(path: Path) -> None:
    """Put the directory's new entry on the disk too."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
