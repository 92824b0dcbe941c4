# SPDX-License-Identifier: Apache-2.0
"""Servers side by side: each a process of its own, all under one load generator, in turn.

What is ours signs and syncs a record of every call; when all servers have ended, the run fails if
their logs hold fewer records than calls were answered.
"""

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.audit_common import describe_machine
from bench.grpc_api import Figure
from bench.peers import cerbos_server, empty
from bench.peers.install import ROOT, why_missing
from bench.peers.load import Target, Tls, load, preload
from bench.report import Report, Row, options
from govshare_policy.audit.verify import read_published
from govshare_sidecar._pb import enforcement_pb2 as pb
from govshare_sidecar.share import logs_of
from tests.e2e.deployment import Deployment

CALLER = "SYS-HCB-PRH"
END_S = 20.0
# One certificate asks here for as many as would be callers.
LIMITS = "[limits]\nin_flight = 2048\nper_caller = 2048\n"
# Of the sidecar: what speaks HTTP/2, and how many processes; none is one without `workers`.
WAYS = tuple((transport, workers) for transport in ("native", "grpcio") for workers in (0, 2))


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def program(module: str, *arguments: object) -> Iterator[int]:
    """Run *module* inside the ``with``, and give its process."""
    process = subprocess.Popen([sys.executable, "-m", module, *map(str, arguments)], cwd=ROOT)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=END_S)


def verify_allowed(data: bytes) -> None:
    """Return only if the answer in *data* allows.

    Raises:
        RuntimeError: If it does not.
    """
    if pb.CheckResponse.FromString(data).answer.effect != "allow":
        raise RuntimeError("the call is not allowed")


def name_of(transport: str, workers: int) -> str:
    """Return what the figures call a sidecar."""
    return f"{transport}, {workers or 1} process{'es' if workers else ''}"


class Served(NamedTuple):
    """A port, and the processes that serve it."""

    port: int
    processes: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class Sidecar:
    """One that runs."""

    deployment: Deployment
    addresses: Mapping[str, str]
    process: int

    def port(self, entrance: str) -> int:
        """Return the port of *entrance*."""
        return int(self.addresses[entrance].rpartition(":")[2])

    @property
    def tls(self) -> Tls:
        """How its caller is known."""
        pair = self.deployment.clients[CALLER]
        return Tls(ca=self.deployment.authority.path, pair=(pair.certificate, pair.key))


@dataclass(slots=True, kw_only=True)
class Arena:
    """Where servers run until *stack* is left, each with its files in *directory*."""

    stack: ExitStack
    directory: Path
    report: Report

    def sidecar(
        self, transport: str, *, workers: int, upstream: str = "http://127.0.0.1:1"
    ) -> Sidecar:
        """Start one of ours."""
        place = self.directory / f"{transport}-{workers}"
        place.mkdir()
        deployment = Deployment(directory=place, upstream=upstream).over(transport)
        deployment.configure("[log]\n", f"{LIMITS}[log]\n")
        if workers:
            deployment.configure('profile = "hubei"', f'workers = {workers}\nprofile = "hubei"')
        running = self.stack.enter_context(deployment.start())
        return Sidecar(
            deployment=deployment, addresses=running.addresses, process=running.process.pid
        )

    def empty(
        self, transport: str, *, processes: int, like: Sidecar, plain: bool = False
    ) -> Served:
        """Start the service that decides nothing."""
        [port] = free_ports(1)
        tls = like.deployment.directory / "tls"
        files = (tls / "sidecar.pem", tls / "sidecar.key", like.deployment.authority.path)
        arguments = (port, transport, *(() if plain else files))
        started = (program(empty.__name__, *arguments) for _ in range(processes))
        return Served(port, tuple(self.stack.enter_context(one) for one in started))

    def cerbos(self, name: str, *, audit: bool, like: Sidecar) -> Served | None:
        """Start a Cerbos; if it cannot be had, report that."""
        if why := why_missing("cerbos"):
            self.report.missing["Cerbos"] = why
            return None
        tls = like.deployment.directory / "tls"
        http, port = free_ports(2)
        pair = (tls / "sidecar.pem", tls / "sidecar.key")
        running = cerbos_server.cerbos(
            self.directory / name, ports=(http, port), pair=pair, audit=audit
        )
        return Served(port, (self.stack.enter_context(running),))


