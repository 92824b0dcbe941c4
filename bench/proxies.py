# SPDX-License-Identifier: Apache-2.0
"""What a call costs through the two reverse proxies, with the log on.

Usage: ``python -m bench.proxies [--seconds 1.5] [--quick]``. Beside each, in the same run and
before the same department: a proxy that copies what it gets, with the same libraries, and decides
nothing.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import grpc
from aiohttp import web

from bench.audit_common import describe_machine
from bench.grpc_api import Ask, measure
from bench.report import Report, options
from govshare_sidecar.config import load_config
from govshare_sidecar.listeners import tls_context
from govshare_sidecar.server import Sidecar
from tests.e2e.callers import PURPOSE, Callers
from tests.e2e.department import department
from tests.e2e.deployment import Deployment
from tests.e2e.rpc_department import SERVICE, configuration, make, rpc_department

CALLERS = (1, 16)
QUERY = make("Query", id_no="ID1").SerializeToString()


@asynccontextmanager
async def bare_http(deployment: Deployment, upstream: str) -> AsyncIterator[str]:
    """Copy requests to *upstream* and answers back, and give the address."""
    async with aiohttp.ClientSession() as session:

        async def copy(request: web.BaseRequest) -> web.StreamResponse:
            async with session.get(upstream + request.raw_path) as reply:
                return web.Response(body=await reply.read(), content_type=reply.content_type)

        runner = web.ServerRunner(web.Server(copy, access_log=None))
        await runner.setup()
        site = web.TCPSite(
            runner, "127.0.0.1", 0, ssl_context=tls_context(load_config(deployment.config).tls)
        )
        await site.start()
        try:
            yield "127.0.0.1:{1}".format(*runner.addresses[0])
        finally:
            await runner.cleanup()


@asynccontextmanager
async def bare_grpc(deployment: Deployment, upstream: str) -> AsyncIterator[str]:
    """Copy unary messages to *upstream* and answers back, and give the address."""
    async with grpc.aio.insecure_channel(urlsplit(upstream).netloc) as channel:
        onward: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        onward = channel.unary_unary(f"{SERVICE}/Find")

        async def copy(data: bytes, _context: object) -> bytes:
            return await onward(data)

        server = grpc.aio.server()
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(copy)
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(SERVICE[1:], {"Find": handler})]
        )
        tls = load_config(deployment.config).tls
        port = server.add_secure_port(
            "127.0.0.1:0",
            grpc.ssl_server_credentials(
                [(tls.key.read_bytes(), tls.certificate.read_bytes())],
                root_certificates=tls.client_ca.read_bytes(),
                require_client_auth=True,
            ),
        )
        await server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(1)


async def http_row(
    name: str, address: str, callers: Callers, report: Report, seconds: float, *, beside: str = ""
) -> None:
    """Measure ``GET`` at *address*."""
    connector = aiohttp.TCPConnector(ssl=callers.tls("SYS-HCB-PRH"), limit=64)
    async with aiohttp.ClientSession(connector=connector, headers=PURPOSE) as session:

        async def ask() -> int:
            async with session.get(f"https://{address}/marriages/ID1") as response:
                response.raise_for_status()
                await response.read()
            return 1

        await row(name, ask, report, seconds, beside=beside)


async def grpc_row(
    name: str, address: str, callers: Callers, report: Report, seconds: float, *, beside: str = ""
) -> None:
    """Measure a unary method at *address*."""
    credentials = callers.credentials("SYS-HCB-PRH")
    async with grpc.aio.secure_channel(address, credentials) as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        method = channel.unary_unary(f"{SERVICE}/Find")
        metadata: Any = (("govshare-purpose", "data_verification"),)

        async def ask() -> int:
            await method(QUERY, metadata=metadata)
            return 1

        await row(name, ask, report, seconds, beside=beside)


async def row(name: str, ask: Ask, report: Report, seconds: float, *, beside: str) -> None:
    """Measure *ask* and print what it took."""
    for callers in CALLERS:
        await measure(ask, callers=callers, seconds=0.2)
        figure = await measure(ask, callers=callers, seconds=seconds)
        report.figures(
            name, callers=callers, rate=figure.rate, median_ms=figure.median_ms,
            p99_ms=figure.worst_ms, n=figure.calls, beside=beside,
        )  # fmt: skip
        print(
            f"{name:26} callers={callers:<3} n={figure.calls:<6} {figure.rate:8.0f}/s"
            f"  median {figure.median_ms:6.2f} ms  p99 {figure.worst_ms:6.2f} ms"
        )


async def run(directory: Path, report: Report, *, seconds: float) -> None:
    """Measure everything, one after the other."""
    with ExitStack() as stack:
        upstream, _ = stack.enter_context(department())
        rpc_upstream, _ = stack.enter_context(rpc_department())
        deployment = Deployment(directory=directory, upstream=upstream)
        table = configuration(rpc_upstream, directory)
        deployment.config.write_text(deployment.config.read_text() + table)
        config = load_config(deployment.config)
        async with (
            bare_http(deployment, upstream) as plain,
            bare_grpc(deployment, rpc_upstream) as rpc_plain,
            Sidecar.running(config, now=lambda: datetime.now(UTC)) as sidecar,
        ):
            callers = Callers(authority=deployment.authority, clients=deployment.clients)
            here = sidecar.addresses
            await http_row("bare HTTP", plain, callers, report, seconds)
            ours = str(here["http"])
            await http_row("HTTP proxy", ours, callers, report, seconds, beside="bare HTTP")
            await grpc_row("bare gRPC", rpc_plain, callers, report, seconds)
            ours = str(here["grpc_proxy"])
            await grpc_row("gRPC proxy", ours, callers, report, seconds, beside="bare gRPC")


def main() -> None:
    """Run it."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--quick", action="store_true", help="a fifth of a second each")
    chosen = parser.parse_args()
    seconds, report = 0.2 if chosen.quick else chosen.seconds, Report(name="proxies")
    describe_machine("the two reverse proxies, beside bare ones")
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run(Path(directory), report, seconds=seconds))
    report.write(chosen.json)


if __name__ == "__main__":
    main()
