# SPDX-License-Identifier: Apache-2.0
"""What a department's API is shown, so that it can answer the sidecar and nobody else."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from govshare_sidecar._settings import read_key, read_passphrase
from govshare_sidecar._table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureConfig:
    """The header ``Govshare-Signature``.

    Attributes:
        key: ``file:PATH`` or ``sdf:/LIBRARY?key=N``; an SM2 key of its own, not that of the log.
        audience: The name of the API, as it knows itself.
    """

    key: str
    passphrase: bytes = field(repr=False)
    audience: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownConfig:
    """How the sidecar makes itself known to an API.

    Attributes:
        certificate: For mutual TLS, with its *key*; both or neither.
        signature: On each request, if any.
    """

    certificate: Path | None = None
    key: Path | None = None
    signature: SignatureConfig | None = None


NOTHING_SHOWN: Final = ShownConfig()


def read_shown(table: Table, upstream: str) -> ShownConfig:
    """Return what the keys of *table* say is shown to *upstream*.

    Raises:
        ConfigError: If a key is wrong, or a certificate is to be shown without its key, or over
            plain HTTP.
    """
    signature = _signature(table.table("signature")) if table.has("signature") else None
    if not table.has("upstream_certificate") and not table.has("upstream_key"):
        return ShownConfig(signature=signature)
    certificate, key = table.file("upstream_certificate"), table.file("upstream_key")
    if not upstream.startswith("https:"):
        raise table.error("upstream_certificate", "is shown over https only")
    return ShownConfig(certificate=certificate, key=key, signature=signature)


def _signature(table: Table) -> SignatureConfig:
    config = SignatureConfig(
        key=read_key(table),
        passphrase=read_passphrase(table),
        audience=table.text("audience"),
    )
    table.finish()
    return config
