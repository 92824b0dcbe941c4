# SPDX-License-Identifier: Apache-2.0
"""Reading the table ``[egress]``, strictly."""

from datetime import date
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from govshare_policy.call import Recipient, RecipientKind
from govshare_policy.egress.place import Place
from govshare_policy.egress.reading import Limits
from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import (
    MAX_PORT,
    read_address,
    read_key,
    read_passphrase,
    read_upstream,
)
from govshare_sidecar._table import Table, why
from govshare_sidecar.egress.message_types import read_messages
from govshare_sidecar.egress.settings import (
    Destination,
    EgressConfig,
    EnvoyEgressConfig,
    ForwardConfig,
    GrantTerms,
    HeartbeatConfig,
    Kind,
    Provider,
    ReverseConfig,
)
from govshare_sidecar.grpc_settings import read_transport

STRENGTHS: Final = ("deny", "alert", "record")
MAX_NAME: Final = 128


def read_egress(table: Table) -> EgressConfig:
    """Return what the table ``[egress]`` says.

    Raises:
        ConfigError: If a key is unknown, missing or wrong, or a file cannot be read.
    """
    destinations = tuple(_destination(one) for one in _tables(table, "destination"))
    providers = tuple(_provider(one) for one in _tables(table, "provider"))
    grants = tuple(_grant(one) for one in _tables(table, "grant"))
    hosts = [*(one.host for one in destinations), *(one.host for one in providers)]
    if len(set(hosts)) != len(hosts):
        raise table.error("destination", "names one host twice, or one that is a provider")
    config = EgressConfig(
        place=Place(
            directory=table.path("directory"),
            keys=table.file("keys"),
            holdings_key=table.file("holdings_key") if table.has("holdings_key") else None,
            approver_key=table.file("approver_key") if table.has("approver_key") else None,
        ),
        scanners=table.count("scanners", 1),
        scan_timeout_s=table.seconds("scan_timeout_s", 20.0),
        waiting=table.count("waiting", 32),
        upstream_timeout_s=table.seconds("upstream_timeout_s", 30.0),
        max_request_bytes=table.count("max_request_bytes", 8 << 20),
        max_response_bytes=table.count("max_response_bytes", 8 << 20),
        max_expanded_bytes=table.count("max_expanded_bytes", Limits().expanded_bytes),
        destinations={one.host: one for one in destinations},
        providers={one.host: one for one in providers},
        grants=dict(grants),
        messages=tuple(
            read_messages(one, _host(one) if one.has("host") else "")
            for one in _tables(table, "message")
        ),
        forward=_forward(table.table("forward")) if table.has("forward") else None,
        reverse=_reverse(table.table("reverse")) if table.has("reverse") else None,
        envoy=_envoy(table.table("envoy")) if table.has("envoy") else None,
        heartbeat=_heartbeat(table.table("heartbeat")) if table.has("heartbeat") else None,
    )
    table.finish()
    if not any((config.forward, config.reverse, config.envoy)):
        raise table.error("forward", "is missing, and so are `reverse` and `envoy`")
    return config


def authority_of(text: str, *, default_port: int | None = None) -> str:
    """Return ``host:port`` as *text* spells it, in its one spelling.

    Raises:
        ValueError: If it is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        if default_port is None:
            raise ValueError("names no port")
        host, port = text, str(default_port)
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
        raise ValueError("is no host and port")
    if not host.isascii() or any(char in host for char in " /?#@\\%") or host.endswith("."):
        raise ValueError("is no host and port")
    return f"{host.lower()}:{int(port)}"


def _tables(table: Table, key: str) -> tuple[Table, ...]:
    return table.tables(key) if table.has(key) else ()


def _host(table: Table) -> str:
    try:
        return authority_of(table.text("host"))
    except ValueError as error:
        raise table.error("host", str(error)) from None


def _destination(table: Table) -> Destination:
    destination = _whom(table, _host(table))
    table.finish()
    return destination


def _whom(table: Table, host: str) -> Destination:
    kind = Kind(table.choice("kind", tuple(Kind)))
    ident = table.text("id", "")
    if not ident and kind in (Kind.DEPARTMENT, Kind.COMPANY):
        raise table.error("id", "is missing")
    of_person = kind in (Kind.SUBJECT, Kind.OWN)
    recipient = RecipientKind.PERSON if of_person else RecipientKind(kind.value)
    return Destination(
        host=host,
        kind=kind,
        recipient=Recipient(kind=recipient, id=ident),
        consent=table.text("consent", ""),
        ca=table.file("ca") if table.has("ca") else None,
    )


def _provider(table: Table) -> Provider:
    provider = Provider(
        host=_host(table),
        department=table.text("department"),
        certificate=table.file("certificate"),
        key=table.file("key"),
        ca=table.file("ca") if table.has("ca") else None,
        subject_fields=table.texts("subject_fields") if table.has("subject_fields") else (),
    )
    table.finish()
    return provider


def _grant(table: Table) -> tuple[str, GrantTerms]:
    lapses_on = None
    if table.has("lapses_on"):
        try:
            lapses_on = date.fromisoformat(table.text("lapses_on"))
        except ValueError:
            raise table.error("lapses_on", "is a date in quotes, such as 2027-12-31") from None
    terms = GrantTerms(strength=table.choice("soft", STRENGTHS, "deny"), lapses_on=lapses_on)
    grant = table.text("grant")
    table.finish()
    return grant, terms


def _forward(table: Table) -> ForwardConfig:
    forward = ForwardConfig(listen=read_address(table), network=table.text("network", "extranet"))
    table.finish()
    return forward


def _reverse(table: Table) -> ReverseConfig:
    reverse = ReverseConfig(
        listen=read_address(table),
        network=table.text("network", "extranet"),
        upstream=read_upstream(table),
        upstream_ca=table.file("upstream_ca") if table.has("upstream_ca") else None,
        system=_der(table, "system"),
        callers=_whom(table, ""),
    )
    table.finish()
    return reverse


def _envoy(table: Table) -> EnvoyEgressConfig:
    envoy = EnvoyEgressConfig(
        listen=read_address(table),
        network=table.text("network", "extranet"),
        client_ca=table.file("client_ca") if table.has("client_ca") else None,
        system=_der(table, "system"),
        callers=_whom(table, "") if table.has("kind") else None,
        transport=read_transport(table),
    )
    table.finish()
    return envoy


def _heartbeat(table: Table) -> HeartbeatConfig:
    to = table.text("to")
    is_posted = to.startswith("https://")
    heartbeat = HeartbeatConfig(
        guard=table.text("guard"),
        every_s=table.seconds("every_s", 60.0),
        key=read_key(table),
        passphrase=read_passphrase(table),
        to=to if is_posted else table.resolve(to),
        ca=table.file("ca") if table.has("ca") else None,
        shown=(table.file("certificate"), table.file("certificate_key")) if is_posted else None,
    )
    table.finish()
    _verify_name(table, heartbeat.guard)
    return heartbeat


def _verify_name(table: Table, guard: str) -> None:
    if not guard.isascii() or not guard.isprintable() or " " in guard or len(guard) > MAX_NAME:
        raise table.error("guard", f"is 1 to {MAX_NAME} visible ascii characters")


def _der(table: Table, key: str) -> bytes:
    path = table.file(key)
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None
    except ValueError:
        raise ConfigError(f"`{path.name}` does not hold a certificate in PEM") from None
    return certificate.public_bytes(Encoding.DER)
