# SPDX-License-Identifier: Apache-2.0
"""What listeners are handed once, and what gives them what is in force at each handshake."""

import ssl
from typing import Self

import grpc


class LiveContext(ssl.SSLContext):
    """A context that hands each new connection to the one in force.

    Nothing that was set on a context can be taken back, an authority least of all, so a change
    is another context. Connections that stand keep theirs; their certificates are judged call by
    call.
    """

    in_force: ssl.SSLContext

    @classmethod
    def of(cls, context: ssl.SSLContext) -> Self:
        """Return one with *context* in force."""
        live = cls(ssl.PROTOCOL_TLS_SERVER)
        live.in_force = context
        return live

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002  the signature is the library's
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Return the server side of one connection."""
        return self.in_force.wrap_bio(incoming, outgoing, server_side, server_hostname, session)


class RpcPair:
    """What gRPC is told at every handshake; it asks in threads of its own."""

    def __init__(self, configuration: grpc.ServerCertificateConfiguration) -> None:
        self.in_force = self._told = configuration

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what is new, or nothing."""
        latest = self.in_force
        if latest is self._told:
            return None
        self._told = latest
        return latest
