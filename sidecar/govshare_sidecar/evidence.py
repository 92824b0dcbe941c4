# SPDX-License-Identifier: Apache-2.0
"""From a client's certificate, whose chain the TLS library has verified, to evidence."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from cryptography import x509

from govshare_policy.crypto import sm3
from govshare_policy.errors import ConfigError, IdentityError, SignatureError
from govshare_policy.identity import Evidence, Flaw
from govshare_sidecar._table import why
from govshare_sidecar.certificates import (
    is_authority,
    key_of,
    parse_certificates,
    verify_issued,
)
from govshare_sidecar.revocation import RevocationLists, authority_id, load_lists

_log: Final = logging.getLogger(__name__)
_MAX_CHAIN: Final = 8
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chain:
    """A chain from a certificate to a root.

    Attributes:
        start: Since when all certificates in it are valid.
        end: Until when they are.
        links: Of every certificate but the root its serial number, and the id of its issuer.
    """

    start: datetime
    end: datetime
    links: tuple[tuple[int, bytes], ...]

    def within(self, other: Self) -> Self:
        """Return the chain that *other* continues downwards."""
        return type(self)(
            start=max(self.start, other.start),
            end=min(self.end, other.end),
            links=self.links + other.links,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Authorities:
    """The authorities in one file, and what they took back.

    Attributes:
        certificates: Theirs; intermediate ones too.
        lists: ``None`` where none were asked for, so that only the registers say what is revoked.
    """

    certificates: tuple[x509.Certificate, ...] = field(repr=False)
    lists: RevocationLists | None = None

    @classmethod
    def load(cls, path: Path, crl: Sequence[Path] = ()) -> Self:
        """Return the authorities in the PEM file *path*; intermediate ones stand there too.

        Raises:
            ConfigError: If the file holds no certificate, or one that is no authority, or a list
                in one of the files *crl* cannot be used.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None
        certificates = parse_certificates(data, name=path.name)
        if not all(map(is_authority, certificates)):
            raise ConfigError(f"`{path.name}` holds a certificate that is no authority")
        lists = load_lists(crl, certificates) if crl else None
        return cls(certificates=certificates, lists=lists)

    def verify_in_force(self, at: datetime) -> None:
        """Return only if some authority is valid at *at*.

        Raises:
            ConfigError: If none is, so that no client could ever be let in.
        """
        spans = [
            (each.not_valid_before_utc, each.not_valid_after_utc) for each in self.certificates
        ]
        if not any(start <= at <= end for start, end in spans):
            raise ConfigError("no certificate in `tls.client_ca` is valid now; renew it")

    def silent(self, at: datetime) -> tuple[tuple[str, str], ...]:
        """Return the authorities without a list in force: name, and ``missing`` or so."""
        return () if self.lists is None else self.lists.silent(self.certificates, at=at)


class ClientAuthorities:
    """The authorities whose certificates clients may present now.

    The TLS library verifies signatures, purposes and names in a chain, but is told to leave time
    aside, so that an expired certificate meets a recorded denial and not a broken connection.
    The time of the whole chain is therefore read here, and judged where every call is decided.
    What an authority took back is read at every call, so that a connection which outlives its
    certificate gets denials.
    """

    def __init__(
        self,
        authorities: Authorities,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin with *authorities*; *now* tells whether their lists are in force."""
        # Replaced whole, by the event loop.
        self._authorities = authorities
        self._now = now

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the authorities in the PEM file *path*, without lists.

        Raises:
            ConfigError: As :meth:`Authorities.load`.
        """
        return cls(Authorities.load(path))

    @property
    def current(self) -> Authorities:
        """Those that count now."""
        return self._authorities

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """Theirs, as of now."""
        return self._authorities.certificates

    def replace(self, authorities: Authorities) -> None:
        """Let *authorities* count from the next call on."""
        self._authorities = authorities

    def evidence(self, der: bytes | None, *, network: str) -> Evidence:
        """Return what the certificate *der* shows on the listener of *network*.

        Its validity is what the certificate and the authorities above it have in common. One
        that cannot be read, or whose chain is not in the file, is no evidence: the call is
        denied, and the denial is recorded. So it is for one that was taken back, and where no
        list in force says that it was not.
        """
        if der is None:
            return Evidence(network=network)
        authorities = self._authorities
        try:
            spki, chains = _shown(authorities, der)
        except IdentityError as error:
            _log.warning("%s", error)
            return Evidence(network=network)
        chain, flaw = _best(chains, authorities.lists, at=self._now())
        return Evidence(
            spki=spki, not_before=chain.start, not_after=chain.end, network=network, flaw=flaw
        )


def _best(
    chains: Sequence[_Chain], lists: RevocationLists | None, *, at: datetime
) -> tuple[_Chain, Flaw | None]:
    """Return one chain, and what the lists have against it.

    Of several it is the one that lasts longest, because the TLS library accepted any of them; but
    one with a flaw only where all have one, and then what is known goes before what is not.
    """
    flaws = [lists.flaw(chain.links, at=at) if lists is not None else None for chain in chains]
    for flaw in (None, Flaw.CERTIFICATE_REVOKED, Flaw.REVOCATION_UNKNOWN):
        held = [chain for chain, found in zip(chains, flaws, strict=True) if found is flaw]
        if held:
            return max(held, key=lambda chain: chain.end), flaw
    raise AssertionError("a certificate is shown with at least one chain")


@lru_cache(maxsize=_REMEMBERED)
def _shown(authorities: Authorities, der: bytes) -> tuple[bytes, tuple[_Chain, ...]]:
    """Return what *der* shows: SM3 of its key, and its chains, at least one.

    Raises:
        IdentityError: If it cannot be read, or was not issued by an authority in the file.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        raise IdentityError("a client certificate cannot be read") from None
    key = key_of(certificate)
    chains = _chains(certificate, authorities.certificates, depth=_MAX_CHAIN)
    if not chains:
        raise IdentityError("a client certificate has no chain within `tls.client_ca`")
    return sm3(key), tuple(chains)


def _chains(
    certificate: x509.Certificate, above: Sequence[x509.Certificate], *, depth: int
) -> list[_Chain]:
    """Return every chain from *certificate* up to a root."""
    found = []
    for issuer in above:
        if depth == 0 or issuer == certificate or not _issued(certificate, issuer):
            continue
        own = _link(certificate, issuer)
        if issuer.issuer == issuer.subject:
            found.append(_root(issuer).within(own))
        found.extend(chain.within(own) for chain in _chains(issuer, above, depth=depth - 1))
    return found


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        verify_issued(certificate, issuer)
    except SignatureError:
        return False
    return True


def _link(certificate: x509.Certificate, issuer: x509.Certificate) -> _Chain:
    return _Chain(
        start=certificate.not_valid_before_utc,
        end=certificate.not_valid_after_utc,
        links=((certificate.serial_number, authority_id(issuer)),),
    )


def _root(certificate: x509.Certificate) -> _Chain:
    return _Chain(
        start=certificate.not_valid_before_utc, end=certificate.not_valid_after_utc, links=()
    )
