# SPDX-License-Identifier: Apache-2.0
"""SM2 verification by libcrypto's arithmetic on points, with multiples of both points at hand.

libcrypto's own verification adds ``sG + tP`` up bit by bit. But it can keep multiples of a group's
generator, and a key can be the generator of a group of its own: then the doublings are nearly all
saved, and a verification takes two fifths of the time. Digest and equation are ours; what a signer
did in libcrypto is checked by other code of it, down to the additions of points.

The time depends on the numbers, so no private key comes here.

Source:
    EC_GROUP_new(3), EC_POINT_add(3) and EC_POINT_new(3) of OpenSSL 3.0. A libcrypto that has given
    up ``EC_GROUP_precompute_mult``, which is deprecated, is left to :mod:`._libcrypto`.
"""

import ctypes
import functools
from collections.abc import Sequence
from ctypes import c_char_p, c_int, c_size_t, c_void_p
from typing import Any, Final, NamedTuple

from govshare_policy.crypto._curve import FIELD_BYTES, GX, GY, A, B, N, P, format_point
from govshare_policy.crypto._digest import message_number
from govshare_policy.crypto._libcrypto import SONAMES, Handle, declare, load_first
from govshare_policy.crypto._public import PublicKey
from govshare_policy.crypto._signature import Signature
from govshare_policy.errors import ConfigError, SignatureError

# The multiples of one key take some 80 KiB.
_CACHED_KEYS: Final = 128
# They cost as much as about three verifications save, and many a key is met only once.
_USES_BEFORE_MULTIPLES: Final = 2
_DONE: Final = 1

# Every function we call, with its result and its arguments. All keep the interpreter lock: none
# takes longer than other threads can wait, and so no two of them ever meet in one group.
_FUNCTIONS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "ERR_clear_error": (None, []),
    "BN_CTX_new": (c_void_p, []),
    "BN_bin2bn": (c_void_p, [c_char_p, c_int, c_void_p]),
    "BN_bn2binpad": (c_int, [c_void_p, c_char_p, c_int]),
    "EC_GROUP_new_curve_GFp": (c_void_p, [c_void_p] * 4),
    "EC_GROUP_free": (None, [c_void_p]),
    "EC_GROUP_set_generator": (c_int, [c_void_p] * 4),
    "EC_GROUP_precompute_mult": (c_int, [c_void_p] * 2),
    "EC_POINT_new": (c_void_p, [c_void_p]),
    "EC_POINT_free": (None, [c_void_p]),
    "EC_POINT_oct2point": (c_int, [c_void_p, c_void_p, c_char_p, c_size_t, c_void_p]),
    "EC_POINT_mul": (c_int, [c_void_p] * 6),
    "EC_POINT_add": (c_int, [c_void_p] * 5),
    "EC_POINT_get_affine_coordinates": (c_int, [c_void_p] * 5),
}


class _Scratch(NamedTuple):
    """What one verification writes to, made once: pointers that are never freed."""

    context: int
    s: int
    t: int
    x: int
    total: int
    other: int


