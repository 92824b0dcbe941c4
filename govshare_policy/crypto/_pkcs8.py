# SPDX-License-Identifier: Apache-2.0
"""Private keys at rest: PKCS#8 in PBES2, one strict parser for every provider.

Source:
    RFC 5208 §5 and §6 (PKCS#8), RFC 5915 §3 (ECPrivateKey), RFC 8018 §6.2 and §A.2 to §A.4
    (PBES2), and the key files of OpenSSL 3 and GmSSL 3.
"""

import secrets
from typing import Final, NamedTuple

from govshare_policy.crypto._curve import FIELD_BYTES, MAX_SECRET
from govshare_policy.crypto._der import (
    BIT_STRING,
    CONTEXT_0,
    CONTEXT_1,
    INTEGER,
    NULL,
    OBJECT_ID,
    OCTET_STRING,
    SEQUENCE,
    DerError,
    Reader,
    encode,
    encode_integer,
)
from govshare_policy.crypto._pyca import BlockCipher, Prf, decrypt_cbc, derive_key, encrypt_cbc
from govshare_policy.errors import ConfigError

MIN_ITERATIONS: Final = 1_000
MAX_ITERATIONS: Final = 10_000_000
ITERATIONS: Final = 600_000

_BLOCK_BYTES: Final = 16
_SALT_BYTES: Final = 16

_EC_PUBLIC_KEY: Final = bytes.fromhex("2a8648ce3d0201")
_SM2_CURVE: Final = bytes.fromhex("2a811ccf5501822d")
_PBES2: Final = bytes.fromhex("2a864886f70d01050d")
_PBKDF2: Final = bytes.fromhex("2a864886f70d01050c")
_HMAC_SHA256: Final = bytes.fromhex("2a864886f70d0209")
_HMAC_SM3: Final = bytes.fromhex("2a811ccf5501831102")
_AES_256_CBC: Final = bytes.fromhex("60864801650304012a")
_SM4_CBC: Final = bytes.fromhex("2a811ccf55016802")
_PRFS: Final = {_HMAC_SHA256: Prf.HMAC_SHA256, _HMAC_SM3: Prf.HMAC_SM3}
_CIPHERS: Final = {_AES_256_CBC: BlockCipher.AES_256, _SM4_CBC: BlockCipher.SM4}


class DecodedKey(NamedTuple):
    """What a key file holds. Never shows its secret.

    Attributes:
        secret: 1..n-2.
        point: The public key stored beside it, or None. Not checked against *secret*.
    """

    secret: int
    point: bytes | None

    def __repr__(self) -> str:
        return "DecodedKey(...)"


class _Scheme(NamedTuple):
    """How a key file is encrypted."""

    prf: Prf
    salt: bytes
    iterations: int
    cipher: BlockCipher
    iv: bytes


def private_key_info(secret: int, point: bytes | None = None) -> bytes:
    """Return the unencrypted PKCS#8 of *secret*, with its public *point* if that is given."""
    public = b"" if point is None else encode(CONTEXT_1, encode(BIT_STRING, b"\0", point))
    key = encode(
        SEQUENCE,
        encode_integer(1),
        encode(OCTET_STRING, secret.to_bytes(FIELD_BYTES, "big")),
        public,
    )
    algorithm = encode(SEQUENCE, encode(OBJECT_ID, _EC_PUBLIC_KEY), encode(OBJECT_ID, _SM2_CURVE))
    return encode(SEQUENCE, encode_integer(0), algorithm, encode(OCTET_STRING, key))


def encrypt_key(secret: int, point: bytes, passphrase: bytes) -> bytes:
    """Return the encrypted PKCS#8 of a key: SM4-CBC under PBKDF2 with HMAC-SHA256.

    The hash is not SM3 because OpenSSL reads no PBES2 with HMAC-SM3, and a key that only this
    library can read is a key that an operator can lose.
    """
    salt, iv = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_BLOCK_BYTES)
    scheme = _Scheme(Prf.HMAC_SHA256, salt, ITERATIONS, BlockCipher.SM4, iv)
    data = encrypt_cbc(
        private_key_info(secret, point),
        cipher=scheme.cipher,
        key=_encryption_key(scheme, passphrase),
        iv=iv,
    )
    kdf = encode(
        SEQUENCE,
        encode(OCTET_STRING, salt),
        encode_integer(ITERATIONS),
        encode(SEQUENCE, encode(OBJECT_ID, _HMAC_SHA256), encode(NULL)),
    )
    parameters = encode(
        SEQUENCE,
        encode(SEQUENCE, encode(OBJECT_ID, _PBKDF2), kdf),
        encode(SEQUENCE, encode(OBJECT_ID, _SM4_CBC), encode(OCTET_STRING, iv)),
    )
    algorithm = encode(SEQUENCE, encode(OBJECT_ID, _PBES2), parameters)
    return encode(SEQUENCE, algorithm, encode(OCTET_STRING, data))


