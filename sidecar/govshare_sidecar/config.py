# SPDX-License-Identifier: Apache-2.0
"""The configuration: one TOML file, read once, strictly, into frozen values.

docs/reference/configuration.md describes every key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from govshare_policy.errors import ConfigError
from govshare_policy.policy import Precedence
from govshare_sidecar._settings import (
    Address,
    load_table,
    read_address,
    read_key,
    read_passphrase,
    read_upstream,
)
from govshare_sidecar._table import Table
from govshare_sidecar.auditors import NO_AUDITORS, Auditors, read_auditors
from govshare_sidecar.auth_request_settings import AuthRequestConfig, read_auth_request
from govshare_sidecar.authzen_settings import AuthzenConfig, read_authzen
from govshare_sidecar.descriptors import read_message
from govshare_sidecar.envoy.settings import EnvoyConfig, read_envoy
from govshare_sidecar.grpc_proxy_settings import GrpcProxyConfig, read_grpc_proxy
from govshare_sidecar.limits import NO_LIMITS_STATED, Limits, read_limits
from govshare_sidecar.overrides import Override, blaming
from govshare_sidecar.pins import PinConfig, read_pins
from govshare_sidecar.routes import Form, Route, RouteError
from govshare_sidecar.witness.peers import WatchConfig, read_watch


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
        key: ``file:PATH``, relative to nothing but the working directory, or
            ``sdf:/LIBRARY?key=N``.
        passphrase: What the key is encrypted under, or its access code; never shown.
        pins: What remembers how far the log has come.
        salts: Where the salts of commitments to personal values are kept.
        witness: Who has to see what was recorded; none if nobody has to.
    """

    directory: Path
    origin: str
    key: str
    passphrase: bytes = field(repr=False)
    pins: PinConfig
    salts: Path
    witness: WatchConfig | None = None


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
    """Everything the sidecar is told. The table of at least one entrance is there."""

    policy: OpenPolicy | SignedPolicy
    log: LogConfig
    tls: TlsConfig
    grpc: GrpcConfig | None
    http: HttpConfig | None
    metrics: Address | None
    limits: Limits = NO_LIMITS_STATED
    auditors: Auditors = NO_AUDITORS
    envoy: EnvoyConfig | None = None
    grpc_proxy: GrpcProxyConfig | None = None
    authzen: AuthzenConfig | None = None
    auth_request: AuthRequestConfig | None = None


def load_config(path: Path, overrides: Sequence[Override] = ()) -> Config:
    """Load the configuration file *path*; the paths in it are relative to it.

    *overrides* stand in place of what the file says; their paths are relative to the file too.

    Raises:
        ConfigError: If the file or one it names cannot be read, or a key is unknown, missing or
            wrong. The message names the file and the key.
    """
    with blaming(overrides):
        return _config(load_table(path, overrides), name=path.name)


def _config(root: Table, *, name: str) -> Config:
    tls = _tls(root.table("tls"))
    config = Config(
        policy=_policy(root),
        log=_log(root.table("log")),
        tls=tls,
        grpc=_grpc(root.table("grpc")) if root.has("grpc") else None,
        http=_http(root.table("http")) if root.has("http") else None,
        metrics=_metrics(root.table("metrics")) if root.has("metrics") else None,
        limits=read_limits(root.table("limits")) if root.has("limits") else NO_LIMITS_STATED,
        auditors=read_auditors(root.table("audit")) if root.has("audit") else NO_AUDITORS,
        envoy=_envoy(root.table("envoy"), tls) if root.has("envoy") else None,
        grpc_proxy=read_grpc_proxy(root.table("grpc_proxy")) if root.has("grpc_proxy") else None,
        authzen=read_authzen(root.table("authzen")) if root.has("authzen") else None,
        auth_request=_auth_request(root.table("auth_request"), tls)
        if root.has("auth_request")
        else None,
    )
    root.finish()
    data_path = (config.grpc, config.http, config.envoy, config.grpc_proxy)
    if not any((*data_path, config.authzen, config.auth_request)):
        tables = "[grpc], [http], [envoy], [grpc_proxy], [authzen] and [auth_request]"
        raise ConfigError(f"{name}: there is neither of the tables {tables}")
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
    directory = table.path("directory")
    log = LogConfig(
        directory=directory,
        origin=table.text("origin", ""),
        key=read_key(table),
        passphrase=read_passphrase(table),
        pins=read_pins(table),
        salts=table.path("salts") if table.has("salts") else directory.with_name("salts.sqlite"),
        witness=read_watch(table.table("witness")) if table.has("witness") else None,
    )
    table.finish()
    return log


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
        listen=read_address(table),
        network=table.text("network", "extranet"),
        reflection=table.flag("reflection", default=False),
    )
    table.finish()
    return grpc


def _http(table: Table) -> HttpConfig:
    http = HttpConfig(
        listen=read_address(table),
        network=table.text("network", "extranet"),
        upstream=read_upstream(table),
        upstream_ca=table.file("upstream_ca") if table.has("upstream_ca") else None,
        upstream_timeout_s=table.seconds("upstream_timeout_s", 5.0),
        max_request_bytes=table.count("max_request_bytes", 1 << 20),
        max_response_bytes=table.count("max_response_bytes", 8 << 20),
        routes=_routes(table.tables("route")),
    )
    table.finish()
    return http


def _auth_request(table: Table, tls: TlsConfig) -> AuthRequestConfig:
    return read_auth_request(table, client_ca=tls.client_ca)


def _envoy(table: Table, tls: TlsConfig) -> EnvoyConfig:
    routes = _routes(table.tables("route")) if table.has("route") else ()
    return read_envoy(table, routes=routes, client_ca=tls.client_ca)


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
    form = Form(table.choice("format", tuple(Form), Form.JSON))
    message = read_message(table, route.records) if form is Form.PROTOBUF else None
    table.finish()
    return route.answered_in(form, message)


def _metrics(table: Table) -> Address:
    listen = read_address(table, default="127.0.0.1:9102")
    table.finish()
    return listen
