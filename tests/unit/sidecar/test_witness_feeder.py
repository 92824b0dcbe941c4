# SPDX-License-Identifier: Apache-2.0
"""The client of the witnesses: what it keeps, when calls are refused, and what convicts the log."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from govshare_policy.audit import Conflict, TrustKey, verify_conflict, verify_log
from govshare_policy.crypto import Signer
from govshare_policy.errors import AuditError
from govshare_sidecar.witness import feeder as feeding
from govshare_sidecar.witness.keeper import ConflictError
from tests.unit.sidecar.watched import NOWHERE, World, append, make_keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Signer]]:
    directory = tmp_path_factory.mktemp("keys")
    return directory, make_keys(directory)


@pytest.fixture
def world(tmp_path: Path, keys: tuple[Path, dict[str, Signer]]) -> World:
    return World(directory=tmp_path, key_files=keys[0], keys=keys[1])


def test_what_witnesses_sign_is_kept_beside_the_log(world: World) -> None:
    async def work() -> None:
        with world.open_log() as log:
            async with world.witness("u") as u, world.witness("v") as v:
                feeder = world.feeder(log, {"u": u, "v": v}, required=2)
                append(log, 3)
                await feeder.ask_all()
                append(log, 2)
                await feeder.ask_all()
                assert (feeder.size, feeder.is_watched) == (6, True)
                feeder.verify_watched()
                await feeder.ask_all()
                await feeder.stop()
        assert 'govshare_witness_answers_total{result="signed",witness="u"} 2.0' in world.metrics()
        assert "govshare_witnessed_records 6.0" in world.metrics()

    asyncio.run(work())
    seats = tuple(TrustKey(name=name, public=world.keys[name].public) for name in ("u", "v"))
    verdict = verify_log(world.log, replace(world.trust, witnesses=seats, required=2))
    assert verdict.witnessed is not None
    assert verdict.witnessed.size == 6


def test_a_restart_continues_from_what_is_kept(world: World) -> None:
    """And from what the witness says, where nothing or nonsense is kept."""

    async def work(*, first: bool = False) -> None:
        with world.open_log() as log:
            append(log)
            async with world.witness("u") as u:
                feeder = world.feeder(log, {"u": u}, required=1)
                assert first or feeder.size in (0, log.size - 1)
                await feeder.ask_all()
                assert feeder.size == log.size
                await feeder.stop()

    asyncio.run(work(first=True))
    asyncio.run(work())
    (world.log / "witness" / "u").write_bytes(b"nonsense")
    asyncio.run(work())
    shutil.rmtree(world.log / "witness")
    asyncio.run(work())


def test_nobody_is_watched_before_the_first_signature(world: World) -> None:
    """A quorum of two is not one."""

    async def work() -> None:
        with world.open_log() as log:
            async with world.witness("u") as u:
                feeder = world.feeder(log, {"u": u, "v": NOWHERE}, required=2)
                await feeder.ask_all()
                assert (feeder.size, feeder.is_watched) == (0, False)
                with pytest.raises(AuditError, match="fewer than 2 witnesses have seen"):
                    feeder.verify_watched()
                await feeder.stop()
        assert 'answers_total{result="failed",witness="v"} 1.0' in world.metrics()
        assert "govshare_witness_lag_seconds +Inf" in world.metrics()

    asyncio.run(work())


def test_what_is_recorded_may_go_unseen_for_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing is recorded there is nothing to see; then the time runs."""
    monkeypatch.setattr(feeding, "INTERVAL_S", 0.05)
    told: list[bool] = []

    async def work() -> None:
        with world.open_log() as log:
            async with world.witness("u") as u:
                feeder = world.feeder(log, {"u": u}, required=1, max_lag_s=1.5)
                await feeder.ask_all()
                feeder.go_on(on_conflict=told.append, on_change=told.append)  # type: ignore[arg-type]
            await asyncio.sleep(1.6)
            assert feeder.is_watched, "nothing was recorded"
            append(log)
            assert feeder.is_watched
            await until(lambda: not feeder.is_watched)
            await until(lambda: told == [False])
            async with world.witness("u") as again:
                feeder._seats[0].peer._config = replace(feeder._seats[0].peer._config, url=again)
                await until(lambda: feeder.is_watched)
                await until(lambda: told == [False, True])
                append(log)
                await feeder.stop()
            assert feeder.size == log.size, "the last record was shown on the way out"

    asyncio.run(work())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.02)


