# SPDX-License-Identifier: Apache-2.0
"""The table ``[auth_request]``: which nginx may ask, and for which paths."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import Address, read_address
from govshare_sidecar._table import Table, why
from govshare_sidecar.envoy.peer import spki_of
from govshare_sidecar.routes import Route, RouteError


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthRequestConfig:
    """The listener that nginx asks.

    Attributes:
        network: The network that nginx's own listener stands on.
        client_ca: Authorities of the certificates that nginx shows to the sidecar.
        proxies: SM3 of the keys of those certificates, 32 bytes each.
        exact: Paths of the routes behind which nothing comes back but the fields that they name.
    """

    listen: Address
    network: str
    client_ca: Path
    proxies: frozenset[bytes]
    routes: tuple[Route, ...]
    exact: frozenset[str]


def read_auth_request(table: Table, *, client_ca: Path) -> AuthRequestConfig:
    """Return what *table* says; *client_ca* stands in for what it leaves out.

    Raises:
        ConfigError: If a key is unknown, missing or wrong, or a certificate cannot be read.
    """
    routes: list[Route] = []
    exact = set()
    for part in table.tables("route"):
        route, is_exact = _route(part)
        try:
            for other in routes:
                route.verify_distinct(other)
        except RouteError as error:
            raise part.error(error.key, str(error)) from None
        routes.append(route)
        exact |= {route.path} if is_exact else set()
    config = AuthRequestConfig(
        listen=read_address(table),
        network=table.text("network", "extranet"),
        client_ca=table.file("client_ca") if table.has("client_ca") else client_ca,
        proxies=frozenset(_key(table.resolve(name)) for name in table.texts("proxies")),
        routes=tuple(routes),
        exact=frozenset(exact),
    )
    table.finish()
    return config


def _route(table: Table) -> tuple[Route, bool]:
    """Return a route, and whether it is exact: only ``GET``, for nginx keeps a body to itself."""
    fields = table.texts("fields")
    is_exact = table.flag("exact", default=False)
    if "*" in fields and (is_exact or fields != ("*",)):
        raise table.error("fields", "names `*` beside other fields, or where the route is exact")
    try:
        route = Route.parse(
            method="GET",
            path=table.text("path"),
            resource=table.text("resource"),
            channel=table.text("channel", "api"),
            fields=fields,
            fields_parameter="",
            parameters=table.texts("parameters") if table.has("parameters") else (),
            records="",
        ).asked_by(table.text("subject", ""))
    except RouteError as error:
        raise table.error(error.key, str(error)) from None
    table.finish()
    return route, is_exact


def _key(path: Path) -> bytes:
    try:
        return spki_of(x509.load_pem_x509_certificate(path.read_bytes()))
    except OSError as error:
        raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None
    except ValueError:
        raise ConfigError(f"`{path.name}` does not hold a certificate in PEM") from None
