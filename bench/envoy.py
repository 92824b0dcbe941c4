# SPDX-License-Identifier: Apache-2.0
"""What a call costs through Envoy with ``ext_proc`` and with ``ext_authz``, with the log on.

Usage: ``python -m bench.envoy [--seconds 1.5] [--quick]``. Beside them, in the same run and over
the same TLS, the same Envoy in front of the same API without asking.
"""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bench.audit_common import describe_machine
from bench.decision_http import asks, bare_server
from bench.grpc_api import CALLERS, measure
from bench.report import Report, options
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.e2e.callers import PURPOSE, Callers
from tests.e2e.deployment import Deployment
from tests.e2e.envoy import EXAMPLE, Front

PATH = "/marriages/ID1"
PROXY = """
[[envoy.proxy]]
certificate = "tls/envoy.pem"
url = "https://127.0.0.1:{port}"
ca = "tls/ca.pem"
filter = "ext_authz"
"""


def without_filter() -> dict[str, str]:
    """Return the change that takes the filter out of the example."""
    text = (EXAMPLE / "filter.yaml").read_text(encoding="utf-8")
    begin = text.index("- name: envoy.filters.http.ext_proc")
    return {text[begin : text.index("- name: envoy.filters.http.router")]: ""}


async def proven(session: aiohttp.ClientSession, url: str) -> None:
    """Return once the Envoy at *url* gets answers."""
    while True:
        async with session.get(url, headers=PURPOSE) as response:
            if response.status != 503:  # noqa: PLR2004
                return
        await asyncio.sleep(0.05)


async def run(directory: Path, report: Report, *, seconds: float) -> None:
    """Measure everything and print it."""
    deployment = Deployment(directory=directory, upstream="http://127.0.0.1:1")
    front = Front(deployment=deployment)
    front.configure()
    exact = Front(deployment=deployment, name="exact", sidecar=front.sidecar, canary=front.canary)
    plain = Front(deployment=deployment, sidecar=front.sidecar, canary=front.canary)
    with deployment.config.open("a") as file:
        file.write(PROXY.format(port=exact.port))
    callers = Callers(authority=deployment.authority, clients=deployment.clients)
    connector = aiohttp.TCPConnector(ssl=callers.tls("SYS-HCB-PRH"), limit=0)
    async with AsyncExitStack() as stack:
        api = f"http://{await stack.enter_async_context(bare_server(None))}"
        config = load_config(deployment.config)
        await stack.enter_async_context(Sidecar.running(config, now=lambda: datetime.now(UTC)))
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        stack.enter_context(front.running(api))
        stack.enter_context(exact.running(api))
        stack.enter_context(plain.running(api, change=without_filter()))
        measured = {
            "Envoy, not asking": plain,
            "Envoy, ext_authz": exact,
            "Envoy, ext_proc": front,
        }
        print(f"{'':20}{'callers':>8}{'calls/s':>10}{'median ms':>11}{'p99 ms':>9}{'n':>8}")
        for name, one in measured.items():
            url = f"https://{one.address}{PATH}"
            await proven(session, url)
            ask = asks(session, url)
            await ask()
            for count in CALLERS:
                figure = await measure(ask, callers=count, seconds=seconds)
                report.figures(
                    name, callers=count, rate=figure.rate, median_ms=figure.median_ms,
                    p99_ms=figure.worst_ms, n=figure.calls,
                    beside="" if one is plain else "Envoy, not asking",
                )  # fmt: skip
                print(
                    f"{name:20}{count:>8}{figure.rate:>10,.0f}{figure.median_ms:>11.2f}"
                    f"{figure.worst_ms:>9.2f}{figure.calls:>8}"
                )


def main() -> None:
    """Measure for a few seconds each."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--quick", action="store_true", help="a fifth of a second each")
    chosen = parser.parse_args()
    seconds, report = 0.2 if chosen.quick else chosen.seconds, Report(name="envoy")
    describe_machine(f"{seconds} s each; clients, sidecar and API share one process, Envoy has one")
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run(Path(directory), report, seconds=seconds))
    report.write(chosen.json)


if __name__ == "__main__":
    main()