def recorded(log: Path) -> int:
    """Return how many records a sidecar kept in its logs, which is one or one a worker."""
    logs = [log] if (log / "checkpoint").is_file() else list(logs_of(log))
    return sum(read_published(each)[1].size for each in logs)


def verify_recorded(targets: Mapping[str, Target], answered: Mapping[str, int]) -> None:
    """Return only if every answered call was recorded.

    Raises:
        RuntimeError: If a log holds too few records.
    """
    owed: Counter[Path] = Counter()
    for name, target in targets.items():
        if target.log is not None:
            owed[target.log] += answered[name] * target.records
    for log, records in owed.items():
        if (there := recorded(log)) < records:
            raise RuntimeError(f"a log has {there} of {records} records: calls were refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What is asked, and what its figures stand beside.

    Attributes:
        start: Starts every server, and returns what is asked of each.
        beside: By the name of a target, the series that it is compared with.
        best: Series that repeat the best of several targets at each load.
        in_flight: How many requests are kept open.
    """

    start: Callable[[Arena], dict[str, Target]]
    beside: Mapping[str, str]
    best: Mapping[str, Sequence[str]]
    in_flight: Sequence[int]


def measure(
    contest: Contest, targets: Mapping[str, Target], report: Report, *, seconds: int, library: Path
) -> Counter[str]:
    """Ask every server under every load, round by round; return the decisions of each."""
    answered: Counter[str] = Counter()
    print(
        f"{'':44}{'in flight':>9}{'calls/s':>10}{'median ms':>11}{'p99 ms':>9}{'µs CPU':>8}{'n':>9}"
    )
    for in_flight in contest.in_flight:
        runs: dict[str, list[Figure]] = {name: [] for name in targets}
        for _ in range(report.n):
            for name, target in targets.items():
                try:
                    found = load(target, library, in_flight=in_flight, seconds=seconds)
                except RuntimeError as error:
                    raise RuntimeError(f"{name}: {error}") from error
                runs[name].append(found)
        middles = {name: middle_of(figures) for name, figures in runs.items()}
        for name, figure in middles.items():
            answered[name] += figure.calls
            print(
                f"{name:44}{in_flight:>9}{figure.rate:>10,.0f}{figure.median_ms:>11.2f}"
                f"{figure.worst_ms:>9.2f}{figure.cpu_us:>8.1f}{figure.calls:>9}",
                flush=True,
            )
        for name, candidates in contest.best.items():
            there = [middles[one] for one in candidates if one in middles]
            if there:
                middles[name] = max(there, key=lambda figure: figure.rate)
        for name, figure in middles.items():
            report.figures(
                name, callers=in_flight, rate=figure.rate, median_ms=figure.median_ms,
                p99_ms=figure.worst_ms, n=figure.calls, beside=contest.beside.get(name, ""),
            )  # fmt: skip
            report.rows.append(
                Row(
                    series=name, unit="µs CPU", value=figure.cpu_us, n=figure.calls, axis="callers",
                    at=in_flight, beside=contest.beside.get(name, ""),
                )
            )  # fmt: skip
    return answered


def middle_of(figures: Sequence[Figure]) -> Figure:
    """Return the medians of *figures*, and all their calls."""
    rate, middle, p99, _, cpu = (statistics.median(each) for each in zip(*figures, strict=True))
    return Figure(rate, middle, p99, sum(figure.calls for figure in figures), cpu)


def run(contest: Contest, report: Report, *, seconds: int) -> None:
    """Start, measure and end everything; then look for the records."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with ExitStack() as stack:
            arena = Arena(stack=stack, directory=directory, report=report)
            targets = contest.start(arena)
            library = preload(directory)
            answered = measure(contest, targets, report, seconds=seconds, library=library)
        verify_recorded(targets, answered)


def arguments(description: str | None) -> argparse.Namespace:
    """Return what a contest is told on the command line."""
    parser = options(description)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of a second, 32 in flight")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds = 1, 1
    return chosen


def held(name: str, contest: Contest, chosen: argparse.Namespace) -> Report:
    """Hold *contest*, say what is missing, and write the report."""
    report, seconds = Report(name=name, n=chosen.rounds), chosen.seconds
    describe_machine(
        f"medians of {report.n} rounds of {seconds} s; load and server share the machine"
    )
    if why := why_missing("h2load"):
        report.missing["h2load"] = why
    else:
        run(contest, report, seconds=seconds)
    for peer, why in report.missing.items():
        print(f"missing: {peer}: {why}")
    report.write(chosen.json)
    return report
