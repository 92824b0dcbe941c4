# SPDX-License-Identifier: Apache-2.0
import pytest

from govshare_policy import crypto
from govshare_policy.crypto._curve import N
from govshare_policy.crypto._front import CheckedSigner, load_signer
from govshare_policy.crypto._known import (
    KNOWN_ID,
    KNOWN_MESSAGE,
    KNOWN_PUBLIC,
    KNOWN_SECRET,
    KNOWN_SIGNATURE,
)
from govshare_policy.crypto._libcrypto import open_libcrypto
from govshare_policy.crypto._pure import Pure
from govshare_policy.crypto._signature import Signature, parse_signature
from govshare_policy.errors import ConfigError, SignatureError

R, S = parse_signature(KNOWN_SIGNATURE)


class FaultyKey:
    """A key whose arithmetic goes wrong."""

    public = KNOWN_PUBLIC

    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers

    def sign(self, message: bytes, *, signer_id: bytes) -> Signature:
        return Signature(*self.numbers)


@pytest.mark.parametrize("numbers", [(R, S ^ 1), (R, N - S), (1, 1), (0, S), (R, N)])
def test_a_faulty_signature_never_leaves_the_signer(numbers: tuple[int, int]) -> None:
    signer = CheckedSigner(key=FaultyKey(*numbers), verifier=Pure())

    with pytest.raises(ConfigError, match=r"does not verify$"):
        signer.sign(KNOWN_MESSAGE, signer_id=KNOWN_ID)


def test_a_good_signature_leaves_the_signer() -> None:
    signer = CheckedSigner(key=FaultyKey(R, S), verifier=Pure())

    assert signer.sign(KNOWN_MESSAGE, signer_id=KNOWN_ID) == KNOWN_SIGNATURE


@pytest.mark.parametrize("size", [0, 8191])
def test_nobody_signs_as_an_id_that_others_read_differently(size: int) -> None:
    signer = load_signer(open_libcrypto(), Pure(), secret=KNOWN_SECRET, point=None)

    with pytest.raises(ConfigError, match="1 to 8190 bytes"):
        signer.sign(b"m", signer_id=b"i" * size)


def test_a_stored_public_key_must_be_the_private_keys_own() -> None:
    provider = open_libcrypto()
    load_signer(provider, provider, secret=KNOWN_SECRET, point=KNOWN_PUBLIC.point)

    with pytest.raises(ConfigError, match=r"is not its own$"):
        load_signer(provider, provider, secret=KNOWN_SECRET + 1, point=KNOWN_PUBLIC.point)


def test_verification_returns_nothing_or_raises() -> None:
    crypto.verify(KNOWN_PUBLIC, KNOWN_MESSAGE, KNOWN_SIGNATURE, signer_id=crypto.DEFAULT_ID)

    with pytest.raises(SignatureError):
        crypto.verify(KNOWN_PUBLIC, b"other", KNOWN_SIGNATURE, signer_id=crypto.DEFAULT_ID)


class LyingSigner:
    """Signs something else than it is asked to."""

    def __init__(self, inner: CheckedSigner) -> None:
        self._inner = inner
        self.public = inner.public

    def sign(self, message: bytes, *, signer_id: bytes) -> bytes:
        return self._inner.sign(message + b"!", signer_id=signer_id)


def test_a_signature_is_verified_once_and_by_whom_we_believe() -> None:
    provider = open_libcrypto()
    own = load_signer(provider, provider, secret=KNOWN_SECRET, point=None)

    signature = crypto.sign_checked(own, KNOWN_MESSAGE, signer_id=crypto.DEFAULT_ID)
    crypto.verify(own.public, KNOWN_MESSAGE, signature, signer_id=crypto.DEFAULT_ID)
    with pytest.raises(SignatureError):
        crypto.sign_checked(LyingSigner(own), KNOWN_MESSAGE, signer_id=crypto.DEFAULT_ID)


def test_the_api_is_what_it_says() -> None:
    assert crypto.__all__ == sorted(crypto.__all__)
    assert set(crypto.__all__) <= set(vars(crypto))
    public = {name for name in vars(crypto) if not name.startswith("_")}
    private = {"CheckedSigner", "Final", "chosen_verifier", "verify_with"}
    assert public - set(crypto.__all__) == private
