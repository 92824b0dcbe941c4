# SPDX-License-Identifier: Apache-2.0
"""Every provider, behind the front layer, gives the same answer."""

import json
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govshare_policy.crypto import PublicKey
from govshare_policy.crypto._curve import GX, GY, MAX_SECRET, N, P, format_point
from govshare_policy.crypto._digest import message_number, signer_digest
from govshare_policy.crypto._front import load_signer, verify_with
from govshare_policy.crypto._gmssl import Gmssl
from govshare_policy.crypto._known import (
    KNOWN_ID,
    KNOWN_MESSAGE,
    KNOWN_PUBLIC,
    KNOWN_SECRET,
    KNOWN_SIGNATURE,
)
from govshare_policy.crypto._libcrypto import Libcrypto
from govshare_policy.crypto._provider import SigningProvider, Verifier
from govshare_policy.crypto._pure import Pure
from govshare_policy.crypto._signature import Signature, format_signature, parse_signature
from govshare_policy.errors import ConfigError, SignatureError

EXAMPLES = Path(__file__).parents[2] / "vectors" / "sm2" / "sm2-examples.json"


class Example(TypedDict):
    name: str
    exp: bool
    pub: str
    msg: str
    id: str
    der: str


CASES: dict[str, Example] = {
    case["name"]: case for case in json.loads(EXAMPLES.read_text("utf-8"))["cases"]
}
R, S = parse_signature(KNOWN_SIGNATURE)


def check(case: Example, verifier: Verifier) -> None:
    public, message, signer_id, der = (bytes.fromhex(case[k]) for k in ("pub", "msg", "id", "der"))
    verify_with(verifier, PublicKey(point=public), message, der, signer_id=signer_id)


def check_known(
    verifier: Verifier,
    *,
    public: PublicKey = KNOWN_PUBLIC,
    message: bytes = KNOWN_MESSAGE,
    signature: bytes = KNOWN_SIGNATURE,
    signer_id: bytes = KNOWN_ID,
) -> None:
    verify_with(verifier, public, message, signature, signer_id=signer_id)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_examples_are_judged_as_stated(case: Example, verifier: Verifier) -> None:
    if case["exp"]:
        check(case, verifier)
    else:
        with pytest.raises((SignatureError, ConfigError)):
            check(case, verifier)


def test_the_examples_are_all_there() -> None:
    assert len(CASES) == 12
    assert sum(case["exp"] for case in CASES.values()) == 4


def test_the_standards_digests_are_ours() -> None:
    """GB/T 32918.5-2017 §A.2 gives Z and e."""
    z = "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3"
    e = "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"

    assert signer_digest(KNOWN_PUBLIC, KNOWN_ID).hex() == z
    assert f"{message_number(KNOWN_PUBLIC, KNOWN_MESSAGE, KNOWN_ID):064x}" == e


WRONG_NUMBERS = {
    "r + 1": (R + 1, S),
    "r - 1": (R - 1, S),
    "s + 1": (R, S + 1),
    "s - 1": (R, S - 1),
    "n - r": (N - R, S),
    "n - s": (R, N - S),
    "exchanged": (S, R),
    "1 and 1": (1, 1),
    "n - 1 and n - 1": (N - 1, N - 1),
}


@pytest.mark.parametrize("numbers", WRONG_NUMBERS.values(), ids=WRONG_NUMBERS)
def test_other_numbers_in_range_are_refused(numbers: tuple[int, int], verifier: Verifier) -> None:
    with pytest.raises(SignatureError, match="not made by this key"):
        check_known(verifier, signature=format_signature(Signature(*numbers)))


@pytest.mark.parametrize("numbers", [(R, N - R), (1, N - 1)])
def test_numbers_that_add_up_to_the_order_are_refused_twice(
    numbers: tuple[int, int], verifier: Verifier
) -> None:
    """In front of every provider, and by each of them should one ever be asked without."""
    signature = Signature(*numbers)

    with pytest.raises(SignatureError, match="add up to the order"):
        check_known(verifier, signature=format_signature(signature))
    with pytest.raises(SignatureError, match="not made by this key"):
        verifier.verify(KNOWN_PUBLIC, KNOWN_MESSAGE, signature, signer_id=KNOWN_ID)


