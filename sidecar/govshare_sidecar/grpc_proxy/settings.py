# SPDX-License-Identifier: Apache-2.0
"""The table ``[grpc_proxy]``: whose gRPC API is behind the sidecar, and what its methods are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from govshare_sidecar._settings import Address, read_address, read_upstream
from govshare_sidecar._table import Table
from govshare_sidecar.descriptors import find_method, load_descriptors, verify_place
from govshare_sidecar.grpc_settings import Transport, read_transport
from govshare_sidecar.routes import RouteError
from govshare_sidecar.upstream_settings import NOTHING_SHOWN, ShownConfig, read_shown

_KEY: Final = re.compile(r"[a-z0-9_.-]+")
# Ours, and those that mean something to the transport.
_RESERVED: Final = ("govshare-", "grpc-", "te", "content-type", "user-agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcRoute:
    """One method, and the call it stands for.

    Attributes:
        path: As it stands on the wire, such as ``/county.v1.Marriages/Find``.
        method: Says what the messages are, and which of them come in streams.
        fields: What is asked for where the caller does not say.
        records: Names that lead to the records in a message of the answer; empty where it is one.
        subject: The text in the message of the request that says whom the answer is about; empty
            where the method is not asked one by one.
    """

    path: str
    method: MethodDescriptor
    resource: str
    channel: str
    fields: tuple[str, ...]
    records: tuple[str, ...]
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcProxyConfig:
    """The reverse proxy for gRPC.

    Attributes:
        upstream: ``http://host:port`` on loopback, or ``https://host:port``.
        upstream_ca: Authorities of an ``https`` upstream; ``None`` means those of the library.
        upstream_timeout_s: For an answer of one message.
        stream_timeout_s: For an answer that is a stream, to its end.
        max_request_bytes: Of one message, as is *max_response_bytes*.
        metadata: Keys that go on to the department's API, of those the caller sends.
        response_metadata: Keys that go back, of its headers and trailers.
        routes: By their paths.
        shown: How the upstream knows that it is we who ask.
        transport: What speaks HTTP/2 with the callers.
    """

    listen: Address
    network: str
    upstream: str
    upstream_ca: Path | None
    upstream_timeout_s: float
    stream_timeout_s: float
    max_request_bytes: int
    max_response_bytes: int
    metadata: frozenset[str]
    response_metadata: frozenset[str]
    routes: dict[str, RpcRoute]
    shown: ShownConfig = NOTHING_SHOWN
    transport: Transport = Transport.GRPCIO


def read_grpc_proxy(table: Table) -> GrpcProxyConfig:
    """Return what the table ``[grpc_proxy]`` says.

    Raises:
        ConfigError: If a key is unknown, missing or wrong, or the descriptors do not fit.
    """
    pool = load_descriptors(table.file("descriptor_set"))
    upstream = read_upstream(table)
    config = GrpcProxyConfig(
        listen=read_address(table),
        network=table.text("network", "extranet"),
        upstream=upstream,
        upstream_ca=table.file("upstream_ca") if table.has("upstream_ca") else None,
        upstream_timeout_s=table.seconds("upstream_timeout_s", 5.0),
        stream_timeout_s=table.seconds("stream_timeout_s", 3600.0),
        max_request_bytes=table.count("max_request_bytes", 1 << 20),
        max_response_bytes=table.count("max_response_bytes", 8 << 20),
        metadata=_keys(table, "metadata"),
        response_metadata=_keys(table, "response_metadata"),
        routes=read_rpc_routes(table.tables("route"), pool),
        shown=read_shown(table, upstream),
        transport=read_transport(table),
    )
    table.finish()
    return config


def read_rpc_routes(tables: Iterable[Table], pool: DescriptorPool) -> dict[str, RpcRoute]:
    """Return the routes that *tables* state, by their paths.

    Raises:
        ConfigError: If a key is unknown, missing or wrong, or the descriptors do not fit.
    """
    routes: dict[str, RpcRoute] = {}
    for entry in tables:
        try:
            route = _route(entry, pool)
        except RouteError as error:
            raise entry.error(error.key, str(error)) from None
        if route.path in routes:
            raise entry.error("method", "has a route already")
        routes[route.path] = route
    return routes


def _route(table: Table, pool: DescriptorPool) -> RpcRoute:
    fields = table.texts("fields") if table.has("fields") else ("*",)
    if "*" in fields and fields != ("*",):
        raise table.error("fields", "names `*` beside other fields")
    path, records = table.text("method"), table.text("records", "")
    route = RpcRoute(
        path=path,
        method=find_method(pool, path),
        resource=table.text("resource"),
        channel=table.text("channel", "api"),
        fields=fields,
        records=tuple(records.split(".")) if records else (),
        subject=table.text("subject", ""),
    )
    _verify_subject(route)
    verify_place(route.method.output_type, route.records)
    table.finish()
    return route


def _verify_subject(route: RpcRoute) -> None:
    if not route.subject:
        return
    found = route.method.input_type.fields_by_name.get(route.subject)
    is_text = (
        found is not None and found.type == FieldDescriptor.TYPE_STRING and not found.is_repeated
    )
    if route.method.client_streaming or not is_text:
        raise RouteError("subject", "names one text in the one message of the request")


def _keys(table: Table, key: str) -> frozenset[str]:
    names = table.texts(key) if table.has(key) else ()
    for name in names:
        if not _KEY.fullmatch(name) or name.startswith(_RESERVED):
            raise table.error(key, "names a key in lower case that is neither ours nor gRPC's own")
    return frozenset(names)
