# SPDX-License-Identifier: Apache-2.0
"""Trying a configuration without serving: nothing is written, and nobody is asked."""

import ssl
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from prometheus_client import CollectorRegistry

from govshare_policy.audit.layout import MANIFEST
from govshare_policy.audit.manifest import load_manifest
from govshare_policy.audit.pin_open import FILE_SCHEME, open_pin
from govshare_policy.crypto import open_signer
from govshare_policy.errors import ConfigError
from govshare_policy.register import Register
from govshare_sidecar._settings import Address
from govshare_sidecar._table import why
from govshare_sidecar.basis import load_policy
from govshare_sidecar.config import Config, LogConfig, TlsConfig
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.grpc_settings import Transport, usual_transport
from govshare_sidecar.h2._nghttp2 import PACKAGE
from govshare_sidecar.listeners import proxy_tls_context
from govshare_sidecar.share import written_logs
from govshare_sidecar.tls_tables import TlsTables

_SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What was found in order, and what should be looked at all the same.

    Attributes:
        checked: Sentences, in the order of the checks.
        warnings: Sentences; none of them keeps the sidecar from starting.
    """

    checked: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_document(self) -> dict[str, object]:
        """Return it as a document, ready for JSON."""
        return {"checked": list(self.checked), "warnings": list(self.warnings)}


def validate(config: Config, *, at: datetime) -> Validation:
    """Return what is to be said about *config*, all files of which were read and fit.

    No port is taken, the log is not opened, and pins outside of files, witnesses and the
    department's API are not asked. What is found is true at *at*.

    Raises:
        ConfigError: If a key, a certificate or an address cannot be used.
        FactError: If a register is wrong.
        PolicyError: If the profile is unknown, or its pack is wrong.
        VerificationError: If a signed bundle, or the name of the log, does not verify.
        AuditError: If a pin cannot be read.
    """
    register, bundle = load_policy(config.policy)
    _verify_certificates(config, at=at)
    signer = open_signer(config.log.key, config.log.passphrase)
    listeners = dict(_listeners(config))
    rows = (len(register.systems), len(register.resources), len(register.grants))
    _verify_distinct(listeners)
    return Validation(
        checked=(
            f"texts: `{bundle.profile}`, revision sm3:{bundle.revision.hex()}",
            "registers: {} systems, {} resources, {} grants".format(*rows),
            "certificates and keys of TLS",
            f"signing key: sm3:{signer.public.fingerprint.hex()}",
            f"listeners: {', '.join(f'{name}={at}' for name, at in listeners.items())}",
        ),
        warnings=(
            *(sentence for log in written_logs(config) for sentence in _log_warnings(log)),
            *_expiry_warnings(config.tls, at=at),
            *_list_warnings(config, at=at),
            *_route_warnings(config, register),
            *_transport_warnings(config),
        ),
    )


def _verify_certificates(config: Config, *, at: datetime) -> None:
    TlsTables.open(config, CollectorRegistry(), now=lambda: at, is_trial=True)
    for proxied in (config.envoy, config.auth_request):
        if proxied is not None:
            ClientAuthorities.load(proxied.client_ca)
            proxy_tls_context(config.tls, proxied.client_ca)
    for setting, path in _authorities(config):
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(f"`{setting}` cannot be loaded") from error


def _authorities(config: Config) -> Iterator[tuple[str, Path]]:
    """Yield the files of those who vouch for others that the sidecar connects to."""
    if config.http and config.http.upstream_ca:
        yield "http.upstream_ca", config.http.upstream_ca
    if config.grpc_proxy and config.grpc_proxy.upstream_ca:
        yield "grpc_proxy.upstream_ca", config.grpc_proxy.upstream_ca
    for proxy in config.envoy.proxies if config.envoy else ():
        if proxy.ca:
            yield "envoy.proxy.ca", proxy.ca
    for peer in config.log.witness.peers if config.log.witness else ():
        if peer.ca:
            yield "log.witness.peer.ca", peer.ca


def _listeners(config: Config) -> Iterator[tuple[str, Address]]:
    for name in ("grpc", "http", "grpc_proxy", "envoy", "authzen", "auth_request", "national_tls"):
        entrance = getattr(config, name)
        if entrance is not None:
            yield name, entrance.listen
    if config.envoy is not None:
        yield "envoy.canary", config.envoy.canary
    if config.metrics is not None:
        yield "metrics", config.metrics


def _verify_distinct(listeners: dict[str, Address]) -> None:
    taken = Counter(address for address in listeners.values() if address.port)
    for name, address in listeners.items():
        if taken[address] > 1:
            raise ConfigError(f"`{name}.listen` is an address of another listener too: {address}")


def _log_warnings(log: LogConfig) -> Iterator[str]:
    """Yield what the log in its directory would be opened with a warning for."""
    try:
        names = {path.name for path in log.directory.iterdir()}
    except FileNotFoundError:
        names = set()
    except OSError as error:
        raise ConfigError(f"`log.directory` cannot be read: {why(error)}") from None
    if not names:
        yield "there is no log yet: the first start makes a new one"
        return
    if MANIFEST not in names:
        raise ConfigError(f"`log.directory` is not empty but holds no `{MANIFEST}`")
    origin = load_manifest(log.directory).origin
    if log.origin not in ("", origin):
        raise ConfigError(f"`log.origin` is not the name of the log, which is `{origin}`")
    for name in log.pins.names:
        if name.startswith(FILE_SCHEME):
            pin = open_pin(name)
            if pin.load() is None:
                yield f"the pin `{pin.name}` is missing: a log cut back cannot be told"


def _expiry_warnings(tls: TlsConfig, *, at: datetime) -> Iterator[str]:
    """Yield a sentence for either file of TLS that soon serves nobody."""
    for setting, path in (("certificate", tls.certificate), ("client_ca", tls.client_ca)):
        try:
            read = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError):
            raise ConfigError(f"`tls.{setting}` does not hold certificates in PEM") from None
        ends = min(certificate.not_valid_after_utc for certificate in read)
        begins = max(certificate.not_valid_before_utc for certificate in read)
        if begins > at:
            yield f"a certificate in `tls.{setting}` is not valid before {begins:%Y-%m-%d}"
        if ends < at + _SOON:
            yield f"a certificate in `tls.{setting}` is valid until {ends:%Y-%m-%d}; renew it"


def _list_warnings(config: Config, *, at: datetime) -> Iterator[str]:
    """Yield a sentence for every authority whose clients are refused for want of a list."""
    tables = TlsTables.open(config, CollectorRegistry(), now=lambda: at, is_trial=True)
    yield from tables.notes


def _route_warnings(config: Config, register: Register) -> Iterator[str]:
    """Yield a sentence for every resource of a route that every call would be denied for."""
    for entrance, resource in sorted(set(_resources(config))):
        if resource not in register.resources:
            yield f"a route of [{entrance}] names `{resource}`, which is not in the catalogue"


def _transport_warnings(config: Config) -> Iterator[str]:
    if config.grpc is not None and usual_transport() is Transport.GRPCIO:
        yield (
            f"gRPC is served by grpcio, at several times the cost: the package `{PACKAGE}` is "
            "missing or too old"
        )


def _resources(config: Config) -> Iterator[tuple[str, str]]:
    """Yield the table and the resource of every route."""
    if config.http is not None:
        yield from (("http", route.resource) for route in config.http.routes)
    if config.auth_request is not None:
        yield from (("auth_request", route.resource) for route in config.auth_request.routes)
    if config.grpc_proxy is not None:
        rpcs = config.grpc_proxy.routes.values()
        yield from (("grpc_proxy", route.resource) for route in rpcs)
    if config.envoy is not None:
        yield from (("envoy", route.resource) for route in config.envoy.routes)
        yield from (("envoy", route.resource) for route in config.envoy.rpcs.values())
