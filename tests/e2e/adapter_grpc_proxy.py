# SPDX-License-Identifier: Apache-2.0
"""The gRPC proxy, as the matrix sees it: a method for every resource and manner of sharing."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from govshare_sidecar.server import Sidecar
from tests.e2e.adapter_http_proxy import PLACES, stated
from tests.e2e.callers import Callers
from tests.e2e.deployment import Deployment
from tests.e2e.matrix import MatrixCall, Told
from tests.e2e.rpc_department import (
    SERVICE,
    configuration,
    descriptors,
    make,
    rpc_department,
)


def method(resource: str, channel: str) -> str:
    """Return the name of the method that hands out *resource* by *channel*."""
    return f"{resource}_{channel}"


def route(resource: str, channel: str) -> str:
    return f"""
[[grpc_proxy.route]]
method = "{SERVICE}/{method(resource, channel)}"
resource = "{resource}"
channel = "{channel}"
"""


class GrpcProxyEntrance:
    """Asks over gRPC."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def ask(self, call: MatrixCall) -> Told:
        credentials = self._callers.credentials(call.client)
        address = self._callers.addresses["grpc_proxy"]
        metadata = (*stated(call).items(), ("govshare-fields", ",".join(call.fields)))
        async with grpc.aio.secure_channel(address, credentials) as channel:
            rpc: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
            rpc = channel.unary_unary(f"{SERVICE}/{method(call.resource, call.channel)}")
            asked = rpc(make("Query").SerializeToString(), metadata=metadata, timeout=60)
            try:
                await asked
            except grpc.aio.AioRpcError as error:
                return _denied(error)
            said = dict(await asked.initial_metadata())
        return Told(
            "allow", tuple(str(said["govshare-clauses"]).split(", ")), str(said["govshare-record"])
        )


def _denied(error: grpc.aio.AioRpcError) -> Told:
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED, error
    info = error_details_pb2.ErrorInfo()
    rpc_status.from_call(error).details[0].Unpack(info)
    said = info.metadata
    return Told(said["outcome"], tuple(said["clauses"].split(", ")), said["govshare-record"])


class GrpcProxyAdapter:
    """A department stands behind the proxy from the preparation to the end."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def prepare(self, deployment: Deployment) -> None:
        """Put a department behind the proxy, and a method for every place in front of it."""
        upstream, _ = self._stack.enter_context(rpc_department())
        table = configuration(upstream, deployment.directory)
        known = descriptors()
        for place in PLACES:
            known.file[0].service[0].method.add(
                name=method(*place),
                input_type=".county.v1.Query",
                output_type=".county.v1.Marriage",
            )
        (deployment.directory / "county.pb").write_bytes(known.SerializeToString())
        routes = "".join(route(*place) for place in PLACES)
        deployment.config.write_text(f"{deployment.config.read_text()}{table}{routes}")

    @asynccontextmanager
    async def connect(self, sidecar: Sidecar, callers: Callers) -> AsyncIterator[GrpcProxyEntrance]:
        with self._stack:
            yield GrpcProxyEntrance(callers)
