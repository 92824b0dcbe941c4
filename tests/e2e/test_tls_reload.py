# SPDX-License-Identifier: Apache-2.0
"""Certificates, authorities and revocation lists change while the sidecar runs."""

import http.client
import re
import shutil
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from govshare_sidecar._pb import enforcement_pb2, enforcement_pb2_grpc
from tests.e2e.callers import PURPOSE
from tests.e2e.department import Department
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.lists import crl, write
from tests.e2e.pki import NOW, Authority
from tests.e2e.rpc_department import configuration
from tests.e2e.test_grpc import request

LAWFUL = "SYS-HCB-PRH"
PATH = "/marriages/ID1"
# Of one process each.
_DONE = re.compile(rb'govshare_tls_reloads_total\{[^}]*result="done"[^}]*\} [1-9]')


def swap(source: Path, target: Path) -> None:
    aside = target.with_name(f".{target.name}")
    shutil.copy(source, aside)
    aside.replace(target)


def serial(running: Running, entrance: str) -> int:
    """Return the serial number of the certificate that a new connection is shown."""
    host, _, port = running.addresses[entrance].partition(":")
    context = running.tls(LAWFUL)
    if entrance.startswith("grpc"):
        context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, int(port)), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


def reloads(running: Running, result: str) -> float:
    return running.metric(f'govshare_tls_reloads_total{{result="{result}",table="tls"}}')


@contextmanager
def kept_alive(running: Running) -> Iterator[http.client.HTTPSConnection]:
    host, _, port = running.addresses["http"].partition(":")
    context = running.tls(LAWFUL)
    connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def asked(connection: http.client.HTTPSConnection) -> tuple[int, bytes]:
    connection.request("GET", PATH, headers=PURPOSE)
    response = connection.getresponse()
    return response.status, response.read()


def with_list(deployment: Deployment, *, watch_s: float = 600) -> Path:
    path = write(deployment.directory / "tls" / "ca.crl", crl(deployment.authority))
    own = f'client_ca = "tls/ca.pem"\ncrl = ["tls/ca.crl"]\nwatch_s = {watch_s}'
    deployment.configure('client_ca = "tls/ca.pem"', own)
    return path


@pytest.mark.usefixtures("api")
def test_a_certificate_revoked_in_between_is_denied_on_the_connection_that_stands(
    deployment: Deployment,
) -> None:
    path = with_list(deployment, watch_s=0.1)
    with deployment.start() as running, kept_alive(running) as kept:
        with running.channel(LAWFUL) as channel:
            stub = enforcement_pb2_grpc.EnforcementStub(channel)  # type: ignore[no-untyped-call]
            assert asked(kept)[0] == 200
            assert stub.Check(request(), timeout=20).answer.outcome
            write(path, crl(deployment.authority, [deployment.clients[LAWFUL]]))
            await_(lambda: reloads(running, "done") == 1)

            status, body = asked(kept)
            assert (status, b"certificate_revoked" in body) == (403, True)
            answer: enforcement_pb2.CheckResponse = stub.Check(request(), timeout=20)
            assert answer.answer.reasons[0].code == "certificate_revoked"
        assert (
            running.request(PATH, client="SYS-CAB-AID").document["reasons"][0]["code"]
            != "certificate_revoked"
        )
    flaws = [record["facts"]["flaw"] for record in deployment.decisions()]
    assert flaws[2:4] == ["certificate_revoked", "certificate_revoked"]
    deployment.verify()


@pytest.mark.usefixtures("api")
def test_a_renewed_certificate_is_shown_without_a_restart(deployment: Deployment) -> None:
    """Each listener shows it, also where several let in clients of the same authorities."""
    proxied = configuration("http://127.0.0.1:1", deployment.directory)
    deployment.config.write_text(deployment.config.read_text() + proxied)
    with deployment.start() as running:
        before = serial(running, "http")
        assert serial(running, "grpc") == serial(running, "grpc_proxy") == before
        renewed = deployment.authority.issue("sidecar", server=True)
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: reloads(running, "done") == 1)

        for entrance in ("http", "grpc", "grpc_proxy"):
            assert serial(running, entrance) == renewed.parsed.serial_number != before
        assert running.request(PATH).status == 200


@pytest.mark.usefixtures("api")
def test_another_authority_counts_at_once_and_the_old_one_no_more(deployment: Deployment) -> None:
    with deployment.start() as running, kept_alive(running) as kept:
        assert asked(kept)[0] == 200
        assert running.check(request()).answer.outcome
        new = Authority(deployment.directory / "new")
        swap(new.path, deployment.directory / "tls" / "ca.pem")
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: reloads(running, "done") == 1)
        status, body = asked(kept)
        assert (status, b"no_certificate" in body) == (403, True)
        running.authority = deployment.authority
        with pytest.raises((ssl.SSLError, ConnectionError)):
            running.request(PATH)
        trusted = grpc.ssl_channel_credentials(
            root_certificates=old_root(deployment),
            private_key=deployment.clients[LAWFUL].key.read_bytes(),
            certificate_chain=deployment.clients[LAWFUL].certificate.read_bytes(),
        )
        with grpc.secure_channel(running.addresses["grpc"], trusted) as channel:
            stub = enforcement_pb2_grpc.EnforcementStub(channel)  # type: ignore[no-untyped-call]
            with pytest.raises(grpc.RpcError):
                stub.Check(request(), timeout=5)