def test_a_log_that_was_set_back_is_convicted(world: World) -> None:
    """Before it starts, with what the witness kept."""

    async def work() -> None:
        async with world.witness("u") as u:
            with world.open_log() as log:
                append(log, 2)
                feeder = world.feeder(log, {"u": u}, required=1)
                await feeder.ask_all()
                shutil.copytree(world.log, world.directory / "backup")
                append(log, 2)
                await feeder.ask_all()
                await feeder.stop()
            shutil.rmtree(world.log)
            shutil.copytree(world.directory / "backup", world.log)
            with world.open_log() as log:
                feeder = world.feeder(log, {"u": u}, required=1)
                with pytest.raises(ConflictError, match="ends at size 3, and 2 records from 3 on"):
                    await feeder.ask_all()
                await feeder.stop()

    asyncio.run(work())
    conflict = evidence(world)
    assert not conflict.is_fork
    verify_conflict(conflict, world.trust)


def evidence(world: World) -> Conflict:
    [path] = (world.log / "evidence").iterdir()
    return Conflict.from_text(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("ours", [2, 4])
def test_a_log_that_was_forked_is_convicted_while_it_runs(
    world: World, monkeypatch: pytest.MonkeyPatch, ours: int
) -> None:
    """Whether it is longer than what the witness saw, or as long."""
    monkeypatch.setattr(feeding, "INTERVAL_S", 0.05)
    convicted: list[AuditError] = []

    async def work() -> None:
        async with world.witness("u") as u:
            with world.open_log() as log:
                append(log)
                shutil.copytree(world.log, world.directory / "backup")
                append(log, 2)
                feeder = world.feeder(log, {"u": u}, required=1)
                await feeder.ask_all()
                await feeder.stop()
            shutil.rmtree(world.log)
            shutil.copytree(world.directory / "backup", world.log)
            with world.open_log() as log:
                append(log, ours, text="another")
                feeder = world.feeder(log, {"u": u}, required=1)
                feeder.go_on(on_conflict=convicted.append, on_change=lambda _: None)
                await until(lambda: bool(convicted))
                await feeder.stop()

    asyncio.run(work())
    assert "the log was forked: at size 4 the witness `u` signed another one" in str(convicted[0])
    assert evidence(world).is_fork
    verify_conflict(evidence(world), world.trust)


def test_evidence_that_cannot_be_kept_is_evidence_all_the_same(world: World) -> None:
    async def work() -> None:
        async with world.witness("u") as u:
            with world.open_log() as log:
                shutil.copytree(world.log, world.directory / "backup")
                append(log)
                feeder = world.feeder(log, {"u": u}, required=1)
                await feeder.ask_all()
                await feeder.stop()
            shutil.rmtree(world.log)
            shutil.copytree(world.directory / "backup", world.log)
            (world.log / "evidence").write_bytes(b"in the way")
            with world.open_log() as log:
                feeder = world.feeder(log, {"u": u}, required=1)
                with pytest.raises(ConflictError, match=r"set back.*evidence: nowhere"):
                    await feeder.ask_all()
                await feeder.stop()

    asyncio.run(work())


def test_a_signature_that_cannot_be_kept_does_not_count(world: World) -> None:
    """Whoever reads the log later would not find it."""

    async def work() -> None:
        with world.open_log() as log:
            (world.log / "witness").write_bytes(b"in the way")
            async with world.witness("u") as u:
                feeder = world.feeder(log, {"u": u}, required=1)
                await feeder.ask_all()
                assert not feeder.is_watched
                await feeder.stop()

    asyncio.run(work())


def test_a_log_that_cannot_be_read_is_not_shown(world: World) -> None:
    async def work() -> None:
        with world.open_log() as log:
            async with world.witness("u") as u:
                feeder = world.feeder(log, {"u": u}, required=1)
                await feeder.ask_all()
                append(log, 2)
                [segment] = (world.log / "seg").iterdir()
                segment.rename(world.directory / "gone")
                segment.mkdir()
                await feeder.ask_all()
                segment.rmdir()
                (world.directory / "gone").rename(segment)
                assert feeder.size == 1
                await feeder.ask_all()
                assert feeder.size == 3
                await feeder.stop()

    asyncio.run(work())
