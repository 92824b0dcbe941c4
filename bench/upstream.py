# SPDX-License-Identifier: Apache-2.0
"""What it costs that a department's API can tell the sidecar from everybody else.

Usage: ``python -m bench.upstream [--seconds 1.5] [--quick]``. In one run, before the same
department: the HTTP proxy that shows nothing, the one that signs each request, and the two halves
of a signature.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.audit_common import describe_machine
from bench.proxies import http_row
from bench.report import Report, Row, options
from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.upstream import Gateway, Memory, Request, sign_request, verify_request
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.e2e.callers import Callers
from tests.e2e.department import department
from tests.e2e.deployment import PASSPHRASE, Deployment

NOTHING, SIGNED = "HTTP proxy, nothing shown", "HTTP proxy, signed"
HALVES = 500
SIGNATURE = """
[http.signature]
key = "file:keys/upstream.pem"
passphrase_file = "keys/audit.passphrase"
audience = "civil-affairs"
"""


async def proxy_row(
    directory: Path, upstream: str, report: Report, *, signs: bool, seconds: float
) -> None:
    """Measure calls through a proxy that signs, or shows nothing."""
    deployment = Deployment(directory=directory, upstream=upstream)
    if signs:
        generate_key(directory / "keys" / "upstream.pem", PASSPHRASE)
        deployment.configure("[metrics]\n", f"{SIGNATURE}[metrics]\n")
    config = load_config(deployment.config)
    async with Sidecar.running(config, now=lambda: datetime.now(UTC)) as sidecar:
        callers = Callers(authority=deployment.authority, clients=deployment.clients)
        name, beside = (SIGNED, NOTHING) if signs else (NOTHING, "")
        address = str(sidecar.addresses["http"])
        await http_row(name, address, callers, report, seconds, beside=beside)


def timed(name: str, work: Callable[[], object], times: int, report: Report) -> None:
    """Print and keep the median of what *work* takes."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    median_ms = statistics.median(taken) * 1e3
    print(f"{name:12} n={times:<6} median {median_ms:6.3f} ms")
    report.rows.append(Row(series=name, unit="ms", value=median_ms, n=times))


def halves(directory: Path, times: int, report: Report) -> None:
    """Measure making a signature, and verifying it with its nonce."""
    public = generate_key(directory / "key.pem", PASSPHRASE)
    signer = open_signer(f"file:{directory}/key.pem", PASSPHRASE)
    request, at = Request(method="GET", target="/marriages/ID1"), datetime.now(UTC)
    gateway = Gateway(keys=(public,), audience="a", nonces=Memory())

    def make() -> str:
        return sign_request(request, signer, record="r", audience="a", at=at)

    texts = iter([make() for _ in range(times)])
    timed("making a signature", make, times, report)

    def verify() -> None:
        verify_request([next(texts)], request, gateway, at=at)

    timed("verifying it", verify, times, report)


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--quick", action="store_true", help="a fifth of a second each")
    chosen = parser.parse_args()
    seconds, report = 0.2 if chosen.quick else chosen.seconds, Report(name="upstream")
    describe_machine("signatures towards a department's API")
    with tempfile.TemporaryDirectory() as directory, department() as (upstream, _):
        here = Path(directory)
        for signs in (False, True):
            place = here / str(signs)
            asyncio.run(proxy_row(place, upstream, report, signs=signs, seconds=seconds))
        halves(here, HALVES, report)
    report.write(chosen.json)


if __name__ == "__main__":
    main()
