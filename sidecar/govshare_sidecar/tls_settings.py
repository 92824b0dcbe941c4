# SPDX-License-Identifier: Apache-2.0
"""The tables ``[tls]`` and ``[national_tls]``: certificates, authorities and their lists."""

from dataclasses import dataclass
from pathlib import Path

from govshare_sidecar._settings import Address, read_address
from govshare_sidecar._table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """PEM files: our certificate and key, and the authorities that clients' certificates are of.

    Attributes:
        crl: Revocation lists of those authorities, PEM or DER. With none, only the registers
            say what is revoked; with one, every authority has to have its own.
        watch_s: How often the files are looked at for changes.
    """

    certificate: Path
    key: Path
    client_ca: Path
    crl: tuple[Path, ...] = ()
    watch_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalTlsConfig:
    """One more listener of the reverse proxy, over TLS 1.3 with the national algorithms."""

    listen: Address
    network: str
    tls: TlsConfig


def read_tls(table: Table) -> TlsConfig:
    """Return what *table* says.

    Raises:
        ConfigError: If a key is unknown, missing or wrong, or a file is not there.
    """
    tls = _files(table)
    table.finish()
    return tls


def read_national_tls(table: Table) -> NationalTlsConfig:
    """Return what *table* says.

    Raises:
        ConfigError: If a key is unknown, missing or wrong, or a file is not there.
    """
    config = NationalTlsConfig(
        listen=read_address(table),
        network=table.text("network", "extranet"),
        tls=_files(table),
    )
    table.finish()
    return config


def read_crl(table: Table) -> tuple[Path, ...]:
    """Return the files that ``crl`` lists, all of them there; none if it is left out.

    Raises:
        ConfigError: If it is no list, or one of them is not there.
    """
    paths = tuple(map(table.resolve, table.texts("crl"))) if table.has("crl") else ()
    if not all(path.is_file() for path in paths):
        raise table.error("crl", "names a file that is not there")
    return paths


def _files(table: Table) -> TlsConfig:
    return TlsConfig(
        certificate=table.file("certificate"),
        key=table.file("key"),
        client_ca=table.file("client_ca"),
        crl=read_crl(table),
        watch_s=table.seconds("watch_s", 5.0),
    )