def old_root(deployment: Deployment) -> bytes:
    return deployment.authority.certificate.public_bytes(Encoding.PEM)


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(
    "fault", ["garbage", "another key", "expired", "older list", "no memory", "no list"]
)
def test_a_bad_file_is_refused_and_what_is_in_force_stays(
    deployment: Deployment, fault: str
) -> None:
    path = with_list(deployment)
    tls = deployment.directory / "tls"
    with deployment.start() as running:
        before = serial(running, "http")
        match fault:
            case "garbage":
                (tls / "sidecar.pem").write_bytes(b"nothing")
            case "another key":
                deployment.authority.issue("another", server=True)
                swap(tls / "another.key", tls / "sidecar.key")
            case "expired":
                end = NOW - timedelta(days=1)
                deployment.authority.issue("sidecar", server=True, end=end)
            case "older list":
                write(path, crl(deployment.authority, start=NOW - timedelta(days=2)))
            case "no memory":
                (deployment.log.parent / "revocations.sqlite").write_bytes(b"nothing" * 999)
            case _:
                path.unlink()
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: reloads(running, "refused") == 1)

        assert serial(running, "http") == serial(running, "grpc") == before
        assert running.request(PATH).status == 200
    assert any("reload of TLS refused" in each["message"] for each in running.messages)


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("workers", [0, 2])
def test_an_older_list_does_not_come_back_with_a_restart(
    deployment: Deployment, workers: int
) -> None:
    """It is whole and not at its end, so nothing but the memory of a newer one tells."""
    path = with_list(deployment)
    if workers:
        text = deployment.config.read_text()
        deployment.config.write_text(f"workers = {workers}\n{text}")
    with deployment.start() as running:
        assert running.request(PATH).status == 200
        write(path, crl(deployment.authority, start=NOW - timedelta(hours=1)))
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: len(_DONE.findall(running.monitor("/metrics").body)) == max(workers, 1))
    older = write(path, crl(deployment.authority)).read_bytes()

    sentence = "is older than the one in force before.*move `revocations.sqlite` beside the log"
    for _ in range(2):
        with pytest.raises(AssertionError, match=sentence), deployment.start():
            pass
    (deployment.log.parent / "revocations.sqlite").unlink()
    with deployment.start() as running:
        assert running.request(PATH).status == 200
    assert path.read_bytes() == older


@pytest.mark.usefixtures("api")
def test_without_a_list_in_force_every_client_is_refused_on_record_and_monitors_hear_of_it(
    deployment: Deployment,
) -> None:
    path = with_list(deployment)
    write(path, crl(deployment.authority, end=NOW - timedelta(hours=1)))
    with deployment.start() as running:
        response = running.request(PATH)
        assert response.status == 403
        assert response.document["reasons"][0]["code"] == "revocation_unknown"
        health = running.monitor("/healthz").body.decode()
        assert "revocation list expired: CN=test ca" in health
        assert running.metric('govshare_tls_authorities_without_crl{table="tls"}') == 1
        write(path, crl(deployment.authority))
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: reloads(running, "done") == 1)

        assert running.request(PATH).status == 200
        assert running.monitor("/healthz").body == b"serving\n"
    assert deployment.decisions()[0]["facts"]["flaw"] == "revocation_unknown"


def test_headers_that_speak_of_the_client_never_reach_the_department(
    sidecar: Running, api: Department
) -> None:
    spoofed = {
        "X-Forwarded-Client-Cert": "Hash=00",
        "X-Client-Cert": "spoofed",
        "X-SSL-Client-Cert": "spoofed",
        "X-SSL-Client-Verify": "SUCCESS",
        "Govshare-Client-Certificate": "spoofed",
        "Govshare-Original": "GET / NONE",
        "X-Forwarded-For": "10.0.0.1",
        "X-Real-IP": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "X-Road-Client": "CS/GOV/1/a",
        "X-Road-Id": "1",
        "Govshare-Record": "spoofed",
    }
    assert sidecar.request(PATH, headers=spoofed).status == 200

    (asked_for,) = api.asked
    got = {name.lower(): value for name, value in asked_for.headers.items()}
    assert not {name.lower() for name in spoofed} & set(got) - {"govshare-record"}
    assert "spoofed" not in got.values()
    assert sidecar.request(PATH, client=None, headers=spoofed).status == 403
