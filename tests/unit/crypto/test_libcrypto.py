# SPDX-License-Identifier: Apache-2.0
import ctypes
from concurrent.futures import ThreadPoolExecutor

import pytest

from govshare_policy.crypto._front import load_signer, verify_with
from govshare_policy.crypto._known import (
    KNOWN_ID,
    KNOWN_PUBLIC,
    KNOWN_SECRET,
    KNOWN_SIGNATURE,
)
from govshare_policy.crypto._libcrypto import Handle, open_libcrypto
from govshare_policy.crypto._signature import parse_signature
from govshare_policy.errors import ConfigError, SignatureError


def test_one_key_serves_many_threads() -> None:
    provider = open_libcrypto()
    signer = load_signer(provider, provider, secret=KNOWN_SECRET, point=None)

    def sign_and_check(number: int) -> None:
        message = number.to_bytes(4, "big")
        signature = signer.sign(message, signer_id=KNOWN_ID)
        verify_with(provider, KNOWN_PUBLIC, message, signature, signer_id=KNOWN_ID)

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert len(list(pool.map(sign_and_check, range(200)))) == 200


def test_an_absent_libcrypto_is_named() -> None:
    with pytest.raises(ConfigError, match="no libcrypto 3"):
        open_libcrypto(("libabsent.so.1", "libabsent.so.2"))


def test_a_library_that_is_no_libcrypto_is_named() -> None:
    with pytest.raises(ConfigError, match="has no `OPENSSL_cleanse`"):
        open_libcrypto(("libabsent.so.1", "libc.so.6"))


def test_libcrypto_frees_a_key_once_when_nobody_holds_it() -> None:
    freed: list[int] = []
    handle = Handle(7, free=freed.append)
    assert not freed

    del handle

    assert freed == [7]


def test_libcrypto_without_a_key_says_so() -> None:
    provider = open_libcrypto()
    nothing = Handle(None, free=lambda _: None)

    with pytest.raises(ConfigError, match="could not prepare"):
        provider.sign(nothing, b"m", signer_id=KNOWN_ID)
    with pytest.raises(ConfigError, match="public half"):
        provider.public_of(nothing)


def test_libcrypto_that_cannot_decode_a_key_says_so() -> None:
    with pytest.raises(ConfigError, match="does not take SM2 keys"):
        open_libcrypto()._open("d2i_PUBKEY", ctypes.create_string_buffer(b"no key"))


def test_libcrypto_that_cannot_sign_says_so() -> None:
    """Its own limit for ids is the front layer's, which is not asked here."""
    key = open_libcrypto().load_key(KNOWN_SECRET)

    with pytest.raises(ConfigError, match="could not sign"):
        key.sign(b"m", signer_id=b"i" * 8191)


def test_libcrypto_that_cannot_verify_refuses() -> None:
    with pytest.raises(SignatureError):
        open_libcrypto().verify(
            KNOWN_PUBLIC, b"m", parse_signature(KNOWN_SIGNATURE), signer_id=b"i" * 8191
        )
