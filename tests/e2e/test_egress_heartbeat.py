# SPDX-License-Identifier: Apache-2.0
"""Heartbeats: the provider sees that a guard is on, and that it was off."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from govshare_policy.crypto import open_signer
from govshare_policy.egress.heartbeat_keeper import HeartbeatKeeper
from tests.e2e.deployment import PASSPHRASE, await_
from tests.e2e.egress_world import PEOPLE, Setting, as_json, world

HEARTBEAT = """
[egress.heartbeat]
guard = "D-HCB/egress-1"
every_s = 0.2
key = "file:keys/audit.pem"
passphrase_file = "keys/audit.passphrase"
to = "beats"
"""
GUARD = "D-HCB/egress-1"


def test_heartbeats_verify_count_on_after_a_restart_and_show_the_gap(tmp_path: Path) -> None:
    beats = tmp_path / "beats"
    with world(Setting(directory=tmp_path, tables=HEARTBEAT)) as everybody:
        deployment = everybody.running.deployment
        everybody.search(PEOPLE)
        everybody.send(as_json(PEOPLE))
        await_(lambda: len(list(beats.glob("*.beat"))) > 2)
        everybody.running.stop()
        before = len(list(beats.glob("*.beat")))
        with deployment.start():
            await_(lambda: len(list(beats.glob("*.beat"))) > before + 1)
    public = open_signer(f"file:{tmp_path}/keys/audit.pem", PASSPHRASE).public
    keeper = HeartbeatKeeper(tmp_path / "kept.sqlite")
    received = datetime.now(UTC)
    files = sorted(beats.glob("*.beat"))
    taken = [keeper.take(path.read_bytes(), public, at=received) for path in files]
    beat = taken[-1]

    assert beat.counts["denied"] == 1
    assert beat.counts["registered"] > len(PEOPLE)
    assert beat.index != taken[0].index
    day = timedelta(days=1)
    assert keeper.gaps(GUARD, every=day, at=received) == ()
    (silent,) = keeper.gaps(GUARD, every=day, at=received + 3 * day)
    assert silent.fault.value == "silent"
    assert keeper.gaps(GUARD, every=timedelta(milliseconds=250), at=received)
