# SPDX-License-Identifier: Apache-2.0
"""TLS 1.3 with the national algorithms: SM2 certificates, curveSM2, and TLS_SM4_GCM_SM3 only.

The ``ssl`` module knows none of them; pyOpenSSL does, with the library that ``cryptography``
brings along. What stands here looks to asyncio like the ``ssl`` module, so that every server over
HTTP can be put behind it, and the certificate never leaves the process on its way to the call.

Source:
    RFC 8998.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

from cryptography.hazmat.primitives.serialization import Encoding

from govshare_policy.errors import ConfigError, IdentityError
from govshare_sidecar._table import why
from govshare_sidecar.certificates import parse_certificates, verify_national
from govshare_sidecar.tls_settings import TlsConfig

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer
    from OpenSSL import SSL

SUITE: Final = "TLS_SM4_GCM_SM3"
GROUP: Final = "curveSM2"
_HTTP: Final = b"http/1.1"
_NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which pyOpenSSL does not name
_MOST: Final = 1 << 16
# A handshake takes three flights; more rounds than these mean that nothing moves any more.
_ROUNDS: Final = 8
_Context: TypeAlias = "SSL.Context"


class NationalContext(ssl.SSLContext):
    """A context for servers whose connections speak the national algorithms, and no others."""

    national: _Context

    @classmethod
    def of(cls, national: _Context) -> Self:
        """Return one for *national*."""
        context = cls(ssl.PROTOCOL_TLS_SERVER)
        context.national = national
        return context

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: ARG002, FBT001, FBT002  the signature is the library's
        server_hostname: str | bytes | None = None,  # noqa: ARG002
        session: ssl.SSLSession | None = None,  # noqa: ARG002
    ) -> ssl.SSLObject:
        """Return the server side of one connection."""
        return NationalObject(_server(self.national), incoming, outgoing)


class NationalObject(ssl.SSLObject):
    """One connection, as asyncio expects it: bytes in, bytes out, and what the client showed."""

    def __init__(
        self, connection: "SSL.Connection", incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
    ) -> None:
        self._connection = connection
        self._incoming = incoming
        self._outgoing = outgoing

    def do_handshake(self) -> None:
        """Go on with the handshake."""
        with self._moving():
            self._connection.do_handshake()
        if self._connection.get_group_name() != GROUP:
            raise ssl.SSLError("the handshake with a client used another curve")
        shown = self._connection.get_peer_certificate(as_cryptography=True)
        try:
            if shown is not None:
                verify_national(shown)
        except IdentityError as error:
            raise ssl.SSLError(str(error)) from None

    def read(self, len: int = 1024, buffer: "WriteableBuffer | None" = None) -> Any:  # noqa: A002, ANN401
        """Return what the client sent; nothing once it has said goodbye."""
        from OpenSSL import SSL  # noqa: PLC0415  an extra

        try:
            with self._moving():
                if buffer is None:
                    return self._connection.recv(len)
                return self._connection.recv_into(buffer, len)
        except SSL.ZeroReturnError:
            return b"" if buffer is None else 0

    def write(self, data: "ReadableBuffer") -> int:
        """Send *data*, and return how much of it went."""
        with self._moving():
            return self._connection.send(bytes(data))

    def pending(self) -> int:
        """Return how many bytes can be read at once."""
        return self._connection.pending()

    def unwrap(self) -> None:
        """Say goodbye, and wait for the client to."""
        with self._moving():
            is_done = self._connection.shutdown()
        if not is_done:
            raise ssl.SSLWantReadError

    def getpeercert(self, binary_form: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002
        """Return the DER of the certificate that the client showed, if it did."""
        if not binary_form:
            return None
        shown = self._connection.get_peer_certificate(as_cryptography=True)
        return None if shown is None else shown.public_bytes(Encoding.DER)

    def cipher(self) -> tuple[str, str, int] | None:
        """Return the name, version and bits of the suite."""
        name = self._connection.get_cipher_name()
        return None if name is None else (name, "TLSv1.3", 128)

    def compression(self) -> None:
        """Return nothing: there is none."""

    @contextmanager
    def _moving(self) -> Iterator[None]:
        """Hand bytes in before and out after, and speak of failures as the ``ssl`` module does."""
        from OpenSSL import SSL  # noqa: PLC0415  an extra

        if self._incoming.pending:
            self._connection.bio_write(self._incoming.read())
        try:
            yield
        except SSL.WantReadError:
            if self._incoming.eof:
                raise ssl.SSLEOFError("a client went away") from None
            raise ssl.SSLWantReadError from None
        except SSL.ZeroReturnError:
            raise
        except SSL.Error:
            # The library's own words may quote what came in.
            raise ssl.SSLError("a client broke the rules of TLS") from None
        finally:
            for data in _drained(self._connection):
                self._outgoing.write(data)


def national_context(tls: TlsConfig) -> ssl.SSLContext:
    """Return the server side of TLS with the national algorithms, having shaken hands with itself.

    As over ordinary TLS, a client without a certificate, or with an expired one, is let through
    to a recorded denial, and no session is resumed.

    Raises:
        ConfigError: If the library cannot do it, or a file of *tls* cannot be used.
    """
    context = _context(tls)
    verify_spoken(context)
    return NationalContext.of(context)


def verify_spoken(context: _Context) -> None:
    """Return only if a handshake with *context*, in memory, used the national algorithms.

    Raises:
        ConfigError: If it did not, so that nothing weaker passes for them.
    """
    from OpenSSL import SSL  # noqa: PLC0415  an extra

    client_context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    _restrict(client_context)
    server, client = _server(context), SSL.Connection(client_context, None)
    client.set_connect_state()
    for _ in range(_ROUNDS):
        for one, other in ((client, server), (server, client)):
            try:
                one.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error:
                raise ConfigError("`national_tls.certificate` cannot be used") from None
            for data in _drained(one):
                other.bio_write(data)
    if (server.get_cipher_name(), server.get_group_name()) != (SUITE, GROUP):
        raise ConfigError(f"the TLS library does not speak {SUITE} over {GROUP}")


def _context(tls: TlsConfig) -> _Context:
    try:
        from OpenSSL import SSL  # noqa: PLC0415  an extra
    except ImportError:
        raise ConfigError("`[national_tls]` needs the extra `national-tls`") from None
    _verify_plain(tls.key)
    _verify_certificates(tls)
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    _restrict(context)
    try:
        context.use_certificate_chain_file(bytes(tls.certificate))
        context.use_privatekey_file(bytes(tls.key))
        context.check_privatekey()
    except SSL.Error:
        raise ConfigError(
            "`national_tls.certificate` and `national_tls.key` cannot be loaded as a pair"
        ) from None
    try:
        context.load_verify_locations(bytes(tls.client_ca))
    except SSL.Error:
        raise ConfigError("`national_tls.client_ca` cannot be loaded") from None
    store = context.get_cert_store()
    if store is None:
        raise ConfigError("`national_tls.client_ca` cannot be loaded")
    store.set_flags(_NO_CHECK_TIME)
    context.set_verify(SSL.VERIFY_PEER)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    context.set_alpn_select_callback(
        lambda _, offered: _HTTP if _HTTP in offered else SSL.NO_OVERLAPPING_PROTOCOLS
    )
    return context


def _verify_plain(key: Path) -> None:
    """Return only if *key* is not encrypted: the library would ask on the terminal for a password.

    Raises:
        ConfigError: If it is, or cannot be read.
    """
    try:
        is_encrypted = b"ENCRYPTED" in key.read_bytes()
    except OSError as error:
        raise ConfigError(f"`national_tls.key` cannot be read: {why(error)}") from None
    if is_encrypted:
        raise ConfigError(
            "`national_tls.key` is encrypted; it has to be plain, and closed to others"
        )


def _verify_certificates(tls: TlsConfig) -> None:
    """Return only if all certificates in the files are on SM2: the suite alone allows others."""
    for setting, path in (("certificate", tls.certificate), ("client_ca", tls.client_ca)):
        try:
            for certificate in parse_certificates(path.read_bytes(), name=path.name):
                verify_national(certificate)
        except OSError as error:
            raise ConfigError(f"`national_tls.{setting}` cannot be read: {why(error)}") from None
        except IdentityError:
            raise ConfigError(f"`national_tls.{setting}` holds a certificate not on SM2") from None


def _restrict(context: _Context) -> None:
    """Leave *context* one version, one suite and one curve.

    Raises:
        ConfigError: If the library does not know them.
    """
    from OpenSSL import SSL  # noqa: PLC0415  an extra

    # pyOpenSSL has no method for curves; the function of the library is bound all the same.
    choose = getattr(SSL._lib, "SSL_CTX_set1_curves_list", None)  # type: ignore[attr-defined]  # noqa: SLF001
    if choose is None or choose(context._context, GROUP.encode()) != 1:  # noqa: SLF001
        raise ConfigError(f"the installed TLS library does not know {GROUP}")
    try:
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        context.set_tls13_ciphersuites(SUITE.encode())
    except SSL.Error:
        raise ConfigError(f"the installed TLS library does not know {SUITE}") from None


def _server(context: _Context) -> "SSL.Connection":
    from OpenSSL import SSL  # noqa: PLC0415  an extra

    connection = SSL.Connection(context, None)
    connection.set_accept_state()
    return connection


def _drained(connection: "SSL.Connection") -> Iterator[bytes]:
    from OpenSSL import SSL  # noqa: PLC0415  an extra

    while True:
        try:
            yield connection.bio_read(_MOST)
        except SSL.WantReadError:
            return
