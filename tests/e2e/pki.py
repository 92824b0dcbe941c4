# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests: an authority on P-256 and what it signs."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from govshare_policy.crypto import sm3

NOW = datetime.now(UTC)
START = NOW - timedelta(days=30)
END = NOW + timedelta(days=30)
LOOPBACK = x509.SubjectAlternativeName(
    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A certificate and its key, in files."""

    certificate: Path
    key: Path
    parsed: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.parsed.public_bytes(serialization.Encoding.DER)

    @property
    def spki(self) -> bytes:
        public = self.parsed.public_key()
        return sm3(
            public.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )


class Authority:
    """Signs certificates; its own is in ``<name>.pem``."""

    def __init__(
        self,
        directory: Path,
        name: str = "ca",
        *,
        above: "Authority | None" = None,
        start: datetime = START,
        end: datetime = END,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._secret = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test {name}")])
        issuer = above or self
        builder = issuer.build(self.name, self.public, start=start, end=end)
        self.certificate = issuer.sign(self.as_authority(builder))
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        return self._secret.public_key()

    @staticmethod
    def as_authority(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        return builder.add_extension(constraints, critical=True)

    def build(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        *,
        start: datetime,
        end: datetime,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )

    def sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return builder.sign(self._secret, hashes.SHA256())

    def issue(
        self,
        name: str,
        *,
        start: datetime = START,
        end: datetime = END,
        server: bool = False,
    ) -> Pair:
        """Return a new client certificate, or one for a server on loopback."""
        secret = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = self.build(subject, secret.public_key(), start=start, end=end)
        builder = builder.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if server:
            builder = builder.add_extension(LOOPBACK, critical=False)
        certificate = self.sign(builder)
        pair = Pair(
            certificate=self._directory / f"{name}.pem",
            key=self._directory / f"{name}.key",
            parsed=certificate,
        )
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(
            secret.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pair
