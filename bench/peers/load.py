# SPDX-License-Identifier: Apache-2.0
"""h2load, with a client certificate, against a server; and the question asked once before."""

import http.client
import os
import re
import ssl
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from pathlib import Path

import grpc

from bench.grpc_api import Figure

# Of each number of calls in flight, over how many connections.
CONNECTIONS = {1: 1, 8: 4, 32: 16, 128: 32}
HOST = "127.0.0.1"
START_S = 30.0
WARM_UP_S, LOAD_S = 1, 90.0
OK, UNKNOWN = "200", "0"
RATE = re.compile(r"^finished in .*?, ([0-9.]+) req/s", re.MULTILINE)


class Kind(Enum):
    """How a target is asked."""

    UNARY = auto()
    STREAM = auto()
    HTTP = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a caller is known.

    Attributes:
        pair: Its certificate and key.
    """

    ca: Path
    pair: tuple[Path, Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A method, how it is reached, and what a good answer is.

    Attributes:
        path: Of the method, or of what is fetched.
        data: One message; nothing if something is fetched.
        tls: ``None`` for plain.
        verify: Raises if an answer is not the right one.
        messages: How many times *data* is sent in one stream.
        calls: How many decisions one request or stream is.
        headers: Of what is fetched.
        records: How many records each decision leaves in *log*.
        log: Where they are; ``None`` if it keeps none.
        processes: Those of the server, without the ones that they start.
    """

    port: int
    path: str
    data: bytes
    tls: Tls | None
    verify: Callable[[bytes], object]
    kind: Kind = Kind.UNARY
    messages: int = 1
    calls: int = 1
    headers: tuple[str, ...] = ()
    records: int = 1
    log: Path | None = None
    processes: tuple[int, ...] = ()

    def ask(self) -> None:
        """Ask once, waiting for the server to start.

        Raises:
            RuntimeError: If the answer is not the right one.
        """
        if self.kind is Kind.HTTP:
            self.verify(fetched(self))
            return
        with channel(self) as asked:
            answers = list(self._answers(asked))
        if len(answers) != self.messages:
            raise RuntimeError("a message was not answered")
        for answer in answers:
            self.verify(answer)

    def _answers(self, asked: grpc.Channel) -> Iterator[bytes]:
        if self.kind is Kind.UNARY:
            unary: grpc.UnaryUnaryMultiCallable[bytes, bytes] = asked.unary_unary(self.path)
            yield unary(self.data, wait_for_ready=True, timeout=START_S)
            return
        stream: grpc.StreamStreamMultiCallable[bytes, bytes] = asked.stream_stream(self.path)
        yield from stream(iter([self.data] * self.messages), wait_for_ready=True, timeout=START_S)


def channel(target: Target) -> grpc.Channel:
    """Return a channel to *target*."""
    address = f"{HOST}:{target.port}"
    if target.tls is None:
        return grpc.insecure_channel(address)
    certificate, key = target.tls.pair
    credentials = grpc.ssl_channel_credentials(
        target.tls.ca.read_bytes(), key.read_bytes(), certificate.read_bytes()
    )
    return grpc.secure_channel(address, credentials)


def fetched(target: Target) -> bytes:
    """Return what *target* answers over HTTP, once it listens.

    Raises:
        RuntimeError: If it is not there, or its answer is not good.
    """
    end = time.monotonic() + START_S
    headers = dict(header.split(": ", 1) for header in target.headers)
    while True:
        connection = http.client.HTTPConnection(HOST, target.port, timeout=START_S)
        if target.tls is not None:
            tls = ssl.create_default_context(cafile=str(target.tls.ca))
            tls.load_cert_chain(*target.tls.pair)
            connection = http.client.HTTPSConnection(
                HOST, target.port, timeout=START_S, context=tls
            )
        try:
            connection.request("GET", target.path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except ConnectionRefusedError as error:
            if time.monotonic() > end:
                raise RuntimeError("a server does not listen") from error
            time.sleep(0.1)
            continue
        finally:
            connection.close()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"the answer is {answer.status}")
        return body


