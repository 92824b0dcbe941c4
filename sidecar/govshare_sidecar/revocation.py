# SPDX-License-Identifier: Apache-2.0
"""Revocation lists: which certificates their authorities took back, and until when that is known.

Source:
    RFC 5280 §5. Only whole lists of one authority are taken: a list with a critical extension
    speaks for a part of the certificates, or for those of others, and is refused. So is one that
    says in an extension that is not critical, against the standard, that it is a part.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from govshare_policy.crypto import sm3
from govshare_policy.errors import ConfigError, SignatureError
from govshare_policy.identity import Flaw
from govshare_sidecar._table import why
from govshare_sidecar.certificates import key_of, verify_listed

_PEM: Final = re.compile(
    rb"-----BEGIN X509 CRL-----[A-Za-z0-9+/=\s]+-----END X509 CRL-----", re.ASCII
)
_BEGIN: Final = re.compile(rb"-----BEGIN")
_MAX_LIST_BYTES: Final = 64 << 20
# Both have to be critical, and an authority that forgets it means them all the same.
_PARTIAL: Final = (
    ExtensionOID.ISSUING_DISTRIBUTION_POINT,
    ExtensionOID.DELTA_CRL_INDICATOR,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """Which of the lists that an authority made one after the other.

    Attributes:
        start: When it was made.
        number: The authority's count of its lists (RFC 5280 §5.2.3), if it states one.
    """

    start: datetime
    number: int | None = None

    def is_before(self, other: Self) -> bool:
        """Tell whether *other* was made later, by the time or by the number of either."""
        if self.number is not None and other.number is not None and self.number < other.number:
            return True
        return self.start < other.start


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """What one authority took back.

    Attributes:
        issuer: Name of the authority, for messages.
        edition: Which of its lists this is.
        end: When the next one is due; after that this one says nothing.
        serials: Serial numbers of the certificates that were taken back.
    """

    issuer: str
    edition: Edition
    end: datetime
    serials: frozenset[int] = field(repr=False)

    def is_in_force(self, at: datetime) -> bool:
        """Tell whether the list speaks for *at*."""
        return self.edition.start <= at <= self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationLists:
    """The lists of all authorities.

    Attributes:
        by_authority: The list of each authority that has one, by :func:`authority_id`.
    """

    by_authority: Mapping[bytes, RevocationList]

    def flaw(self, links: Sequence[tuple[int, bytes]], *, at: datetime) -> Flaw | None:
        """Return what the lists have against a chain.

        Args:
            links: Of every certificate of the chain but the root its serial number, and the id
                of the authority that issued it.
            at: When the chain is shown.
        """
        found = [(serial, self.by_authority.get(issuer)) for serial, issuer in links]
        # A list that is too old still tells what had been taken back when it was made.
        if any(known is not None and serial in known.serials for serial, known in found):
            return Flaw.CERTIFICATE_REVOKED
        if any(known is None or not known.is_in_force(at) for _, known in found):
            return Flaw.REVOCATION_UNKNOWN
        return None

    def silent(
        self, authorities: Sequence[x509.Certificate], *, at: datetime
    ) -> tuple[tuple[str, str], ...]:
        """Return the authorities whose certificates nobody can use: name, and ``missing`` or so."""
        found: dict[bytes, tuple[str, str]] = {}
        for authority in authorities:
            known = self.by_authority.get(authority_id(authority))
            name = authority.subject.rfc4514_string()
            if known is None:
                found[authority_id(authority)] = (name, "missing")
            elif not known.is_in_force(at):
                found[authority_id(authority)] = (name, "expired" if known.end < at else "early")
        return tuple(found.values())

    def verify_not_older(self, before: Self) -> None:
        """Return only if no list is older than the one of its authority in *before*.

        Raises:
            ConfigError: If one is, so that what was revoked would be valid again.
        """
        for authority, known in self.by_authority.items():
            old = before.by_authority.get(authority)
            if old is not None and known.edition.is_before(old.edition):
                raise ConfigError(
                    f"a list in `tls.crl` is older than the one in force: {old.edition.start:%F}"
                )


def load_lists(paths: Sequence[Path], authorities: Sequence[x509.Certificate]) -> RevocationLists:
    """Load the lists in the files *paths*, in PEM or DER, each signed by one of *authorities*.

    Raises:
        ConfigError: If a file cannot be read, or a list cannot be used: its signature is not that
            of an authority, it has no end, speaks for a part only, or stands there twice.
    """
    lists: dict[bytes, RevocationList] = {}
    for path in paths:
        for parsed in _parse(path):
            authority, known = _verified(parsed, authorities, name=path.name)
            if authority in lists:
                raise ConfigError(f"`{path.name}` holds a second list of one authority")
            lists[authority] = known
    return RevocationLists(by_authority=lists)


def authority_id(authority: x509.Certificate) -> bytes:
    """Return what all certificates of one authority have in common: SM3 of name and key.

    Raises:
        IdentityError: If the key is of no kind that is known.
    """
    return sm3(authority.subject.public_bytes() + key_of(authority))


def _parse(path: Path) -> Iterator[x509.CertificateRevocationList]:
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            raise ConfigError(f"`{path.name}` is larger than 64 MiB")
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None
    try:
        texts = _PEM.findall(data)
        if texts and len(texts) != len(_BEGIN.findall(data)):
            raise ConfigError(f"`{path.name}` breaks off, or holds more than revocation lists")
        if not texts:
            yield x509.load_der_x509_crl(data)
        for text in texts:
            yield x509.load_pem_x509_crl(text)
    except ValueError:
        raise ConfigError(f"`{path.name}` does not hold a revocation list") from None


def _verified(
    parsed: x509.CertificateRevocationList, authorities: Sequence[x509.Certificate], *, name: str
) -> tuple[bytes, RevocationList]:
    end = parsed.next_update_utc
    if end is None:
        raise ConfigError(f"`{name}` holds a list that does not say when the next is due")
    number = None
    try:
        for one in parsed.extensions:
            if isinstance(one.value, x509.CRLNumber):
                number = one.value.crl_number
        if any(one.critical or one.oid in _PARTIAL for one in parsed.extensions):
            raise ConfigError(f"`{name}` holds a list that speaks for a part of the certificates")
        serials = []
        for entry in parsed:
            if any(extension.critical for extension in entry.extensions):
                raise ConfigError(f"`{name}` holds a list with entries of other authorities")
            serials.append(entry.serial_number)
    except (ValueError, x509.DuplicateExtension):
        raise ConfigError(f"`{name}` does not hold a revocation list") from None
    issuer = _signer(parsed, authorities, name=name)
    return authority_id(issuer), RevocationList(
        issuer=issuer.subject.rfc4514_string(),
        edition=Edition(start=parsed.last_update_utc, number=number),
        end=end,
        serials=frozenset(serials),
    )


def _signer(
    parsed: x509.CertificateRevocationList, authorities: Sequence[x509.Certificate], *, name: str
) -> x509.Certificate:
    for authority in authorities:
        try:
            verify_listed(parsed, authority)
        except SignatureError:
            continue
        return authority
    raise ConfigError(f"`{name}` holds a list that no authority in `tls.client_ca` signed")
