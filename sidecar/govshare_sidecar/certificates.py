# SPDX-License-Identifier: Apache-2.0
"""Certificates and revocation lists on any curve, SM2 among them.

The library that reads them does not know the curve of SM2, so the key is taken out of the bytes
and signatures over it are verified by the product's own cryptography.
"""

import re
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from govshare_policy.crypto import DEFAULT_ID, PublicKey, verify
from govshare_policy.errors import ConfigError, IdentityError, SignatureError

_SM2_WITH_SM3: Final = x509.ObjectIdentifier("1.2.156.10197.1.501")
_VERSION: Final = 0xA0
_SEQUENCE: Final = 0x30
_LONG: Final = 0x80
# Serial number, algorithm, issuer, validity and subject stand before the key.
_BEFORE_KEY: Final = 5
_BEGIN: Final = re.compile(rb"-----BEGIN")
_END: Final = re.compile(rb"-----END [A-Z0-9 ]+-----")


def key_of(certificate: x509.Certificate) -> bytes:
    """Return the DER SubjectPublicKeyInfo of *certificate*.

    Raises:
        IdentityError: If the key is of no kind that is known.
    """
    try:
        public = certificate.public_key()
    except ValueError:
        raise IdentityError("a certificate holds no key that can be read") from None
    except UnsupportedAlgorithm:
        return _sm2_key(certificate).to_spki()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def verify_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """Return only if *issuer* signed *certificate*, under the name that this states.

    Raises:
        SignatureError: If it did not.
    """
    if certificate.signature_algorithm_oid != _SM2_WITH_SM3:
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            raise SignatureError("a certificate was not signed by that authority") from None
        return
    if certificate.issuer != issuer.subject:
        raise SignatureError("a certificate was not signed by that authority")
    _verify_sm2(issuer, certificate.tbs_certificate_bytes, certificate.signature)


def verify_listed(revocations: x509.CertificateRevocationList, issuer: x509.Certificate) -> None:
    """Return only if *issuer* signed *revocations*, and may.

    Raises:
        SignatureError: If it did not, or its certificate is for other purposes.
    """
    if revocations.issuer != issuer.subject or not _may_sign_lists(issuer):
        raise SignatureError("a revocation list is not that authority's")
    if revocations.signature_algorithm_oid == _SM2_WITH_SM3:
        _verify_sm2(issuer, revocations.tbs_certlist_bytes, revocations.signature)
        return
    try:
        is_good = revocations.is_signature_valid(_issuing_key(issuer))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        is_good = False
    if not is_good:
        raise SignatureError("a revocation list is not that authority's")


def verify_national(certificate: x509.Certificate) -> None:
    """Return only if *certificate* is signed with SM2 and holds a key on its curve.

    Raises:
        IdentityError: If it does not.
    """
    if certificate.signature_algorithm_oid != _SM2_WITH_SM3:
        raise IdentityError("a certificate is not signed with SM2")
    _sm2_key(certificate)


def is_authority(certificate: x509.Certificate) -> bool:
    """Tell whether *certificate* is that of an authority; one that cannot be read is not."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False


def parse_certificates(data: bytes, *, name: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates in the PEM file *name*, which holds *data*.

    Raises:
        ConfigError: If there is none, or one cannot be read or breaks off.
    """
    # The library passes over a block that breaks off, as one does in a file that is being written.
    if len(_BEGIN.findall(data)) != len(_END.findall(data)):
        raise ConfigError(f"`{name}` breaks off, or does not hold certificates in PEM")
    try:
        return tuple(x509.load_pem_x509_certificates(data))
    except ValueError:
        raise ConfigError(f"`{name}` does not hold certificates in PEM") from None


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _issuing_key(issuer: x509.Certificate) -> CertificateIssuerPublicKeyTypes:
    # Keys that only agree on secrets sign nothing; the library refuses them by type.
    return issuer.public_key()  # type: ignore[return-value]


def _verify_sm2(issuer: x509.Certificate, message: bytes, signature: bytes) -> None:
    """Return only if *signature* over *message* is by the SM2 key of *issuer*.

    Raises:
        SignatureError: If it is not, or the key is of another kind.

    Source:
        GM/T 0015-2012: certificates are signed under the default identifier of GM/T 0009.
    """
    try:
        public = _sm2_key(issuer)
    except IdentityError:
        raise SignatureError("an authority that signs with SM2 has no key on its curve") from None
    verify(public, message, signature, signer_id=DEFAULT_ID)


def _sm2_key(certificate: x509.Certificate) -> PublicKey:
    try:
        return PublicKey.from_spki(_spki(certificate.tbs_certificate_bytes))
    except (ConfigError, SignatureError, ValueError, IndexError):
        raise IdentityError("a certificate holds no key that can be read") from None


def _spki(tbs: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo in a TBSCertificate that the library has parsed before."""
    start, _ = _contents(tbs, 0)
    if tbs[start] == _VERSION:
        start = sum(_contents(tbs, start))
    for _ in range(_BEFORE_KEY):
        start = sum(_contents(tbs, start))
    if tbs[start] != _SEQUENCE:
        raise ValueError("there is no key where it has to be")
    return tbs[start : sum(_contents(tbs, start))]


def _contents(data: bytes, at: int) -> tuple[int, int]:
    """Return where the contents of the DER value at *at* begin, and how long they are."""
    length, start = data[at + 1], at + 2
    if length < _LONG:
        return start, length
    more = length - _LONG
    return start + more, int.from_bytes(data[start : start + more])
