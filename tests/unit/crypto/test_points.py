# SPDX-License-Identifier: Apache-2.0
from concurrent.futures import ThreadPoolExecutor

import pytest

from govshare_policy.crypto._curve import N
from govshare_policy.crypto._front import CheckedSigner, load_signer
from govshare_policy.crypto._known import KNOWN_ID, KNOWN_PUBLIC, KNOWN_SECRET
from govshare_policy.crypto._libcrypto import open_libcrypto
from govshare_policy.crypto._points import _USES_BEFORE_MULTIPLES, open_points
from govshare_policy.crypto._provider import Verifier
from govshare_policy.crypto._signature import Signature, parse_signature
from govshare_policy.errors import ConfigError, SignatureError

REFUSAL = "not made by this key"


def signer_of(secret: int) -> CheckedSigner:
    provider = open_libcrypto()
    return load_signer(provider, provider, secret=secret, point=None)


@pytest.mark.parametrize("number", range(5))
def test_a_key_is_judged_alike_however_often_it_was_used(number: int) -> None:
    """Its multiples are kept from the second use on; the first is computed without them."""
    points, signer = open_points(), signer_of(KNOWN_SECRET + number)
    good = parse_signature(signer.sign(b"m", signer_id=KNOWN_ID))
    bad = Signature(r=good.r, s=good.s ^ 1)

    for use in range(_USES_BEFORE_MULTIPLES + 2):
        points.verify(signer.public, b"m", good, signer_id=KNOWN_ID)
        with pytest.raises(SignatureError, match=REFUSAL):
            points.verify(signer.public, b"m", bad, signer_id=KNOWN_ID)
        kept = points._theirs(signer.public.point).has_multiples
        assert kept, f"no multiples after use {use}"


def test_a_sum_at_infinity_is_refused(verifier: Verifier) -> None:
    """It has no coordinates; those of the sum before it would make the equation hold."""
    good = parse_signature(signer_of(KNOWN_SECRET).sign(b"m", signer_id=KNOWN_ID))
    infinite = Signature(r=good.r, s=-good.r * KNOWN_SECRET * pow(1 + KNOWN_SECRET, -1, N) % N)
    assert (infinite.s + (infinite.r + infinite.s) * KNOWN_SECRET) % N == 0

    for _ in range(3):
        verifier.verify(KNOWN_PUBLIC, b"m", good, signer_id=KNOWN_ID)
        with pytest.raises(SignatureError):
            verifier.verify(KNOWN_PUBLIC, b"m", infinite, signer_id=KNOWN_ID)


def test_keys_serve_many_threads_at_once() -> None:
    points = open_points()
    signers = [signer_of(KNOWN_SECRET - number) for number in range(4)]
    signed = [parse_signature(signer.sign(b"m", signer_id=KNOWN_ID)) for signer in signers]

    def check(number: int) -> str:
        public, signature = signers[number % 4].public, signed[number // 4 % 4]
        try:
            points.verify(public, b"m", signature, signer_id=KNOWN_ID)
        except SignatureError:
            return "bad"
        return "good"

    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(check, range(400)))

    assert found == ["good" if number % 4 == number // 4 % 4 else "bad" for number in range(400)]


def test_what_is_no_point_makes_no_group() -> None:
    with pytest.raises(ConfigError, match="does not take the curve"):
        open_points()._open(b"\x04" + bytes(64))


def test_a_libcrypto_that_keeps_no_multiples_is_named() -> None:
    with pytest.raises(ConfigError, match="has no `ERR_clear_error`"):
        open_points(("libc.so.6",))
