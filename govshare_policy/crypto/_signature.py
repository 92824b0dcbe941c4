# SPDX-License-Identifier: Apache-2.0
"""The one form a signature may have, whichever provider looks at it."""

from typing import NamedTuple

from govshare_policy.crypto._curve import N
from govshare_policy.crypto._der import SEQUENCE, DerError, Reader, encode, encode_integer
from govshare_policy.errors import SignatureError


class Signature(NamedTuple):
    """The two numbers of an SM2 signature, each 1..n-1."""

    r: int
    s: int


def parse_signature(der: bytes) -> Signature:
    """Return the numbers in *der*.

    Args:
        der: ``SEQUENCE { r INTEGER, s INTEGER }`` in DER; 8 to 72 bytes.

    Raises:
        SignatureError: If *der* is any other encoding of it, or a number is out of range.

    Source:
        GB/T 32918.2-2016 §7.1 steps B1, B2 and B5; GB/T 35276-2017 for the encoding.
    """
    try:
        outer = Reader(der)
        numbers = outer.enter(SEQUENCE)
        signature = Signature(r=numbers.take_integer(), s=numbers.take_integer())
        numbers.end()
        outer.end()
    except DerError:
        raise SignatureError("the signature is not two integers in DER") from None
    if not (1 <= signature.r < N and 1 <= signature.s < N):
        raise SignatureError("a number in the signature is out of range")
    if signature.r + signature.s == N:
        raise SignatureError("the numbers of the signature add up to the order of the curve")
    # Only DER passes: another encoding of the same numbers would be a second signature.
    if format_signature(signature) != der:
        raise SignatureError("the signature is not in its shortest encoding")
    return signature


def format_signature(signature: Signature) -> bytes:
    """Return *signature* in DER; 8 to 72 bytes."""
    return encode(SEQUENCE, encode_integer(signature.r), encode_integer(signature.s))
