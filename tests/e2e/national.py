# SPDX-License-Identifier: Apache-2.0
"""Certificates on SM2, made by the ``openssl`` command, and a client over TLS 1.3 with them."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from OpenSSL import SSL

from govshare_policy.crypto import sm3

SUITE: Final = "TLS_SM4_GCM_SM3"
_ID: Final = "distid:1234567812345678"
_CONFIG: Final = """
[req]
distinguished_name=name
[name]
[authority]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
[server]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=IP:127.0.0.1
[client]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
[ca]
default_ca=lists
[lists]
database=index.txt
crlnumber=crlnumber
default_md=sm3
default_crl_days=7
"""


@dataclass(frozen=True, kw_only=True)
class Sm2Pair:
    """A certificate on SM2 and its key, in files."""

    certificate: Path
    key: Path

    @property
    def spki(self) -> bytes:
        """SM3 of its public key, as the command writes it."""
        command = ("openssl", "pkey", "-in", str(self.key), "-pubout", "-outform", "DER")
        return sm3(subprocess.run(command, check=True, capture_output=True).stdout)


class Sm2Authority:
    """An authority on SM2; its certificate is ``ca.pem``."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._directory = directory
        (directory / "openssl.cnf").write_text(_CONFIG)
        (directory / "index.txt").write_text("")
        (directory / "crlnumber").write_text("01\n")
        self._run("genpkey", "-algorithm", "SM2", "-out", "ca.key")
        words = "req -x509 -new -sm3 -key ca.key -days 30 -subj /CN=sm2 -out ca.pem"
        self._run(*words.split(), "-sigopt", _ID, "-config", "openssl.cnf", "-extensions=authority")
        self.path = directory / "ca.pem"

    def issue(self, name: str, *, use: str = "client", algorithm: str = "SM2") -> Sm2Pair:
        """Return a new pair, for a client or a server."""
        self._run("genpkey", "-algorithm", algorithm, "-out", f"{name}.key")
        is_sm2 = algorithm == "SM2"
        digest = "sm3" if is_sm2 else "sha256"
        asked = f"req -new -{digest} -key {name}.key -subj /CN={name} -out {name}.csr"
        own = ("-sigopt", _ID) if is_sm2 else ()
        self._run(*asked.split(), *own, "-config", "openssl.cnf")
        signed = f"x509 -req -sm3 -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial"
        more = f"-days 30 -extfile openssl.cnf -extensions {use} -out {name}.pem"
        checked = ("-vfyopt", _ID) if is_sm2 else ()
        self._run(*signed.split(), *more.split(), "-sigopt", _ID, *checked)
        return Sm2Pair(
            certificate=self._directory / f"{name}.pem", key=self._directory / f"{name}.key"
        )

    def crl(self, *revoked: Sm2Pair) -> Path:
        """Write ``ca.crl``, which takes *revoked* back."""
        common = ["-config", "openssl.cnf", "-keyfile", "ca.key", "-cert", "ca.pem"]
        for pair in revoked:
            self._run("ca", "-revoke", str(pair.certificate), *common, "-sigopt", _ID)
        self._run("ca", "-gencrl", *common, "-sigopt", _ID, "-out", ".crl")
        (self._directory / ".crl").replace(self._directory / "ca.crl")
        return self._directory / "ca.crl"

    def _run(self, *words: str) -> None:
        command = ("openssl", *words)
        subprocess.run(command, check=True, capture_output=True, cwd=self._directory)


@contextmanager
def connected(
    address: str,
    authority: Path,
    pair: Sm2Pair | None,
    *,
    suite: str = SUITE,
    curve: str = "curveSM2",
) -> Iterator[SSL.Connection]:
    """Connect, with the server's certificate verified."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_tls13_ciphersuites(suite.encode())
    library: Any = SSL
    assert library._lib.SSL_CTX_set1_curves_list(context._context, curve.encode()) == 1
    context.load_verify_locations(bytes(authority))
    context.set_verify(SSL.VERIFY_PEER)
    if pair is not None:
        context.use_certificate_file(bytes(pair.certificate))
        context.use_privatekey_file(bytes(pair.key))
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as plain:
        # pyOpenSSL reads as the socket does: with a timeout it would not wait.
        plain.settimeout(None)
        connection = SSL.Connection(context, plain)
        connection.set_connect_state()
        connection.do_handshake()
        yield connection


def get(connection: SSL.Connection, path: str, *headers: str) -> tuple[int, bytes]:
    """Send one request and return status and body."""
    lines = (f"GET {path} HTTP/1.1", "Host: x", "Govshare-Purpose: data_verification", *headers)
    connection.sendall("\r\n".join((*lines, "", "")).encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    (length,) = (
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1]), body
