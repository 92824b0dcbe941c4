# SPDX-License-Identifier: Apache-2.0
"""Over TLS, nobody gets in without a certificate of an authority in the file, nor without h2."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from grpc import StatusCode

from govshare_policy.errors import ConfigError
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.h2.listener import rpc_context
from govshare_sidecar.h2.settings import Settings
from govshare_sidecar.tls_handed import LiveContext
from govshare_sidecar.tls_settings import TlsConfig
from tests.e2e.pki import NOW, Authority, Pair
from tests.unit.sidecar_h2.served import World, ends, method, run, serving, until


@dataclass
class Keys:
    authority: Authority
    stranger: Authority
    server: Pair
    client: Pair

    @property
    def config(self) -> TlsConfig:
        return TlsConfig(
            certificate=self.server.certificate,
            key=self.server.key,
            client_ca=self.authority.path,
        )

    def credentials(self, client: Pair | None) -> grpc.ChannelCredentials:
        roots = self.authority.path.read_bytes()
        if client is None:
            return grpc.ssl_channel_credentials(roots)
        return grpc.ssl_channel_credentials(
            roots, client.key.read_bytes(), client.certificate.read_bytes()
        )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    directory = tmp_path_factory.mktemp("pki")
    authority = Authority(directory)
    return Keys(
        authority=authority,
        stranger=Authority(directory / "other", "other"),
        server=authority.issue("server", server=True),
        client=authority.issue("client"),
    )


@asynccontextmanager
async def serving_tls(keys: Keys, settings: Settings | None = None) -> AsyncIterator[World]:
    async with serving(settings or Settings(), tls=rpc_context(keys.config)) as world:
        yield world


def test_a_certificate_of_the_authority_gets_in_and_is_shown(keys: Keys) -> None:
    async def scenario() -> None:
        async with (
            serving_tls(keys) as world,
            world.channel(keys.credentials(keys.client)) as channel,
        ):
            await method(channel, "Metadata")(b"")
            (pem,) = world.servicer.seen[-1]["x509_pem_cert"]
            assert ssl.PEM_cert_to_DER_cert(pem.decode()) == keys.client.der

    run(scenario())


def test_large_messages_go_through_tls(keys: Keys) -> None:
    async def scenario() -> None:
        async with (
            serving_tls(keys) as world,
            world.channel(keys.credentials(keys.client)) as channel,
        ):
            data = bytes(range(256)) * 10_000
            assert await method(channel, "Echo")(data) == data

    run(scenario())


@pytest.mark.parametrize("who", ["nobody", "a stranger"])
def test_without_such_a_certificate_no_call_reaches_anybody(keys: Keys, who: str) -> None:
    async def scenario() -> None:
        client = None if who == "nobody" else keys.stranger.issue("x")
        async with serving_tls(keys) as world, world.channel(keys.credentials(client)) as channel:
            code, _ = await ends(method(channel, "Echo")(b"", timeout=60))
            assert code is StatusCode.UNAVAILABLE
            assert world.servicer.began == 0

    run(scenario())


def test_an_expired_certificate_gets_in_and_is_evidence_of_its_time(keys: Keys) -> None:
    """The handshake leaves time aside, so that the denial can be recorded with its reason."""

    async def scenario() -> None:
        start, end = NOW - timedelta(days=9), NOW - timedelta(days=8)
        expired = keys.authority.issue("expired", start=start, end=end)
        async with (
            serving_tls(keys) as world,
            world.channel(keys.credentials(expired)) as channel,
        ):
            await method(channel, "Metadata")(b"")
            (pem,) = world.servicer.seen[-1]["x509_pem_cert"]
            der = ssl.PEM_cert_to_DER_cert(pem.decode())
            shown = ClientAuthorities.load(keys.authority.path).evidence(der, network="n")
            assert shown.spki == expired.spki
            assert shown.not_after is not None
            assert shown.not_after < NOW

    run(scenario())


def test_where_proxies_call_an_expired_certificate_does_not_get_in(keys: Keys) -> None:
    async def scenario() -> None:
        start, end = NOW - timedelta(days=9), NOW - timedelta(days=8)
        expired = keys.authority.issue("expired2", start=start, end=end)
        context = rpc_context(keys.config, keys.authority.path)
        async with (
            serving(tls=context) as world,
            world.channel(keys.credentials(expired)) as channel,
            world.channel(keys.credentials(keys.client)) as valid,
        ):
            code, _ = await ends(method(channel, "Echo")(b"", timeout=60))
            assert code is StatusCode.UNAVAILABLE
            assert await method(valid, "Echo")(b"a") == b"a"

    run(scenario())


@pytest.mark.parametrize("offered", [[], ["http/1.1"]], ids=["nothing", "http/1.1"])
def test_a_client_that_does_not_speak_h2_is_hung_up_on(keys: Keys, offered: list[str]) -> None:
    async def scenario() -> None:
        context = ssl.create_default_context(cafile=str(keys.authority.path))
        context.load_cert_chain(keys.client.certificate, keys.client.key)
        if offered:
            context.set_alpn_protocols(offered)
        async with serving_tls(keys) as world:
            reader, writer = await asyncio.open_connection("localhost", world.port, ssl=context)
            assert await hung_up(reader)
            writer.transport.abort()
            await until(lambda: world.connections == 0)

    run(scenario())


async def hung_up(reader: asyncio.StreamReader) -> bool:
    """Return whether the peer has gone without a word."""
    try:
        return not await reader.read(1)
    except ConnectionError:
        return True


def test_new_connections_are_shown_the_certificate_in_force(keys: Keys) -> None:
    async def scenario() -> None:
        live = LiveContext.of(rpc_context(keys.config))
        client = keys.credentials(keys.client)
        async with serving(tls=live) as world, world.channel(client) as old:
            assert await method(old, "Echo")(b"a") == b"a"
            live.in_force = rpc_context(replace(keys.config, client_ca=keys.stranger.path))
            assert await method(old, "Echo")(b"b") == b"b"
            async with world.channel(client) as new:
                code, _ = await ends(method(new, "Echo")(b"", timeout=60))
                assert code is StatusCode.UNAVAILABLE

    run(scenario())


def test_no_connection_is_resumed(keys: Keys) -> None:
    async def scenario() -> None:
        context = ssl.create_default_context(cafile=str(keys.authority.path))
        context.load_cert_chain(keys.client.certificate, keys.client.key)
        context.set_alpn_protocols(["h2"])

        def connect(port: int, before: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
            with (
                socket.create_connection(("localhost", port)) as plain,
                context.wrap_socket(plain, server_hostname="localhost", session=before) as spoken,
            ):
                spoken.recv(1)
                return spoken.session, bool(spoken.session_reused)

        async with serving_tls(keys) as world:
            first, _ = await asyncio.to_thread(connect, world.port, None)
            _, resumed = await asyncio.to_thread(connect, world.port, first)
            assert not resumed
            await until(lambda: world.connections == 0)

    run(scenario())


def test_a_file_that_cannot_be_used_is_the_operators_to_mend(keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="client_ca"):
        rpc_context(replace(keys.config, client_ca=tmp_path / "none.pem"))
