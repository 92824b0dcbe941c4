# SPDX-License-Identifier: Apache-2.0
"""The onward guard: a consumer obtains data, and tries to pass them to a company."""

import asyncio
import base64
import http.client
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web

from examples.county.people import invented_people
from examples.county.sites import DemoError, Site, guard
from govshare_policy.audit import trust_text
from govshare_policy.crypto import generate_key
from govshare_policy.egress.keys import generate_keys

NAME: Final = "consumer"
SYSTEM: Final = "SYS-HCB-PRH"
_PASSPHRASE: Final = b"development only"
_ORIGIN: Final = "govshare.example/consumer"
_TIMEOUT_S: Final = 60.0
_JSON: Final = "application/json"
_CONFIG: Final = """\
profile = "hubei"
precedence = "local"
data = "../hubei/data"

[log]
origin = "{origin}"
directory = "audit/log"
key = "file:keys/audit.pem"
passphrase_file = "keys/audit.passphrase"
pin = "audit/pin"

[tls]
certificate = "../hubei/tls/sidecar.pem"
key = "../hubei/tls/sidecar.key"
client_ca = "../hubei/tls/ca.pem"

[egress]                        # the onward guard 出口防护
directory = "egress"
keys = "keys/egress.key"

[egress.forward]
listen = "127.0.0.1:0"

[[egress.provider]]             # where data are obtained 数据来源
host = "{provider}"
department = "D-CAB"
certificate = "../hubei/tls/clients/{system}.pem"
key = "../hubei/tls/clients/{system}.key"
ca = "../hubei/tls/ca.pem"
subject_fields = ["id_no"]

[[egress.destination]]          # who else there is 其他去向
host = "{company}"
kind = "company"
id = "示例科技公司"
"""
_Row = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One way in which something was sent to the company, and what came of it.

    Attributes:
        sent: How many requests.
        denied: How many of them were.
        clause: That decided; empty if all passed.
        receipt: Of the release that was recognised; empty if none was.
        records: Ids of the denials.
    """

    title_zh: str
    title_en: str
    sent: int
    denied: int
    clause: str
    receipt: str
    records: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """What the part left behind.

    Attributes:
        obtained: How many records were obtained.
        receipt: The record of the provider under which they were.
        arrived: How many requests the company had.
    """

    obtained: int
    receipt: str
    tried: tuple[Tried, ...]
    arrived: int

    def faults(self) -> list[str]:
        """Return what is not as it should be."""
        *denied, own = self.tried
        faults = [
            f"{one.title_en}: {one.denied} of {one.sent} denied"
            for one in denied
            if one.denied != one.sent or one.receipt != self.receipt or not one.clause
        ]
        if own.denied or self.arrived != own.sent:
            faults.append("the consumer's own data did not pass, or others did")
        return faults


async def pass_on(root: Path, site: Site) -> Onward:
    """Obtain a batch from *site* through a guard of the consumer, and try to pass it on.

    Raises:
        DemoError: If the batch does not come, or a server does not start.
    """
    async with _company() as (company, arrived):
        directory = _deploy(root, provider=site.http, company=company)
        async with guard(directory) as address:

            def send(body: bytes, content_type: str) -> tuple[int, bytes]:
                url, headers = f"http://{company}/intake", {"Content-Type": content_type}
                return _request(site.tls, address, "POST", url, body, headers)

            status, body, receipt = await asyncio.to_thread(_obtain, site, address)
            if status != HTTPStatus.OK:
                raise DemoError("the consumer could not obtain its data")
            rows = json.loads(body)["data"]["items"]
            tried = [await _try(way, send) for way in _ways(rows)]
        return Onward(obtained=len(rows), receipt=receipt, tried=tuple(tried), arrived=len(arrived))


_Way = tuple[str, str, list[tuple[bytes, str]]]


def _ways(rows: Sequence[_Row]) -> list[_Way]:
    """Return the ways of sending *rows*, and own data last."""
    some = list(rows[:6])
    renamed = [{"证件": r["id_no"], "xm": r["name"], "hy": r["marital_status"]} for r in some]
    lines = [",".join(row.values()) for row in some]
    prose = "。".join(f"{r['name']}（{r['id_no']}）{r['marital_status']}" for r in some)
    own = [
        {"id_no": p.id_no, "name": p.name, "marital_status": "未婚"}
        for p in invented_people(30, first=501, born=(1960, 2000))
    ]
    return [
        ("原样", "as it is", [(_json(some), _JSON)]),
        ("换字段名", "renamed", [(_json(renamed), _JSON)]),
        ("转成 CSV", "as CSV", [("\n".join(["a,b,c", *lines]).encode(), "text/csv")]),
        ("base64 编码", "in base64", [(base64.b64encode(_json(some)), "text/plain")]),
        ("写成一段话", "in prose", [(prose.encode(), "text/plain")]),
        ("每次一条", "one record at a time", [(_json([row]), _JSON) for row in rows]),
        ("自有数据", "data of its own", [(_json(own), _JSON)]),
    ]


async def _try(way: _Way, send: Callable[[bytes, str], tuple[int, bytes]]) -> Tried:
    title_zh, title_en, messages = way
    came = [await asyncio.to_thread(send, *message) for message in messages]
    denials = [json.loads(body) for status, body in came if status == HTTPStatus.FORBIDDEN]
    first = denials[0] if denials else None
    seen = first["recognised"]["evidence"] if first else []
    return Tried(
        title_zh=title_zh,
        title_en=title_en,
        sent=len(came),
        denied=len(denials),
        clause=first["clauses"][0] if first else "",
        receipt=seen[0]["receipt"] if seen else "",
        records=tuple(str(denial["id"]) for denial in denials),
    )


def _json(rows: Sequence[_Row]) -> bytes:
    return json.dumps(rows, ensure_ascii=False).encode()


def _obtain(site: Site, address: str) -> tuple[int, bytes, str]:
    url = f"https://{site.http}/batches/marriages/1"
    headers = {"Govshare-Purpose": "data_verification", "Govshare-Grant": "G01"}
    connection = _connect(site.tls, address)
    try:
        connection.request("GET", url, headers=headers)
        response = connection.getresponse()
        record = response.getheader("Govshare-Record", "")
        return response.status, response.read(), record
    finally:
        connection.close()


def _request(
    tls: Path, address: str, method: str, url: str, body: bytes, headers: dict[str, str]
) -> tuple[int, bytes]:
    connection = _connect(tls, address)
    try:
        connection.request(method, url, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _connect(tls: Path, address: str) -> http.client.HTTPSConnection:
    """Return a connection of the consumer's system to its guard."""
    context = ssl.create_default_context(cafile=str(tls / "ca.pem"))
    context.load_cert_chain(tls / "clients" / f"{SYSTEM}.pem", tls / "clients" / f"{SYSTEM}.key")
    host, _, port = address.rpartition(":")
    return http.client.HTTPSConnection(host, int(port), context=context, timeout=_TIMEOUT_S)


def _deploy(root: Path, *, provider: str, company: str) -> Path:
    directory = root / NAME
    (directory / "keys").mkdir(parents=True)
    public = generate_key(directory / "keys" / "audit.pem", _PASSPHRASE)
    passphrase = directory / "keys" / "audit.passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_bytes(_PASSPHRASE + b"\n")
    generate_keys(directory / "keys" / "egress.key")
    (directory / "trust.toml").write_text(trust_text(_ORIGIN, public))
    config = _CONFIG.format(origin=_ORIGIN, provider=provider, company=company, system=SYSTEM)
    (directory / "demo.toml").write_text(config, encoding="utf-8")
    return directory


@asynccontextmanager
async def _company() -> AsyncIterator[tuple[str, list[int]]]:
    """Run a company that takes whatever arrives, and yield where, and the sizes of it."""
    arrived: list[int] = []

    async def take(request: web.BaseRequest) -> web.Response:
        arrived.append(len(await request.read()))
        return web.json_response({"taken": True})

    runner = web.ServerRunner(web.Server(take))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}", arrived
    finally:
        await runner.cleanup()