def decrypt_key(der: bytes, passphrase: bytes) -> DecodedKey:
    """Return the private key in *der*.

    1. Read how it is encrypted; refuse what is not in the tables above, and iteration counts
       that protect nothing or take minutes.
    2. Decrypt it. A wrong passphrase shows as bad padding or, once in 256 times, as bad DER.
    3. Read the key; refuse other curves and numbers outside 1..n-2.

    Raises:
        ConfigError: If any step fails. Says which setting to change, never what was read.
    """
    # 1.
    try:
        scheme, data = _parse_scheme(der)
    except DerError:
        raise ConfigError("it is not PKCS#8 encrypted with PBES2") from None
    if not MIN_ITERATIONS <= scheme.iterations <= MAX_ITERATIONS:
        raise ConfigError(f"its iteration count is outside {MIN_ITERATIONS}..{MAX_ITERATIONS}")
    # 2.
    key = _encryption_key(scheme, passphrase)
    try:
        plain = decrypt_cbc(data, cipher=scheme.cipher, key=key, iv=scheme.iv)
        # 3.
        decoded = _parse_private_key_info(plain)
    except (ValueError, DerError):
        raise ConfigError(
            "it does not open: the passphrase is wrong, or it holds no SM2 key"
        ) from None
    if not 1 <= decoded.secret <= MAX_SECRET:
        raise ConfigError("its private key is out of range")
    return decoded


def _encryption_key(scheme: _Scheme, passphrase: bytes) -> bytes:
    return derive_key(
        passphrase,
        prf=scheme.prf,
        salt=scheme.salt,
        iterations=scheme.iterations,
        size=scheme.cipher.value,
    )


def _parse_scheme(der: bytes) -> tuple[_Scheme, bytes]:
    """Return how *der* is encrypted, and the encrypted bytes."""
    outer = Reader(der)
    info = outer.enter(SEQUENCE)
    algorithm, data = info.enter(SEQUENCE), info.take(OCTET_STRING)
    _expect(algorithm, _PBES2)
    parameters = algorithm.enter(SEQUENCE)
    derivation, encryption = parameters.enter(SEQUENCE), parameters.enter(SEQUENCE)
    _expect(derivation, _PBKDF2)
    kdf = derivation.enter(SEQUENCE)
    salt, iterations = kdf.take(OCTET_STRING), kdf.take_integer()
    size = kdf.take_integer() if kdf.next_is(INTEGER) else None
    prf = kdf.enter(SEQUENCE)
    prf_id = prf.take(OBJECT_ID)
    if prf.next_is(NULL):  # GmSSL leaves it out
        prf.take(NULL)
    cipher_id, iv = encryption.take(OBJECT_ID), encryption.take(OCTET_STRING)
    for reader in (outer, info, algorithm, parameters, derivation, kdf, prf, encryption):
        reader.end()
    if prf_id not in _PRFS or cipher_id not in _CIPHERS:
        raise ConfigError(
            "it uses another cipher or hash than AES-256-CBC or SM4-CBC with "
            "HMAC-SHA256 or HMAC-SM3"
        )
    cipher = _CIPHERS[cipher_id]
    if len(iv) != _BLOCK_BYTES or size not in {None, cipher.value}:
        raise DerError
    return _Scheme(_PRFS[prf_id], salt, iterations, cipher, iv), data


def _parse_private_key_info(plain: bytes) -> DecodedKey:
    outer = Reader(plain)
    info = outer.enter(SEQUENCE)
    version, algorithm, key_octets = (
        info.take_integer(),
        info.enter(SEQUENCE),
        Reader(info.take(OCTET_STRING)),
    )
    if info.next_is(CONTEXT_0):  # attributes: they say nothing that we use
        info.take(CONTEXT_0)
    _expect(algorithm, _EC_PUBLIC_KEY)
    _expect(algorithm, _SM2_CURVE)
    key = key_octets.enter(SEQUENCE)
    key_version, secret = key.take_integer(), key.take(OCTET_STRING)
    if key.next_is(CONTEXT_0):  # GmSSL names the curve here again
        _expect(key.enter(CONTEXT_0), _SM2_CURVE)
    point = _take_point(key) if key.next_is(CONTEXT_1) else None
    for reader in (outer, info, algorithm, key_octets, key):
        reader.end()
    if (version, key_version, len(secret)) != (0, 1, FIELD_BYTES):
        raise DerError
    return DecodedKey(secret=int.from_bytes(secret, "big"), point=point)


def _take_point(key: Reader) -> bytes:
    """Take the public key off an ECPrivateKey."""
    bits = key.enter(CONTEXT_1).take(BIT_STRING)
    if bits[:1] != b"\0":  # the number of unused bits
        raise DerError
    return bits[1:]


def _expect(reader: Reader, object_id: bytes) -> None:
    if reader.take(OBJECT_ID) != object_id:
        raise DerError
