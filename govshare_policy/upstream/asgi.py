# SPDX-License-Identifier: Apache-2.0
"""An ASGI application that answers the sidecar only: FastAPI, Starlette, Django.

Example:
    ``app.add_middleware(OnlyGateway, gateway=gateway)``, or ``app = OnlyGateway(app, gateway)``.

Source:
    ASGI 3.0, HTTP and WebSocket message formats.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from govshare_policy.errors import GovshareError
from govshare_policy.upstream._refusal import (
    BROKEN_OFF,
    MAX_BODY,
    MEDIA_TYPE,
    TOO_LARGE,
    problem_of,
    status_of,
)
from govshare_policy.upstream._signature import HEADER, Gateway, Request, verify_request

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]
RECORD: Final = "govshare.record"
_NAME: Final = HEADER.lower().encode()


def _now() -> datetime:
    return datetime.now(UTC)


class OnlyGateway:
    """Hands requests to an application once they are verified; the scope names the record."""

    def __init__(
        self,
        app: Application,
        gateway: Gateway,
        *,
        max_bytes: int = MAX_BODY,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._app = app
        self._gateway = gateway
        self._max_bytes = max_bytes
        self._now = now

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; the sidecar opens no WebSockets, so nobody may."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            body = await self._body(receive)
            request = Request(method=scope["method"], target=_target(scope), body=body)
            texts = [value.decode("latin-1") for name, value in scope["headers"] if name == _NAME]
            vouched = verify_request(texts, request, self._gateway, at=self._now())
        except GovshareError as error:
            await _refuse(send, error)
            return
        await self._app({**scope, RECORD: vouched.record}, _again(body, receive), send)

    async def _body(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise BROKEN_OFF
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                raise TOO_LARGE
            if not message.get("more_body", False):
                return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives the *body* that was read, and then whatever else *receive* does."""
    given = False

    async def read() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read


async def _refuse(send: Send, error: GovshareError) -> None:
    problem = problem_of(error)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(problem)).encode()),
    ]
    await send(
        {"type": "http.response.start", "status": status_of(error).value, "headers": headers}
    )
    await send({"type": "http.response.body", "body": problem})


def _target(scope: Message) -> str:
    raw = scope.get("raw_path")
    # Some servers have the query in it, most do not.
    path = quote(scope["path"], safe="/") if raw is None else raw.decode("latin-1").split("?")[0]
    query = scope.get("query_string", b"").decode("latin-1")
    return path + (f"?{query}" if query else "")
