# SPDX-License-Identifier: Apache-2.0
"""SM2 verification in integers, for hosts whose OpenSSL has no SM2.

Its time depends on what it computes, so it never sees a private key.
"""

import functools
from typing import Final

from govshare_policy.crypto._curve import GX, GY, N, P, format_point, parse_point
from govshare_policy.crypto._digest import message_number
from govshare_policy.crypto._public import PublicKey
from govshare_policy.crypto._signature import Signature
from govshare_policy.errors import SignatureError

# (X, Y, Z) stands for the affine point (X / Z**2, Y / Z**3); Z = 0 is the point at infinity.
_Jacobian = tuple[int, int, int]
_Affine = tuple[int, int]
_INFINITY: Final = (1, 1, 0)

# A comb of eight teeth, 32 bits apart: the table of a point holds its multiples by the 255 sums
# of 1, 2**32 … 2**224, and a product takes 32 doublings for both points together.
_TEETH: Final = 8
_SPACING: Final = 32
_CACHED_KEYS: Final = 16

_GENERATOR: Final = format_point(GX, GY)


class Pure:
    """Verifies without any library."""

    name: Final = "pure"

    def verify(
        self, public: PublicKey, message: bytes, signature: Signature, *, signer_id: bytes
    ) -> None:
        """Return only if the equation holds; see :class:`._provider.Verifier`.

        Source:
            GB/T 32918.2-2016 §7.1 steps B3 to B7.
        """
        number = message_number(public, message, signer_id)
        t = (signature.r + signature.s) % N
        if t:
            x, _, z = sum_of_products(signature.s, t, public.point)
            if z and (number + x * pow(z, -2, P) % P) % N == signature.r:
                return
        raise SignatureError("the signature was not made by this key over these bytes")


def open_pure() -> Pure:
    """Return the verifier; it needs nothing of the host."""
    return Pure()


def sum_of_products(s: int, t: int, point: bytes) -> _Jacobian:
    """Return ``s * G + t * Q``, for Q the *point*.

    Args:
        s: Below 2**256.
        t: Below 2**256.
        point: ``04 || X || Y`` on the curve.
    """
    ours, theirs = _table(_GENERATOR), _table(point)
    total = _INFINITY
    for bit in reversed(range(_SPACING)):
        total = _add(_add(_double(total), ours[_comb(s >> bit)]), theirs[_comb(t >> bit)])
    return total


def _comb(scalar: int) -> int:
    """Return the index that gathers every 32nd bit of *scalar*, from its lowest."""
    return sum((scalar >> (tooth * _SPACING) & 1) << tooth for tooth in range(_TEETH))


@functools.lru_cache(maxsize=_CACHED_KEYS)
def _table(point: bytes) -> tuple[_Affine | None, ...]:
    """Return the 256 combinations of a point's teeth; the empty one is None."""
    x, y = parse_point(point)
    sums: list[_Jacobian] = [_INFINITY]
    tooth: _Jacobian = (x, y, 1)
    for _ in range(_TEETH):
        affine = _normalise([tooth])[0]
        sums += [_add(total, affine) for total in sums]
        for _ in range(_SPACING):
            tooth = _double(tooth)
    # No sum is the point at infinity: each is below 2**256 < 2 * N, and none equals N.
    return (None, *_normalise(sums[1:]))


def _normalise(points: list[_Jacobian]) -> list[_Affine]:
    """Return finite points in affine form, with one inversion for all of them."""
    products = [1]
    for _, _, z in points:
        products.append(products[-1] * z % P)
    inverse = pow(products.pop(), -1, P)
    affine = []
    for (x, y, z), before in zip(reversed(points), reversed(products), strict=True):
        over_z = inverse * before % P
        inverse = inverse * z % P
        square = over_z * over_z % P
        affine.append((x * square % P, y * square * over_z % P))
    return affine[::-1]


def _double(point: _Jacobian) -> _Jacobian:
    """Return ``2 * point``; uses that the curve's a is -3."""
    x, y, z = point
    zz, yy = z * z % P, y * y % P
    slope = 3 * (x - zz) * (x + zz) % P
    xyy = x * yy % P
    x3 = (slope * slope - 8 * xyy) % P
    return x3, (slope * (4 * xyy - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _add(point: _Jacobian, other: _Affine | None) -> _Jacobian:
    """Return ``point + other``, for any two points; None is the point at infinity."""
    if other is None:
        return point
    x, y, z = point
    if not z:
        return (*other, 1)
    zz = z * z % P
    dx, dy = (other[0] * zz - x) % P, (other[1] * zz * z - y) % P
    if not dx:
        return _INFINITY if dy else _double(point)
    dx2 = dx * dx % P
    dx3, xd = dx2 * dx % P, x * dx2 % P
    x3 = (dy * dy - dx3 - 2 * xd) % P
    return x3, (dy * (xd - x3) - y * dx3) % P, z * dx % P
