# SPDX-License-Identifier: Apache-2.0
"""The table ``[front_end]``: the socket of a gateway on this machine that ends TLCP."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from govshare_sidecar._table import Table
from govshare_sidecar.tls_settings import read_crl

_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_MODE: Final = re.compile(r"0[0-7]{3}")
_FOR_ALL: Final = 0o007
_UID: Final = re.compile(r"0|[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndConfig:
    """A listener of the reverse proxy on a Unix socket.

    Attributes:
        mode: Permissions of the socket.
        peers: User ids that the process on the other side may have.
        header: Where it says which certificate the client showed: PEM or DER, percent-encoded.
        client_ca: Authorities of those certificates.
        crl: Their revocation lists, as in ``[tls]``.
    """

    listen: Path
    mode: int
    peers: frozenset[int]
    header: str
    network: str
    client_ca: Path
    crl: tuple[Path, ...]


def read_front_end(table: Table) -> FrontEndConfig:
    """Return what *table* says.

    Raises:
        ConfigError: If a key is unknown, missing or wrong.
    """
    mode, header, peers = table.text("mode", "0660"), _header(table), table.texts("peer_uids")
    if not _MODE.fullmatch(mode) or int(mode, 8) & _FOR_ALL:
        raise table.error("mode", "is a mode such as 0660, with nothing for everybody")
    if not all(map(_UID.fullmatch, peers)):
        raise table.error("peer_uids", "is a list of user ids, each a number in quotes")
    config = FrontEndConfig(
        listen=table.path("listen"),
        mode=int(mode, 8),
        peers=frozenset(map(int, peers)),
        header=header,
        network=table.text("network", "extranet"),
        client_ca=table.file("client_ca"),
        crl=read_crl(table),
    )
    table.finish()
    return config


def _header(table: Table) -> str:
    header = table.text("certificate_header", "Govshare-Client-Certificate")
    if not _HEADER.fullmatch(header):
        raise table.error("certificate_header", "is no name of a header")
    return header
