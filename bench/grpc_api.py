# SPDX-License-Identifier: Apache-2.0
"""What a call over gRPC costs: ``Check``, ``CheckBatch`` and ``CheckStream``, with the log on.

Usage: ``python bench/grpc_api.py [--seconds 1.5]``. Beside them, in the same run, a service that
answers nothing to anything, on the same server settings, TLS and machine.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import grpc
from google.protobuf.json_format import ParseDict

from bench.audit_common import describe_machine
from bench.report import Report, options
from govshare_sidecar._pb import enforcement_pb2 as pb
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.e2e.callers import Callers
from tests.e2e.deployment import Deployment

CALLERS = (1, 16, 64)
BATCH = 32
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
    """Calls a second, and how long one request took."""

    rate: float
    median_ms: float
    worst_ms: float
    calls: int


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

    async def nothing(_data: bytes, _context: object) -> bytes:
        return b""

    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(nothing)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("bench.Empty", {"Call": handler})]
    )
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


def streams(channel: grpc.aio.Channel) -> Ask:
    """Return what asks so many calls over one ``CheckStream``, written ahead of the answers."""
    method: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
    method = channel.stream_stream("/govshare.v1.Enforcement/CheckStream")
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
    method = channel.unary_unary("/bench.Empty/Call")
    data = CALL.SerializeToString()

    async def ask() -> int:
        await method(data)
        return 1

    return ask


async def run(directory: Path, report: Report, *, seconds: float) -> None:
    """Measure everything and print it."""
    deployment = Deployment(directory=directory, upstream="http://127.0.0.1:1")
    callers = Callers(authority=deployment.authority, clients=deployment.clients)
    credentials = callers.credentials("SYS-HCB-PRH")
    config = load_config(deployment.config)
    print(f"{'':24}{'callers':>8}{'calls/s':>10}{'median ms':>11}{'p99 ms':>9}{'n':>8}")
    async with (
        empty_service(deployment) as empty,
        Sidecar.running(config, now=lambda: datetime.now(UTC)) as sidecar,
        grpc.aio.secure_channel(empty, credentials) as bare,
        grpc.aio.secure_channel(str(sidecar.addresses["grpc"]), credentials) as ours,
    ):
        asked = {
            "empty service": empties(bare),
            "Check": checks(ours),
            f"CheckBatch of {BATCH}": batches(ours),
            f"CheckStream of {BATCH}": streams(ours),
        }
        for name, ask in asked.items():
            await ask()
            for count in CALLERS if "of" not in name else (1, 4):
                figure = await measure(ask, callers=count, seconds=seconds)
                report.figures(
                    name, callers=count, rate=figure.rate, median_ms=figure.median_ms,
                    p99_ms=figure.worst_ms, n=figure.calls,
                    beside="empty service" if name == "Check" else "",
                )  # fmt: skip
                print(
                    f"{name:24}{count:>8}{figure.rate:>10,.0f}{figure.median_ms:>11.2f}"
                    f"{figure.worst_ms:>9.2f}{figure.calls:>8}"
                )


def main() -> None:
    """Measure for a few seconds each."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=1.5)
    chosen = parser.parse_args()
    seconds, report = chosen.seconds, Report(name="grpc_api")
    describe_machine(f"{seconds} s each; client and server share one process")
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run(Path(directory), report, seconds=seconds))
    report.write(chosen.json)


if __name__ == "__main__":
    main()
