# SPDX-License-Identifier: Apache-2.0
"""What an empty call over gRPC costs: grpcio's asyncio server beside ours on libnghttp2.

Usage: ``python -m bench.transport [--calls 10000] [--rounds 3]``. Both answer nothing to a message
of no bytes, on uvloop, each in a process of its own; ``h2load`` asks from a third. CPU is that of
the server's process, user and system together. Rounds alternate, and the best of each counts: on a
machine with other work, that is the one with the least of it. Over TLS no client shows a
certificate, since ``h2load`` has none.
"""

import argparse
import asyncio
import os
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import uvloop

from bench.audit_common import describe_machine
from bench.report import Report, Row, options
from govshare_sidecar.h2.server import Server
from tests.e2e.pki import Authority

KINDS = ("grpc.aio", "native")
CONNECTIONS, IN_FLIGHT = 2, 32
CALLERS = CONNECTIONS * IN_FLIGHT
METHOD = "/bench.Empty/Call"
_DONE = re.compile(r"finished in [^,]+, ([\d.]+) req/s")
_TOOK = re.compile(r"time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)\b")
_SUCCEEDED = re.compile(r"(\d+) succeeded")
_UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One round: microseconds of CPU a call, calls a second, and the mean time of one."""

    cpu_us: float
    rate: float
    mean_ms: float


def handlers() -> grpc.GenericRpcHandler:
    """Return what answers nothing."""

    async def nothing(_data: bytes, _context: object) -> bytes:
        return b""

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(nothing)
    return grpc.method_handlers_generic_handler("bench.Empty", {"Call": handler})


async def serve(kind: str, keys: Path | None) -> None:
    """Serve until the process ends; the port is the one line on standard output."""
    if kind == "native":
        port = await serve_native(keys)
    else:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers([handlers()])
        if keys is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            pair = ((keys / "server.key").read_bytes(), (keys / "server.pem").read_bytes())
            port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        await server.start()
    print(port, flush=True)
    await asyncio.Event().wait()


async def serve_native(keys: Path | None) -> int:
    """Begin to serve without grpcio's transport; return the port."""
    server, tls = Server(), None
    server.add_generic_rpc_handlers([handlers()])
    if keys is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(keys / "server.pem", keys / "server.key")
        tls.set_alpn_protocols(["h2"])
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port: int = listening.getsockname()[1]
    await server.start(listening, tls=tls)
    return port


@contextmanager
def serving(kind: str, keys: Path | None) -> Iterator[tuple[int, int]]:
    """Serve in another process inside the ``with``; give its id and port."""
    command = [sys.executable, "-m", "bench.transport", "--serve", kind]
    if keys is not None:
        command += ["--keys", str(keys)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise AssertionError("a pipe was asked for")
            yield process.pid, int(process.stdout.readline())
        finally:
            process.kill()


def cpu_s(process: int) -> float:
    """Return how long *process* has computed so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(process: int, url: str, *, body: Path, calls: int) -> Figure:
    """Have ``h2load`` ask *calls* times."""
    command = [
        "h2load", "-n", str(calls), "-c", str(CONNECTIONS), "-m", str(IN_FLIGHT), "-d", str(body),
        "-H", "content-type: application/grpc", "-H", "te: trailers", url,
    ]  # fmt: skip
    before = cpu_s(process)
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used_s = cpu_s(process) - before
    rate, took, succeeded = _DONE.search(done), _TOOK.search(done), _SUCCEEDED.search(done)
    if rate is None or took is None or succeeded is None or int(succeeded[1]) != calls:
        raise RuntimeError("some calls were not answered")
    return Figure(
        cpu_us=used_s / calls * 1e6,
        rate=float(rate[1]),
        mean_ms=float(took[1]) * _UNITS_MS[took[2]],
    )


def measure(report: Report, *, calls: int, rounds: int) -> None:
    """Measure both, plain and over TLS, and print the figures."""
    print(f"{'':16}{'µs CPU':>9}{'median':>9}{'calls/s':>10}{'mean ms':>9}{'n':>9}")
    with tempfile.TemporaryDirectory() as directory:
        keys, body = Path(directory), Path(directory) / "body"
        body.write_bytes(bytes(5))
        Authority(keys).issue("server", server=True)
        for used in (None, keys):
            found: dict[str, list[Figure]] = {kind: [] for kind in KINDS}
            for _ in range(rounds):
                for kind in KINDS:
                    with serving(kind, used) as (process, port):
                        url = f"http{'s' if used else ''}://127.0.0.1:{port}{METHOD}"
                        ask(process, url, body=body, calls=max(100, calls // 10))
                        found[kind].append(ask(process, url, body=body, calls=calls))
            add(report, found, over="TLS" if used else "plain", n=calls * rounds)


def add(report: Report, found: dict[str, list[Figure]], *, over: str, n: int) -> None:
    """Add the best rounds of each kind."""
    for kind, figures in found.items():
        beside = f"{KINDS[0]}, {over}" if kind != KINDS[0] else ""
        best = {
            "µs CPU": min(figure.cpu_us for figure in figures),
            "calls/s": max(figure.rate for figure in figures),
            "ms": min(figure.mean_ms for figure in figures),
        }
        for unit, value in best.items():
            row = Row(
                series=f"{kind}, {over}", unit=unit, value=value, n=n, axis="callers",
                at=CALLERS, beside=beside,
            )  # fmt: skip
            report.rows.append(row)
        median = statistics.median(figure.cpu_us for figure in figures)
        print(
            f"{kind + ', ' + over:16}{best['µs CPU']:>9.1f}{median:>9.1f}"
            f"{best['calls/s']:>10,.0f}{best['ms']:>9.2f}{n:>9,}"
        )
    less = min(one.cpu_us for one in found["native"]) / min(one.cpu_us for one in found[KINDS[0]])
    print(f"{'':16}{less:>9.2f} of the CPU of {KINDS[0]}")


def main() -> None:
    """Measure for some seconds, or serve."""
    parser = options(__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--keys", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve is not None:
        uvloop.run(serve(chosen.serve, chosen.keys))
        return
    report = Report(name="transport", n=chosen.rounds)
    describe_machine(f"{CALLERS} callers, best of {chosen.rounds} rounds of {chosen.calls:,}")
    if shutil.which("h2load") is None:
        report.missing["h2load"] = "install the package `nghttp2-client`"
        print(f"missing: h2load ({report.missing['h2load']})")
    else:
        measure(report, calls=chosen.calls, rounds=chosen.rounds)
    report.write(chosen.json)


if __name__ == "__main__":
    main()
