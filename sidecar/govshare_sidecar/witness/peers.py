# SPDX-License-Identifier: Apache-2.0
"""The table ``[log.witness]``: who is asked to sign this log, and how many have to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from govshare_policy.audit.checkpoint import check_name
from govshare_policy.crypto import PublicKey, load_public_key
from govshare_policy.errors import VerificationError
from govshare_sidecar._table import Table

MIN_LAG_S: Final = 3.0
_MAX_NAME: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerConfig:
    """One witness.

    Attributes:
        name: In its signature lines.
        url: Where it listens; ``/add-checkpoint`` is appended.
        public: Its key.
        ca: Authorities of an ``https`` address; none means those of the host.
    """

    name: str
    url: str
    public: PublicKey
    ca: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchConfig:
    """The witnesses of this log.

    Attributes:
        required: How many of them have to have seen what was recorded.
        max_lag_s: For how long something recorded may go unseen before no call is answered.
        timeout_s: How long one of them may take for an answer.
    """

    required: int
    max_lag_s: float
    timeout_s: float
    peers: tuple[PeerConfig, ...]


def read_watch(table: Table) -> WatchConfig:
    """Return what the table ``[log.witness]`` says.

    Raises:
        ConfigError: If a key is unknown, missing or wrong, or two witnesses are one.
    """
    watch = WatchConfig(
        required=table.count("required", 0),
        max_lag_s=table.seconds("max_lag_s", 60.0),
        timeout_s=table.seconds("timeout_s", 5.0),
        peers=tuple(_read_peer(peer) for peer in table.tables("peer")),
    )
    table.finish()
    if watch.required > len(watch.peers):
        raise table.error("required", "is more than there are witnesses")
    if watch.max_lag_s < MIN_LAG_S:
        raise table.error("max_lag_s", f"is below {MIN_LAG_S:g}; they are asked once a second")
    names = {peer.name for peer in watch.peers}
    keys = {peer.public.fingerprint for peer in watch.peers}
    if min(len(names), len(keys)) < len(watch.peers):
        raise table.error("peer", "names one witness or one key twice")
    return watch


def _read_peer(table: Table) -> PeerConfig:
    name, url = table.text("name"), table.text("url").removesuffix("/")
    try:
        check_name(name)
    except VerificationError as error:
        raise table.error("name", f"is no name: {error}") from None
    if len(name) > _MAX_NAME:
        raise table.error("name", f"has more than {_MAX_NAME} characters")
    if not _is_address(url):
        raise table.error("url", "is http:// or https://, a host and a port, and perhaps a path")
    peer = PeerConfig(
        name=name,
        url=url,
        public=load_public_key(table.file("public")),
        ca=table.file("ca") if table.has("ca") else None,
    )
    table.finish()
    return peer


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    more = parts.query or parts.fragment or parts.username or parts.password
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not more
