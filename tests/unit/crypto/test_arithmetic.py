# SPDX-License-Identifier: Apache-2.0
"""The comb and gmssl's formulas, compared with the definition of the curve's addition."""

from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.crypto import _gmssl, _pure
from govshare_policy.crypto._curve import GX, GY, A, N, P, format_point, parse_point
from govshare_policy.crypto._front import load_signer, verify_with
from govshare_policy.crypto._gmssl import GmsslKey, open_gmssl
from govshare_policy.crypto._known import KNOWN_ID, KNOWN_PUBLIC, KNOWN_SECRET, KNOWN_SIGNATURE
from govshare_policy.crypto._provider import SigningProvider, Verifier
from govshare_policy.crypto._pure import Pure, sum_of_products
from govshare_policy.crypto._signature import Signature, format_signature, parse_signature
from govshare_policy.errors import ConfigError, SignatureError

G = (GX, GY)
R, S = parse_signature(KNOWN_SIGNATURE)

Point = tuple[int, int] | None


def add(left: Point, right: Point) -> Point:
    if left is None or right is None:
        return left or right
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    if left == right:
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) % P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P) % P
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def multiply(scalar: int, point: Point) -> Point:
    total: Point = None
    for bit in f"{scalar:b}":
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def affine(point: tuple[int, int, int]) -> Point:
    x, y, z = point
    return (x * pow(z, -2, P) % P, y * pow(z, -3, P) % P) if z else None


SCALARS = st.one_of(
    st.sampled_from([0, 1, 2, 2**32 - 1, 2**32, 2**255, N - 1, N, N + 1, 2**256 - 1]),
    st.integers(0, 2**256 - 1),
)


@settings(max_examples=40, deadline=None)
@given(s=SCALARS, t=SCALARS, secret=st.sampled_from([1, 2, N - 1, N - 2, KNOWN_SECRET]))
def test_the_comb_computes_what_the_definition_does(s: int, t: int, secret: int) -> None:
    key = multiply(secret, G)
    assert key is not None

    assert affine(sum_of_products(s, t, format_point(*key))) == multiply(s + t * secret, G)


@pytest.mark.parametrize("s", [1, 5, KNOWN_SECRET])
def test_products_that_are_equal_or_cancel_are_added_rightly(s: int) -> None:
    """With the generator for the key, s = t doubles a point and s = n - t has no sum."""
    engine = open_gmssl()
    doubled = multiply(2 * s, G)
    assert doubled is not None

    assert affine(sum_of_products(s, s, format_point(*G))) == doubled
    assert affine(sum_of_products(s, N - s, format_point(*G))) is None
    assert engine.sum_x(s, s, format_point(*G)) == doubled[0]
    assert engine.sum_x(s, N - s, format_point(*G)) is None


def test_a_sum_at_infinity_is_a_refusal(verifier: Verifier) -> None:
    """Whoever holds the key can make one; it must not end in an arithmetic error."""
    t = 0xABCDEF
    s = -t * KNOWN_SECRET % N
    signature = format_signature(Signature((t - s) % N, s))

    with pytest.raises(SignatureError, match="not made by this key"):
        verify_with(verifier, KNOWN_PUBLIC, b"m", signature, signer_id=KNOWN_ID)


@pytest.mark.parametrize(("module", "verifies"), [(_pure, Pure()), (_gmssl, open_gmssl())])
@pytest.mark.parametrize("wrong", [None, parse_point(KNOWN_PUBLIC.point)])
def test_numbers_that_add_up_to_n_are_refused_whatever_the_digest(
    module: ModuleType, verifies: Verifier, wrong: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is not in the equation then, so a forger needs a digest and no key.

    Nor may no times the key be taken for once the key, which gmssl does.
    """
    s = 0xABCDEF
    point = add(multiply(s, G), wrong)
    assert point is not None
    signature = Signature(N - s, s)
    digest = (signature.r - point[0]) % N
    monkeypatch.setattr(module, "message_number", lambda *_: digest)

    with pytest.raises(SignatureError, match="not made by this key"):
        verifies.verify(KNOWN_PUBLIC, b"m", signature, signer_id=KNOWN_ID)


@pytest.mark.parametrize("secret", [1, 2, 3, N - 3, N - 2])
def test_the_ends_of_the_key_range_sign(secret: int, signing: SigningProvider) -> None:
    signer = load_signer(signing, Pure(), secret=secret, point=None)

    assert parse_point(signer.public.point) == multiply(secret, G)
    assert signer.sign(b"m", signer_id=KNOWN_ID)


def test_gmssl_draws_a_nonce_again_when_the_standard_says_so() -> None:
    class Reluctant:
        answers = (None, None, f"{R:064x}{S:064x}")
        nonces: tuple[str, ...] = ()

        def sign(self, _: bytes, nonce: str) -> str | None:
            self.nonces += (nonce,)
            return self.answers[len(self.nonces) - 1]

    engine = Reluctant()

    assert GmsslKey(engine=engine, public=KNOWN_PUBLIC).sign(b"m", signer_id=KNOWN_ID) == (R, S)
    assert len(set(engine.nonces)) == 3


@pytest.mark.parametrize("module", ["gmssl.absent", "json"])
def test_an_absent_gmssl_is_named(module: str) -> None:
    with pytest.raises(ConfigError, match="`gmssl` is not installed"):
        open_gmssl(module)
