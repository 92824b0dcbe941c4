# SPDX-License-Identifier: Apache-2.0
"""A gRPC service that decides nothing, in a process of its own: an empty call and an echo.

Usage: ``python -m bench.peers.empty PORT grpcio|native [CERTIFICATE KEY CLIENT_CA]``. Over grpcio
and uvloop it is the most that a service in Python had; over the transport of the sidecar it is what
that leaves to the rest. Several processes can share a port. Without files it speaks plain.
"""

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import grpc
import uvloop

from govshare_sidecar.h2.server import Server

METHOD = "/bench.Empty/Call"
ECHO = "/bench.Empty/Echo"
HOST = "127.0.0.1"


async def nothing(_data: bytes, _context: object) -> bytes:
    """Answer."""
    return b""


async def echo(messages: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
    """Give every message back."""
    async for message in messages:
        yield message


def handlers() -> grpc.GenericRpcHandler:
    """Return what both transports dispatch to."""
    call: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(nothing)
    stream: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(echo)
    service, _, method = METHOD[1:].partition("/")
    return grpc.method_handlers_generic_handler(
        service, {method: call, ECHO.rpartition("/")[2]: stream}
    )


def credentials_of(certificate: Path, key: Path, client_ca: Path) -> grpc.ServerCredentials:
    """Return what a server needs for mutual TLS."""
    return grpc.ssl_server_credentials(
        [(key.read_bytes(), certificate.read_bytes())],
        root_certificates=client_ca.read_bytes(),
        require_client_auth=True,
    )


async def serve_grpcio(port: int, files: Sequence[Path]) -> None:
    """Serve until the process is ended, over grpcio."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 1),))
    server.add_generic_rpc_handlers([handlers()])
    if files:
        server.add_secure_port(f"{HOST}:{port}", credentials_of(*files))
    else:
        server.add_insecure_port(f"{HOST}:{port}")
    await server.start()
    await server.wait_for_termination()


async def serve_native(port: int, files: Sequence[Path]) -> None:
    """Serve until the process is ended, over libnghttp2."""
    server, tls = Server(), None
    server.add_generic_rpc_handlers([handlers()])
    if files:
        certificate, key, client_ca = files
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        tls.load_verify_locations(client_ca)
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.set_alpn_protocols(["h2"])
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind((HOST, port))
    await server.start(listening, tls=tls)
    await asyncio.Event().wait()


if __name__ == "__main__":
    port, transport, *files = sys.argv[1:]
    serve = serve_native if transport == "native" else serve_grpcio
    uvloop.run(serve(int(port), [Path(name) for name in files]))