def preload(directory: Path) -> Path:
    """Compile what gives h2load a certificate, and return it."""
    source = Path(__file__).with_name("client_certificate.c")
    library = directory / "client_certificate.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library


def command_of(target: Target, directory: Path, *, in_flight: int, seconds: int) -> list[str]:
    """Return what asks *target*; its log is the file ``log`` in *directory*."""
    connections = in_flight if target.kind is Kind.HTTP else CONNECTIONS[in_flight]
    command = [
        "h2load", "-t1", f"-c{connections}", f"-m{in_flight // connections}",
        f"--duration={seconds}", f"--warm-up-time={WARM_UP_S}", f"--log-file={directory / 'log'}",
    ]  # fmt: skip
    if target.kind is Kind.HTTP:
        command += ["--h1", *(f"-H{header}" for header in target.headers)]
    else:
        frame = b"\0" + len(target.data).to_bytes(4, "big") + target.data
        (directory / "frames").write_bytes(frame * target.messages)
        command += [f"--data={directory / 'frames'}"]
        command += ["-Hcontent-type: application/grpc", "-Hte: trailers"]
    scheme = "http" if target.tls is None else "https"
    return [*command, f"{scheme}://{HOST}:{target.port}{target.path}"]


def environment_of(target: Target, library: Path) -> dict[str, str]:
    """Return what h2load needs around it."""
    environment = {"PATH": os.environ["PATH"]}
    if target.tls is not None:
        certificate, key = map(str, target.tls.pair)
        environment |= {"LD_PRELOAD": str(library), "BENCH_CERTIFICATE": certificate}
        environment["BENCH_KEY"] = key
    return environment


def cpu_s(processes: Sequence[int]) -> float:
    """Return how long *processes* and those that they started have computed so far."""
    total, asked = 0.0, list(processes)
    for process in asked:
        place = Path("/proc") / str(process)
        fields = (place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        children = (place / "task" / str(process) / "children").read_text(encoding="ascii")
        asked += map(int, children.split())
    return total


def ran(
    command: Sequence[str], environment: Mapping[str, str], target: Target
) -> tuple[str, float]:
    """Run *command*; return what it said, and what the server computed since it had warmed up.

    Raises:
        RuntimeError: If it failed.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as load:
        time.sleep(WARM_UP_S)
        before = cpu_s(target.processes)
        said, why = load.communicate(timeout=LOAD_S)
        used_s = cpu_s(target.processes) - before
    if load.returncode:
        raise RuntimeError(f"h2load: {(why or said).strip()}")
    return said, used_s


def verify_answered(states: Sequence[str], *, in_flight: int) -> None:
    """Return only if h2load's *states* of requests are those of answers.

    Raises:
        RuntimeError: If there are none, or one is another.
    """
    counts = Counter(states)
    # Of what began to be answered while the server warmed up, h2load does not keep the status.
    if not counts or counts.pop(UNKNOWN, 0) > in_flight or set(counts) - {OK}:
        raise RuntimeError(f"requests were answered with {sorted(set(states)) or 'nothing'}")


def load(target: Target, library: Path, *, in_flight: int, seconds: int) -> Figure:
    """Keep *in_flight* requests open for *seconds*; return decisions, and what a request took.

    Raises:
        RuntimeError: If a request was not answered as it should be.
    """
    target.ask()
    with tempfile.TemporaryDirectory() as name:
        command = command_of(target, Path(name), in_flight=in_flight, seconds=seconds)
        said, used_s = ran(command, environment_of(target, library), target)
        text = (Path(name) / "log").read_text(encoding="ascii")
        requests = [line.split("\t") for line in text.splitlines()]
    verify_answered([status for _, status, _ in requests], in_flight=in_flight)
    target.ask()
    times = sorted(int(us) / 1e3 for _, _, us in requests)
    rate = RATE.search(said)
    if rate is None:
        raise RuntimeError("h2load says no rate")
    calls = len(times) * target.calls
    return Figure(
        float(rate[1]) * target.calls,
        statistics.median(times),
        times[len(times) * 99 // 100],
        calls,
        used_s / calls * 1e6,
    )
