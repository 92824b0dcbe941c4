# SPDX-License-Identifier: Apache-2.0
"""A department's API, and a proxy before one that decides nothing, on aiohttp and uvloop.

Usage: ``python -m bench.peers.plain_http PORT [UPSTREAM CONFIG]``. With an upstream it copies GET
requests there, over the TLS of the sidecar's CONFIG; without one, it answers all with one record.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web

from govshare_sidecar.config import load_config
from govshare_sidecar.listeners import tls_context
from tests.e2e.department import RECORD

HOST = "127.0.0.1"
BODY = json.dumps(RECORD, ensure_ascii=False).encode()


async def answer(_request: web.BaseRequest) -> web.StreamResponse:
    """Return the record."""
    return web.Response(body=BODY, content_type="application/json")


def copier(
    session: aiohttp.ClientSession, upstream: str
) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    """Return what asks *upstream* and returns its answer."""

    async def copy(request: web.BaseRequest) -> web.StreamResponse:
        async with session.get(upstream + request.raw_path) as reply:
            return web.Response(body=await reply.read(), content_type=reply.content_type)

    return copy


async def serve(port: int, upstream: str = "", config: str = "") -> None:
    """Serve until the process is ended; several processes can share *port*."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        handle = copier(session, upstream) if upstream else answer
        runner = web.ServerRunner(web.Server(handle, access_log=None))
        await runner.setup()
        tls = tls_context(load_config(Path(config)).tls) if config else None
        await web.TCPSite(runner, HOST, port, ssl_context=tls, reuse_port=True).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    listen, *others = sys.argv[1:]
    uvloop.run(serve(int(listen), *others))
