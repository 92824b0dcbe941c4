# SPDX-License-Identifier: Apache-2.0
"""A deployment in a directory, and a sidecar started from it as a process of its own."""

import csv
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from govshare_policy.audit import (
    TrustPolicy,
    Verdict,
    parse_record,
    parse_trust,
    read_records,
    trust_text,
    verify_log,
)
from govshare_policy.crypto import generate_key, open_signer
from tests.county import Change, write_county
from tests.e2e.callers import Callers
from tests.e2e.pki import END, NOW, START, Authority, Pair
from tests.nursery import Program, run_module

PASSPHRASE = b"correct horse battery staple"
ORIGIN = "govshare/test"
STARTUP_S = 120.0
# What takes longer does not happen; a busy machine may take its time.
PATIENCE_S = 120.0

CONFIG = """
profile = "hubei"
precedence = "local"
data = "data"
[log]
directory = "audit/log"
origin = "{origin}"
key = "file:keys/audit.pem"
passphrase_file = "keys/audit.passphrase"
pin = "audit/pin"
[tls]
certificate = "tls/sidecar.pem"
key = "tls/sidecar.key"
client_ca = "tls/ca.pem"
[grpc]
listen = "127.0.0.1:0"
reflection = true
[http]
listen = "127.0.0.1:0"
network = "extranet"
upstream = "{upstream}"
upstream_timeout_s = 3.0
max_request_bytes = 65536
max_response_bytes = 1048576
[[http.route]]
method = "GET"
path = "/marriages/{{id_no}}"
resource = "R08"
fields = ["id_no", "name", "marital_status"]
parameters = ["a", "b"]
[[http.route]]
method = "GET"
path = "/pages/{{page}}"
resource = "R08"
fields = ["*"]
fields_parameter = "fields"
parameters = ["size", "a"]
records = "data.items"
[[http.route]]
method = "POST"
path = "/marriages/search"
resource = "R08"
channel = "api"
fields = ["*"]
[metrics]
listen = "127.0.0.1:0"
"""


def await_(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@dataclass(kw_only=True)
class Deployment:
    """Everything a sidecar needs, in *directory*; :meth:`start` runs it."""

    directory: Path
    upstream: str
    change: Change = field(default_factory=dict)
    since: datetime = START
    authority: Authority = field(init=False)
    clients: dict[str, Pair] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.authority = Authority(self.directory / "tls", start=self.since)
        self.authority.issue("sidecar", server=True)
        keys = self.directory / "keys"
        keys.mkdir()
        generate_key(keys / "audit.pem", PASSPHRASE)
        (keys / "audit.passphrase").write_bytes(PASSPHRASE + b"\n")
        (keys / "audit.passphrase").chmod(0o600)
        write_county(self.directory / "data", self.change)
        with (self.directory / "data" / "systems.tsv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                self.clients[row["system_id"]] = self.authority.issue(
                    row["system_id"], start=self.since
                )
        self.register()
        self.clients["expired"] = self.authority.issue("expired", end=NOW - timedelta(days=1))
        self.clients["early"] = self.authority.issue("early", start=NOW + timedelta(days=1))
        self.clients["stranger"] = self.authority.issue("stranger")
        foreign = Authority(self.directory / "elsewhere")
        self.clients["foreign"] = foreign.issue("foreign")
        self.config.write_text(CONFIG.format(origin=ORIGIN, upstream=self.upstream))

    @property
    def config(self) -> Path:
        return self.directory / "govshare.toml"

    @property
    def log(self) -> Path:
        return self.directory / "audit" / "log"

    @property
    def trust(self) -> TrustPolicy:
        signer = open_signer(f"file:{self.directory}/keys/audit.pem", PASSPHRASE)
        return parse_trust(trust_text(ORIGIN, signer.public))

    def configure(self, old: str, new: str) -> None:
        """Replace *old*, which has to be there, in the configuration."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def over(self, transport: str) -> "Deployment":
        """Have gRPC served by *transport*, and return itself."""
        self.configure("[grpc]\n", f'[grpc]\ntransport = "{transport}"\n')
        return self

    def register(self, *, revoked: str = "") -> None:
        """Write ``certificates.tsv`` for the clients that are systems of the county."""
        lines = ["system_id\tspki\tvalid_from\tvalid_to\trevoked_on"]
        for system, pair in self.clients.items():
            if not system.startswith("SYS-"):
                continue
            days = f"{self.since.date()}\t{END.date()}\t{NOW.date() if system == revoked else ''}"
            lines.append(f"{system}\t{pair.spki.hex()}\t{days}")
        path = self.directory / "data" / "certificates.tsv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def records(self) -> list[dict[str, Any]]:
        """Return the records of the log, unverified."""
        return [parse_record(record) for _, record in read_records(self.log)]

    def decisions(self) -> list[dict[str, Any]]:
        return [record for record in self.records() if record["phase"] == "decision"]

    def outcomes(self) -> list[dict[str, Any]]:
        return [record for record in self.records() if record["phase"] == "outcome"]

    def verify(self) -> Verdict:
        return verify_log(self.log, self.trust)

    @contextmanager
    def start(self, *command: str) -> Iterator["Running"]:
        """Run a sidecar, and stop it if the test has not."""
        process = run_module("govshare_sidecar", "--config", str(self.config), under=command)
        running = Running(
            deployment=self, process=process, authority=self.authority, clients=self.clients
        )
        try:
            running.await_ready()
            yield running
        finally:
            running.stop()


@dataclass(kw_only=True)
class Running(Callers):
    """A sidecar that runs, and its callers."""

    deployment: Deployment
    process: Program
    messages: list[dict[str, Any]] = field(default_factory=list)

    def await_ready(self) -> None:
        """Return once the process says that it answers calls."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        timer = threading.Timer(STARTUP_S, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line.startswith("ready "):
            raise AssertionError(f"the sidecar did not start: {self.process.communicate()[1]}")
        self.addresses = dict(part.split("=", 1) for part in line.split()[1:])
        self._reader = threading.Thread(target=self._read_messages, daemon=True)
        self._reader.start()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Have the process end, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            if hasattr(self, "_reader"):
                self._reader.join(timeout=PATIENCE_S)
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()

    def _read_messages(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.messages.append(json.loads(line))
