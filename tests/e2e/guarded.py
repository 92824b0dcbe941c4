# SPDX-License-Identifier: Apache-2.0
"""Departments whose APIs answer the sidecar only, by each of the middlewares."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

import grpc
from aiohttp import web

from govshare_policy.upstream import Gateway, aio_http, rpc, wsgi
from tests.e2e.department import RECORD as ANSWER
from tests.e2e.rpc_department import RpcDepartment, serves


@dataclass(kw_only=True)
class Seen:
    """What got past the check: record, path and query as the server read them, and body.

    Attributes:
        then: Called with the record while the request is being answered.
    """

    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    then: Callable[[str], None] = lambda _: None

    def answer(self, record: str, target: str, body: bytes) -> bytes:
        self.requests.append((record, target, body))
        self.then(record)
        return json.dumps(ANSWER).encode()


@contextmanager
def by_wsgi(gateway: Gateway) -> Iterator[tuple[str, Seen]]:
    seen = Seen()

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode()
        target, body = f"{path}?{environ['QUERY_STRING']}", environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [seen.answer(environ[wsgi.RECORD], target, body)]

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    guarded = wsgi.OnlyGateway(application, gateway)

    def outer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.headers.append(
            {name: value for name, value in environ.items() if name.startswith("HTTP_GOVSHARE")}
        )
        return guarded(environ, start_response)

    server = make_server("127.0.0.1", 0, outer, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def by_aiohttp(gateway: Gateway) -> Iterator[tuple[str, Seen]]:
    seen = Seen()

    async def answer(request: web.Request) -> web.Response:
        target, body = f"{request.path}?{request.query_string}", await request.read()
        data = await asyncio.to_thread(seen.answer, request[aio_http.RECORD], target, body)
        return web.Response(body=data, content_type="application/json")

    @web.middleware
    async def outer(request: web.Request, handler: aio_http.Handler) -> web.StreamResponse:
        names = {f"HTTP_{name.upper().replace('-', '_')}": name for name in request.headers}
        seen.headers.append(
            {key: request.headers[name] for key, name in names.items() if "GOVSHARE" in key}
        )
        return await handler(request)

    app = web.Application(middlewares=[outer, aio_http.only_gateway(gateway)])
    app.router.add_route("*", "/{rest:.*}", answer)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = web.AppRunner(app)

    async def start() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return "http://127.0.0.1:{1}".format(*runner.addresses[0])

    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result(20), seen
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


BY: dict[str, Callable[[Gateway], AbstractContextManager[tuple[str, Seen]]]] = {
    "wsgi": by_wsgi,
    "aiohttp": by_aiohttp,
}


@contextmanager
def by_grpc(gateway: Gateway) -> Iterator[tuple[str, RpcDepartment]]:
    state = RpcDepartment()
    server = grpc.server(
        ThreadPoolExecutor(4), handlers=[serves(state)], interceptors=[rpc.OnlyGateway(gateway)]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", state
    finally:
        server.stop(None).wait()
