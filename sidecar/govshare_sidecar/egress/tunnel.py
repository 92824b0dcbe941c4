# SPDX-License-Identifier: Apache-2.0
"""A connection through which anything may go, to a destination that an approver has listed."""

import asyncio
import logging
from typing import Final

from aiohttp import web

from govshare_sidecar.upstream import Fault, UpstreamError

_ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_log: Final = logging.getLogger(__name__)
_PIECE: Final = 64 * 1024
_MOST_HELD: Final = 1 << 20


class _FromCaller:
    """What the caller sends behind its ``CONNECT``, in pieces; the server feeds it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self._held = 0

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take *data*; a caller that sends faster than the other side reads has to wait."""
        self._held += len(data)
        self._pieces.put_nowait(data)
        if self._held > _MOST_HELD:
            self._transport.pause_reading()
        return False, b""

    def feed_eof(self) -> None:
        """Take that there is no more."""
        self._pieces.put_nowait(b"")

    async def carry(self, writer: asyncio.StreamWriter) -> None:
        """Write everything to *writer*, as it comes."""
        while piece := await self._pieces.get():
            self._held -= len(piece)
            writer.write(piece)
            await writer.drain()
            if self._held <= _MOST_HELD:
                self._transport.resume_reading()
        if writer.can_write_eof():
            writer.write_eof()


async def tunnel(request: web.BaseRequest, host: str, *, timeout_s: float) -> web.StreamResponse:
    """Carry bytes between the caller and *host* until one of them ends it.

    Raises:
        UpstreamError: If *host* cannot be reached.
    """
    name, _, port = host.rpartition(":")
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(name.strip("[]"), int(port))
    except TimeoutError:
        raise UpstreamError(Fault.TIMEOUT, "the other side did not answer in time") from None
    except OSError:
        raise UpstreamError(Fault.UNREACHABLE, "the other side cannot be reached") from None
    response = web.Response()
    response.force_close()
    caller = request.transport
    if caller is None:
        writer.close()
        return response
    caller.write(_ESTABLISHED)
    sent = _FromCaller(caller)
    # The server hands it whatever comes behind the head, as it does for other protocols.
    request.protocol.set_parser(sent)  # type: ignore[arg-type]
    sending = asyncio.create_task(sent.carry(writer))
    try:
        while piece := await reader.read(_PIECE):
            caller.write(piece)
            # A caller that does not read is not read for.
            await request.writer.drain()
    except OSError as error:
        _log.info("a tunnel ended (%s)", type(error).__name__)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
        caller.close()
    return response
