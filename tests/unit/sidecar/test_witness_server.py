# SPDX-License-Identifier: Apache-2.0
"""The witness on its port: C2SP's statuses, and a signature only after it is kept."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from govshare_policy.audit import (
    Checkpoint,
    Continuation,
    TrustPolicy,
    format_trust,
    leaf_hash,
    parse_trust,
    prove_consistency,
    root_hash,
    trust_text,
)
from govshare_policy.audit.checkpoint import NoteSignature, sign_checkpoint
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.witness import MAX_REQUEST_BYTES, Witness
from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.errors import AuditError
from govshare_sidecar.witness import server
from govshare_sidecar.witness.server import running
from govshare_sidecar.witness.settings import load_witness_config
from govshare_sidecar.witness.store import Store, log_id
from tests.unit.sidecar.watched import CONFIG

ORIGIN = "audit.example/one"
NAME = "witness.example/w"
PASSPHRASE = b"correct horse"
AT = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
LEAVES = tuple(leaf_hash(b"%d" % number) for number in range(9))
FORKED = (leaf_hash(b"other"), *LEAVES[1:])


class Keys(NamedTuple):
    """The key of the log, that of the witness, and a directory that has the files of both."""

    log: Signer
    witness: Signer
    directory: Path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    directory = tmp_path_factory.mktemp("witness")
    generate_key(directory / "log.pem", PASSPHRASE)
    generate_key(directory / "key.pem", PASSPHRASE)
    log, witness = (
        open_signer(f"file:{directory}/{name}.pem", PASSPHRASE) for name in ("log", "key")
    )
    (directory / "log.toml").write_text(trust_text(ORIGIN, log.public))
    (directory / "passphrase").write_bytes(PASSPHRASE)
    (directory / "passphrase").chmod(0o600)
    return Keys(log, witness, directory)


@pytest.fixture
def directory(keys: Keys, tmp_path: Path) -> Path:
    """A place of the test's own with what a witness needs."""
    for path in keys.directory.iterdir():
        target = tmp_path / path.name
        target.write_bytes(path.read_bytes())
        target.chmod(0o600)
    (tmp_path / "witness.toml").write_text(CONFIG)
    return tmp_path


def state(keys: Keys, size: int, leaves: tuple[bytes, ...] = LEAVES) -> Checkpoint:
    plain = Checkpoint(origin=ORIGIN, size=size, root=root_hash(leaves[:size]))
    return sign_checkpoint(plain, keys.log, name=ORIGIN, time=int(AT.timestamp()))


def asking(keys: Keys, size: int, old: int, leaves: tuple[bytes, ...] = LEAVES) -> Continuation:
    proof = prove_consistency(leaves[:size], old) if old else ()
    note = state(keys, size, leaves).to_note()
    return Continuation(old_size=old, proof=proof, checkpoint=note)


class Reply(NamedTuple):
    status: int
    kind: str
    body: bytes


Ask = Callable[..., Coroutine[Any, Any, Reply]]


@asynccontextmanager
async def asked(directory: Path, *, disk: Disk | None = None) -> AsyncIterator[Ask]:
    """Run the witness of *directory*; the value sends it a request."""
    config = load_witness_config(directory / "witness.toml")
    serving = running(config, now=lambda: AT, disk=disk or Disk())
    async with serving as address, aiohttp.ClientSession() as session:

        async def ask(
            body: Continuation | bytes = b"", *, path: str = "/add-checkpoint", method: str = "POST"
        ) -> Reply:
            data = body.to_text().encode() if isinstance(body, Continuation) else body
            url = f"http://{address}{path}"
            async with session.request(method, url, data=data or None) as response:
                return Reply(response.status, response.content_type, await response.read())

        yield ask


def test_a_witness_answers_as_c2sp_says(keys: Keys, directory: Path) -> None:
    async def work() -> None:
        async with asked(directory) as ask:
            signed = await ask(asking(keys, 3, 0))
            assert signed.status == 200
            line = NoteSignature.from_line(signed.body.decode().rstrip("\n"))
            assert line.name == NAME
            assert (await ask(asking(keys, 7, 3))).status == 200
            assert (await ask(asking(keys, 7, 7))).status == 200

            stale = await ask(asking(keys, 8, 3))
            assert stale == (409, "text/x.tlog.size", b"7\n")
            assert await ask(asking(keys, 7, 7, FORKED)) == (409, "text/x.tlog.size", b"7\n")
            assert (await ask(asking(keys, 8, 7, FORKED))).status == 422

            other = asking(keys, 8, 7).checkpoint.replace(ORIGIN.encode(), b"two")
            unknown = Continuation(old_size=7, proof=(), checkpoint=other)
            assert (await ask(unknown)).status == 404
            unsigned = asking(keys, 8, 7).checkpoint.replace(b"\n8\n", b"\n9\n")
            forged = Continuation(old_size=7, proof=(), checkpoint=unsigned)
            assert (await ask(forged)).status == 403
            for malformed in (b"", b"old 7\n\nx", b"\xff", b"old 8\n\n" + state(keys, 7).to_note()):
                assert (await ask(malformed)).status == 400

    asyncio.run(work())


