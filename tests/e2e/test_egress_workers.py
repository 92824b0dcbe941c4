# SPDX-License-Identifier: Apache-2.0
"""The onward guard of several processes: one index, one day's sum, one voice."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.crypto import open_signer
from govshare_policy.egress.heartbeat_keeper import HeartbeatKeeper
from tests.e2e.deployment import PASSPHRASE, await_
from tests.e2e.egress_world import OTHERS, PEOPLE, Setting, World, as_json, world
from tests.e2e.test_egress_heartbeat import GUARD, HEARTBEAT
from tests.e2e.test_workers import pids, recorded, verify_all

TRIES = 12


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("egress")
    setting = Setting(directory=directory, tables=HEARTBEAT, workers=2)
    with world(setting) as made:
        assert made.search(PEOPLE).status == 200
        yield made


def refuse_until_all_have(world: World) -> list[int]:
    """Send what was obtained until every worker has refused it; return the statuses."""
    statuses = []
    for _ in range(100):
        statuses.append(world.send(as_json(PEOPLE[:3])).status)
        if len(statuses) >= TRIES and all(recorded(world.running.deployment).values()):
            return statuses
    raise AssertionError("one worker was never asked")


def taken(directory: Path, at: datetime) -> HeartbeatKeeper:
    """Return what the provider has of the heartbeats that were put into a directory."""
    public = open_signer(f"file:{directory}/keys/audit.pem", PASSPHRASE).public
    keeper = HeartbeatKeeper(directory / "kept.sqlite")
    for path in sorted((directory / "beats").glob("*.beat")):
        keeper.take(path.read_bytes(), public, at=at)
    return keeper


def test_what_one_worker_registered_every_worker_denies_and_own_data_pass(
    everybody: World,
) -> None:
    assert set(refuse_until_all_have(everybody)) == {403}
    assert {everybody.send(as_json(OTHERS)).status for _ in range(TRIES)} == {200}
    verify_all(everybody.running.deployment)


def test_one_record_a_request_adds_up_over_the_workers(everybody: World) -> None:
    released = [{**row, "marital_status": row["reg_date"]} for row in PEOPLE]
    assert everybody.search(released).status == 200
    rows = [{"who": row["name"], "when": row["reg_date"]} for row in PEOPLE]
    statuses = [everybody.send(as_json([row])).status for row in rows]

    assert statuses[0] == 200
    assert statuses[-1] == 403


def test_one_worker_sends_heartbeats_and_they_count_for_all(everybody: World) -> None:
    directory = everybody.running.deployment.directory
    denied = refuse_until_all_have(everybody).count(403)
    at = datetime.now(UTC)

    await_(lambda: taken(directory, at).last(GUARD)[0].counts["denied"] >= denied)
    assert taken(directory, at).gaps(GUARD, every=timedelta(days=1), at=at) == ()
    arrived = 'govshare_own_heartbeats_total{result="arrived",worker="%s"}'
    assert everybody.running.metric(arrived % "w0") > 1
    assert arrived % "w1" not in everybody.running.monitor("/metrics").body.decode()


def test_a_worker_that_is_killed_takes_nothing_of_what_is_remembered_with_it(
    everybody: World,
) -> None:
    before = pids(everybody.running)
    os.kill(before[0], signal.SIGKILL)
    await_(lambda: len(set(pids(everybody.running)) - {before[0]}) == len(before))

    assert {everybody.send(as_json(PEOPLE[:3])).status for _ in range(TRIES)} == {403}
    keeper = taken(everybody.running.deployment.directory, datetime.now(UTC))
    day = timedelta(days=1)
    assert keeper.gaps(GUARD, every=day, at=datetime.now(UTC)) == ()
