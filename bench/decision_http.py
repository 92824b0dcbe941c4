# SPDX-License-Identifier: Apache-2.0
"""What a call costs over AuthZEN and through nginx with ``auth_request``, with the log on.

Usage: ``python -m bench.decision_http [--seconds 1.5] [--quick]``. Beside them, in the same run and
over the same TLS, an aiohttp server that answers nothing, and nginx in front of the same API
without asking.
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import aiohttp
from aiohttp import web

from bench.audit_common import describe_machine
from bench.grpc_api import CALLERS, Ask, measure
from bench.report import Report, options
from govshare_sidecar.config import load_config
from govshare_sidecar.listeners import tls_context
from govshare_sidecar.server import Sidecar
from tests.e2e.adapter_authzen import TABLE, evaluation
from tests.e2e.callers import PURPOSE, Callers
from tests.e2e.deployment import Deployment
from tests.e2e.nginx import configure, nginx

PATH = "/marriages/ID1/status"
BODY = json.dumps({"id_no": "ID1", "marital_status": "已婚"}).encode()
SEVERAL = 32
# Of each, what it is held against.
BARE = {
    "AuthZEN evaluation": "bare aiohttp server",
    "nginx, auth_request": "nginx, not asking",
}
CALL = evaluation(
    {
        "action": "read",
        "resource": "R08",
        "fields": ["id_no", "marital_status"],
        "purpose": "data_verification",
    },
    "SYS-HCB-PRH",
)


@asynccontextmanager
async def bare_server(deployment: Deployment | None) -> AsyncIterator[str]:
    """Answer the same to everything, over TLS if there is a *deployment*, and give the address."""

    async def nothing(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(body=BODY, content_type="application/json")

    tls = tls_context(load_config(deployment.config).tls) if deployment else None
    runner = web.ServerRunner(web.Server(nothing, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


def asks(
    session: aiohttp.ClientSession, url: str, document: object | None = None, calls: int = 1
) -> Ask:
    """Return what asks *url* once, with *document* if there is one."""

    async def ask() -> int:
        method = "GET" if document is None else "POST"
        async with session.request(method, url, json=document, headers=PURPOSE) as response:
            await response.read()
            if response.status != HTTPStatus.OK:
                raise RuntimeError(f"the answer is {response.status}")
        return calls

    return ask


async def run(directory: Path, report: Report, *, seconds: float) -> None:
    """Measure everything and print it."""
    deployment = Deployment(directory=directory, upstream="http://127.0.0.1:1")
    configure(deployment)
    with deployment.config.open("a") as file:
        file.write(TABLE)
    callers = Callers(authority=deployment.authority, clients=deployment.clients)
    connector = aiohttp.TCPConnector(ssl=callers.tls("SYS-HCB-PRH"), limit=0)
    config = load_config(deployment.config)
    plain = {"auth_request /govshare/ask;": "auth_request off;"}
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(bare_server(None))
        bare = await stack.enter_async_context(bare_server(deployment))
        sidecar = await stack.enter_async_context(
            Sidecar.running(config, now=lambda: datetime.now(UTC))
        )
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        asked = str(sidecar.addresses["auth_request"])
        front = stack.enter_context(nginx(deployment, sidecar=asked, api=f"http://{api}"))
        open_front = stack.enter_context(
            nginx(deployment, sidecar=asked, api=f"http://{api}", change=plain)
        )
        authzen = f"https://{sidecar.addresses['authzen']}/access/v1"
        several = {"evaluations": [CALL] * SEVERAL}
        measured = {
            "bare aiohttp server": asks(session, f"https://{bare}/", CALL),
            "AuthZEN evaluation": asks(session, f"{authzen}/evaluation", CALL),
            f"evaluations of {SEVERAL}": asks(session, f"{authzen}/evaluations", several, SEVERAL),
            "nginx, not asking": asks(session, f"https://{open_front}{PATH}"),
            "nginx, auth_request": asks(session, f"https://{front}{PATH}"),
        }
        print(f"{'':24}{'callers':>8}{'calls/s':>10}{'median ms':>11}{'p99 ms':>9}{'n':>8}")
        for name, ask in measured.items():
            await ask()
            for count in CALLERS if " of " not in name else (1, 4):
                figure = await measure(ask, callers=count, seconds=seconds)
                report.figures(
                    name, callers=count, rate=figure.rate, median_ms=figure.median_ms,
                    p99_ms=figure.worst_ms, n=figure.calls, beside=BARE.get(name, ""),
                )  # fmt: skip
                print(
                    f"{name:24}{count:>8}{figure.rate:>10,.0f}{figure.median_ms:>11.2f}"
                    f"{figure.worst_ms:>9.2f}{figure.calls:>8}"
                )


def main() -> None:
    """Measure for a few seconds each."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--quick", action="store_true", help="a fifth of a second each")
    chosen = parser.parse_args()
    seconds, report = 0.2 if chosen.quick else chosen.seconds, Report(name="decision_http")
    describe_machine(f"{seconds} s each; clients, sidecar and API share one process, nginx has one")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        asyncio.run(run(Path(directory), report, seconds=seconds))
    report.write(chosen.json)


if __name__ == "__main__":
    main()
