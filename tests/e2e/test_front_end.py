# SPDX-License-Identifier: Apache-2.0
"""A gateway on this machine, which has ended TLCP, says who the client is over a socket."""

import http.client
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_from_bytes

import pytest

from tests.e2e.callers import PURPOSE
from tests.e2e.department import Department
from tests.e2e.deployment import Deployment, Running
from tests.e2e.national import Sm2Authority
from tests.e2e.pki import END, START

SYSTEM = "SYS-HCB-PRH"
HEADER = "Govshare-Client-Certificate"
PATH = "/marriages/ID1"
TABLE = """
[front_end]
listen = "front/front.sock"
peer_uids = ["{uid}"]
client_ca = "tls/clients.pem"
[metrics]
"""


class Gateway(http.client.HTTPConnection):
    """A connection over a socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("front", timeout=60)
        self._path = path

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._path))


def asked(
    deployment: Deployment, headers: Mapping[str, str], *, twice: str = ""
) -> tuple[int, bytes]:
    gateway = Gateway(deployment.directory / "front" / "front.sock")
    try:
        gateway.putrequest("GET", PATH)
        for name, value in {**PURPOSE, **headers}.items():
            gateway.putheader(name, value)
        if twice:
            gateway.putheader(HEADER, twice)
        gateway.endheaders()
        response = gateway.getresponse()
        return response.status, response.read()
    finally:
        gateway.close()


def configured(deployment: Deployment, *, uid: int) -> None:
    (deployment.directory / "front").mkdir(mode=0o700)
    authorities = deployment.directory / "tls" / "clients.pem"
    authorities.write_bytes(deployment.authority.path.read_bytes())
    deployment.configure("\n[metrics]\n", TABLE.format(uid=uid))


@pytest.fixture
def running(deployment: Deployment, api: Department) -> Iterator[Running]:
    del api
    configured(deployment, uid=os.getuid())
    with deployment.start() as started:
        yield started


def test_the_certificate_in_the_header_is_evidence_in_pem_and_der(running: Running) -> None:
    pair = running.clients[SYSTEM]
    for value in (quote(pair.certificate.read_text()), quote_from_bytes(pair.der)):
        assert asked(running.deployment, {HEADER: value})[0] == 200
    records = running.deployment.decisions()
    assert [record["certificate"] for record in records] == [pair.spki.hex()] * 2


def test_a_client_on_sm2_is_known_by_its_key(
    deployment: Deployment, api: Department, tmp_path: Path
) -> None:
    del api
    configured(deployment, uid=os.getuid())
    authority = Sm2Authority(tmp_path / "sm2")
    client, stranger = authority.issue("client"), Sm2Authority(tmp_path / "x").issue("client")
    with (deployment.directory / "tls" / "clients.pem").open("ab") as file:
        file.write(authority.path.read_bytes())
    path = deployment.directory / "data" / "certificates.tsv"
    row = f"{SYSTEM}\t{client.spki.hex()}\t{START.date()}\t{END.date()}\t\n"
    path.write_text(path.read_text() + row)
    with deployment.start():
        assert asked(deployment, {HEADER: quote(client.certificate.read_text())})[0] == 200
        status, body = asked(deployment, {HEADER: quote(stranger.certificate.read_text())})
    assert (status, b"no_certificate" in body) == (403, True)


@pytest.mark.parametrize("client", ["expired", "foreign", "stranger", None])
def test_a_certificate_that_proves_nothing_is_a_recorded_denial(
    running: Running, client: str | None
) -> None:
    shown = {} if client is None else {HEADER: quote_from_bytes(running.clients[client].der)}
    assert asked(running.deployment, shown)[0] == 403
    assert len(running.deployment.decisions()) == 1


def test_what_is_no_certificate_or_stands_twice_is_refused(running: Running) -> None:
    good = quote_from_bytes(running.clients[SYSTEM].der)
    assert asked(running.deployment, {HEADER: "nothing"})[0] == 400
    assert asked(running.deployment, {HEADER: good}, twice=good)[0] == 400
    assert running.deployment.decisions() == []


def test_another_user_on_this_machine_is_refused(deployment: Deployment, api: Department) -> None:
    configured(deployment, uid=os.getuid() + 1)
    with deployment.start() as running:
        good = quote_from_bytes(running.clients[SYSTEM].der)
        status, body = asked(deployment, {HEADER: good})
        assert status == 403
        assert b"stranger" in body or b"registered" in body
        assert running.metric('govshare_refused_total{cause="stranger",entrance="http_proxy"}') == 1
    assert deployment.decisions() == []
    assert api.asked == []


def test_the_header_counts_on_no_other_listener_and_goes_nowhere(
    running: Running, api: Department
) -> None:
    header = {HEADER: quote_from_bytes(running.clients[SYSTEM].der)}
    response = running.request(PATH, client=None, headers=header)
    assert response.status == 403
    assert response.document["reasons"][0]["code"] == "no_certificate"
    assert asked(running.deployment, header)[0] == 200
    (forwarded,) = api.asked
    assert HEADER.lower() not in {name.lower() for name in forwarded.headers}


def test_the_socket_is_closed_to_others_and_gone_at_the_end(deployment: Deployment) -> None:
    configured(deployment, uid=os.getuid())
    path = deployment.directory / "front" / "front.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    with deployment.start():
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


@pytest.mark.parametrize("fault", ["directory", "file", "listener"])
def test_a_place_that_cannot_be_trusted_is_refused(deployment: Deployment, fault: str) -> None:
    configured(deployment, uid=os.getuid())
    path = deployment.directory / "front" / "front.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        match fault:
            case "directory":
                path.parent.chmod(0o777)
            case "file":
                path.write_text("")
            case _:
                other.bind(str(path))
                other.listen()
        with pytest.raises(AssertionError, match=r"`front_end\.listen`"), deployment.start():
            pass
