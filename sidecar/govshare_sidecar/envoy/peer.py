# SPDX-License-Identifier: Apache-2.0
"""Which Envoy is on the other side of a connection."""

from functools import lru_cache
from typing import Any, Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from govshare_policy.crypto import sm3

_REMEMBERED: Final = 64


def peer_key(context: "grpc.aio.ServicerContext[Any, Any]") -> bytes:
    """Return SM3 of the key that the peer of *context* has shown; 32 bytes.

    The listener lets nobody in without a certificate, so there is one.
    """
    return _key(next(iter(context.auth_context()["x509_pem_cert"])))


def spki_of(certificate: x509.Certificate) -> bytes:
    """Return SM3 of the key of *certificate*; 32 bytes."""
    public = certificate.public_key()
    return sm3(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@lru_cache(maxsize=_REMEMBERED)
def _key(pem: bytes) -> bytes:
    return spki_of(x509.load_pem_x509_certificate(pem))
