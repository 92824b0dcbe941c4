# SPDX-License-Identifier: Apache-2.0
"""A gRPC service that answers nothing to anything, in a process of its own, over mutual TLS.

Usage: ``python -m bench.peers.empty PORT CERTIFICATE KEY CLIENT_CA``. It is the most that grpcio
on uvloop gives a service in one process.
"""

import sys
from pathlib import Path

import grpc
import uvloop

METHOD = "/bench.Empty/Call"


async def nothing(_data: bytes, _context: object) -> bytes:
    """Answer."""
    return b""


def credentials_of(certificate: str, key: str, client_ca: str) -> grpc.ServerCredentials:
    """Return what a server needs for mutual TLS."""
    pair = (Path(key).read_bytes(), Path(certificate).read_bytes())
    return grpc.ssl_server_credentials(
        [pair], root_certificates=Path(client_ca).read_bytes(), require_client_auth=True
    )


async def serve(port: str, credentials: grpc.ServerCredentials) -> None:
    """Serve until the process is ended."""
    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(nothing)
    service, _, method = METHOD[1:].partition("/")
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(service, {method: handler})]
    )
    server.add_secure_port(f"127.0.0.1:{port}", credentials)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    port, *files = sys.argv[1:]
    uvloop.run(serve(port, credentials_of(*files)))
