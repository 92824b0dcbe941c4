# SPDX-License-Identifier: Apache-2.0
"""The two deployments of the demo, the certificates it misuses, and the processes it runs."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from govshare_policy.cli.development_tls import Authority, Issued
from govshare_policy.cli.init import Addresses, Deployment, config_text, init
from govshare_policy.errors import ConfigError, GovshareError
from govshare_policy.identity import SHANGHAI
from govshare_policy.policy import Precedence

MARKER: Final = ".govshare-demo"
READY_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 20.0
_FREE: Final = "127.0.0.1:0"
_CHECKOUT: Final = Path(__file__).resolve().parents[2]

# What a department put on its server but the county did not put into its catalogue.
_MORE_ROUTES: Final = """
[[http.route]]                  # a channel that the catalogue does not list 目录未列的共享方式
method = "GET"
path = "/bulk/marriages/{id_no}"
resource = "R08"
channel = "bulk_download"
fields = ["*"]
fields_parameter = "fields"

[[http.route]]                  # a page of records, for the onward guard 成批数据，用于出口防护
method = "GET"
path = "/batches/marriages/{page}"
resource = "R08"
channel = "api"
fields = ["*"]
fields_parameter = "fields"
records = "data.items"

[[http.route]]                  # a resource that is not in the catalogue 未编目的资源
method = "GET"
path = "/parking-permits/{permit_no}"
resource = "R99"
channel = "api"
fields = ["*"]
fields_parameter = "fields"
"""


class DemoError(GovshareError):
    """The demo could not run: something on this host has to be put right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One deployment with its sidecar running.

    Attributes:
        http: Where the reverse proxy listens.
        grpc: Where ``govshare.v1.Enforcement`` listens.
    """

    deployment: Deployment
    http: str
    grpc: str

    @property
    def profile(self) -> str:
        """The text that answers here."""
        return self.deployment.profile

    @property
    def tls(self) -> Path:
        """The directory of the certificates."""
        return self.deployment.directory / "tls"


def clear(root: Path) -> None:
    """Make *root* an empty directory of the demo; one that is not the demo's stays as it is.

    Raises:
        ConfigError: If *root* holds something and the demo did not make it.
    """
    if root.exists() and any(root.iterdir()):
        if not (root / MARKER).is_file():
            raise ConfigError(f"`{root.name}` was not made by the demo; name another directory")
        shutil.rmtree(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / MARKER).write_text("made by examples/county; wiped when the demo starts\n")


def deploy(root: Path, profile: str, *, today: date, upstream: str) -> Deployment:
    """Write a deployment for *profile* under *root*, with free ports and certificates to misuse."""
    directory = root / profile
    deployment = init(directory, profile=profile, precedence=Precedence.LOCAL, today=today)
    config = config_text(
        profile=profile,
        precedence=Precedence.LOCAL,
        origin=deployment.origin,
        addresses=Addresses(grpc=_FREE, http=_FREE, metrics=_FREE, upstream=upstream),
    )
    (directory / "demo.toml").write_text(config + _MORE_ROUTES, encoding="utf-8")
    authority = Authority.load(directory / "tls")
    now = datetime.combine(today, time(), SHANGHAI)
    issued = {
        "stranger": authority.issue_client("SYS-NOBODY", start=now - timedelta(days=1)),
        "expired": authority.issue_client(
            "SYS-HCB-PRH", start=now - timedelta(days=400), end=now - timedelta(days=35)
        ),
        "revoked": authority.issue_client("SYS-HCB-PRH", start=now - timedelta(days=1)),
    }
    for name, certificate in issued.items():
        _keep(directory / "tls" / "clients" / name, certificate)
    with (directory / "data" / "certificates.tsv").open("a", encoding="utf-8") as file:
        first, last = today - timedelta(days=30), today + timedelta(days=300)
        file.write(f"SYS-HCB-PRH\t{issued['revoked'].spki.hex()}\t{first}\t{last}\t{today}\n")
    return deployment


@asynccontextmanager
async def departments(directory: Path) -> AsyncIterator[str]:
    """Run the departments' APIs and yield their address."""
    command = [sys.executable, "-m", "examples.county.departments", "--data", str(directory)]
    async with _process(command, directory / "departments.log") as line:
        yield f"http://{line.split()[1]}"


@asynccontextmanager
async def sidecar(deployment: Deployment) -> AsyncIterator[Site]:
    """Run the sidecar of *deployment* and yield it once it is ready."""
    config = deployment.directory / "demo.toml"
    command = [sys.executable, "-m", "govshare_policy.cli", "serve", "--config", str(config)]
    async with _process(command, deployment.directory / "sidecar.log") as line:
        named = dict(word.split("=", 1) for word in line.split() if "=" in word)
        yield Site(deployment=deployment, http=named["http"], grpc=named["grpc"])


@asynccontextmanager
async def guard(directory: Path) -> AsyncIterator[str]:
    """Run the consumer's sidecar in *directory*, and yield where its forward proxy listens."""
    config = directory / "demo.toml"
    command = [sys.executable, "-m", "govshare_policy.cli", "serve", "--config", str(config)]
    async with _process(command, directory / "sidecar.log") as line:
        yield dict(word.split("=", 1) for word in line.split() if "=" in word)["egress_forward"]


@asynccontextmanager
async def _process(command: list[str], log: Path) -> AsyncIterator[str]:
    """Run *command* and yield the line it says ``ready`` in; stop it in any case."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=_CHECKOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield await _ready(process, log)
    finally:
        await _stop(process)


async def _ready(process: asyncio.subprocess.Process, log: Path) -> str:
    output = process.stdout
    if output is None:
        raise AssertionError("the process was started with a pipe")
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            async for line in output:
                if line.startswith(b"ready"):
                    return line.decode()
    except TimeoutError:
        raise DemoError(
            f"a server is not ready after {READY_TIMEOUT_S:.0f} s; see `{log}`"
        ) from None
    raise DemoError(f"a server stopped before it was ready; see `{log}`")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()


def _keep(stem: Path, issued: Issued) -> None:
    stem.with_suffix(".pem").write_bytes(issued.certificate)
    key = stem.with_suffix(".key")
    key.touch(mode=0o600)
    key.write_bytes(issued.key)