def test_whoever_asks_is_shown_what_was_signed_last(keys: Keys, directory: Path) -> None:
    async def work() -> None:
        async with asked(directory) as ask:
            path = f"/checkpoint/{log_id(ORIGIN)}"
            assert (await ask(path=path, method="GET")).status == 404
            for size, old in ((3, 0), (5, 3)):
                await ask(asking(keys, size, old))
                shown = Checkpoint.from_note((await ask(path=path, method="GET")).body)
                assert (shown.size, shown.signatures[-1].name) == (size, NAME)
            assert (await ask(path="/checkpoint/x", method="GET")).status == 404
            assert (await ask(path=path, method="POST")).status == 404
            assert (await ask(path="/", method="GET")).status == 404
            assert (await ask(method="GET")).status == 405

    asyncio.run(work())


def test_a_large_or_slow_body_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with asked(directory) as ask:
            assert (await ask(bytes(MAX_REQUEST_BYTES + 1))).status == 413
            assert (await ask(b"x" * MAX_REQUEST_BYTES)).status == 400
        monkeypatch.setattr(server, "BODY_TIMEOUT_S", 0.2)
        config = load_witness_config(directory / "witness.toml")
        async with running(config, now=lambda: AT) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(
                b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 9\r\n\r\nold"
            )
            assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
            writer.close()
            await writer.wait_closed()
            _, gone = await asyncio.open_connection(address.host, address.port)
            gone.write(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 9\r\n\r\nold")
            gone.close()
            await gone.wait_closed()
            await asyncio.sleep(0.1)

    asyncio.run(work())


def test_a_restart_goes_on_where_it_was(keys: Keys, directory: Path) -> None:
    async def work(size: int, old: int, status: int) -> bytes:
        async with asked(directory) as ask:
            reply = await ask(asking(keys, size, old))
            assert reply.status == status
            return reply.body

    asyncio.run(work(5, 0, 200))
    assert asyncio.run(work(6, 0, 409)) == b"5\n"
    asyncio.run(work(6, 5, 200))


class Failing(Disk):
    """Fails before or after it has done its work, once it is told to."""

    def __init__(self, *, kept: bool) -> None:
        self._kept = kept

    def replace(self, path: Path, data: bytes, *, beside: Path | None = None) -> None:
        if self._kept:
            super().replace(path, data, beside=beside)
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("kept", [False, True])
def test_what_may_not_have_been_kept_is_not_given_out(
    keys: Keys, tmp_path: Path, *, kept: bool
) -> None:
    """And nothing else afterwards, until the disk has been read anew."""
    trust = parse_trust(trust_text(ORIGIN, keys.log.public))
    witness = Witness(name=NAME, signer=keys.witness, logs={ORIGIN: trust})
    store = Store.open(tmp_path, witness, disk=Failing(kept=kept))
    cosigned = witness.cosign(asking(keys, 3, 0), None, at=AT)
    with pytest.raises(AuditError, match="was not kept: input/output error"):
        store.keep(cosigned)
    with pytest.raises(AuditError, match="until a restart"):
        store.keep(cosigned)
    with pytest.raises(AuditError, match="until a restart"):
        store.last(ORIGIN)
    with pytest.raises(AuditError, match="until a restart"):
        store.find(log_id(ORIGIN))
    store.close()

    again = Store.open(tmp_path, witness)
    assert again.last(ORIGIN) == (cosigned if kept else None)
    again.close()


def test_a_failed_disk_is_an_answer_of_its_own(keys: Keys, directory: Path) -> None:
    async def work() -> None:
        async with asked(directory, disk=Failing(kept=True)) as ask:
            path = f"/checkpoint/{log_id(ORIGIN)}"
            assert (await ask(path=path, method="GET")).status == 404
            assert (await ask(asking(keys, 3, 0))).status == 503
            assert (await ask(asking(keys, 3, 0))).status == 503
            assert (await ask(path=path, method="GET")).status == 503

    asyncio.run(work())


def test_one_state_has_one_witness(keys: Keys, directory: Path) -> None:
    """Neither a second process nor another key goes on from it; damage is not guessed about."""
    config = load_witness_config(directory / "witness.toml")
    witness = Witness(name=NAME, signer=keys.witness, logs=config.logs)
    store = Store.open(config.state, witness)
    with pytest.raises(AuditError, match="open in another process"):
        Store.open(config.state, witness)
    store.keep(witness.cosign(asking(keys, 3, 0), None, at=AT))
    store.close()

    other = Witness(name=NAME, signer=keys.log, logs=config.logs)
    with pytest.raises(AuditError, match="not what this witness signed"):
        Store.open(config.state, other)
    [note] = config.state.glob("*.note")
    good = note.read_bytes()
    for bad, says in (
        (good.replace(b"\n3\n", b"\n2\n"), "not what this witness signed"),
        (b"", "not what this witness signed"),
    ):
        note.write_bytes(bad)
        with pytest.raises(AuditError, match=says):
            Store.open(config.state, witness)
    note.unlink()
    note.mkdir()
    with pytest.raises(AuditError, match="cannot be read"):
        Store.open(config.state, witness)


def test_a_state_that_is_no_directory_is_named(keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    witness = Witness(name=NAME, signer=keys.witness, logs={})
    with pytest.raises(AuditError, match="cannot be used"):
        Store.open(tmp_path / "state", witness)


def test_the_policy_of_a_log_is_read_whole(directory: Path, keys: Keys) -> None:
    """A revoked key is revoked for the witness too."""
    policy: TrustPolicy = parse_trust((directory / "log.toml").read_text())
    text = format_trust(policy).replace("from = 0", "from = 0\nrevoked_after = 4")
    (directory / "log.toml").write_text(text)

    async def work() -> None:
        async with asked(directory) as ask:
            assert (await ask(asking(keys, 4, 0))).status == 200
            assert (await ask(asking(keys, 5, 4))).status == 403

    asyncio.run(work())
