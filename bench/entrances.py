# SPDX-License-Identifier: Apache-2.0
"""Every entrance beside its bare equivalent, in one run, with the log on.

Usage: ``python -m bench.entrances [--seconds 1.0] [--quick] [--output table|json]``. Bare means:
the same TLS and department, grpcio or aiohttp as they are, and nobody who decides, filters or
records. A ratio is the median of the entrance over that of its bare equivalent, with the same
number of callers.
"""

import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import grpc

from bench.decision_http import CALL, asks, bare_server
from bench.envoy import proven, without_filter
from bench.grpc_api import (
    BATCH,
    ECHO,
    EMPTY,
    Ask,
    Figure,
    batches,
    checks,
    empties,
    empty_service,
    measure,
    streams,
)
from bench.peers import empty
from bench.proxies import QUERY, bare_grpc, bare_http
from bench.report import Report, options
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.e2e.adapter_authzen import TABLE
from tests.e2e.callers import Callers
from tests.e2e.deployment import Deployment
from tests.e2e.envoy import Front
from tests.e2e.nginx import configure, nginx
from tests.e2e.rpc_department import SERVICE, configuration, rpc_department

CALLERS = (1, 16)
PATH = "/marriages/ID1"
EXACT_PATH = "/marriages/ID1/status"
ENVOY_EXACT = """
[[envoy.proxy]]
certificate = "tls/envoy.pem"
url = "https://127.0.0.1:{port}"
ca = "tls/ca.pem"
filter = "ext_authz"
"""
# Of each entrance, what it is held against.
BARE = {
    "Check": EMPTY,
    f"CheckStream of {BATCH}": ECHO,
    "gRPC proxy": "bare gRPC proxy",
    "HTTP proxy": "bare aiohttp proxy",
    "AuthZEN": "bare aiohttp server",
    "nginx, auth_request": "nginx",
    "Envoy, ext_authz": "Envoy",
    "Envoy, ext_proc": "Envoy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured of one entrance under so many callers.

    Attributes:
        n: Calls.
        ratio: Of the medians; ``None`` for what is bare itself, and for several calls at once.
    """

    name: str
    callers: int
    n: int
    rate: float
    median_ms: float
    p99_ms: float
    ratio: float | None


def deploy(directory: Path, upstream: str, rpc_upstream: str) -> tuple[Deployment, Front, Front]:
    """Return a deployment with every entrance, and the Envoys before it."""
    deployment = Deployment(directory=directory, upstream=upstream)
    configure(deployment)
    front = Front(deployment=deployment)
    front.configure()
    exact = Front(deployment=deployment, name="exact", sidecar=front.sidecar, canary=front.canary)
    more = ENVOY_EXACT.format(port=exact.port) + TABLE + configuration(rpc_upstream, directory)
    with deployment.config.open("a") as file:
        file.write(more)
    return deployment, front, exact


def finds(channel: grpc.aio.Channel) -> Ask:
    """Return what asks a department over gRPC."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    method = channel.unary_unary(f"{SERVICE}/Find")
    metadata: Any = (("govshare-purpose", "data_verification"),)

    async def ask() -> int:
        await method(QUERY, metadata=metadata)
        return 1

    return ask


async def over_grpc(
    stack: AsyncExitStack, deployment: Deployment, addresses: Mapping[str, str], upstream: str
) -> dict[str, Ask]:
    """Return what is asked over gRPC, and its bare equivalents."""
    callers = Callers(authority=deployment.authority, clients=deployment.clients)
    credentials = callers.credentials("SYS-HCB-PRH")
    nobody = await stack.enter_async_context(empty_service(deployment))
    plain = await stack.enter_async_context(bare_grpc(deployment, upstream))
    channels = [
        await stack.enter_async_context(grpc.aio.secure_channel(address, credentials))
        for address in (nobody, addresses["grpc"], plain, addresses["grpc_proxy"])
    ]
    return {
        EMPTY: empties(channels[0]),
        ECHO: streams(channels[0], empty.ECHO),
        "Check": checks(channels[1]),
        f"CheckBatch of {BATCH}": batches(channels[1]),
        f"CheckStream of {BATCH}": streams(channels[1]),
        "bare gRPC proxy": finds(channels[2]),
        "gRPC proxy": finds(channels[3]),
    }


async def over_http(
    stack: AsyncExitStack, deployment: Deployment, addresses: Mapping[str, str], upstream: str
) -> dict[str, Ask]:
    """Return what is asked over HTTP, and its bare equivalents."""
    callers = Callers(authority=deployment.authority, clients=deployment.clients)
    connector = aiohttp.TCPConnector(ssl=callers.tls("SYS-HCB-PRH"), limit=0)
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
    server = await stack.enter_async_context(bare_server(deployment))
    proxy = await stack.enter_async_context(bare_http(deployment, upstream))
    asked = addresses["auth_request"]
    alone = {"auth_request /govshare/ask;": "auth_request off;"}
    front = stack.enter_context(nginx(deployment, sidecar=asked, api=upstream))
    bare = stack.enter_context(nginx(deployment, sidecar=asked, api=upstream, change=alone))
    evaluation = f"https://{addresses['authzen']}/access/v1/evaluation"
    return {
        "bare aiohttp server": asks(session, f"https://{server}/", CALL),
        "AuthZEN": asks(session, evaluation, CALL),
        "bare aiohttp proxy": asks(session, f"https://{proxy}{PATH}"),
        "HTTP proxy": asks(session, f"https://{addresses['http']}{PATH}"),
        "nginx": asks(session, f"https://{bare}{EXACT_PATH}"),
        "nginx, auth_request": asks(session, f"https://{front}{EXACT_PATH}"),
    }


async def through_envoy(
    stack: AsyncExitStack, front: Front, exact: Front, upstream: str
) -> dict[str, Ask]:
    """Return what is asked through Envoy, and the same Envoy that asks nobody."""
    deployment = front.deployment
    callers = Callers(authority=deployment.authority, clients=deployment.clients)
    connector = aiohttp.TCPConnector(ssl=callers.tls("SYS-HCB-PRH"), limit=0)
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
    plain = Front(deployment=deployment, sidecar=front.sidecar, canary=front.canary)
    stack.enter_context(front.running(upstream))
    stack.enter_context(exact.running(upstream))
    stack.enter_context(plain.running(upstream, change=without_filter()))
    named = {"Envoy": plain, "Envoy, ext_authz": exact, "Envoy, ext_proc": front}
    urls = {name: f"https://{one.address}{PATH}" for name, one in named.items()}
    for url in urls.values():
        await proven(session, url)
    return {name: asks(session, url) for name, url in urls.items()}


async def measured(asked: Mapping[str, Ask], seconds: float) -> list[Row]:
    """Measure one after the other."""
    figures: dict[tuple[str, int], Figure] = {}
    for name, ask in asked.items():
        for callers in (1,) if " of " in name else CALLERS:
            await measure(ask, callers=callers, seconds=seconds / 5)
            figures[name, callers] = await measure(ask, callers=callers, seconds=seconds)
    return [
        Row(
            name=name,
            callers=callers,
            n=figure.calls,
            rate=figure.rate,
            median_ms=figure.median_ms,
            p99_ms=figure.worst_ms,
            ratio=figure.median_ms / figures[BARE[name], callers].median_ms
            if name in BARE
            else None,
        )
        for (name, callers), figure in figures.items()
    ]


async def run(directory: Path, *, seconds: float) -> list[Row]:
    """Measure everything, one after the other, before one sidecar with one log."""
    async with AsyncExitStack() as stack:
        upstream = f"http://{await stack.enter_async_context(bare_server(None))}"
        rpc_upstream, _ = stack.enter_context(rpc_department())
        deployment, front, exact = deploy(directory, upstream, rpc_upstream)
        running = Sidecar.running(load_config(deployment.config), now=lambda: datetime.now(UTC))
        sidecar = await stack.enter_async_context(running)
        addresses = {name: str(at) for name, at in sidecar.addresses.items()}
        asked = {
            **await over_grpc(stack, deployment, addresses, rpc_upstream),
            **await over_http(stack, deployment, addresses, upstream),
            **await through_envoy(stack, front, exact, upstream),
        }
        return await measured(asked, seconds)


def print_table(rows: list[Row]) -> None:
    """Print *rows* for people."""
    print(f"{'':24}{'callers':>8}{'n':>8}{'calls/s':>10}{'median ms':>11}{'p99 ms':>9}{'ratio':>8}")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        print(
            f"{row.name:24}{row.callers:>8}{row.n:>8}{row.rate:>10,.0f}"
            f"{row.median_ms:>11.2f}{row.p99_ms:>9.2f}{ratio:>8}"
        )


def main() -> None:
    """Measure for a second each, and print it."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--quick", action="store_true", help="a tenth of a second each")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    chosen = parser.parse_args()
    chosen.seconds = 0.1 if chosen.quick else chosen.seconds
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        rows = asyncio.run(run(Path(directory), seconds=chosen.seconds))
    report = Report(name="entrances")
    for row in rows:
        report.figures(
            row.name, callers=row.callers, rate=row.rate, median_ms=row.median_ms,
            p99_ms=row.p99_ms, n=row.n, beside=BARE.get(row.name, ""),
        )  # fmt: skip
    report.write(chosen.json)
    machine = {
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "seconds": chosen.seconds,
    }
    if chosen.output == "json":
        json.dump({**machine, "rows": [asdict(row) for row in rows]}, sys.stdout, indent=1)
        return
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print("clients, sidecar and department share one process; nginx and Envoy have one each")
    print_table(rows)


if __name__ == "__main__":
    main()
