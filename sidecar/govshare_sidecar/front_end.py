# SPDX-License-Identifier: Apache-2.0
"""Requests from a gateway on this machine, which has ended TLCP and says who the client is.

Its word counts on this socket only, and only if the process on the other side runs as a user that
is listed: the kernel says so, nobody else can. What it says is a certificate; the chain, time and
revocation of which are judged here as everywhere.
"""

import asyncio
import os
import socket
import stat
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote_to_bytes

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from govshare_policy.errors import AuditError, ConfigError
from govshare_sidecar._table import why
from govshare_sidecar.front_end_settings import FrontEndConfig
from govshare_sidecar.listeners import DRAIN_S
from govshare_sidecar.refusal import Cause, RefusedError

_BACKLOG: Final = 128
_PEM: Final = b"-----BEGIN CERTIFICATE-----"
_PEER: Final = struct.Struct("3i")  # struct ucred: process, user, group
_FOR_ALL: Final = 0o002


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    """Reads off a request on the socket what the gateway says of its client."""

    config: FrontEndConfig

    def certificate_of(self, request: web.BaseRequest) -> bytes | None:
        """Return the DER of the certificate that the client showed to the gateway, if it did.

        Raises:
            RefusedError: If the process on the other side is none that is listed, or the header
                stands twice or holds no certificate.
        """
        if _peer_uid(request) not in self.config.peers:
            raise RefusedError(Cause.STRANGER)
        given = request.headers.getall(self.config.header, ())
        if not given or given == [""]:
            return None
        if len(given) > 1:
            raise self._bad()
        try:
            # Bytes that are not UTF-8 arrive as surrogates, which do not encode.
            return _der(unquote_to_bytes(given[0].encode("ascii", "strict")))
        except ValueError:
            raise self._bad() from None

    def _bad(self) -> RefusedError:
        message = f"the gateway does not say in `{self.config.header}` which certificate was shown"
        return RefusedError(Cause.BAD_HEADER, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndListener:
    """An HTTP server on a Unix socket."""

    path: Path
    inode: int
    runner: web.ServerRunner

    @classmethod
    async def start(cls, server: web.Server, config: FrontEndConfig) -> Self:
        """Return *server*, listening.

        Raises:
            ConfigError: If the path cannot be listened on, or everybody may put another socket
                in its place.
        """
        bound = _bind(config)
        runner = web.ServerRunner(server, shutdown_timeout=DRAIN_S)
        await runner.setup()
        await _Site(runner, bound).start()
        return cls(path=config.listen, inode=config.listen.stat().st_ino, runner=runner)

    async def stop(self) -> None:
        """Stop accepting, let what is under way end in time, and close every connection."""
        await self.runner.cleanup()
        with suppress(FileNotFoundError):
            # Another process may have put its own there meanwhile.
            if self.path.stat().st_ino == self.inode:
                self.path.unlink()


class _Site(web.BaseSite):
    """A socket that is bound, as the runner wants it."""

    def __init__(self, runner: web.ServerRunner, bound: socket.socket) -> None:
        super().__init__(runner, backlog=_BACKLOG)
        self._bound = bound

    @property
    def name(self) -> str:
        """The scheme of what is served."""
        return "http+unix://"

    async def start(self) -> None:
        """Listen."""
        await super().start()
        server = self._runner.server
        if server is None:
            raise AssertionError("the runner was set up before")
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(
            server, sock=self._bound, backlog=self._backlog
        )


def _bind(config: FrontEndConfig) -> socket.socket:
    path = config.listen
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _verify_directory(path.parent)
        _remove_left(path)
        # Before it has a name, so that at no moment others can connect.
        os.fchmod(bound.fileno(), config.mode)
        bound.bind(bytes(path))
        path.chmod(config.mode)
    except OSError as error:
        bound.close()
        raise ConfigError(f"`front_end.listen` cannot be listened on: {why(error)}") from None
    except ConfigError:
        bound.close()
        raise
    return bound


def _verify_directory(directory: Path) -> None:
    if directory.stat().st_mode & _FOR_ALL:
        raise ConfigError("`front_end.listen` is in a directory that everybody may write to")


def _remove_left(path: Path) -> None:
    """Remove a socket that a process which is gone has left.

    Raises:
        ConfigError: If something else stands there, or somebody listens.
    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError("`front_end.listen` names something that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(bytes(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise ConfigError("`front_end.listen` is listened on by another process")


def _peer_uid(request: web.BaseRequest) -> int:
    """Return the user id of the process that opened the connection of *request*.

    Raises:
        AuditError: If the connection is gone, so that nobody can tell.
    """
    transport = request.transport
    plain = None if transport is None else transport.get_extra_info("socket")
    if plain is None or plain.family != socket.AF_UNIX:
        raise AuditError("the connection is not over the socket of the front end")
    # What event loops hand out is not always a whole socket.
    with socket.socket(fileno=os.dup(plain.fileno())) as own:
        peer = own.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(peer)
    return int(uid)


def _der(data: bytes) -> bytes:
    if data.lstrip().startswith(_PEM):
        return x509.load_pem_x509_certificate(data).public_bytes(Encoding.DER)
    return x509.load_der_x509_certificate(data).public_bytes(Encoding.DER)
