# SPDX-License-Identifier: Apache-2.0
"""Certificates for development: an authority of one deployment, and what it signs.

Nothing here is fit for a platform in service, and every name says so.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from govshare_policy.crypto import sm3
from govshare_policy.errors import ConfigError

VALID_DAYS: Final = 365
_ORGANISATION: Final = "govshare DEVELOPMENT ONLY"
_LOOPBACK: Final = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate and its private key.

    Attributes:
        certificate: PEM.
        key: PKCS#8 PEM, not encrypted; never shown.
        spki: SM3 of the DER SubjectPublicKeyInfo; 32 bytes.
    """

    certificate: bytes
    key: bytes = field(repr=False)
    spki: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority whose key lies beside what it signs.

    Attributes:
        certificate: PEM.
        key: P-256; never shown.
    """

    certificate: bytes
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def new(cls, *, start: datetime) -> Self:
        """Return a new authority, valid for a year from *start*."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("development certificate authority")
        builder = _builder(key, subject=name, issuer=name, start=start, end=_end(start))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)  # noqa: FBT003
        builder = builder.add_extension(_usage(authority=True), critical=True)
        certificate = builder.sign(key, hashes.SHA256())
        return cls(certificate=certificate.public_bytes(serialization.Encoding.PEM), key=key)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Return the authority that ``ca.pem`` and ``ca.key`` in *directory* hold.

        Raises:
            ConfigError: If a file cannot be read or is not such a key.
        """
        try:
            certificate = (directory / "ca.pem").read_bytes()
            key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError("the development authority cannot be read") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ConfigError("the key of the development authority is not on a curve")
        return cls(certificate=certificate, key=key)

    def key_pem(self) -> bytes:
        """Return the private key as PKCS#8 PEM, not encrypted."""
        return _key_pem(self.key)

    def issue_server(self, *, start: datetime) -> Issued:
        """Return a server certificate for this machine, valid for a year from *start*."""
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        return self._issue("localhost", usage, start=start, end=_end(start), names=_LOOPBACK)

    def issue_client(self, name: str, *, start: datetime, end: datetime | None = None) -> Issued:
        """Return a client certificate for the system *name*, valid for a year by default."""
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._issue(name, usage, start=start, end=end or _end(start))

    def _issue(
        self,
        name: str,
        usage: x509.ObjectIdentifier,
        *,
        start: datetime,
        end: datetime,
        names: tuple[x509.GeneralName, ...] = (),
    ) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.load_pem_x509_certificate(self.certificate)
        builder = _builder(key, subject=_name(name), issuer=issuer.subject, start=start, end=end)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)  # noqa: FBT003
        builder = builder.add_extension(_usage(authority=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(authority, critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        return Issued(
            certificate=certificate.public_bytes(serialization.Encoding.PEM),
            key=_key_pem(key),
            spki=spki_digest(certificate),
        )


def spki_digest(certificate: x509.Certificate) -> bytes:
    """Return SM3 of the DER SubjectPublicKeyInfo, as ``certificates.tsv`` states it; 32 bytes."""
    return sm3(
        certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(
    key: ec.EllipticCurvePrivateKey,
    *,
    subject: x509.Name,
    issuer: x509.Name,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _end(start: datetime) -> datetime:
    return start + timedelta(days=VALID_DAYS)
