# SPDX-License-Identifier: Apache-2.0
"""The table ``[authzen]``: where the OpenID Authorization API is served."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from govshare_sidecar._settings import Address, read_address
from govshare_sidecar._table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthzenConfig:
    """The listener of the Authorization API.

    Attributes:
        url: What the discovery document says instead of believing a ``Host`` header:
            ``https://``, a host and perhaps a port, without a slash at the end.
    """

    listen: Address
    network: str
    url: str


def read_authzen(table: Table) -> AuthzenConfig:
    """Return what *table* says.

    Raises:
        ConfigError: If a key is unknown, missing or wrong.
    """
    config = AuthzenConfig(
        listen=read_address(table),
        network=table.text("network", "extranet"),
        url=_url(table),
    )
    table.finish()
    return config


def _url(table: Table) -> str:
    text = table.text("url").removesuffix("/")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise table.error("url", "is not a URL") from None
    more = parts.path or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme != "https" or not parts.hostname or more:
        raise table.error("url", "is https://, a host and perhaps a port, and nothing else")
    return text
