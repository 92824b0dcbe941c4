# SPDX-License-Identifier: Apache-2.0
"""HTTP servers for entrances that only decide: every request, well-formed or not, is answered.

They stand below aiohttp's application layer, as the reverse proxy does: no router, one clerk.
"""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import HttpVersion10, HttpVersion11, web
from multidict import CIMultiDictProxy

from govshare_policy.errors import AuditError, CallError, EvaluationError
from govshare_sidecar.problem import language_of, trouble
from govshare_sidecar.refusal import Cause, RefusedError

KEEPALIVE_S: Final = 75.0
# How long a refused body is read and thrown away, so that its sender gets to see the refusal.
LINGER_S: Final = 3.0
BODY_TIMEOUT_S: Final = 30.0
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_log: Final = logging.getLogger(__name__)


class Clerk(Protocol):
    """Whoever answers the requests at a door."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the response to *request*."""
        ...

    def refuse(self, error: CallError, *, language: str) -> web.Response:
        """Return the response to a request that never became a call, and count it."""
        ...


def door(clerk: Clerk) -> web.Server:
    """Return the server that lets *clerk* answer every request."""
    return _Server(clerk)


def cause_of(error: CallError) -> Cause:
    """Return why *error* was raised, as the counter names it."""
    return error.cause if isinstance(error, RefusedError) else Cause.BAD_CALL


def certificate_of(request: web.BaseRequest) -> bytes | None:
    """Return the DER of the certificate on the connection of *request*, if there is one.

    Raises:
        AuditError: If the connection is not over TLS.
    """
    tls = request.get_extra_info("ssl_object")
    if not isinstance(tls, ssl.SSLObject):
        raise AuditError("the connection is not over TLS")
    return tls.getpeercert(binary_form=True)


def verify_plain(request: web.BaseRequest, *, encodings: Sequence[str] = ("identity",)) -> None:
    """Return only if *request* is framed in a way that everybody reads alike.

    Raises:
        RefusedError: If it is not HTTP/1, asks for another protocol, or its body is encoded
            otherwise than *encodings* say.
    """
    if request.version not in (HttpVersion10, HttpVersion11):
        raise RefusedError(Cause.BAD_REQUEST)
    if "Upgrade" in request.headers:
        raise RefusedError(Cause.UPGRADE)
    if joined(request.headers, "Content-Encoding", "identity") not in encodings:
        raise RefusedError(Cause.ENCODED)
    # What stands before an HTTP/1.0 server may never have heard of chunks.
    if request.version == HttpVersion10 and "Transfer-Encoding" in request.headers:
        raise RefusedError(Cause.BAD_REQUEST)
    # The parser also takes `gzip, chunked`, and hands on the packed bytes as if they were plain.
    if joined(request.headers, "Transfer-Encoding", "chunked") != "chunked":
        raise RefusedError(Cause.ENCODED)


def joined(headers: CIMultiDictProxy[str], name: str, usual: str) -> str:
    """Return all that *headers* say under *name*, in lower case with commas; else what is *usual*.

    Of a header that stands twice, readers take different ones.
    """
    return ",".join(headers.getall(name, [usual])).strip().lower()


async def read_body(request: web.BaseRequest, *, max_bytes: int) -> bytes:
    """Return the whole body of *request*.

    Raises:
        RefusedError: If it is larger, late, or breaks off.
    """
    if (request.content_length or 0) > max_bytes:
        raise RefusedError(Cause.TOO_LARGE)
    waits = request.headers.get("Expect", "").lower() == "100-continue"
    if waits and request.version == HttpVersion11:
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0  # the answer itself has not begun
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > max_bytes:
                    raise RefusedError(Cause.TOO_LARGE)
    except TimeoutError:
        raise RefusedError(Cause.SLOW) from None
    except (web.RequestPayloadError, ConnectionError):
        raise RefusedError(Cause.BAD_BODY) from None
    return bytes(body)


class _Server(web.Server):
    def __init__(self, clerk: Clerk) -> None:
        super().__init__(clerk.handle)
        self._clerk = clerk

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, self._clerk)


class _Connection(web.RequestHandler):
    """One connection; what the HTTP parser refuses gets a problem like everything else."""

    __slots__ = ("_clerk",)

    def __init__(self, server: web.Server, clerk: Clerk) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=KEEPALIVE_S,
            access_log=None,  # type: ignore[arg-type]  # none: a path may name a person
            lingering_time=LINGER_S,
            auto_decompress=False,
        )
        self._clerk = clerk

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  it may quote the request
    ) -> web.StreamResponse:
        """Return a problem that says nothing of what went wrong inside."""
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            response = self._clerk.refuse(RefusedError(Cause.BAD_REQUEST), language=language_of(""))
        else:
            _log.error("an answer ended in an unforeseen error", exc_info=exc)
            response = trouble(EvaluationError("the gateway failed"), language=language_of(""))
        # What else stands on this connection cannot be trusted to begin where it seems to.
        response.force_close()
        return response
