# SPDX-License-Identifier: Apache-2.0
"""A witness that lies, or is not there, neither vouches for the log nor convicts it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from govshare_policy.audit import AuditLog, Checkpoint
from govshare_policy.audit.checkpoint import NoteSignature, sign_checkpoint
from govshare_policy.crypto import Signer
from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import Address
from govshare_sidecar.listeners import HttpListener
from govshare_sidecar.witness.client import Peer, PeerError
from govshare_sidecar.witness.peers import PeerConfig
from tests.unit.sidecar.watched import NOWHERE, ORIGIN, World, append, make_keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Signer]]:
    directory = tmp_path_factory.mktemp("keys")
    return directory, make_keys(directory)


@pytest.fixture
def world(tmp_path: Path, keys: tuple[Path, dict[str, Signer]]) -> World:
    return World(directory=tmp_path, key_files=keys[0], keys=keys[1])


@asynccontextmanager
async def liar(*answers: web.Response | Callable[[], web.Response]) -> AsyncIterator[str]:
    """Run somebody who is no witness and gives *answers*, one after another."""
    waiting = iter(answers)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        answer = next(waiting)
        return answer if isinstance(answer, web.Response) else answer()

    listener = await HttpListener.start(
        web.Server(handle), Address(host="127.0.0.1", port=0), key="listen", tls=None
    )
    try:
        yield f"http://{listener.address}"
    finally:
        await listener.stop()


def stale(size: object) -> web.Response:
    return web.Response(status=409, text=f"{size}\n")


Lie = Callable[[World, AuditLog], tuple[web.Response, ...]]
LIES: dict[str, tuple[Lie, str]] = {
    "an error": (lambda *_: (web.Response(status=500),), "status 500"),
    "a redirect": (
        lambda *_: (web.Response(status=302, headers={"Location": NOWHERE}),),
        "status 302",
    ),
    "no signature": (lambda *_: (web.Response(text="yes\n"),), "without its signature"),
    "nothing": (lambda *_: (web.Response(text=""),), "without its signature"),
    "bytes": (lambda *_: (web.Response(body=b"\xff\n"),), "without its signature"),
    "the signature of another": (
        lambda w, log: (line(log.checkpoint(), w.keys["v"], "u"),),
        "without its signature",
    ),
    "a signature of another checkpoint": (
        lambda w, log: (line(replace(log.checkpoint(), root=bytes(32)), w.keys["u"], "u"),),
        "without its signature",
    ),
    "too much": (lambda *_: (web.Response(body=bytes(20_000)),), "without an end"),
    "a size that is none": (lambda *_: (stale("many"),), "which size it signed"),
    "a size without evidence": (
        lambda *_: (stale(9), web.Response(status=404)),
        "does not show what it signed",
    ),
    "evidence that is none": (
        lambda *_: (stale(9), web.Response(text="what?")),
        "shows what it did not sign",
    ),
    "evidence that the log did not sign": (
        lambda w, _: (stale(9), note(w, "u", size=9)),
        "holds what our key did not sign",
    ),
    "evidence of another log": (
        lambda w, _: (stale(9), note(w, "log", "u", size=9, origin="two")),
        "of another log",
    ),
    "evidence that it did not sign": (
        lambda w, _: (stale(9), note(w, "log", size=9)),
        "did not sign",
    ),
    "a forged signature of the log": (
        lambda w, log: (stale(9), forged(w, log)),
        "signature",
    ),
    "a refusal without a reason": (
        lambda w, log: (
            web.Response(status=422),
            web.Response(body=cosigned(w, log.checkpoint()).to_note()),
        ),
        "does not show why",
    ),
}


def line(checkpoint: Checkpoint, signer: Signer, name: str) -> web.Response:
    signed = sign_checkpoint(checkpoint, signer, name=name, time=1)
    return web.Response(text=f"{signed.signatures[-1].to_line()}\n")


def note(world: World, *who: str, size: int, origin: str = ORIGIN) -> web.Response:
    checkpoint = Checkpoint(origin=origin, size=size, root=bytes(32))
    for key in who:
        name = ORIGIN if key == "log" else key
        checkpoint = sign_checkpoint(checkpoint, world.keys[key], name=name, time=1)
    return web.Response(body=checkpoint.to_note())


def cosigned(world: World, checkpoint: Checkpoint) -> Checkpoint:
    return sign_checkpoint(checkpoint, world.keys["u"], name="u", time=1)


def forged(world: World, log: AuditLog) -> web.Response:
    """Return a larger checkpoint under a line that the log's key made for a smaller one."""
    own: NoteSignature = log.checkpoint().signatures[0]
    larger = Checkpoint(origin=ORIGIN, size=9, root=bytes(32), signatures=(own,))
    return web.Response(body=cosigned(world, larger).to_note())


@pytest.mark.parametrize(("lie", "says"), LIES.values(), ids=LIES)
def test_a_witness_that_lies_neither_vouches_nor_convicts(
    world: World, caplog: pytest.LogCaptureFixture, lie: Lie, says: str
) -> None:
    """It fails, as one that is not there does, and is told of once."""

    async def work() -> None:
        with world.open_log() as log:
            append(log)
            answers = lie(world, log)
            async with liar(*answers) as place:
                feeder = world.feeder(log, {"u": place}, required=1)
                await feeder.ask_all()
                assert (feeder.size, feeder.is_watched) == (0, False)
                await feeder.stop()

    asyncio.run(work())
    [message] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert says in message
    assert not (world.log / "evidence").exists()


def test_a_witness_that_fails_twice_is_told_of_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        with world.open_log() as log:
            feeder = world.feeder(log, {"u": NOWHERE}, required=1)
            await feeder.ask_all()
            await feeder.ask_all()
            await feeder.stop()

    asyncio.run(work())
    assert [record.getMessage() for record in caplog.records] == [
        "the witness `u` cannot be reached"
    ]


def test_a_witness_that_does_not_answer_is_not_waited_for(world: World) -> None:
    async def work() -> None:
        gone = asyncio.Event()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            await writer.wait_closed()
            gone.set()

        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        place = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        config = PeerConfig(name="u", url=place, public=world.keys["u"].public, ca=None)
        peer = Peer.open(config, timeout_s=1.0)
        with pytest.raises(PeerError, match="did not answer in time"):
            await peer.last(ORIGIN)
        await peer.close()
        async with asyncio.timeout(60):
            await gone.wait()
        server.close()

    asyncio.run(work())


def test_the_authorities_of_a_witness_have_to_be_there(world: World, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    config = PeerConfig(
        name="u", url=NOWHERE, public=world.keys["u"].public, ca=tmp_path / "ca.pem"
    )

    async def work() -> None:
        Peer.open(config, timeout_s=1.0)

    with pytest.raises(ConfigError, match="the `ca` of the witness `u` cannot be loaded"):
        asyncio.run(work())
