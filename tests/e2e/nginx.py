# SPDX-License-Identifier: Apache-2.0
"""The nginx of ``examples/nginx``, run as it stands there but for addresses."""

import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.callers import Callers, Response
from tests.e2e.department import Department, department
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.ports import free_port

EXAMPLE = Path(__file__).parents[2] / "examples" / "nginx"
LISTEN, SIDECAR, API = "127.0.0.1:8443", "127.0.0.1:9445", "127.0.0.1:9001"

EXACT = {"id_no": "ID1", "marital_status": "已婚"}
PATH = "/marriages/ID1/status"


class Front(NamedTuple):
    """An nginx that runs; *callers* come through it, *sidecar* is behind it."""

    callers: Callers
    sidecar: Running
    api: Department
    deployment: Deployment

    def request(self, path: str = PATH, **more: object) -> Response:
        return self.callers.request(path, **more)  # type: ignore[arg-type]

    def at(self, address: str) -> Callers:
        """Return the same callers, at another *address*."""
        return Callers(
            authority=self.deployment.authority,
            clients=self.deployment.clients,
            addresses={"http": address},
        )

    def refused(self, cause: str) -> float:
        return self.sidecar.metric(
            f'govshare_refused_total{{cause="{cause}",entrance="auth_request"}}'
        )


def configure(deployment: Deployment, more: str = "") -> None:
    """Give *deployment* the ``[auth_request]`` table of the example, with *more* behind it."""
    deployment.clients["nginx"] = deployment.authority.issue("nginx", start=deployment.since)
    table = (EXAMPLE / "auth_request.toml").read_text()
    assert SIDECAR in table
    with deployment.config.open("a") as file:
        file.write(table.replace(SIDECAR, "127.0.0.1:0") + more)


@contextmanager
def nginx(
    deployment: Deployment,
    *,
    sidecar: str,
    api: str,
    change: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Run nginx in front of *api* (its URL) and give its address.

    Args:
        deployment: Whose authority signed all certificates.
        sidecar: Host and port of the listener for nginx.
        api: The department's API, in plain HTTP.
        change: What else to replace in its configuration.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.fail("nginx is not installed; `apt-get install -y nginx-light` does it")
    address = f"127.0.0.1:{free_port()}"
    prefix = deployment.directory / "nginx"
    _lay_out(prefix, deployment)
    addresses = {LISTEN: address, SIDECAR: sidecar, API: api.removeprefix("http://")}
    text = (prefix / "nginx.conf").read_text()
    for old, new in {**addresses, **(change or {})}.items():
        assert old in text, old
        text = text.replace(old, new)
    (prefix / "nginx.conf").write_text(text)
    with (prefix / "errors").open("wb") as errors:
        process = subprocess.Popen(
            (program, "-p", f"{prefix}/", "-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;"),
            stderr=errors,
        )
        try:
            await_(lambda: process.poll() is not None or _listens(address))
            assert process.poll() is None, (prefix / "errors").read_text()
            yield address
        finally:
            process.terminate()
            process.wait(timeout=60)


@contextmanager
def front_at(directory: Path) -> Iterator[Front]:
    """Run a department, a sidecar and an nginx in *directory*."""
    with department() as (url, api):
        deployment = Deployment(directory=directory, upstream=url)
        configure(deployment)
        with deployment.start() as sidecar:
            asked = sidecar.addresses["auth_request"]
            with nginx(deployment, sidecar=asked, api=url) as address:
                callers = Callers(
                    authority=deployment.authority,
                    clients=deployment.clients,
                    addresses={"http": address},
                )
                yield Front(callers, sidecar, api, deployment)


def _lay_out(prefix: Path, deployment: Deployment) -> None:
    shutil.copytree(EXAMPLE, prefix, dirs_exist_ok=True)
    tls = prefix / "tls"
    tls.mkdir(exist_ok=True)
    server = deployment.authority.issue("nginx-server", server=True)
    own = deployment.clients["nginx"]
    for source, name in (
        (server.certificate, "server.pem"),
        (server.key, "server.key"),
        (own.certificate, "nginx.pem"),
        (own.key, "nginx.key"),
        (deployment.authority.path, "clients-ca.pem"),
        (deployment.authority.path, "govshare-ca.pem"),
    ):
        shutil.copy(source, tls / name)


def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    with suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False
