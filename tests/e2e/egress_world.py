# SPDX-License-Identifier: Apache-2.0
"""A consumer with an onward guard: it obtains from a provider, and tries to pass on."""

import http.client
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from govshare_policy.egress.keys import generate_keys
from tests.county import Change
from tests.e2e.callers import PURPOSE, Callers, Response
from tests.e2e.department import Department, department
from tests.e2e.deployment import Deployment, Running
from tests.e2e.ports import free_port
from tests.egress.generators import Row, check_identity

SYSTEM = "SYS-HCB-PRH"
SUBJECTS = 8
_NAMES = ("欧阳致远", "上官语嫣", "司马淑贞", "诸葛天佑", "龚立新", "庞秋菊", "翟水生", "樊德胜")

TABLE = """
[egress]
directory = "egress"
keys = "keys/egress.key"
scan_timeout_s = 30.0
{more}
[egress.forward]
listen = "127.0.0.1:0"
[[egress.provider]]
host = "127.0.0.1:{provider}"
department = "D-CAB"
certificate = "tls/SYS-HCB-PRH.pem"
key = "tls/SYS-HCB-PRH.key"
ca = "tls/ca.pem"
subject_fields = ["id_no"]
[[egress.destination]]
host = "{company}"
kind = "company"
id = "C-REALTY"
{tables}
"""


def person(number: int) -> Row:
    """Return an invented person, the same for the same *number*."""
    random = Random(number)  # noqa: S311  invented data
    year, place = random.randrange(1960, 2000), random.randrange(1, 999)
    return {
        "id_no": check_identity(f"410727{year}{random.randrange(1, 13):02}15{place:03}"),
        "name": _NAMES[number % len(_NAMES)],
        "marital_status": "已婚",
        "reg_date": f"{year + 25}-0{number % 9 + 1}-1{number % 10}",
    }


PEOPLE = [person(number) for number in range(SUBJECTS)]
OTHERS = [person(number) for number in range(1000, 1000 + 40)]


@dataclass(kw_only=True)
class World:
    """Everybody: the sidecar, the provider's API, and the company outside."""

    running: Running
    provider: str
    company: str
    api: Department
    outside: Department

    def ask(
        self,
        url: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        client: str | None = SYSTEM,
        door: str = "egress_forward",
    ) -> Response:
        """Send a request through the guard; *url* is what stands in the request line."""
        return ask(
            self.running, url, method=method, body=body, headers=headers, client=client, door=door
        )

    def obtain(self, row: Row, **more: Any) -> Response:  # noqa: ANN401
        """Have a system of the consumer ask the provider for *row*, which answers."""
        self.api.says({**row, "note": "内部"})
        url = f"https://{self.provider}/marriages/{row['id_no']}"
        return self.ask(url, headers=PURPOSE, **more)

    def search(self, rows: list[Row], **more: Any) -> Response:  # noqa: ANN401
        """Have it ask for *rows* without saying whose."""
        self.api.says({"data": {"items": rows}, "total": len(rows)})
        url = f"https://{self.provider}/pages/1?fields=id_no,name,marital_status"
        return self.ask(url, headers=PURPOSE, **more)

    def send(self, body: bytes, content_type: str = "application/json", **more: Any) -> Response:  # noqa: ANN401
        """Have it send *body* to the company."""
        headers = {"Content-Type": content_type, **more.pop("headers", {})}
        url = f"http://{self.company}/intake"
        return self.ask(url, method="POST", body=body, headers=headers, **more)

    def onward(self) -> list[dict[str, Any]]:
        """Return the decision records that the guard made."""
        return [one for one in self.running.deployment.decisions() if "recognised" in one]


def ask(
    callers: Callers,
    url: str,
    *,
    method: str,
    body: bytes | None,
    headers: Mapping[str, str] | None,
    client: str | None,
    door: str,
) -> Response:
    host, _, port = callers.addresses[door].partition(":")
    connection = http.client.HTTPSConnection(
        host, int(port), context=callers.tls(client), timeout=60
    )
    try:
        connection.request(method, url, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return Response(response.status, dict(response.headers), response.read())
    finally:
        connection.close()


@dataclass(kw_only=True)
class Setting:
    """What a world is made with."""

    directory: Path
    more: str = ""
    tables: str = ""
    profile: str = "hubei"
    workers: int = 0
    change: Change = field(default_factory=dict)


@contextmanager
def world(setting: Setting) -> Iterator[World]:
    """Run everybody."""
    with department() as (upstream, api), department() as (outside_url, outside):
        port = free_port()
        company = outside_url.removeprefix("http://")
        deployment = Deployment(
            directory=setting.directory, upstream=upstream, change=setting.change
        )
        generate_keys(deployment.directory / "keys" / "egress.key")
        deployment.configure('profile = "hubei"', f'profile = "{setting.profile}"')
        if setting.workers:
            deployment.configure('data = "data"', f'workers = {setting.workers}\ndata = "data"')
        text = deployment.config.read_text()
        at = text.index("[http]")
        text = text[:at] + text[at:].replace('"127.0.0.1:0"', f'"127.0.0.1:{port}"', 1)
        table = TABLE.format(
            more=setting.more,
            provider=port,
            company=company,
            tables=setting.tables.replace("{company}", company).replace(
                "{provider}", f"127.0.0.1:{port}"
            ),
        )
        deployment.config.write_text(text + table)
        outside.says({"taken": True})
        with deployment.start() as running:
            yield World(
                running=running,
                provider=f"127.0.0.1:{port}",
                company=company,
                api=api,
                outside=outside,
            )


def as_json(rows: list[Row]) -> bytes:
    return json.dumps(rows, ensure_ascii=False).encode()


def children(world: World) -> list[int]:
    """Return the processes under the sidecar."""
    command = ("ps", "-o", "pid=", "--ppid", str(world.running.process.pid))
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [int(pid) for pid in printed.split()]
