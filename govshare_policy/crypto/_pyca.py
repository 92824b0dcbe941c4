# SPDX-License-Identifier: Apache-2.0
"""What pyca/cryptography does for us: SM3, PBKDF2 and two block ciphers.

It knows no SM2; see docs/adr/0002-national-cryptography.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from govshare_policy.errors import ConfigError


class Prf(Enum):
    """The keyed hash inside PBKDF2."""

    HMAC_SHA256 = "HMAC-SHA256"
    HMAC_SM3 = "HMAC-SM3"


class BlockCipher(Enum):
    """A cipher in CBC mode with PKCS#7 padding; the value is the key length in bytes."""

    AES_256 = 32
    SM4 = 16


class PycaSm3:
    """Incremental SM3 for hosts whose :mod:`hashlib` has none."""

    def __init__(self) -> None:
        with _needed("SM3"):
            self._hash = hashes.Hash(hashes.SM3())

    def update(self, data: bytes, /) -> None:
        """Append *data*."""
        self._hash.update(data)

    def digest(self) -> bytes:
        """Return the digest of what was appended so far; 32 bytes."""
        return self._hash.copy().finalize()

    def copy(self) -> Self:
        """Return an independent object in the same state."""
        twin = object.__new__(type(self))
        twin._hash = self._hash.copy()
        return twin


def derive_key(passphrase: bytes, *, prf: Prf, salt: bytes, iterations: int, size: int) -> bytes:
    """Return *size* bytes of PBKDF2 output.

    Source:
        RFC 8018 §5.2.
    """
    algorithm = hashes.SHA256() if prf is Prf.HMAC_SHA256 else hashes.SM3()
    with _needed(f"PBKDF2 with {prf.value}"):
        kdf = PBKDF2HMAC(algorithm=algorithm, length=size, salt=salt, iterations=iterations)
        return kdf.derive(passphrase)


def encrypt_cbc(plain: bytes, *, cipher: BlockCipher, key: bytes, iv: bytes) -> bytes:
    """Return *plain*, padded and encrypted; a whole number of 16-byte blocks."""
    pad = padding.PKCS7(128).padder()
    with _needed(f"{cipher.name}-CBC"):
        encryptor = _cbc(cipher, key, iv).encryptor()
    return encryptor.update(pad.update(plain) + pad.finalize()) + encryptor.finalize()


def decrypt_cbc(data: bytes, *, cipher: BlockCipher, key: bytes, iv: bytes) -> bytes:
    """Return the plain text of *data*, without its padding.

    Raises:
        ValueError: If *data* is not whole blocks, or its padding is wrong.
    """
    unpad = padding.PKCS7(128).unpadder()
    with _needed(f"{cipher.name}-CBC"):
        decryptor = _cbc(cipher, key, iv).decryptor()
    return unpad.update(decryptor.update(data) + decryptor.finalize()) + unpad.finalize()


def _cbc(cipher: BlockCipher, key: bytes, iv: bytes) -> Cipher[modes.CBC]:
    algorithm = algorithms.SM4(key) if cipher is BlockCipher.SM4 else algorithms.AES(key)
    return Cipher(algorithm, modes.CBC(iv))


@contextmanager
def _needed(what: str) -> Iterator[None]:
    """Say which algorithm the installed `cryptography` was built without."""
    try:
        yield
    except UnsupportedAlgorithm:
        raise ConfigError(f"the installed `cryptography` package has no {what}") from None
