# SPDX-License-Identifier: Apache-2.0
"""An aiohttp application that answers the sidecar only.

Example:
    ``app = web.Application(middlewares=[only_gateway(gateway)])``
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Middleware

from govshare_policy.errors import GovshareError
from govshare_policy.upstream._refusal import MEDIA_TYPE, PACKED, TOO_LARGE, problem_of, status_of
from govshare_policy.upstream._signature import HEADER, Gateway, Request, verify_request

RECORD: Final = web.RequestKey("govshare.record", str)
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _now() -> datetime:
    return datetime.now(UTC)


def only_gateway(gateway: Gateway, *, now: Callable[[], datetime] = _now) -> Middleware:
    """Return a middleware that lets verified requests through; ``request[RECORD]`` is the record.

    Bodies may be as large as ``client_max_size`` of the application says.
    """

    @web.middleware
    async def only(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            asked = Request(
                method=request.method, target=request.raw_path, body=await _body(request)
            )
            texts = request.headers.getall(HEADER, [])
            vouched = verify_request(texts, asked, gateway, at=now())
        except GovshareError as error:
            return web.Response(
                status=status_of(error), body=problem_of(error), content_type=MEDIA_TYPE
            )
        request[RECORD] = vouched.record
        return await handler(request)

    return only


async def _body(request: web.Request) -> bytes:
    # Unpacked, it would not be what was signed; aiohttp unpacks as it reads.
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise PACKED
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise TOO_LARGE from None
