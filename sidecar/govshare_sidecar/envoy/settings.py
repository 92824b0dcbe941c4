# SPDX-License-Identifier: Apache-2.0
"""The table ``[envoy]``: which Envoys may ask, and what for."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import Address, read_address
from govshare_sidecar._table import Table, why
from govshare_sidecar.descriptors import load_descriptors
from govshare_sidecar.envoy.peer import spki_of
from govshare_sidecar.grpc_proxy.settings import RpcRoute, read_rpc_routes
from govshare_sidecar.grpc_settings import Transport, read_transport
from govshare_sidecar.routes import Route

_CANARY: Final = Address(host="127.0.0.1", port=9446)


class Filter(StrEnum):
    """The filter of Envoy that asks."""

    EXT_PROC = "ext_proc"
    EXT_AUTHZ = "ext_authz"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConfig:
    """One listener of an Envoy that may ask.

    Attributes:
        name: For the messages about it: the file of its certificate, and its address.
        spki: SM3 of the key of the certificate that it shows to the sidecar; 32 bytes.
        filter: Which of its filters asks.
        url: ``https://host:port`` of the listener, which has to show there that it fails closed.
        ca: Authorities of the certificate on that listener; ``None`` means those of the host.
    """

    name: str
    spki: bytes
    filter: Filter
    url: str
    ca: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyConfig:
    """The listener for Envoys.

    Attributes:
        listen: Where ``Authorization`` and ``ExternalProcessor`` are served, over mutual TLS.
        network: The network that the Envoys' own listeners stand on.
        client_ca: Authorities of the certificates that Envoys show to the sidecar.
        canary: Where the upstream of the self-test is served, in plain HTTP.
        rpcs: The methods of gRPC that are let through, by their paths.
        exact: Paths of the routes behind which nothing comes back but the fields that were asked
            for; ``ext_authz``, which cannot filter, lets requests on to them only.
        transport: What speaks HTTP/2 with the Envoys.
    """

    listen: Address
    network: str
    client_ca: Path
    canary: Address
    max_request_bytes: int
    max_response_bytes: int
    proxies: tuple[ProxyConfig, ...]
    routes: tuple[Route, ...]
    rpcs: Mapping[str, RpcRoute]
    exact: frozenset[str]
    transport: Transport = Transport.GRPCIO


def read_envoy(table: Table, *, routes: tuple[Route, ...], client_ca: Path) -> EnvoyConfig:
    """Return what the table ``[envoy]`` says, with the *routes* over HTTP that stand in it.

    Raises:
        ConfigError: If a key is unknown, missing or wrong, or a certificate cannot be read.
    """
    proxies = tuple(_read_proxy(proxy) for proxy in table.tables("proxy"))
    config = EnvoyConfig(
        listen=read_address(table),
        network=table.text("network", "extranet"),
        client_ca=table.file("client_ca") if table.has("client_ca") else client_ca,
        canary=_read_canary(table.table("canary")) if table.has("canary") else _CANARY,
        max_request_bytes=table.count("max_request_bytes", 1 << 20),
        max_response_bytes=table.count("max_response_bytes", 8 << 20),
        proxies=proxies,
        routes=routes,
        rpcs=_read_rpcs(table) if table.has("grpc") else {},
        exact=_read_exact(table, routes) if table.has("exact") else frozenset(),
        transport=read_transport(table),
    )
    table.finish()
    if not routes and not config.rpcs:
        raise table.error("route", "is missing, and so is `grpc`: nothing would be let through")
    if len({proxy.url for proxy in proxies}) != len(proxies):
        raise table.error("proxy", "names one `url` twice")
    return config


def _read_exact(table: Table, routes: tuple[Route, ...]) -> frozenset[str]:
    exact = frozenset(table.texts("exact"))
    for path in exact:
        named = [route for route in routes if route.path == path]
        if not named:
            raise table.error("exact", f"names `{path}`, which is the `path` of no route")
        if any("*" in route.fields and not route.fields_parameter for route in named):
            raise table.error("exact", f"names `{path}`, whose route does not name its fields")
    return exact


def _read_rpcs(table: Table) -> dict[str, RpcRoute]:
    pool = load_descriptors(table.file("descriptor_set"))
    return read_rpc_routes(table.tables("grpc"), pool)


def _read_canary(table: Table) -> Address:
    listen = read_address(table)
    table.finish()
    return listen


def _read_proxy(table: Table) -> ProxyConfig:
    path = table.file("certificate")
    url = table.text("url").removesuffix("/")
    if not _is_address(url):
        raise table.error("url", "is https://, a host and a port, and nothing else")
    proxy = ProxyConfig(
        name=f"{path.name} {url}",
        spki=_spki(path),
        filter=Filter(table.choice("filter", tuple(Filter), Filter.EXT_PROC)),
        url=url,
        ca=table.file("ca") if table.has("ca") else None,
    )
    table.finish()
    return proxy


def _spki(path: Path) -> bytes:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None
    except ValueError:
        raise ConfigError(f"`{path.name}` does not hold a certificate in PEM") from None
    return spki_of(certificate)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    more = parts.path or parts.query or parts.fragment or parts.username or parts.password
    return parts.scheme == "https" and bool(parts.hostname) and not more
