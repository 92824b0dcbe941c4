# SPDX-License-Identifier: Apache-2.0
"""Revocation lists for tests."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.e2e.pki import NOW, Authority, Pair

WEEK = timedelta(days=7)
Builder: TypeAlias = x509.CertificateRevocationListBuilder


def crl(
    authority: Authority,
    revoked: Sequence[Pair] = (),
    *,
    start: datetime = NOW - timedelta(days=1),
    end: datetime = NOW + WEEK,
    changed: Callable[[Builder], Builder] = lambda builder: builder,
) -> x509.CertificateRevocationList:
    """Return a list of *authority* that takes *revoked* back."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.name)
        .last_update(start)
        .next_update(end)
    )
    for pair in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(pair.parsed.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(start).build())
    # What signs certificates signs lists as well.
    sign: Any = authority.sign
    signed: x509.CertificateRevocationList = sign(changed(builder))
    return signed


def write(path: Path, *lists: x509.CertificateRevocationList) -> Path:
    """Write *lists* to *path* in PEM, at once: whoever reads sees all or nothing."""
    aside = path.with_name(f".{path.name}")
    aside.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in lists))
    aside.replace(path)
    return path
