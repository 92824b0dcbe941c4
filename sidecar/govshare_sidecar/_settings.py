# SPDX-License-Identifier: Apache-2.0
"""What more than one configuration file holds: an address, a key, and the file itself."""

import ipaddress
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from govshare_policy.errors import ConfigError
from govshare_sidecar._table import Table, why
from govshare_sidecar.overrides import Override, overridden

MAX_PORT: Final = 65_535
_KEY_SCHEME: Final = "file:"
_DEVICE_SCHEME: Final = "sdf:/"
_READABLE_BY_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a listener stands.

    Attributes:
        port: 0 means any free one.
        shared: Whether other processes of this deployment listen there too.
    """

    host: str
    port: int
    shared: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def load_table(
    path: Path, overrides: Iterable[Override] = (), *, text: bytes | None = None
) -> Table:
    """Return the top level of the configuration file *path*; the paths in it are relative to it.

    Where *text* is given it stands for what the file holds, which is not read.

    Raises:
        ConfigError: If the file cannot be read, is not TOML, or *overrides* do not fit it.
    """
    try:
        document = tomllib.loads((path.read_bytes() if text is None else text).decode())
    except OSError as error:
        raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: not valid UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        reason = str(error).lower()
        raise ConfigError(f"{path.name}: not valid TOML: {reason}") from None
    return Table(overridden(document, overrides), file=path.resolve())


def read_key(table: Table) -> str:
    """Return what ``key`` says: a file, its path as the table means it, or a key in a device.

    Raises:
        ConfigError: If it is missing, or of a scheme that is not known.
    """
    key = table.text("key")
    if key.startswith(_DEVICE_SCHEME):
        return key
    if not key.startswith(_KEY_SCHEME):
        raise table.error("key", "is `file:` and a path, or `sdf:/LIBRARY?key=N`")
    return f"{_KEY_SCHEME}{table.resolve(key.removeprefix(_KEY_SCHEME))}"


def read_passphrase(table: Table) -> bytes:
    """Return the first line of the file that ``passphrase_file`` names; its owner alone reads it.

    Raises:
        ConfigError: If it cannot be read, is empty, or is open to others.
    """
    path = table.file("passphrase_file")
    try:
        if path.stat().st_mode & _READABLE_BY_OTHERS:
            raise table.error("passphrase_file", "is open to others than its owner; chmod 600 it")
        passphrase = path.read_bytes().removesuffix(b"\n").removesuffix(b"\r")
    except OSError as error:
        raise table.error("passphrase_file", f"cannot be read: {why(error)}") from None
    if not passphrase:
        raise table.error("passphrase_file", "is empty")
    return passphrase


def read_address(table: Table, default: str | None = None) -> Address:
    """Return what ``listen`` says.

    Raises:
        ConfigError: If it is missing without a *default*, or no host and port.
    """
    text = table.text("listen", default)
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdecimal() or int(port) > MAX_PORT:
        raise table.error("listen", "is a host and a port, such as 127.0.0.1:8443")
    return Address(host=host, port=int(port))


def read_monitor(table: Table) -> Address:
    """Return where the table ``[metrics]`` has the monitor listen.

    Raises:
        ConfigError: If a key is wrong, or not one of these.
    """
    listen = read_address(table, default="127.0.0.1:9102")
    table.finish()
    return listen


def read_upstream(table: Table) -> str:
    """Return what ``upstream`` says: scheme, host and port of a department's API.

    Raises:
        ConfigError: If it is missing, says more than that, or is plain over a network.
    """
    text = table.text("upstream")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise table.error("upstream", "is not a URL") from None
    if parts.scheme not in ("http", "https") or not host or _has_more(parts):
        raise table.error("upstream", "is http:// or https://, a host and a port, and nothing else")
    if parts.scheme == "http" and not _is_loopback(host):
        raise table.error("upstream", "is plain http to another host; use https, or loopback")
    return f"{parts.scheme}://{parts.netloc}"


def _has_more(parts: SplitResult) -> bool:
    return bool(
        parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
