# SPDX-License-Identifier: Apache-2.0
"""What a call over gRPC costs: ``Check``, ``CheckBatch`` and ``CheckStream``, with the log on.

Usage: ``python -m bench.grpc_api [--seconds 1.5] [--quick]``. Over both transports, each beside a
grpcio service, in the same run and over the same TLS, that answers nothing to a call and gives the
messages of a stream back.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import grpc
from google.protobuf.json_format import ParseDict

from bench.audit_common import describe_machine
from bench.peers import empty
from bench.report import Report, options
from govshare_sidecar._pb import enforcement_pb2 as pb
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.e2e.callers import Callers
from tests.e2e.deployment import Deployment

CALLERS = (1, 16, 64)
BATCH = 32
TRANSPORTS = ("native", "grpcio")
EMPTY, ECHO = "empty grpc.aio service", f"empty grpc.aio echo of {BATCH}"
CALL = ParseDict(
    {
        "call": {
            "action": "read",
            "resource": "R08",
            "fields": ["id_no", "marital_status"],
            "purpose": "data_verification",
        }
    },
    pb.CheckRequest(),
)
Ask = Callable[[], Awaitable[int]]


class Figure(NamedTuple):
    """Calls a second, how long one request took, and what a call cost the server, if known."""

    rate: float
    median_ms: float
    worst_ms: float
    calls: int
    cpu_us: float = 0.0


async def measure(ask: Ask, *, callers: int, seconds: float) -> Figure:
    """Have *callers* ask one after the other for a while; *ask* returns how many calls it was."""
    took: list[float] = []
    calls = 0
    end = time.perf_counter() + seconds

    async def caller() -> None:
        nonlocal calls
        while (began := time.perf_counter()) < end:
            answered = await ask()
            calls += answered
            took.append((time.perf_counter() - began) * 1e3)

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    rate = calls / (time.perf_counter() - began)
    worst = sorted(took)[int(len(took) * 0.99)]
    return Figure(rate, statistics.median(took), worst, calls)


@asynccontextmanager
async def empty_service(deployment: Deployment) -> AsyncIterator[str]:
    """Serve nothing, and give the address."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([empty.handlers()])
    tls = deployment.directory / "tls"
    pair = ((tls / "sidecar.key").read_bytes(), (tls / "sidecar.pem").read_bytes())
    port = server.add_secure_port(
        "127.0.0.1:0",
        grpc.ssl_server_credentials(
            [pair],
            root_certificates=deployment.authority.path.read_bytes(),
            require_client_auth=True,
        ),
    )
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(1)


def checks(channel: grpc.aio.Channel) -> Ask:
    """Return what asks ``Check``."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    method = channel.unary_unary("/govshare.v1.Enforcement/Check")
    data = CALL.SerializeToString()

    async def ask() -> int:
        await method(data)
        return 1

    return ask


def batches(channel: grpc.aio.Channel) -> Ask:
    """Return what asks ``CheckBatch``."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    method = channel.unary_unary("/govshare.v1.Enforcement/CheckBatch")
    data = pb.CheckBatchRequest(requests=[CALL] * BATCH).SerializeToString()

    async def ask() -> int:
        await method(data)
        return BATCH

    return ask


def streams(channel: grpc.aio.Channel, path: str = "/govshare.v1.Enforcement/CheckStream") -> Ask:
    """Return what asks so many calls over one stream, written ahead of the answers."""
    method: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
    method = channel.stream_stream(path)
    data = pb.CheckStreamRequest(id="1", request=CALL).SerializeToString()

    async def ask() -> int:
        stream = method()

        async def write() -> None:
            for _ in range(BATCH):
                await stream.write(data)
            await stream.done_writing()

        writing = asyncio.create_task(write())
        count = 0
        async for _ in stream:
            count += 1
        await writing
        return count

    return ask


def empties(channel: grpc.aio.Channel) -> Ask:
    """Return what asks the empty service."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    method = channel.unary_unary(empty.METHOD)
    data = CALL.SerializeToString()

    async def ask() -> int:
        await method(data)
        return 1

    return ask


def named(transport: str, channel: grpc.aio.Channel) -> dict[str, Ask]:
    """Return what is asked of a sidecar."""
    return {
        f"Check, {transport}": checks(channel),
        f"CheckBatch of {BATCH}, {transport}": batches(channel),
        f"CheckStream of {BATCH}, {transport}": streams(channel),
    }


def beside(name: str) -> str:
    """Return what the series *name* is held against."""
    kind = name.partition(",")[0]
    return {"Check": EMPTY, f"CheckStream of {BATCH}": ECHO}.get(kind, "")


async def started(stack: AsyncExitStack, directory: Path) -> dict[str, Ask]:
    """Start everything and return what is asked."""
    deployments = {
        transport: Deployment(directory=directory / transport, upstream="http://127.0.0.1:1")
        for transport in TRANSPORTS
    }
    # One authority is enough: the empty service is asked as the first sidecar is.
    first = deployments[TRANSPORTS[0]]
    callers = Callers(authority=first.authority, clients=first.clients)
    bare = await stack.enter_async_context(
        grpc.aio.secure_channel(
            await stack.enter_async_context(empty_service(first)),
            callers.credentials("SYS-HCB-PRH"),
        )
    )
    asked = {EMPTY: empties(bare), ECHO: streams(bare, empty.ECHO)}
    for transport, deployment in deployments.items():
        config = load_config(deployment.over(transport).config)
        sidecar = await stack.enter_async_context(
            Sidecar.running(config, now=lambda: datetime.now(UTC))
        )
        callers = Callers(authority=deployment.authority, clients=deployment.clients)
        channel = grpc.aio.secure_channel(
            str(sidecar.addresses["grpc"]), callers.credentials("SYS-HCB-PRH")
        )
        asked |= named(transport, await stack.enter_async_context(channel))
    return asked


async def run(directory: Path, report: Report, *, seconds: float) -> None:
    """Measure everything and print it."""
    print(f"{'':32}{'callers':>8}{'calls/s':>10}{'median ms':>11}{'p99 ms':>9}{'n':>8}")
    async with AsyncExitStack() as stack:
        asked = await started(stack, directory)
        for name, ask in asked.items():
            await ask()
            for count in CALLERS if " of " not in name else (1, 4):
                figure = await measure(ask, callers=count, seconds=seconds)
                report.figures(
                    name, callers=count, rate=figure.rate, median_ms=figure.median_ms,
                    p99_ms=figure.worst_ms, n=figure.calls, beside=beside(name),
                )  # fmt: skip
                print(
                    f"{name:32}{count:>8}{figure.rate:>10,.0f}{figure.median_ms:>11.2f}"
                    f"{figure.worst_ms:>9.2f}{figure.calls:>8}"
                )


def main() -> None:
    """Measure for a few seconds each."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--quick", action="store_true", help="a fifth of a second each")
    chosen = parser.parse_args()
    seconds, report = 0.2 if chosen.quick else chosen.seconds, Report(name="grpc_api")
    describe_machine(f"{seconds} s each; client and server share one process")
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run(Path(directory), report, seconds=seconds))
    report.write(chosen.json)


if __name__ == "__main__":
    main()
