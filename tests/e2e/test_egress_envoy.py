# SPDX-License-Identifier: Apache-2.0
"""The onward guard behind a real Envoy: requests that leave, and answers of our own API."""

import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.callers import Response
from tests.e2e.conftest import TRANSPORTS
from tests.e2e.deployment import await_
from tests.e2e.egress_world import OTHERS, PEOPLE, Setting, World, as_json, world
from tests.e2e.envoy import EXAMPLE, listens, program, replaced
from tests.e2e.ports import free_port

ENVOY = """
[egress.envoy]
listen = "127.0.0.1:0"
system = "tls/SYS-HCB-PRH.pem"
"""


@contextmanager
def envoy(everybody: World) -> Iterator[int]:
    """Run the Envoy of the example in front of the outside; give its port."""
    deployment = everybody.running.deployment
    deployment.authority.issue("envoy", start=deployment.since)
    directory = deployment.directory / "envoy"
    directory.mkdir()
    (directory / "tls").symlink_to(deployment.directory / "tls")
    port = free_port()
    ports = {
        "8444": str(port),
        "9447": everybody.running.addresses["egress_envoy"].rpartition(":")[2],
        "9003": everybody.company.rpartition(":")[2],
    }
    text = (EXAMPLE / "egress.yaml").read_text()
    changed = {f"port_value: {old}}}": f"port_value: {new}}}" for old, new in ports.items()}
    (directory / "envoy.yaml").write_text(replaced(text, changed))
    command = (program(), "-c", "envoy.yaml", "--concurrency", "1", "-l", "warn")
    with (directory / "messages").open("wb") as messages:
        process = subprocess.Popen(
            (*command, "--use-dynamic-base-id"), cwd=directory, stderr=messages
        )
        try:
            await_(lambda: process.poll() is not None or listens(port))
            assert process.poll() is None, (directory / "messages").read_text()
            yield port
        finally:
            process.kill()
            process.wait(timeout=60)


def through(port: int, host: str, *, body: bytes = b"", path: str = "/intake") -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Host": host, "Content-Type": "application/json"}
    try:
        connection.request("POST" if body else "GET", path, body=body or None, headers=headers)
        response = connection.getresponse()
        return Response(response.status, dict(response.headers), response.read())
    finally:
        connection.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_requests_through_envoy_leave_only_without_obtained_data(
    tmp_path: Path, transport: str
) -> None:
    tables = f'{ENVOY}transport = "{transport}"\n'
    with world(Setting(directory=tmp_path, tables=tables)) as everybody:
        assert everybody.search(PEOPLE).status == 200
        with envoy(everybody) as port:
            everybody.outside.asked.clear()
            denied = through(port, everybody.company, body=as_json(PEOPLE[:2]))
            path = through(port, everybody.company, path=f"/x?q={PEOPLE[0]['id_no']}")
            assert (denied.status, path.status) == (403, 403), denied
            assert denied.document["recognised"]["evidence"][0]["resource"] == "R08"
            assert everybody.outside.asked == []

            passed = through(port, everybody.company, body=as_json(OTHERS))
            assert (passed.status, passed.document) == (200, {"taken": True})
            assert everybody.outside.asked[0].body == as_json(OTHERS)
            everybody.running.stop()
            assert through(port, everybody.company, body=as_json(OTHERS)).status >= 500
            assert len(everybody.outside.asked) == 1


def test_answers_through_envoy_leave_only_without_obtained_data(tmp_path: Path) -> None:
    answering = f'{ENVOY}kind = "public"\n'
    with world(Setting(directory=tmp_path, tables=answering)) as everybody:
        assert everybody.search(PEOPLE).status == 200
        with envoy(everybody) as port:
            everybody.outside.says(as_json(OTHERS))
            assert through(port, "api.example").body == as_json(OTHERS)
            everybody.outside.says(json.dumps({"list": PEOPLE[:2]}).encode())
            denied = through(port, "api.example", body=b"{}")

            assert denied.status == 403, denied
            assert everybody.onward()[-1]["call"]["recipient"]["kind"] == "public"
