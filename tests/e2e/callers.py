# SPDX-License-Identifier: Apache-2.0
"""The callers of a sidecar: systems with certificates, over TLS."""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import grpc

from govshare_sidecar._pb import enforcement_pb2, enforcement_pb2_grpc
from tests.e2e.pki import Authority, Pair

PURPOSE = {"Govshare-Purpose": "data_verification"}


class Response(NamedTuple):
    """An HTTP response, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:  # noqa: ANN401  whatever the body holds
        return json.loads(self.body)


@dataclass(kw_only=True)
class Callers:
    """Whoever has a certificate, and where the sidecar listens."""

    authority: Authority
    clients: Mapping[str, Pair]
    addresses: dict[str, str] = field(default_factory=dict)

    def tls(self, client: str | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority.path)
        if client is not None:
            pair = self.clients[client]
            context.load_cert_chain(pair.certificate, pair.key)
        return context

    def request(
        self,
        path: str,
        *,
        client: str | None = "SYS-HCB-PRH",
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | list[bytes] | None = None,
    ) -> Response:
        """Send one HTTP request, by default of a lawful caller with a purpose."""
        host, _, port = self.addresses["http"].partition(":")
        connection = http.client.HTTPSConnection(
            host, int(port), context=self.tls(client), timeout=60
        )
        try:
            connection.request(method, path, body=body, headers={**PURPOSE, **(headers or {})})
            response = connection.getresponse()
            return Response(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def credentials(self, client: str | None) -> grpc.ChannelCredentials:
        pair = self.clients[client] if client is not None else None
        return grpc.ssl_channel_credentials(
            root_certificates=self.authority.path.read_bytes(),
            private_key=pair.key.read_bytes() if pair else None,
            certificate_chain=pair.certificate.read_bytes() if pair else None,
        )

    @contextmanager
    def channel(self, client: str | None) -> Iterator[grpc.Channel]:
        with grpc.secure_channel(self.addresses["grpc"], self.credentials(client)) as channel:
            yield channel

    def check(
        self, request: enforcement_pb2.CheckRequest, *, client: str | None = "SYS-HCB-PRH"
    ) -> enforcement_pb2.CheckResponse:
        """Send one ``Check``."""
        with self.channel(client) as channel:
            stub = enforcement_pb2_grpc.EnforcementStub(channel)  # type: ignore[no-untyped-call]
            response: enforcement_pb2.CheckResponse = stub.Check(request, timeout=60)
            return response

    def send(self, data: bytes, *, timeout_s: float = 60.0) -> bytes:
        """Send *data* to ``Check`` as they are, and return what comes back."""
        with self.channel("SYS-HCB-PRH") as channel:
            method: grpc.UnaryUnaryMultiCallable[bytes, bytes]
            method = channel.unary_unary("/govshare.v1.Enforcement/Check")
            return method(data, timeout=timeout_s)

    def raw(self, *parts: bytes, client: str = "SYS-HCB-PRH") -> bytes:
        """Send *parts* one after another over TLS, and return everything that comes back."""
        with self._sent(parts, client=client) as connection:
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def leave(self, *parts: bytes, client: str = "SYS-HCB-PRH") -> None:
        """Send *parts* and go away without waiting for an answer."""
        with self._sent(parts, client=client):
            pass

    @contextmanager
    def _sent(self, parts: Sequence[bytes], *, client: str) -> Iterator[ssl.SSLSocket]:
        host, _, port = self.addresses["http"].partition(":")
        with (
            socket.create_connection((host, int(port)), timeout=60) as plain,
            self.tls(client).wrap_socket(plain, server_hostname=host) as connection,
        ):
            for part in parts:
                connection.sendall(part)
                time.sleep(0.05)  # so that they arrive one after another too
            yield connection

    def monitor(self, path: str, *, method: str = "GET") -> Response:
        """Ask the monitoring listener for *path*."""
        host, _, port = self.addresses["metrics"].partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return Response(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def metric(self, line: str) -> float:
        """Return the value of the metric whose name and labels are *line*; 0 if not there."""
        for row in self.monitor("/metrics").body.decode().splitlines():
            name, _, value = row.rpartition(" ")
            if name == line:
                return float(value)
        return 0.0
