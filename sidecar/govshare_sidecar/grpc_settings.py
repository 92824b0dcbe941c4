# SPDX-License-Identifier: Apache-2.0
"""The table ``[grpc]``, and what speaks HTTP/2 under every gRPC listener."""

from dataclasses import dataclass
from enum import StrEnum

from google.protobuf.descriptor_pool import DescriptorPool

from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import Address, read_address
from govshare_sidecar._table import Table
from govshare_sidecar.descriptors import load_descriptors
from govshare_sidecar.h2._nghttp2 import library


class Transport(StrEnum):
    """What speaks HTTP/2 under gRPC: libnghttp2 of the system, or grpcio with its own."""

    NATIVE = "native"
    GRPCIO = "grpcio"


def usual_transport() -> Transport:
    """Return the quicker one that this host has."""
    try:
        library()
    except ConfigError:
        return Transport.GRPCIO
    return Transport.NATIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcConfig:
    """A listener of gRPC services.

    Attributes:
        descriptors: Of what ``Release`` filters in protobuf, if it does.
        transport: What speaks HTTP/2. The services behind it are the same.
    """

    listen: Address
    network: str
    reflection: bool
    transport: Transport = Transport.GRPCIO
    descriptors: DescriptorPool | None = None


def read_grpc(table: Table) -> GrpcConfig:
    """Return the settings in *table*.

    Raises:
        ConfigError: If one of them cannot be used here; the message names the key.
    """
    grpc = GrpcConfig(
        listen=read_address(table),
        network=table.text("network", "extranet"),
        reflection=table.flag("reflection", default=False),
        transport=read_transport(table),
        descriptors=load_descriptors(table.file("descriptor_set"))
        if table.has("descriptor_set")
        else None,
    )
    table.finish()
    return grpc


def read_transport(table: Table) -> Transport:
    """Return what the listener of *table* speaks HTTP/2 with.

    Raises:
        ConfigError: If it is none of these, or is not on this host.
    """
    names = [one.value for one in Transport]
    transport = Transport(table.choice("transport", names, usual_transport().value))
    if transport is Transport.NATIVE:
        library()
    return transport
