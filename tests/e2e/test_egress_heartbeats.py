# SPDX-License-Identifier: Apache-2.0
"""Heartbeats over https: a real sidecar at both ends, and a gap where the guard was off."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.egress.heartbeat import next_heartbeat, sign_heartbeat
from govshare_policy.egress.heartbeat_keeper import HeartbeatKeeper
from tests.e2e.deployment import PASSPHRASE, Deployment, Running, await_
from tests.e2e.egress_world import SYSTEM, Setting, world
from tests.e2e.test_workers import kill_one, several

GUARD = "D-HCB/egress-1"
EVERY_S = 0.4
RECEIVING = f"""
[heartbeats]
listen = "127.0.0.1:0"
kept = "heartbeats.sqlite"
[[heartbeats.guard]]
name = "{GUARD}"
system = "{SYSTEM}"
key = "guard.pub"
every_s = {EVERY_S}
"""
SENDING = """
[egress.heartbeat]
guard = "{guard}"
every_s = {every}
key = "file:{keys}/audit.pem"
passphrase_file = "keys/audit.passphrase"
to = "https://{address}/heartbeats"
ca = "{tls}/ca.pem"
certificate = "{tls}/{system}.pem"
certificate_key = "{tls}/{system}.key"
"""
NOWHERE = "http://127.0.0.1:1"
TAKEN = f'govshare_heartbeats_total{{guard="{GUARD}"}}'
SILENT = f'govshare_heartbeat_silent{{guard="{GUARD}"}}'
GAPS = f'govshare_heartbeat_gaps_total{{fault="silent",guard="{GUARD}"}}'


@contextmanager
def provider(directory: Path, *, workers: int = 0) -> Iterator[Running]:
    """Run the provider's sidecar, which knows the consumer's guard by its key."""
    directory.mkdir()
    deployment = Deployment(directory=directory, upstream=NOWHERE)
    signer = open_signer(f"file:{directory / 'keys' / 'audit.pem'}", PASSPHRASE)
    (directory / "guard.pub").write_bytes(signer.public.to_pem())
    deployment.config.write_text(deployment.config.read_text() + RECEIVING)
    if workers:
        several(deployment, workers)
    with deployment.start() as running:
        yield running


def post(running: Running, data: bytes, *, client: str | None = SYSTEM, path: str = "") -> int:
    host, _, port = running.addresses["heartbeats"].partition(":")
    connection = http.client.HTTPSConnection(
        host, int(port), context=running.tls(client), timeout=60
    )
    try:
        connection.request("POST", path or "/heartbeats", body=data)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def sending(directory: Path, receiving: Running) -> str:
    """Return the table of a guard that sends to *receiving*, whose key and certificate it has."""
    return SENDING.format(
        guard=GUARD,
        every=EVERY_S,
        address=receiving.addresses["heartbeats"],
        keys=directory / "provider" / "keys",
        tls=directory / "provider" / "tls",
        system=SYSTEM,
    )


def test_a_guard_that_was_off_leaves_a_gap_that_the_provider_counts(tmp_path: Path) -> None:
    with provider(tmp_path / "provider") as receiving:
        consumer = tmp_path / "consumer"
        consumer.mkdir()
        with world(Setting(directory=consumer, tables=sending(tmp_path, receiving))) as everybody:
            await_(lambda: receiving.metric(TAKEN) > 2)
            await_(lambda: receiving.metric(SILENT) == 0)
            everybody.running.stop()
            before = receiving.metric(GAPS)
            await_(lambda: receiving.metric(SILENT) == 1)
            with everybody.running.deployment.start():
                await_(lambda: receiving.metric(SILENT) == 0)

        assert receiving.metric(GAPS) > before
        said = [one["message"] for one in receiving.messages if GUARD in one["message"]]
        assert any("silent" in one for one in said)


def signed(directory: Path, *, guard: str = GUARD) -> bytes:
    signer = open_signer(f"file:{directory / 'keys' / 'audit.pem'}", PASSPHRASE)
    beat = next_heartbeat(b"", guard=guard, at=datetime.now(UTC), index=bytes(32), counts={})
    return sign_heartbeat(beat, signer)


@pytest.fixture(scope="module")
def receiving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with provider(tmp_path_factory.mktemp("heartbeats") / "provider") as running:
        yield running


def test_only_what_the_guard_signed_and_its_system_posts_is_kept(receiving: Running) -> None:
    directory = receiving.deployment.directory
    good = signed(directory)
    before = receiving.metric(TAKEN)

    assert post(receiving, good, client="SYS-CAB-AID") == 403
    assert post(receiving, good, client=None) == 403
    assert post(receiving, signed(directory, guard="D-X/other")) == 403
    assert post(receiving, good.replace(b"sequence 0", b"sequence 1")) == 400
    assert post(receiving, b"nothing") == 400
    assert post(receiving, good * 40) == 413
    assert post(receiving, good, path="/elsewhere") == 404
    assert receiving.metric(TAKEN) == before
    assert post(receiving, good) == 204
    assert receiving.metric(TAKEN) == before + 1
    refused = 'govshare_refused_total{cause="stranger",entrance="heartbeats"}'
    assert receiving.metric(refused) == 3


def test_of_several_workers_one_takes_all_heartbeats_and_goes_on_where_it_ended(
    tmp_path: Path,
) -> None:
    with provider(tmp_path / "provider", workers=2) as running:
        directory = running.deployment.directory
        signer = open_signer(f"file:{directory / 'keys' / 'audit.pem'}", PASSPHRASE)
        before = b""
        for number in range(8):
            beat = next_heartbeat(
                before, guard=GUARD, at=datetime.now(UTC), index=bytes(32), counts={}
            )
            before = sign_heartbeat(beat, signer)
            assert post(running, before) == 204
            if number == 3:
                kill_one(running)
        text = running.monitor("/metrics").body.decode()
        workers = {line for line in text.splitlines() if line.startswith("govshare_heartbeats_t")}
        assert len(workers) == 1
        assert 'worker="w0"' in workers.pop()
    keeper = HeartbeatKeeper(directory / "heartbeats.sqlite")
    faults = {
        gap.fault for gap in keeper.gaps(GUARD, every=timedelta(hours=1), at=datetime.now(UTC))
    }
    assert faults == set()


def test_a_guard_that_never_spoke_is_silent(tmp_path: Path) -> None:
    with provider(tmp_path / "provider") as running:
        await_(lambda: running.metric(SILENT) == 1)
        assert running.metric(GAPS) == 1


def test_one_that_is_refused_for_good_holds_up_no_other_and_leaves_a_gap(tmp_path: Path) -> None:
    with provider(tmp_path / "provider") as receiving:
        consumer = tmp_path / "consumer"
        (consumer / "egress" / "heartbeats-unsent").mkdir(parents=True)
        # Of a key that the provider does not know: as after a change that nobody told it.
        generate_key(tmp_path / "other.pem", PASSPHRASE)
        signer = open_signer(f"file:{tmp_path / 'other.pem'}", PASSPHRASE)
        beat = next_heartbeat(b"", guard=GUARD, at=datetime.now(UTC), index=bytes(32), counts={})
        refused = sign_heartbeat(beat, signer)
        (consumer / "egress" / "heartbeat").write_bytes(refused)
        name = f"{0:016}.beat"
        (consumer / "egress" / "heartbeats-unsent" / name).write_bytes(refused)
        with world(Setting(directory=consumer, tables=sending(tmp_path, receiving))) as everybody:
            await_(lambda: receiving.metric(TAKEN) > 2)
            mine = everybody.running
            assert mine.metric('govshare_own_heartbeats_total{result="refused"}') == 1
            assert mine.metric('govshare_own_heartbeats_total{result="arrived"}') > 1
            await_(lambda: mine.metric("govshare_own_heartbeats_waiting") <= 1)
        said = [one["message"] for one in mine.messages if "refused for good" in str(one)]
        gap = f'govshare_heartbeat_gaps_total{{fault="missing",guard="{GUARD}"}}'

        assert (consumer / "egress" / "heartbeats-refused" / name).read_bytes() == refused
        assert len(said) == 1
        assert "heartbeat 0 was refused for good (400)" in said[0]
        await_(lambda: receiving.metric(gap) == 1)


def test_what_does_not_arrive_is_kept_and_sent_in_its_order(tmp_path: Path) -> None:
    consumer = tmp_path / "consumer"
    consumer.mkdir()
    with provider(tmp_path / "provider") as receiving:
        tables = sending(tmp_path, receiving)
    unsent = consumer / "egress" / "heartbeats-unsent"
    with world(Setting(directory=consumer, tables=tables)) as everybody:
        await_(lambda: len(list(unsent.glob("*.beat"))) > 2)

        assert everybody.running.metric("govshare_own_heartbeats_waiting") > 1
        assert everybody.running.metric('govshare_own_heartbeats_total{result="failed"}') > 1
        assert not (consumer / "egress" / "heartbeats-refused").exists()
