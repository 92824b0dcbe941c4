# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS 1.3 with SM2 certificates, curveSM2 and SM4, through the whole product."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from OpenSSL import SSL

from govshare_policy.crypto import sm3
from govshare_policy.errors import ConfigError, SignatureError
from govshare_sidecar.certificates import key_of, verify_issued
from govshare_sidecar.national_tls import national_context
from govshare_sidecar.tls_settings import TlsConfig
from tests.e2e.department import Department, Reply
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.national import SUITE, Sm2Authority, Sm2Pair, connected, get
from tests.e2e.pki import END, START, Authority

SYSTEM = "SYS-HCB-PRH"
PATH = "/marriages/ID1"
TABLE = """
[national_tls]
listen = "127.0.0.1:0"
certificate = "sm2/server.pem"
key = "sm2/server.key"
client_ca = "sm2/ca.pem"
crl = ["sm2/ca.crl"]
[metrics]
"""


@pytest.fixture(scope="module")
def sm2(tmp_path_factory: pytest.TempPathFactory) -> Sm2Authority:
    """An authority with a certificate for the sidecar."""
    authority = Sm2Authority(tmp_path_factory.mktemp("national") / "sm2")
    authority.issue("server", use="server")
    authority.crl()
    return authority


@pytest.fixture(scope="module")
def client(sm2: Sm2Authority) -> Sm2Pair:
    return sm2.issue("client")


@pytest.fixture
def unchanged(sm2: Sm2Authority, tmp_path: Path) -> Iterator[None]:
    """What is revoked in this test is not for the others, of which any may come next."""
    own = sm2.path.parent
    before = shutil.copytree(own, tmp_path / "before")
    yield
    shutil.copytree(before, own, dirs_exist_ok=True)


@pytest.fixture
def running(
    deployment: Deployment, api: Department, sm2: Sm2Authority, client: Sm2Pair
) -> Iterator[Running]:
    """A sidecar with a listener for the national algorithms; *client* is a system."""
    del api
    shutil.copytree(sm2.path.parent, deployment.directory / "sm2")
    deployment.configure("\n[metrics]\n", TABLE)
    path = deployment.directory / "data" / "certificates.tsv"
    row = f"{SYSTEM}\t{client.spki.hex()}\t{START.date()}\t{END.date()}\t\n"
    path.write_text(path.read_text() + row)
    with deployment.start() as started:
        yield started


def test_a_call_over_the_national_algorithms_is_answered_and_recorded(
    running: Running, sm2: Sm2Authority, client: Sm2Pair
) -> None:
    with connected(running.addresses["national_tls"], sm2.path, client) as connection:
        assert connection.get_cipher_name() == SUITE
        assert connection.get_group_name() == "curveSM2"
        for _ in range(2):
            status, body = get(connection, PATH)
            assert (status, b"marital_status" in body) == (200, True)
    record = running.deployment.decisions()[0]
    assert (record["system"], record["certificate"]) == (SYSTEM, client.spki.hex())


def test_a_long_answer_arrives_whole(
    running: Running, api: Department, sm2: Sm2Authority, client: Sm2Pair
) -> None:
    name = "x" * 400_000
    api.reply = Reply(body=f'{{"marital_status": "{name}"}}'.encode())
    with connected(running.addresses["national_tls"], sm2.path, client) as connection:
        status, body = get(connection, PATH)
    assert (status, name.encode() in body) == (200, True)


def test_without_a_certificate_the_denial_is_recorded(running: Running, sm2: Sm2Authority) -> None:
    with connected(running.addresses["national_tls"], sm2.path, None) as connection:
        status, body = get(connection, PATH)
    assert (status, b"no_certificate" in body) == (403, True)
    assert running.deployment.decisions()[0]["facts"]["flaw"] == "no_certificate"


def test_a_certificate_of_another_authority_gets_no_answer(
    running: Running, sm2: Sm2Authority, tmp_path: Path
) -> None:
    foreign = Sm2Authority(tmp_path / "foreign").issue("client")
    with (
        pytest.raises(SSL.Error),
        connected(running.addresses["national_tls"], sm2.path, foreign) as connection,
    ):
        get(connection, PATH)
    assert running.deployment.decisions() == []


@pytest.mark.parametrize(
    ("suite", "curve"),
    [("TLS_AES_128_GCM_SHA256", "curveSM2"), (SUITE, "X25519")],
    ids=["another suite", "another curve"],
)
def test_nothing_else_is_spoken(
    running: Running, sm2: Sm2Authority, client: Sm2Pair, suite: str, curve: str
) -> None:
    address = running.addresses["national_tls"]
    with (
        pytest.raises(SSL.Error),
        connected(address, sm2.path, client, suite=suite, curve=curve),
    ):
        pass


@pytest.mark.usefixtures("unchanged")
def test_a_certificate_revoked_in_between_is_denied_on_the_connection_that_stands(
    running: Running, sm2: Sm2Authority, client: Sm2Pair
) -> None:
    with connected(running.addresses["national_tls"], sm2.path, client) as connection:
        assert get(connection, PATH)[0] == 200
        fresh = sm2.crl(client)
        shutil.copy(fresh, running.deployment.directory / "sm2" / "ca.crl")
        running.process.send_signal(signal.SIGHUP)
        done = 'govshare_tls_reloads_total{result="done",table="national_tls"}'
        await_(lambda: running.metric(done) == 1)
        status, body = get(connection, PATH)
    assert (status, b"certificate_revoked" in body) == (403, True)


def test_a_client_with_another_kind_of_key_gets_no_answer(
    running: Running, sm2: Sm2Authority
) -> None:
    other = sm2.issue("other", algorithm="RSA")
    with (
        pytest.raises(SSL.Error),
        connected(running.addresses["national_tls"], sm2.path, other) as connection,
    ):
        get(connection, PATH)
    assert running.deployment.decisions() == []


def test_the_key_of_an_sm2_certificate_is_the_one_that_is_registered(
    sm2: Sm2Authority, client: Sm2Pair, tmp_path: Path
) -> None:
    parsed = x509.load_pem_x509_certificate(client.certificate.read_bytes())
    issuer = x509.load_pem_x509_certificate(sm2.path.read_bytes())
    verify_issued(parsed, issuer)
    assert sm3(key_of(parsed)) == client.spki
    namesake = x509.load_pem_x509_certificate(Sm2Authority(tmp_path / "x").path.read_bytes())
    assert namesake.subject == issuer.subject
    with pytest.raises(SignatureError):
        verify_issued(parsed, namesake)


def test_an_encrypted_key_is_refused_and_not_asked_for(sm2: Sm2Authority, tmp_path: Path) -> None:
    key = tmp_path / "x.key"
    key.write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    config = TlsConfig(certificate=sm2.path.with_name("server.pem"), key=key, client_ca=sm2.path)
    with pytest.raises(ConfigError, match="is encrypted"):
        national_context(config)


def test_a_certificate_on_another_curve_is_refused_at_the_start(
    sm2: Sm2Authority, tmp_path: Path
) -> None:
    pair = Authority(tmp_path).issue("server", server=True)
    config = TlsConfig(certificate=pair.certificate, key=pair.key, client_ca=sm2.path)
    with pytest.raises(ConfigError, match="not on SM2"):
        national_context(config)
