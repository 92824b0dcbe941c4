# SPDX-License-Identifier: Apache-2.0
"""A log that is being written to, and witnesses of it on their ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from govshare_policy.audit import AuditLog, TrustPolicy, encode_record, parse_trust, trust_text
from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_sidecar._settings import Address
from govshare_sidecar.witness.feeder import Feeder
from govshare_sidecar.witness.gauges import Gauges
from govshare_sidecar.witness.peers import PeerConfig, WatchConfig
from govshare_sidecar.witness.server import running
from govshare_sidecar.witness.settings import WitnessConfig

ORIGIN = "audit.example/one"
PASSPHRASE = b"correct horse"
AT = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:9"

CONFIG = """
listen = "127.0.0.1:0"
state = "state"
name = "witness.example/w"
key = "file:key.pem"
passphrase_file = "passphrase"
[[log]]
trust = "log.toml"
"""


@dataclass(kw_only=True)
class World:
    """A log that somebody writes to, and offices that may witness it."""

    directory: Path
    key_files: Path
    keys: dict[str, Signer]
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def trust(self) -> TrustPolicy:
        return parse_trust(trust_text(ORIGIN, self.keys["log"].public))

    def open_log(self) -> AuditLog:
        signer = self.keys["log"]
        if self.log.exists():
            return AuditLog.open(self.log, signer=signer, now=lambda: AT, preallocate=1024)
        return AuditLog.create(
            self.log, origin=ORIGIN, signer=signer, now=lambda: AT, preallocate=1024
        )

    @asynccontextmanager
    async def witness(self, name: str) -> AsyncIterator[str]:
        """Run the witness *name*, whose state outlives it; the value is its address."""
        config = WitnessConfig(
            listen=Address(host="127.0.0.1", port=0),
            state=self.directory / name,
            name=name,
            key=f"file:{self.key_files}/{name}",
            passphrase=PASSPHRASE,
            logs={ORIGIN: self.trust},
        )
        async with running(config, now=lambda: AT) as address:
            yield f"http://{address}"

    def feeder(
        self, log: AuditLog, places: dict[str, str], *, required: int, max_lag_s: float = 60.0
    ) -> Feeder:
        peers = tuple(
            PeerConfig(name=name, url=url, public=self.keys[name].public, ca=None)
            for name, url in places.items()
        )
        config = WatchConfig(required=required, max_lag_s=max_lag_s, timeout_s=30.0, peers=peers)
        self.registry = CollectorRegistry()
        return Feeder.open(config, self.log, log, gauges=Gauges(self.registry))

    def metrics(self) -> str:
        return generate_latest(self.registry).decode()


def make_keys(directory: Path) -> dict[str, Signer]:
    """Make the key of the log and those of two witnesses, each in a file of its name."""
    names = ("log", "u", "v")
    for name in names:
        generate_key(directory / name, PASSPHRASE)
    return {name: open_signer(f"file:{directory}/{name}", PASSPHRASE) for name in names}


def append(log: AuditLog, count: int = 1, *, text: str = "") -> None:
    for number in range(count):
        log.append(encode_record({"n": number, "text": text}))
