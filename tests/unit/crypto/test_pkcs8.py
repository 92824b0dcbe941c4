# SPDX-License-Identifier: Apache-2.0
import hashlib
from dataclasses import dataclass, replace

import pytest

from govshare_policy.crypto._curve import N
from govshare_policy.crypto._der import (
    BIT_STRING,
    CONTEXT_0,
    CONTEXT_1,
    NULL,
    OBJECT_ID,
    OCTET_STRING,
    SEQUENCE,
    encode,
    encode_integer,
)
from govshare_policy.crypto._known import KNOWN_PUBLIC, KNOWN_SECRET
from govshare_policy.crypto._pkcs8 import DecodedKey, decrypt_key, encrypt_key, private_key_info
from govshare_policy.crypto._pyca import BlockCipher, encrypt_cbc
from govshare_policy.errors import ConfigError

POINT = KNOWN_PUBLIC.point
PLAIN = private_key_info(KNOWN_SECRET, POINT)
PASSPHRASE = "a passphrase 口令".encode()

SM2 = bytes.fromhex("2a811ccf5501822d")
P256 = bytes.fromhex("2a8648ce3d030107")
EC = bytes.fromhex("2a8648ce3d0201")
RSA = bytes.fromhex("2a864886f70d010101")
PBES1 = bytes.fromhex("2a864886f70d01050a")
PBES2 = bytes.fromhex("2a864886f70d01050d")
PBKDF2 = bytes.fromhex("2a864886f70d01050c")
SCRYPT = bytes.fromhex("2b06010401da47040b")
SHA1 = bytes.fromhex("2a864886f70d0207")
SHA256 = bytes.fromhex("2a864886f70d0209")
SM3 = bytes.fromhex("2a811ccf5501831102")
AES = bytes.fromhex("60864801650304012a")
AES_128 = bytes.fromhex("608648016503040102")
SM4 = bytes.fromhex("2a811ccf55016802")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An encrypted key file, any part of which can be made wrong."""

    plain: bytes = PLAIN
    scheme: bytes = PBES2
    kdf: bytes = PBKDF2
    prf: bytes = SHA256
    cipher: bytes = SM4
    iterations: int = 1000
    iv: bytes = bytes(range(16))
    prf_parameters: bytes = encode(NULL)
    key_size: bytes = b""
    data: bytes | None = None
    after: bytes = b""

    def der(self) -> bytes:
        cipher = BlockCipher.SM4 if self.cipher == SM4 else BlockCipher.AES_256
        key = hashlib.pbkdf2_hmac(
            "sm3" if self.prf == SM3 else "sha256", PASSPHRASE, b"salt", 1000, cipher.value
        )
        data = self.data
        if data is None:
            data = encrypt_cbc(self.plain, cipher=cipher, key=key, iv=bytes(range(16)))
        kdf = encode(
            SEQUENCE,
            encode(OCTET_STRING, b"salt"),
            encode_integer(self.iterations),
            self.key_size,
            encode(SEQUENCE, encode(OBJECT_ID, self.prf), self.prf_parameters),
        )
        parameters = encode(
            SEQUENCE,
            encode(SEQUENCE, encode(OBJECT_ID, self.kdf), kdf),
            encode(SEQUENCE, encode(OBJECT_ID, self.cipher), encode(OCTET_STRING, self.iv)),
        )
        scheme = encode(SEQUENCE, encode(OBJECT_ID, self.scheme), parameters)
        return encode(SEQUENCE, scheme, encode(OCTET_STRING, data)) + self.after


def info(
    *,
    version: int = 0,
    algorithm: bytes = EC,
    curve: bytes = SM2,
    key_version: int = 1,
    secret: bytes = KNOWN_SECRET.to_bytes(32, "big"),
    behind_secret: bytes = b"",
    behind_key: bytes = b"",
    after: bytes = b"",
) -> bytes:
    key = encode(SEQUENCE, encode_integer(key_version), encode(OCTET_STRING, secret), behind_secret)
    names = encode(SEQUENCE, encode(OBJECT_ID, algorithm), encode(OBJECT_ID, curve))
    parts = (encode_integer(version), names, encode(OCTET_STRING, key), behind_key)
    return encode(SEQUENCE, *parts) + after


def public(point: bytes = POINT, *, unused: bytes = b"\0") -> bytes:
    return encode(CONTEXT_1, encode(BIT_STRING, unused, point))


def named(curve: bytes) -> bytes:
    return encode(CONTEXT_0, encode(OBJECT_ID, curve))


READ = {
    "ours": File(),
    "OpenSSL's": File(cipher=AES),
    "GmSSL's": File(
        plain=info(behind_secret=named(SM2) + public()),
        prf=SM3,
        prf_parameters=b"",
        key_size=encode_integer(16),
    ),
    "AES under SM3": File(cipher=AES, prf=SM3, key_size=encode_integer(32)),
    "with attributes": File(plain=info(behind_secret=public(), behind_key=encode(CONTEXT_0))),
}


@pytest.mark.parametrize("file", READ.values(), ids=READ)
def test_the_usual_forms_are_read(file: File) -> None:
    assert decrypt_key(file.der(), PASSPHRASE) == (KNOWN_SECRET, POINT)


def test_the_public_half_may_be_missing() -> None:
    file = File(plain=private_key_info(KNOWN_SECRET))

    assert decrypt_key(file.der(), PASSPHRASE).point is None


@pytest.mark.usefixtures("keys_as_shipped")
def test_what_is_written_is_read_and_never_the_same_twice() -> None:
    first, second = (encrypt_key(KNOWN_SECRET, POINT, PASSPHRASE) for _ in range(2))

    assert first != second
    assert decrypt_key(first, PASSPHRASE) == (KNOWN_SECRET, POINT)
    assert encode_integer(600_000) in first


@pytest.mark.parametrize("secret", [1, N - 2])
def test_the_ends_of_the_range_are_read(secret: int) -> None:
    file = File(plain=private_key_info(secret))

    assert decrypt_key(file.der(), PASSPHRASE).secret == secret


@pytest.mark.parametrize("secret", [0, N - 1, N, N + 1, 2**256 - 1])
def test_a_number_that_cannot_sign_is_no_key(secret: int) -> None:
    """With n-1 OpenSSL would sign for ever."""
    file = File(plain=private_key_info(secret))

    with pytest.raises(ConfigError, match=r"out of range$"):
        decrypt_key(file.der(), PASSPHRASE)


@pytest.mark.parametrize("iterations", [0, 1, 999, 10_000_001, 2**64])
def test_an_iteration_count_that_protects_nothing_or_hangs_is_refused(iterations: int) -> None:
    with pytest.raises(ConfigError, match=r"outside 1000\.\.10000000$"):
        decrypt_key(File(iterations=iterations).der(), PASSPHRASE)


OTHER_MEANS = {
    "SHA-1": File(prf=SHA1),
    "AES-128": File(cipher=AES_128),
}


@pytest.mark.parametrize("file", OTHER_MEANS.values(), ids=OTHER_MEANS)
def test_other_means_of_encryption_are_refused(file: File) -> None:
    with pytest.raises(ConfigError, match="another cipher or hash"):
        decrypt_key(file.der(), PASSPHRASE)


NO_PBES2 = {
    "nothing": b"",
    "an unencrypted key": PLAIN,
    "text": b"a key",
    "PBES1": File(scheme=PBES1).der(),
    "scrypt": File(kdf=SCRYPT).der(),
    "a short iv": File(iv=bytes(8)).der(),
    "a key size that is not the cipher's": File(key_size=encode_integer(32)).der(),
    "parameters for the hash": File(prf_parameters=encode_integer(1)).der(),
    "something behind it": File(after=b"\0").der(),
    "cut short": File().der()[:-1],
}


@pytest.mark.parametrize("der", NO_PBES2.values(), ids=NO_PBES2)
def test_what_is_not_pbes2_is_refused(der: bytes) -> None:
    with pytest.raises(ConfigError, match="it is not PKCS#8 encrypted with PBES2"):
        decrypt_key(der, PASSPHRASE)


DOES_NOT_OPEN = {
    "no SM2 curve": info(curve=P256),
    "no curve at all": info(algorithm=RSA),
    "another version": info(version=1),
    "another key version": info(key_version=2),
    "a short number": info(secret=b"\1" * 31),
    "a long number": info(secret=b"\0" + b"\1" * 32),
    "another curve beside the key": info(behind_secret=named(P256)),
    "unused bits": info(behind_secret=public(unused=b"\1")),
    "no bits": info(behind_secret=public(b"", unused=b"")),
    "something behind the number": info(behind_secret=encode(NULL)),
    "something behind the key": info(behind_key=encode(NULL)),
    "something behind it all": info(after=b"\0"),
    "text": b"a key",
    "nothing": b"",
}


@pytest.mark.parametrize("plain", DOES_NOT_OPEN.values(), ids=DOES_NOT_OPEN)
def test_another_kind_of_key_does_not_open(plain: bytes) -> None:
    with pytest.raises(ConfigError, match="does not open"):
        decrypt_key(File(plain=plain).der(), PASSPHRASE)


@pytest.mark.parametrize("data", [b"", bytes(15), bytes(16)])
def test_damaged_contents_do_not_open(data: bytes) -> None:
    with pytest.raises(ConfigError, match="does not open"):
        decrypt_key(replace(File(), data=data).der(), PASSPHRASE)


def test_no_wrong_passphrase_opens() -> None:
    """One in 256 leaves good padding behind; it must end the same way."""
    der = File().der()
    for number in range(600):
        with pytest.raises(ConfigError, match="does not open"):
            decrypt_key(der, b"wrong %d" % number)


def test_a_decoded_key_does_not_show_itself() -> None:
    assert repr(DecodedKey(secret=KNOWN_SECRET, point=None)) == "DecodedKey(...)"
