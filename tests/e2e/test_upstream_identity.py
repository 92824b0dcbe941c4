# SPDX-License-Identifier: Apache-2.0
"""A department's API answers the sidecar and nobody else: by certificate, or by signature."""

import asyncio
import http.client
import json
import shutil
import signal
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest

from govshare_policy.crypto import PublicKey, Signer, generate_key, open_signer
from govshare_policy.errors import ConfigError
from govshare_policy.upstream import HEADER, Gateway, Memory, Request, rpc_request, sign_request
from govshare_policy.upstream.asgi import Message, OnlyGateway
from govshare_policy.upstream.rpc import OnlyGatewayAio
from govshare_sidecar.config import load_config
from govshare_sidecar.upstream_identity import client_context
from tests.e2e.callers import PURPOSE
from tests.e2e.department import department
from tests.e2e.deployment import PASSPHRASE, Deployment, Running, await_
from tests.e2e.guarded import BY, Seen, by_grpc
from tests.e2e.rpc_department import SERVICE, configuration, make

AUDIENCE = "civil-affairs"
SIGNATURE = f"""
[{{}}.signature]
key = "file:keys/upstream.pem"
passphrase_file = "keys/audit.passphrase"
audience = "{AUDIENCE}"
"""


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PublicKey]:
    path = tmp_path_factory.mktemp("keys") / "upstream.pem"
    return path, generate_key(path, PASSPHRASE)


def gateway(public: PublicKey) -> Gateway:
    return Gateway(keys=(public,), audience=AUDIENCE, nonces=Memory())


def deploy(directory: Path, upstream: str, key: Path) -> Deployment:
    deployment = Deployment(directory=directory, upstream=upstream)
    shutil.copy(key, directory / "keys" / "upstream.pem")
    deployment.configure("[metrics]\n", f"{SIGNATURE.format('http')}[metrics]\n")
    return deployment


