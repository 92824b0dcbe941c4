# SPDX-License-Identifier: Apache-2.0
"""The configuration: one TOML file, read once, strictly, into frozen values.

docs/reference/configuration.md describes every key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import (
    Address,
    load_table,
    read_address,
    read_key,
    read_monitor,
    read_passphrase,
    read_upstream,
)
from govshare_sidecar._table import Table
from govshare_sidecar.auditors import NO_AUDITORS, Auditors, read_auditors
from govshare_sidecar.auth_request_settings import AuthRequestConfig, read_auth_request
from govshare_sidecar.authzen_settings import AuthzenConfig, read_authzen
from govshare_sidecar.egress.reading_settings import read_egress
from govshare_sidecar.egress.settings import EgressConfig
from govshare_sidecar.envelope_settings import (
    EnvelopeConfig,
    SubjectsConfig,
    read_envelope,
    read_subjects,
)
from govshare_sidecar.envoy.settings import EnvoyConfig, read_envoy
from govshare_sidecar.front_end_settings import FrontEndConfig, read_front_end
from govshare_sidecar.grpc_proxy.settings import GrpcProxyConfig, read_grpc_proxy
from govshare_sidecar.grpc_settings import GrpcConfig, read_grpc
from govshare_sidecar.heartbeat_settings import HeartbeatsConfig, read_heartbeats
from govshare_sidecar.limits import NO_LIMITS_STATED, Limits, read_limits
from govshare_sidecar.logs import USUAL_MESSAGES, Messages, read_messages
from govshare_sidecar.overrides import Override, blaming
from govshare_sidecar.pins import PinConfig, read_pins
from govshare_sidecar.policy_settings import (
    OpenPolicy,
    ShadowConfig,
    SignedPolicy,
    read_policy,
    read_shadow,
    read_workers,
)
from govshare_sidecar.route_settings import read_routes
from govshare_sidecar.routes import Route
from govshare_sidecar.seen_lists import FILE
from govshare_sidecar.tls_settings import (
    NationalTlsConfig,
    TlsConfig,
    read_national_tls,
    read_tls,
)
from govshare_sidecar.tracing_settings import TracingConfig, read_tracing
from govshare_sidecar.upstream_settings import NOTHING_SHOWN, ShownConfig, read_shown
from govshare_sidecar.witness.peers import WatchConfig, read_watch

__all__ = [
    "Config",
    "GrpcConfig",
    "HttpConfig",
    "LogConfig",
    "OpenPolicy",
    "SignedPolicy",
    "TlsConfig",
    "load_config",
]

_T = TypeVar("_T")


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
class HttpConfig:
    """The reverse proxy.

    Attributes:
        upstream: ``http://host:port`` on loopback, or ``https://host:port``; no path.
        upstream_ca: Authorities of an ``https`` upstream; ``None`` means those of the host.
        stream_timeout_s: For an answer that is released as it comes, to its end.
        shown: How the upstream knows that it is we who ask.
    """

    listen: Address
    network: str
    upstream: str
    upstream_ca: Path | None
    upstream_timeout_s: float
    max_request_bytes: int
    max_response_bytes: int
    routes: tuple[Route, ...]
    stream_timeout_s: float = 3600.0
    shown: ShownConfig = NOTHING_SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the sidecar is told. The table of at least one entrance is there.

    Attributes:
        seen_lists: Where it is remembered how far the revocation lists have come; one file for
            all processes.
        workers: How many processes share the listeners, each with a log of its own; 0 for this
            process alone, with one log.
        watch_s: How often files are looked at for a change, in seconds; none if only when told.
    """

    policy: OpenPolicy | SignedPolicy
    log: LogConfig
    envelope: EnvelopeConfig
    subjects: SubjectsConfig
    tls: TlsConfig
    seen_lists: Path
    grpc: GrpcConfig | None
    http: HttpConfig | None
    metrics: Address | None
    limits: Limits = NO_LIMITS_STATED
    auditors: Auditors = NO_AUDITORS
    envoy: EnvoyConfig | None = None
    grpc_proxy: GrpcProxyConfig | None = None
    authzen: AuthzenConfig | None = None
    auth_request: AuthRequestConfig | None = None
    national_tls: NationalTlsConfig | None = None
    front_end: FrontEndConfig | None = None
    shadow: ShadowConfig | None = None
    egress: EgressConfig | None = None
    heartbeats: HeartbeatsConfig | None = None
    messages: Messages = USUAL_MESSAGES
    tracing: TracingConfig | None = None
    workers: int = 0
    watch_s: float | None = None


