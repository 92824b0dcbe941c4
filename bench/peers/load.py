# SPDX-License-Identifier: Apache-2.0
"""h2load, with a client certificate, against a gRPC method; and the question asked once before."""

import os
import re
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc

from bench.grpc_api import Figure

# Of each number of calls in flight, over how many connections.
CONNECTIONS = {1: 1, 8: 4, 32: 16}
START_S = 30.0
OK = "200"
RATE = re.compile(r"^finished in .*?, ([0-9.]+) req/s", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A method, how it is reached, and what a good answer is.

    Attributes:
        pair: The caller's certificate and key.
        verify: Raises if an answer is not the right one.
        number: Tells the number of the record that an answer was kept as; ``None`` if it has none.
    """

    port: int
    method: str
    data: bytes
    ca: Path
    pair: tuple[Path, Path]
    verify: Callable[[bytes], object]
    number: Callable[[bytes], int] | None = None

    def ask(self) -> bytes:
        """Ask once, waiting for the server to start."""
        certificate, key = self.pair
        credentials = grpc.ssl_channel_credentials(
            self.ca.read_bytes(), key.read_bytes(), certificate.read_bytes()
        )
        with grpc.secure_channel(f"127.0.0.1:{self.port}", credentials) as channel:
            method: grpc.UnaryUnaryMultiCallable[bytes, bytes]
            method = channel.unary_unary(self.method)
            return method(self.data, wait_for_ready=True, timeout=START_S)


def preload(directory: Path) -> Path:
    """Compile what gives h2load a certificate, and return it."""
    source = Path(__file__).with_name("client_certificate.c")
    library = directory / "client_certificate.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library


def load(target: Target, library: Path, *, in_flight: int, seconds: int) -> Figure:
    """Keep *in_flight* calls open for *seconds*, and return what they took.

    Raises:
        RuntimeError: If a call was not answered as it should be.
    """
    first = target.ask()
    target.verify(first)
    with tempfile.TemporaryDirectory() as name:
        frame, log = Path(name) / "frame", Path(name) / "log"
        frame.write_bytes(b"\0" + len(target.data).to_bytes(4, "big") + target.data)
        connections = CONNECTIONS[in_flight]
        command = [
            "h2load", "-t1", f"-c{connections}", f"-m{in_flight // connections}",
            f"--duration={seconds}", "--warm-up-time=1", f"--log-file={log}", f"--data={frame}",
            "-Hcontent-type: application/grpc", "-Hte: trailers",
            f"https://127.0.0.1:{target.port}{target.method}",
        ]  # fmt: skip
        certificate, key = map(str, target.pair)
        environment = {"LD_PRELOAD": str(library), "BENCH_CERTIFICATE": certificate}
        environment |= {"BENCH_KEY": key, "PATH": os.environ["PATH"]}
        done = subprocess.run(command, check=False, capture_output=True, env=environment, text=True)
        if done.returncode:
            raise RuntimeError(f"h2load: {(done.stderr or done.stdout).strip()}")
        calls = [line.split("\t") for line in log.read_text(encoding="ascii").splitlines()]
    if not calls or any(status != OK for _, status, _ in calls):
        raise RuntimeError("a call under load was not answered")
    last = target.ask()
    target.verify(last)
    if target.number and target.number(last) - target.number(first) <= len(calls):
        raise RuntimeError("a call under load was not recorded")
    times = sorted(int(us) / 1e3 for _, _, us in calls)
    rate = RATE.search(done.stdout)
    if rate is None:
        raise RuntimeError("h2load says no rate")
    return Figure(
        float(rate[1]), statistics.median(times), times[len(times) * 99 // 100], len(times)
    )
