# SPDX-License-Identifier: Apache-2.0
"""The number that is signed: a digest of signer, curve, key and message."""

from typing import Final

from govshare_policy.crypto._curve import FIELD_BYTES, GX, GY, A, B
from govshare_policy.crypto._hash import sm3, sm3_new
from govshare_policy.crypto._public import PublicKey

_CURVE: Final = b"".join(v.to_bytes(FIELD_BYTES, "big") for v in (A, B, GX, GY))


def signer_digest(public: PublicKey, signer_id: bytes) -> bytes:
    """Return Z, which binds a signature to its signer's id and key; 32 bytes.

    Args:
        public: The signer's key.
        signer_id: 1 to 8190 bytes.

    Source:
        GB/T 32918.2-2016 §5.5.
    """
    bits = (8 * len(signer_id)).to_bytes(2, "big")
    return sm3(bits + signer_id + _CURVE + public.point[1:])


def message_number(public: PublicKey, message: bytes, signer_id: bytes) -> int:
    """Return e, the digest of Z and *message* as a number; below 2**256.

    Source:
        GB/T 32918.2-2016 §6.1 steps A1 and A2.
    """
    computation = sm3_new()
    computation.update(signer_digest(public, signer_id))
    computation.update(message)
    return int.from_bytes(computation.digest(), "big")