def load_config(
    path: Path, overrides: Sequence[Override] = (), *, text: bytes | None = None
) -> Config:
    """Load the configuration file *path*; the paths in it are relative to it.

    *overrides* stand in place of what the file says; their paths are relative to the file too.
    *text* is what the file said when it was read first, if it was.

    Raises:
        ConfigError: If the file or one it names cannot be read, or a key is unknown, missing or
            wrong. The message names the file and the key.
    """
    with blaming(overrides):
        return _config(load_table(path, overrides, text=text), name=path.name)


def _config(root: Table, *, name: str) -> Config:
    tls = read_tls(root.table("tls"))
    log = _log(root.table("log"))
    config = Config(
        policy=read_policy(root),
        log=log,
        envelope=read_envelope(root, log.directory, origin=log.origin),
        subjects=read_subjects(root, log.directory),
        tls=tls,
        seen_lists=log.directory.with_name(FILE),
        grpc=read_grpc(root.table("grpc")) if root.has("grpc") else None,
        http=_http(root.table("http")) if root.has("http") else None,
        metrics=read_monitor(root.table("metrics")) if root.has("metrics") else None,
        limits=read_limits(root.table("limits")) if root.has("limits") else NO_LIMITS_STATED,
        auditors=read_auditors(root.table("audit")) if root.has("audit") else NO_AUDITORS,
        envoy=_envoy(root.table("envoy"), tls) if root.has("envoy") else None,
        grpc_proxy=read_grpc_proxy(root.table("grpc_proxy")) if root.has("grpc_proxy") else None,
        authzen=read_authzen(root.table("authzen")) if root.has("authzen") else None,
        auth_request=_auth_request(root.table("auth_request"), tls)
        if root.has("auth_request")
        else None,
        national_tls=_beside_http(root, "national_tls", read_national_tls),
        front_end=_beside_http(root, "front_end", read_front_end),
        messages=read_messages(root.table("messages")) if root.has("messages") else USUAL_MESSAGES,
        tracing=read_tracing(root.table("tracing")) if root.has("tracing") else None,
        shadow=read_shadow(root.table("shadow")) if root.has("shadow") else None,
        egress=read_egress(root.table("egress")) if root.has("egress") else None,
        heartbeats=read_heartbeats(root.table("heartbeats")) if root.has("heartbeats") else None,
        workers=read_workers(root) if root.has("workers") else 0,
        watch_s=root.seconds("watch_s", 1.0) if root.has("watch_s") else None,
    )
    root.finish()
    data_path = (config.grpc, config.http, config.envoy, config.grpc_proxy)
    if not any((*data_path, config.authzen, config.auth_request, config.egress)):
        tables = "[grpc], [http], [envoy], [grpc_proxy], [authzen], [auth_request] and [egress]"
        raise ConfigError(f"{name}: there is neither of the tables {tables}")
    if config.workers and not config.envelope.audience:
        # Each worker would open only what is addressed to the log of that worker.
        raise ConfigError(f"{name}: `workers` need `log.origin` or `envelope.audience`; state one")
    return config


def _beside_http(root: Table, key: str, read: Callable[[Table], _T]) -> _T | None:
    """Return what the table *key* says, one more listener in front of the API of ``[http]``."""
    if not root.has(key):
        return None
    if not root.has("http"):
        raise root.error(key, "is a further listener of [http], which is not there")
    return read(root.table(key))


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


def _http(table: Table) -> HttpConfig:
    upstream = read_upstream(table)
    http = HttpConfig(
        listen=read_address(table),
        network=table.text("network", "extranet"),
        upstream=upstream,
        upstream_ca=table.file("upstream_ca") if table.has("upstream_ca") else None,
        upstream_timeout_s=table.seconds("upstream_timeout_s", 5.0),
        max_request_bytes=table.count("max_request_bytes", 1 << 20),
        max_response_bytes=table.count("max_response_bytes", 8 << 20),
        routes=read_routes(table.tables("route")),
        stream_timeout_s=table.seconds("stream_timeout_s", 3600.0),
        shown=read_shown(table, upstream),
    )
    table.finish()
    return http


def _auth_request(table: Table, tls: TlsConfig) -> AuthRequestConfig:
    return read_auth_request(table, client_ca=tls.client_ca)


def _envoy(table: Table, tls: TlsConfig) -> EnvoyConfig:
    routes = read_routes(table.tables("route")) if table.has("route") else ()
    if any(route.streams for route in routes):
        raise table.error("route", "has no `stream`: Envoy hands answers over as it has them")
    return read_envoy(table, routes=routes, client_ca=tls.client_ca)
