# SPDX-License-Identifier: Apache-2.0
"""``Check`` beside an empty grpcio service and the Cerbos server, under the same load generator.

Usage: ``python -m bench.servers [--seconds 2] [--rounds 3] [--quick] [--json FILE]``. Every server
is a process of its own and is asked by h2load over TLS with a client certificate, in turn, round by
round. Ours signs and keeps a durable record of each call, and their number is checked afterwards.
"""

import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.audit_common import describe_machine
from bench.grpc_api import CALL, Figure
from bench.peers import cerbos_server, empty
from bench.peers.install import ROOT, why_missing
from bench.peers.load import CONNECTIONS, Target, load, preload
from bench.report import Report, options
from govshare_sidecar._pb import enforcement_pb2 as pb
from tests.e2e.deployment import Deployment

EMPTY = "empty grpcio service, 1 process"
PLAIN = "Cerbos, no audit"
FILED = "Cerbos, audit to a file"
OURS = "govshare Check, signed and durable"
TWO = f"{OURS}, 2 workers"
# Of each, what its ratio is to.
BESIDE = {OURS: EMPTY, TWO: EMPTY, PLAIN: EMPTY, FILED: EMPTY}


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def empty_server(deployment: Deployment, port: int) -> Iterator[None]:
    """Run the service that answers nothing."""
    tls = deployment.directory / "tls"
    files = (tls / "sidecar.pem", tls / "sidecar.key", deployment.authority.path)
    command = [sys.executable, "-m", "bench.peers.empty", str(port), *map(str, files)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def verify_allowed(data: bytes) -> None:
    """Return only if the answer in *data* allows.

    Raises:
        RuntimeError: If it does not.
    """
    if pb.CheckResponse.FromString(data).answer.effect != "allow":
        raise RuntimeError("the call is not allowed")


def number_of(data: bytes) -> int:
    """Return the number of the record of the answer in *data*."""
    return int(pb.CheckResponse.FromString(data).receipt.log_index)


def ours(stack: ExitStack, directory: Path, *, workers: int) -> tuple[Deployment, Target]:
    """Start a sidecar, and return it as a target."""
    directory.mkdir()
    deployment = Deployment(directory=directory, upstream="http://127.0.0.1:1")
    if workers:
        deployment.configure('profile = "hubei"', f'workers = {workers}\nprofile = "hubei"')
    running = stack.enter_context(deployment.start())
    pair = deployment.clients["SYS-HCB-PRH"]
    return deployment, Target(
        port=int(running.addresses["grpc"].rpartition(":")[2]),
        method="/govshare.v1.Enforcement/Check",
        data=CALL.SerializeToString(),
        ca=deployment.authority.path,
        pair=(pair.certificate, pair.key),
        verify=verify_allowed,
        # With workers, two answers may be of two logs.
        number=None if workers else number_of,
    )


def start(stack: ExitStack, directory: Path, report: Report) -> dict[str, Target]:
    """Start every server, and return what is asked of each."""
    deployment, check = ours(stack, directory / "one", workers=0)
    ports = free_ports(5)
    stack.enter_context(empty_server(deployment, ports[0]))
    tls = deployment.directory / "tls"

    def beside(port: int, method: str, data: bytes, verify: Callable[[bytes], object]) -> Target:
        return Target(
            port=port, method=method, data=data, ca=check.ca, pair=check.pair, verify=verify
        )

    targets = {EMPTY: beside(ports[0], empty.METHOD, check.data, bytes)}
    if why := why_missing("cerbos"):
        report.missing["Cerbos"] = why
    else:
        for number, (name, audit) in enumerate(((PLAIN, False), (FILED, True))):
            pair = (tls / "sidecar.pem", tls / "sidecar.key")
            here = (ports[1 + 2 * number], ports[2 + 2 * number])
            stack.enter_context(
                cerbos_server.cerbos(directory / name, ports=here, pair=pair, audit=audit)
            )
            question = cerbos_server.question()
            targets[name] = beside(
                here[1], cerbos_server.METHOD, question, cerbos_server.verify_answer
            )
    return {**targets, OURS: check, TWO: ours(stack, directory / "two", workers=2)[1]}


def measure(targets: dict[str, Target], report: Report, *, seconds: int, library: Path) -> None:
    """Ask every server under every load, round by round."""
    print(f"{'':44}{'in flight':>9}{'calls/s':>10}{'median ms':>11}{'p99 ms':>9}{'n':>9}")
    for in_flight in CONNECTIONS:
        runs: dict[str, list[Figure]] = {name: [] for name in targets}
        for _ in range(report.n):
            for name, target in targets.items():
                found = load(target, library, in_flight=in_flight, seconds=seconds)
                runs[name].append(found)
        for name, figures in runs.items():
            rate, middle, p99, _ = (statistics.median(each) for each in zip(*figures, strict=True))
            calls = sum(figure.calls for figure in figures)
            print(f"{name:44}{in_flight:>9}{rate:>10,.0f}{middle:>11.2f}{p99:>9.2f}{calls:>9}")
            report.figures(
                name, callers=in_flight, rate=rate, median_ms=middle, p99_ms=p99, n=calls,
                beside=BESIDE.get(name, ""),
            )  # fmt: skip


def main() -> None:
    """Measure, print and write."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of a second")
    chosen = parser.parse_args()
    rounds, seconds = (1, 1) if chosen.quick else (chosen.rounds, chosen.seconds)
    describe_machine(
        f"medians of {rounds} rounds of {seconds} s; load and server share the machine"
    )
    report = Report(name="servers", n=rounds)
    if why := why_missing("h2load"):
        report.missing["h2load"] = why
    else:
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            directory = Path(name)
            targets = start(stack, directory, report)
            measure(targets, report, seconds=seconds, library=preload(directory))
    for peer, why in report.missing.items():
        print(f"missing: {peer}: {why}")
    report.write(chosen.json)


if __name__ == "__main__":
    main()
