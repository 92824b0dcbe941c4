# SPDX-License-Identifier: Apache-2.0
"""The table ``[egress]``: the onward guard of a department that obtains data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path

from govshare_policy.call import Recipient
from govshare_policy.egress.place import Place
from govshare_sidecar._settings import Address
from govshare_sidecar.egress.message_types import MessageTypes
from govshare_sidecar.grpc_settings import Transport


class Kind(StrEnum):
    """What a destination is."""

    OWN = "own"
    SUBJECT = "subject"
    DEPARTMENT = "department"
    COMPANY = "company"
    PERSON = "person"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Whom a host and port belong to.

    Attributes:
        host: ``host:port``; empty for the callers of an API of our own.
        kind: What it is.
        recipient: To whom passing data there would be; of our own systems it is not used.
        consent: The consent that such a call names; empty for none.
        ca: Authorities of an ``https`` host; ``None`` means those of this machine.
    """

    host: str
    kind: Kind
    recipient: Recipient
    consent: str = ""
    ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The sidecar of a department that data are obtained from.

    Attributes:
        host: ``host:port``.
        department: Whose it is.
        certificate: What this side shows there; the caller has to be the same system.
        key: Its key.
        ca: Authorities of the provider's certificate.
        subject_fields: Fields of its answers that say whom a record is about.
    """

    host: str
    department: str
    certificate: Path
    key: Path
    ca: Path | None
    subject_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantTerms:
    """What is done with what was obtained under one grant.

    Attributes:
        strength: What a soft hit does: ``deny``, ``alert`` or ``record``.
        lapses_on: The last day of its duties; ``None`` if they do not end.
    """

    strength: str = "deny"
    lapses_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardConfig:
    """The forward proxy for our own systems."""

    listen: Address
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseConfig:
    """The proxy in front of our own API for others.

    Attributes:
        system: DER of the certificate of the system whose API it is.
        callers: Who is on the other side.
    """

    listen: Address
    network: str
    upstream: str
    upstream_ca: Path | None
    system: bytes
    callers: Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyEgressConfig:
    """The listener for Envoys through which our systems send, or our API answers.

    Attributes:
        client_ca: Authorities of the certificates that Envoys show; ``None`` means those of calls.
        system: DER of the certificate of the system behind the Envoy.
        callers: Who is on the other side, if answers are scanned; else requests are.
        transport: What speaks HTTP/2 with the Envoys.
    """

    listen: Address
    network: str
    client_ca: Path | None
    system: bytes
    callers: Destination | None
    transport: Transport = Transport.GRPCIO


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatConfig:
    """Heartbeats: who signs them, how often, and where they go.

    Attributes:
        to: A directory that the provider reads, or an ``https`` URL to which they are posted.
        ca: Authorities of that ``https`` host; ``None`` means those of this machine.
        shown: Certificate and key of the system that posts them; ``None`` for a directory.
        speaks: Whether this process makes them; of several workers one does, and all count.
    """

    guard: str
    every_s: float
    key: str
    passphrase: bytes = field(repr=False)
    to: Path | str
    ca: Path | None
    shown: tuple[Path, Path] | None = None
    speaks: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressConfig:
    """The onward guard.

    Attributes:
        scanners: Processes that scan, and no others do.
        scan_timeout_s: What takes longer is denied.
        max_expanded_bytes: Of what is unpacked of one body; what is larger is denied.
        messages: What is sent and answered in protobuf, and where.
        waiting: Bodies that are scanned or wait for it; one more is refused.
    """

    place: Place
    scanners: int
    scan_timeout_s: float
    waiting: int
    upstream_timeout_s: float
    max_request_bytes: int
    max_response_bytes: int
    max_expanded_bytes: int
    destinations: Mapping[str, Destination]
    providers: Mapping[str, Provider]
    grants: Mapping[str, GrantTerms]
    messages: tuple[MessageTypes, ...]
    forward: ForwardConfig | None
    reverse: ReverseConfig | None
    envoy: EnvoyEgressConfig | None
    heartbeat: HeartbeatConfig | None