def direct(
    url: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> tuple[int, Any]:
    """Ask the department without the sidecar."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("POST" if body else "GET", path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


World = tuple[Running, str, Seen]


@pytest.fixture(scope="module", params=BY)
def world(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    key: tuple[Path, PublicKey],
) -> Iterator[World]:
    with (
        BY[request.param](gateway(key[1])) as (url, seen),
        deploy(tmp_path_factory.mktemp("signed"), url, key[0]).start() as running,
    ):
        yield running, url, seen


@pytest.mark.parametrize(
    ("path", "body"),
    [("/marriages/ID1", None), ("/marriages/%E7%94%B2%20%7E1?a=%2F&b=1", None), ("S", b'{"q": 1}')],
    ids=["plain", "escaped", "posted"],
)
def test_what_the_sidecar_sends_is_answered(world: World, path: str, body: bytes | None) -> None:
    running, _, seen = world
    records: list[bool] = []

    def is_recorded(record: str) -> None:
        records.append(record in {one["id"] for one in running.deployment.decisions()})

    seen.then = is_recorded
    if body is None:
        response = running.request(path)
    else:
        more = {"Content-Type": "application/json"}
        response = running.request("/marriages/search", method="POST", body=body, headers=more)

    assert response.status == 200
    record, _, got = seen.requests[-1]
    assert (record, got) == (response.headers["Govshare-Record"], body or b"")
    assert records == [True], "the record is on the disk before anything is signed"


def test_who_asks_without_the_sidecar_is_refused(world: World) -> None:
    running, url, seen = world
    assert running.request("/marriages/ID1").status == 200
    before = len(seen.requests)
    used = seen.headers[-1]["HTTP_GOVSHARE_SIGNATURE"]
    forged: dict[str, str] = {"Govshare-Record": "x", **PURPOSE}

    for headers in ({}, forged, {HEADER: used}, {HEADER: "a.b"}):
        status, problem = direct(url, "/marriages/ID1", headers)
        assert status == 401
        assert problem["type"].endswith("not_through_the_gateway")
    assert len(seen.requests) == before


def test_a_signature_serves_for_its_own_request_only(
    world: World, key: tuple[Path, PublicKey], tmp_path: Path
) -> None:
    _, url, seen = world
    before = len(seen.requests)
    signer = open_signer(f"file:{key[0]}", PASSPHRASE)
    generate_key(tmp_path / "k.pem", PASSPHRASE)
    other = open_signer(f"file:{tmp_path}/k.pem", PASSPHRASE)
    post = Request(method="POST", target="/a?b=1", body=b"{}")

    def ask(signing: Signer, path: str, body: bytes, *, late_s: int = 0) -> int:
        at = datetime.now(UTC) - timedelta(seconds=late_s)
        text = sign_request(post, signing, record="r", audience=AUDIENCE, at=at)
        return direct(url, path, {HEADER: text}, body)[0]

    altered = [
        ask(signer, "/b?b=1", b"{}"),
        ask(signer, "/a?b=2", b"{}"),
        ask(signer, "/a?b=1", b"[]"),
    ]
    assert altered == [401, 401, 401]
    assert ask(other, "/a?b=1", b"{}") == 401
    assert ask(signer, "/a?b=1", b"{}", late_s=90) == 401
    # What is too large need not be read to its end: then the connection breaks in mid-body.
    with suppress(BrokenPipeError, ConnectionResetError):
        assert ask(signer, "/a?b=1", b"x" * (2 << 20)) == 401
    assert len(seen.requests) == before
    assert ask(signer, "/a?b=1", b"{}") == 200


def test_the_header_of_a_caller_does_not_go_on(world: World) -> None:
    running, _, seen = world
    response = running.request("/marriages/ID1", headers={HEADER: "a.b", "Govshare-Record": "x"})

    assert response.status == 200
    assert seen.headers[-1]["HTTP_GOVSHARE_SIGNATURE"] != "a.b"
    assert seen.headers[-1]["HTTP_GOVSHARE_RECORD"] == response.headers["Govshare-Record"]


@pytest.mark.parametrize("many", [False, True], ids=["unary", "stream"])
def test_a_grpc_api_answers_the_sidecar_only(
    tmp_path: Path, key: tuple[Path, PublicKey], *, many: bool
) -> None:
    method = f"{SERVICE}/{'Watch' if many else 'Find'}"
    query = make("Query", id_no="ID1").SerializeToString()
    with by_grpc(gateway(key[1])) as (url, state):
        deployment = deploy(tmp_path, "http://127.0.0.1:1", key[0])
        table = configuration(url, tmp_path) + SIGNATURE.format("grpc_proxy")
        deployment.config.write_text(deployment.config.read_text() + table)
        with deployment.start() as running:
            credentials = running.credentials("SYS-HCB-PRH")
            where = running.addresses["grpc_proxy"]
            purpose = (("govshare-purpose", "data_verification"),)
            with grpc.secure_channel(where, credentials) as channel:
                assert ask_rpc(channel, method, query, purpose, many=many)
        [asked] = state.asked
        with grpc.insecure_channel(urlsplit(url).netloc) as channel:
            sent = ("govshare-record", "govshare-fields", HEADER.lower())
            again = tuple((name, asked.metadata[name]) for name in sent)
            for metadata in ((), again):
                with pytest.raises(grpc.RpcError) as caught:
                    ask_rpc(channel, method, query, metadata, many=many)
                assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert len(state.asked) == 1


def ask_rpc(
    channel: grpc.Channel,
    method: str,
    query: bytes,
    metadata: Any,  # noqa: ANN401  what the stubs take
    *,
    many: bool,
) -> list[bytes]:
    if many:
        begin: Any = channel.unary_stream(method)
        return list(begin(query, metadata=metadata, timeout=60))
    once: Any = channel.unary_unary(method)
    return [once(query, metadata=metadata, timeout=60)]


def test_a_grpc_api_on_asyncio_answers_the_sidecar_only(key: tuple[Path, PublicKey]) -> None:
    signer = open_signer(f"file:{key[0]}", PASSPHRASE)

    async def one(data: bytes, _: object) -> bytes:
        return data

    async def many(data: bytes, _: object) -> Any:  # noqa: ANN401  an async generator
        yield data

    handlers = grpc.method_handlers_generic_handler(
        "s.S",
        {
            "One": grpc.unary_unary_rpc_method_handler(one),
            "Many": grpc.unary_stream_rpc_method_handler(many),
        },
    )

    def metadata(path: str, message: bytes) -> Any:  # noqa: ANN401  what the stubs take
        asked = rpc_request(path, fields="a", message=message)
        at = datetime.now(UTC)
        text = sign_request(asked, signer, record="r", audience=AUDIENCE, at=at)
        return ((HEADER.lower(), text), ("govshare-fields", "a"))

    async def run() -> None:
        server = grpc.aio.server(interceptors=[OnlyGatewayAio(gateway(key[1]))])
        server.add_generic_rpc_handlers([handlers])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            ask: Any = channel.unary_unary("/s.S/One")
            watch: Any = channel.unary_stream("/s.S/Many")
            assert await ask(b"m", metadata=metadata("/s.S/One", b"m")) == b"m"
            got = [one async for one in watch(b"m", metadata=metadata("/s.S/Many", b"m"))]
            assert got == [b"m"]
            for sent in ((), metadata("/s.S/One", b"x"), metadata("/s.S/Many", b"m")):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await ask(b"m", metadata=sent)
                assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
            with pytest.raises(grpc.aio.AioRpcError):
                [one async for one in watch(b"m")]
        await server.stop(None)

    asyncio.run(run())


def test_an_asgi_application_answers_the_sidecar_only(key: tuple[Path, PublicKey]) -> None:
    signer = open_signer(f"file:{key[0]}", PASSPHRASE)
    reached: list[tuple[str, bytes]] = []

    async def application(scope: Message, receive: Any, send: Any) -> None:  # noqa: ANN401
        if scope["type"] == "http":
            reached.append((scope["govshare.record"], (await receive())["body"]))
        await send({"type": "told"})

    guarded = OnlyGateway(application, gateway(key[1]), max_bytes=8)

    def ask(parts: list[bytes], *, text: str = "", kind: str = "http", raw: bool = True) -> Message:
        left = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        left.append({"type": "http.request"})
        sent: list[Message] = []

        async def receive() -> Message:
            return left.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Message = {"type": kind, "method": "POST", "path": "/甲", "query_string": b"a=1"}
        scope["headers"] = [(HEADER.lower().encode(), text.encode())] if text else []
        if raw:
            scope["raw_path"] = b"/%E7%94%B2"
        asyncio.run(guarded(scope, receive, send))
        return sent[0]

    def signed(body: bytes) -> str:
        asked = Request(method="POST", target="/%E7%94%B2?a=1", body=body)
        return sign_request(asked, signer, record="r", audience=AUDIENCE, at=datetime.now(UTC))

    text = signed(b"{}")
    assert ask([b"{", b"}"], text=text)["type"] == "told"
    assert ask([b"{}"], text=signed(b"{}"), raw=False)["type"] == "told"
    for refused in (ask([b"{}"]), ask([b"{}"], text=text), ask([b"[]"], text=signed(b"{}"))):
        assert refused["status"] == 401
    assert ask([b"{}" * 5], text=signed(b"{}" * 5))["status"] == 401
    assert ask([], kind="websocket") == {"type": "websocket.close", "code": 1008}
    assert ask([], kind="lifespan")["type"] == "told"
    assert reached == [("r", b"{}")] * 2


def ask(connection: http.client.HTTPSConnection) -> None:
    # With TLS 1.3 the refusal of a client may come with the first answer only.
    connection.request("GET", "/marriages/ID1")
    connection.getresponse()


CERTIFICATE = """
upstream_ca = "tls/ca.pem"
upstream_certificate = "tls/us.pem"
upstream_key = "tls/us.key"
"""


def test_an_api_may_take_connections_of_the_sidecar_only(tmp_path: Path) -> None:
    deployment = Deployment(directory=tmp_path, upstream="http://127.0.0.1:1")
    ours, next_one = (deployment.authority.issue(name) for name in ("us", "next"))
    context = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cafile=str(deployment.authority.path)
    )
    context.load_cert_chain(tmp_path / "tls" / "sidecar.pem", tmp_path / "tls" / "sidecar.key")
    context.verify_mode = ssl.CERT_REQUIRED
    with department(context) as (url, state):
        deployment.configure('upstream = "http://127.0.0.1:1"', f'upstream = "{url}"{CERTIFICATE}')
        with deployment.start() as running:
            assert running.request("/marriages/ID1").status == 200
            # What the next connection shows comes out of the files of then.
            shutil.copy(next_one.certificate, ours.certificate)
            shutil.copy(next_one.key, ours.key)
            running.process.send_signal(signal.SIGHUP)
            await_(lambda: any("reloaded" in one["message"] for one in running.messages))
            assert running.request("/marriages/ID1").status == 200
            ours.key.write_text("no key")
            running.process.send_signal(signal.SIGHUP)
            await_(lambda: any("is shown stays" in one["message"] for one in running.messages))
            assert running.request("/marriages/ID1").status == 200
        before = len(state.asked)
        nobody = ssl.create_default_context(cafile=str(deployment.authority.path))
        connection = http.client.HTTPSConnection(urlsplit(url).netloc, context=nobody, timeout=60)
        with pytest.raises(OSError, match=r"certificate|reset|closed|pipe|EOF"):
            ask(connection)
        connection.close()
    assert (before, len(state.asked)) == (3, 3)


WRONG: dict[str, tuple[Callable[[str], str], str]] = {
    "no key": (
        lambda text: text.replace('upstream_key = "tls/us.key"', ""),
        "upstream_key` is mis",
    ),
    "plain http": (lambda text: text.replace("https://", "http://"), "shown over https only"),
    "no audience": (lambda text: text.replace(f'audience = "{AUDIENCE}"', ""), "audience` is mis"),
    "a word more": (
        lambda text: text.replace("audience", "x = 1\naudience"),
        "signature.x` is not",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_half_an_identity_is_refused_at_start(
    tmp_path: Path, key: tuple[Path, PublicKey], case: str
) -> None:
    deployment = deploy(tmp_path, "https://127.0.0.1:1", key[0])
    deployment.authority.issue("us")
    deployment.configure("[http]\n", f"[http]\n{CERTIFICATE}")
    load_config(deployment.config)
    change, message = WRONG[case]
    deployment.config.write_text(change(deployment.config.read_text()))
    with pytest.raises(ConfigError, match=message):
        load_config(deployment.config)


def test_a_key_of_another_certificate_is_refused_at_start(
    tmp_path: Path, key: tuple[Path, PublicKey]
) -> None:
    deployment = deploy(tmp_path, "https://127.0.0.1:1", key[0])
    deployment.authority.issue("us")
    other = deployment.authority.issue("other")
    shutil.copy(other.key, tmp_path / "tls" / "us.key")
    deployment.configure("[http]\n", f"[http]\n{CERTIFICATE}")
    config = load_config(deployment.config)
    assert config.http is not None
    with pytest.raises(ConfigError, match="cannot be loaded together"):
        client_context(config.http.shown, config.http.upstream_ca, table="http")
