# SPDX-License-Identifier: Apache-2.0
"""The configuration: one TOML file, read once, strictly, into frozen values.

docs/reference/configuration.md describes every key.
"""

import ipaddress
import tomllib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from govshare_policy.errors import ConfigError
from govshare_policy.policy import Precedence
from govshare_sidecar._table import Table, why
from govshare_sidecar.routes import Route, RouteError

MAX_PORT: Final = 65_535
_KEY_SCHEME: Final = "file:"
_READABLE_BY_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a listener stands; port 0 means any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPolicy:
    """Registers and texts read as they lie there: for development and small deployments."""

    profile: str
    precedence: Precedence
    data: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPolicy:
    """Production mode: registers and texts out of a bundle that *key* signed, or none at all.

    Attributes:
        key: PEM file of the SM2 public key.
        not_before: A bundle made earlier is refused, so that an old one cannot come back.
    """

    bundle: Path
    key: Path
    not_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """The audit log.

    Attributes:
        origin: The name of a new log; empty means that of this host, or the log's own.
        key: ``file:PATH``, relative to nothing but the working directory.
        passphrase: What the key is encrypted under; never shown.
        salts: Where the salts of commitments to personal values are kept.
    """

    directory: Path
    origin: str
    key: str
    passphrase: bytes = field(repr=False)
    pin: Path
    salts: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """PEM files: our certificate and key, and the authorities that clients' certificates are of."""

    certificate: Path
    key: Path
    client_ca: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcConfig:
    """The listener of ``govshare.v1.Enforcement``."""

    listen: Address
    network: str
    reflection: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """The reverse proxy.

    Attributes:
        upstream: ``http://host:port`` on loopback, or ``https://host:port``; no path.
        upstream_ca: Authorities of an ``https`` upstream; ``None`` means those of the host.
    """

    listen: Address
    network: str
    upstream: str
    upstream_ca: Path | None
    upstream_timeout_s: float
    max_request_bytes: int
    max_response_bytes: int
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the sidecar is told. At least one of *grpc* and *http* is there."""

    policy: OpenPolicy | SignedPolicy
    log: LogConfig
    tls: TlsConfig
    grpc: GrpcConfig | None
    http: HttpConfig | None
    metrics: Address | None


def load_config(path: Path) -> Config:
    """Load the configuration file *path*; the paths in it are relative to it.

    Raises:
        ConfigError: If the file or one it names cannot be read, or a key is unknown, missing or
            wrong. The message names the file and the key.
    """
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8", "strict"))
    except OSError as error:
        raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: not valid UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        reason = str(error).lower()
        raise ConfigError(f"{path.name}: not valid TOML: {reason}") from None
    root = Table(document, file=path.resolve())
    config = Config(
        policy=_policy(root),
        log=_log(root.table("log")),
        tls=_tls(root.table("tls")),
        grpc=_grpc(root.table("grpc")) if root.has("grpc") else None,
        http=_http(root.table("http")) if root.has("http") else None,
        metrics=_metrics(root.table("metrics")) if root.has("metrics") else None,
    )
    root.finish()
    if config.grpc is None and config.http is None:
        raise ConfigError(f"{path.name}: there is neither a [grpc] nor an [http] table")
    return config


def _policy(root: Table) -> OpenPolicy | SignedPolicy:
    if not root.has("bundle"):
        return OpenPolicy(
            profile=root.text("profile"),
            precedence=Precedence(root.choice("precedence", tuple(Precedence), "strictest")),
            data=root.path("data"),
        )
    for key in ("profile", "precedence", "data"):
        if root.has(key):
            raise root.error(key, "stands in the signed bundle; leave it out beside `bundle`")
    return SignedPolicy(
        bundle=root.path("bundle"),
        key=root.file("bundle_key"),
        not_before=root.instant("bundle_not_before") if root.has("bundle_not_before") else None,
    )


def _log(table: Table) -> LogConfig:
    key = table.text("key")
    if not key.startswith(_KEY_SCHEME):
        raise table.error("key", "is `file:` and a path; no other scheme is known")
    directory = table.path("directory")
    log = LogConfig(
        directory=directory,
        origin=table.text("origin", ""),
        key=f"{_KEY_SCHEME}{table.resolve(key.removeprefix(_KEY_SCHEME))}",
        passphrase=_passphrase(table),
        pin=table.path("pin"),
        salts=table.path("salts") if table.has("salts") else directory.with_name("salts.sqlite"),
    )
    table.finish()
    return log


def _passphrase(table: Table) -> bytes:
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


def _tls(table: Table) -> TlsConfig:
    tls = TlsConfig(
        certificate=table.file("certificate"),
        key=table.file("key"),
        client_ca=table.file("client_ca"),
    )
    table.finish()
    return tls


def _grpc(table: Table) -> GrpcConfig:
    grpc = GrpcConfig(
        listen=_address(table),
        network=table.text("network", "extranet"),
        reflection=table.flag("reflection", default=False),
    )
    table.finish()
    return grpc


def _http(table: Table) -> HttpConfig:
    http = HttpConfig(
        listen=_address(table),
        network=table.text("network", "extranet"),
        upstream=_upstream(table),
        upstream_ca=table.file("upstream_ca") if table.has("upstream_ca") else None,
        upstream_timeout_s=table.seconds("upstream_timeout_s", 5.0),
        max_request_bytes=table.count("max_request_bytes", 1 << 20),
        max_response_bytes=table.count("max_response_bytes", 8 << 20),
        routes=_routes(table.tables("route")),
    )
    table.finish()
    return http


def _routes(tables: tuple[Table, ...]) -> tuple[Route, ...]:
    routes: list[Route] = []
    for table in tables:
        try:
            route = _route(table)
            for other in routes:
                route.verify_distinct(other)
        except RouteError as error:
            raise table.error(error.key, str(error)) from None
        routes.append(route)
    return tuple(routes)


def _route(table: Table) -> Route:
    fields: tuple[str, ...] = ("*",)
    if table.has("fields") or not table.has("fields_parameter"):
        fields = table.texts("fields")
    if "*" in fields and fields != ("*",):
        raise table.error("fields", "names `*` beside other fields")
    route = Route.parse(
        method=table.choice("method", ("GET", "POST")),
        path=table.text("path"),
        resource=table.text("resource"),
        channel=table.text("channel", "api"),
        fields=fields,
        fields_parameter=table.text("fields_parameter", ""),
        parameters=table.texts("parameters") if table.has("parameters") else (),
        records=table.text("records", ""),
    )
    table.finish()
    return route


def _metrics(table: Table) -> Address:
    listen = _address(table, default="127.0.0.1:9102")
    table.finish()
    return listen


def _address(table: Table, default: str | None = None) -> Address:
    text = table.text("listen", default)
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdecimal() or int(port) > MAX_PORT:
        raise table.error("listen", "is a host and a port, such as 127.0.0.1:8443")
    return Address(host=host, port=int(port))


def _upstream(table: Table) -> str:
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