WRONG_CONTEXT = {
    "a longer message": {"message": KNOWN_MESSAGE + b"\0"},
    "a shorter message": {"message": KNOWN_MESSAGE[:-1]},
    "no message": {"message": b""},
    "another id": {"signer_id": KNOWN_ID[:-1] + b"9"},
    "a longer id": {"signer_id": KNOWN_ID + b"\0"},
    "a shorter id": {"signer_id": KNOWN_ID[:-1]},
}


@pytest.mark.parametrize("changed", WRONG_CONTEXT.values(), ids=WRONG_CONTEXT)
def test_another_message_or_id_is_refused(changed: dict[str, bytes], verifier: Verifier) -> None:
    with pytest.raises(SignatureError, match="not made by this key"):
        check_known(
            verifier,
            message=changed.get("message", KNOWN_MESSAGE),
            signer_id=changed.get("signer_id", KNOWN_ID),
        )


@pytest.mark.parametrize("key", [(GX, GY), (GX, P - GY)])
def test_another_key_is_refused(key: tuple[int, int], verifier: Verifier) -> None:
    with pytest.raises(SignatureError, match="not made by this key"):
        check_known(verifier, public=PublicKey(point=format_point(*key)))


@pytest.mark.parametrize("size", [0, 8191, 8192, 65_536])
def test_an_id_that_implementations_disagree_on_is_refused(size: int, verifier: Verifier) -> None:
    with pytest.raises(SignatureError, match="1 to 8190 bytes"):
        check_known(verifier, signer_id=b"1" * size)


CONTEXTS = {
    "an empty message": (b"", KNOWN_ID),
    "a long message": (bytes(range(256)) * 2048, KNOWN_ID),
    "a message with a zero byte": (b"a\0b", KNOWN_ID),
    "the shortest id": (b"m", b"\0"),
    "the longest id": (b"m", b"i" * 8190),
    "an id with a zero byte": (b"m", b"a\0b"),
    "a Chinese id": (b"m", "数据共享平台".encode()),
}


@pytest.mark.parametrize(("message", "signer_id"), CONTEXTS.values(), ids=CONTEXTS)
def test_what_one_provider_signs_every_provider_accepts(
    message: bytes, signer_id: bytes, signing: SigningProvider, verifier: Verifier
) -> None:
    signer = load_signer(signing, signing, secret=KNOWN_SECRET, point=KNOWN_PUBLIC.point)

    signature = signer.sign(message, signer_id=signer_id)

    verify_with(verifier, KNOWN_PUBLIC, message, signature, signer_id=signer_id)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(secret=st.integers(1, MAX_SECRET), message=st.binary(max_size=99), bit=st.integers(0))
def test_providers_agree_on_any_key_and_on_any_flipped_bit(
    secret: int, message: bytes, bit: int, signing: SigningProvider, verifier: Verifier
) -> None:
    signer = load_signer(signing, signing, secret=secret, point=None)
    signature = signer.sign(message, signer_id=KNOWN_ID)
    verify_with(verifier, signer.public, message, signature, signer_id=KNOWN_ID)

    bit %= 8 * len(signature)
    forged = bytearray(signature)
    forged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureError):
        verify_with(verifier, signer.public, message, bytes(forged), signer_id=KNOWN_ID)


def test_no_two_signatures_are_the_same(signing: SigningProvider) -> None:
    key = signing.load_key(KNOWN_SECRET)

    assert len({key.sign(b"m", signer_id=KNOWN_ID).r for _ in range(4)}) == 4


def test_a_private_key_does_not_show_itself(signing: SigningProvider) -> None:
    signer = load_signer(signing, signing, secret=KNOWN_SECRET, point=None)

    for shown in (repr(signer), repr(signer.key), str(signer.key)):
        assert f"{KNOWN_SECRET:x}" not in shown.lower()
        assert str(KNOWN_SECRET) not in shown


def test_the_names_of_the_providers_are_fixed() -> None:
    assert (Libcrypto.name, Pure.name, Gmssl.name) == ("libcrypto", "pure", "gmssl")
