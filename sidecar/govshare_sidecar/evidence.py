# SPDX-License-Identifier: Apache-2.0
"""From a client's certificate, whose chain the TLS library has verified, to evidence."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from govshare_policy.crypto import sm3
from govshare_policy.errors import ConfigError, IdentityError
from govshare_policy.identity import Evidence
from govshare_sidecar._table import why

_log: Final = logging.getLogger(__name__)
_MAX_CHAIN: Final = 8
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Validity:
    """A span of time; that of a chain is what its certificates have in common."""

    start: datetime
    end: datetime

    def within(self, other: Self) -> Self:
        return type(self)(start=max(self.start, other.start), end=min(self.end, other.end))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClientAuthorities:
    """The authorities whose certificates clients may present.

    The TLS library verifies signatures, purposes and names in a chain, but is told to leave time
    aside, so that an expired certificate meets a recorded denial and not a broken connection.
    The time of the whole chain is therefore read here, and judged where every call is decided.
    """

    certificates: tuple[x509.Certificate, ...] = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the authorities in the PEM file *path*; intermediate ones stand there too.

        Raises:
            ConfigError: If the file holds no certificate, or one that is no authority.
        """
        try:
            certificates = x509.load_pem_x509_certificates(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None
        except ValueError:
            raise ConfigError(f"`{path.name}` does not hold certificates in PEM") from None
        if not all(_is_authority(certificate) for certificate in certificates):
            raise ConfigError(f"`{path.name}` holds a certificate that is no authority")
        return cls(certificates=tuple(certificates))

    def verify_in_force(self, at: datetime) -> None:
        """Return only if some authority is valid at *at*.

        Raises:
            ConfigError: If none is, so that no client could ever be let in.
        """
        spans = [_validity(certificate) for certificate in self.certificates]
        if not any(span.start <= at <= span.end for span in spans):
            raise ConfigError("no certificate in `tls.client_ca` is valid now; renew it")

    def evidence(self, der: bytes | None, *, network: str) -> Evidence:
        """Return what the certificate *der* shows on the listener of *network*.

        Its validity is what the certificate and the authorities above it have in common. One
        that cannot be read, or whose chain is not in the file, is no evidence: the call is
        denied, and the denial is recorded.
        """
        if der is None:
            return Evidence(network=network)
        try:
            spki, validity = _shown(self, der)
        except IdentityError as error:
            _log.warning("%s", error)
            return Evidence(network=network)
        return Evidence(
            spki=spki, not_before=validity.start, not_after=validity.end, network=network
        )


@lru_cache(maxsize=_REMEMBERED)
def _shown(authorities: ClientAuthorities, der: bytes) -> tuple[bytes, _Validity]:
    """Return what *der* shows: SM3 of its key, and the time in which its chain is valid.

    Raises:
        IdentityError: If it cannot be read, or was not issued by an authority in the file.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        public = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise IdentityError("a client certificate cannot be read") from None
    chains = _chains(certificate, authorities.certificates, depth=_MAX_CHAIN)
    if not chains:
        raise IdentityError("a client certificate has no chain within `tls.client_ca`")
    spki = sm3(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    # Of several chains the one that lasts longest: the TLS library accepted any of them.
    return spki, max(chains, key=lambda span: span.end).within(_validity(certificate))


def _chains(
    certificate: x509.Certificate, above: Sequence[x509.Certificate], *, depth: int
) -> list[_Validity]:
    """Return the validity of every chain from an issuer of *certificate* up to a root."""
    found = []
    for issuer in above:
        if depth == 0 or issuer == certificate or not _issued(certificate, issuer):
            continue
        if issuer.issuer == issuer.subject:
            found.append(_validity(issuer))
        found.extend(
            span.within(_validity(issuer)) for span in _chains(issuer, above, depth=depth - 1)
        )
    return found


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _validity(certificate: x509.Certificate) -> _Validity:
    return _Validity(start=certificate.not_valid_before_utc, end=certificate.not_valid_after_utc)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