class Points:
    """Verifies with the points of one loaded libcrypto. Safe to use from any number of threads."""

    name: Final = "libcrypto"

    def __init__(self, library: ctypes.PyDLL) -> None:
        """Take up the curve; use :func:`open_points` instead.

        Raises:
            ConfigError: If libcrypto does not take it.
        """
        self._library = library
        self._curve = [self._number(value) for value in (P, A, B)]
        self._order, self._one, self._zero = map(self._number, (N, 1, 0))
        # As many as threads have verified at the same time.
        self._spare: list[_Scratch] = []
        self._ours = self._open(format_point(GX, GY))
        self._ours.keep_multiples(library)
        self._theirs = functools.lru_cache(maxsize=_CACHED_KEYS)(self._open)

    def verify(
        self, public: PublicKey, message: bytes, signature: Signature, *, signer_id: bytes
    ) -> None:
        """Return only if the equation holds; see :class:`._provider.Verifier`.

        Source:
            GB/T 32918.2-2016 §7.1 steps B3 to B7.
        """
        number = message_number(public, message, signer_id)
        t = (signature.r + signature.s) % N
        x = self._sum_of_products(signature.s, t, self._theirs(public.point)) if t else None
        if x is None or (number + x) % N != signature.r:
            raise SignatureError("the signature was not made by this key over these bytes")

    def _sum_of_products(self, s: int, t: int, key: "_Generator") -> int | None:
        """Return the first coordinate of ``s * G + t * P``, for P the point of *key*.

        None stands for what has none: the point at infinity, or what could not be computed.
        """
        key.count_use(self._library)
        try:
            scratch = self._spare.pop()
        except IndexError:
            scratch = self._scratch()
        try:
            return self._compute(s, t, key, scratch)
        finally:
            self._spare.append(scratch)
            self._library.ERR_clear_error()

    def _compute(self, s: int, t: int, key: "_Generator", scratch: _Scratch) -> int | None:
        library, (context, s_at, t_at, x, total, other) = self._library, scratch
        ours, group = self._ours.point.pointer, self._ours.group.pointer
        theirs, their_group = key.point.pointer, key.group.pointer
        done = all(
            library.BN_bin2bn(value.to_bytes(FIELD_BYTES), FIELD_BYTES, place)
            for value, place in ((s, s_at), (t, t_at))
        )
        multiply, zero = library.EC_POINT_mul, self._zero
        if key.has_multiples:
            # Each product is of a generator. The other point goes along with the factor 0: with
            # nothing beside a generator, libcrypto takes it for signing, and a fixed time.
            done = (
                done
                and multiply(group, total, s_at, theirs, zero, context) == _DONE
                and multiply(their_group, other, t_at, ours, zero, context) == _DONE
                and library.EC_POINT_add(group, total, total, other, context) == _DONE
            )
        else:
            done = done and multiply(group, total, s_at, theirs, t_at, context) == _DONE
        coordinates = library.EC_POINT_get_affine_coordinates
        if not done or coordinates(group, total, x, None, context) != _DONE:
            return None
        space = ctypes.create_string_buffer(FIELD_BYTES)
        library.BN_bn2binpad(x, space, FIELD_BYTES)
        return int.from_bytes(space.raw)

    def _open(self, point: bytes) -> "_Generator":
        """Return *point*, as the generator of a group of its own."""
        library = self._library
        group = Handle(
            library.EC_GROUP_new_curve_GFp(*self._curve, None), free=library.EC_GROUP_free
        )
        inside = Handle(
            library.EC_POINT_new(group.pointer) if group.pointer else None,
            free=library.EC_POINT_free,
        )
        if not (
            inside.pointer
            and library.EC_POINT_oct2point(group.pointer, inside.pointer, point, len(point), None)
            == library.EC_GROUP_set_generator(group.pointer, inside.pointer, self._order, self._one)
            == _DONE
        ):
            library.ERR_clear_error()
            raise ConfigError("libcrypto does not take the curve of SM2")
        return _Generator(group=group, point=inside)

    def _scratch(self) -> _Scratch:
        library, group = self._library, self._ours.group.pointer
        return _Scratch(
            library.BN_CTX_new(),
            *(self._number(0) for _ in range(3)),
            *(library.EC_POINT_new(group) for _ in range(2)),
        )

    def _number(self, value: int) -> int:
        number: int = self._library.BN_bin2bn(value.to_bytes(FIELD_BYTES), FIELD_BYTES, None)
        return number


class _Generator:
    """A point of the curve, and the group that has it for its generator."""

    def __init__(self, *, group: Handle, point: Handle) -> None:
        self.group = group
        self.point = point
        self.has_multiples = False
        self._uses = 0

    def count_use(self, library: ctypes.PyDLL) -> None:
        """Keep multiples of the point from its second use on."""
        if self._uses < _USES_BEFORE_MULTIPLES:
            self._uses += 1
            if self._uses == _USES_BEFORE_MULTIPLES:
                self.keep_multiples(library)

    def keep_multiples(self, library: ctypes.PyDLL) -> None:
        """Have libcrypto keep multiples of the point with its group."""
        done = library.EC_GROUP_precompute_mult(self.group.pointer, None)
        self.has_multiples = done == _DONE


def open_points(sonames: Sequence[str] = SONAMES) -> Points:
    """Load the first library of *sonames* that is there.

    Raises:
        ConfigError: If there is none, or it lacks a function that we call.
    """
    locked, _ = load_first(sonames)
    declare(locked, _FUNCTIONS)
    return Points(locked)
