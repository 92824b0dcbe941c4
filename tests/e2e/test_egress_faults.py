# SPDX-License-Identifier: Apache-2.0
"""The onward guard when something fails: nothing leaves, and nothing is handed over."""

import os
import shutil
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.egress.allowed import Allowance, add_allowance
from tests.e2e.deployment import PASSPHRASE, await_
from tests.e2e.egress_world import OTHERS, PEOPLE, Setting, World, as_json, children, world
from tests.e2e.test_lifecycle import fill_disk

UNAVAILABLE = "urn:govshare:problem:guard_unavailable"
NOISE = bytes(range(1, 256)) * 64


def egress(world: World) -> Path:
    return world.running.deployment.directory / "egress"


def break_index(world: World) -> None:
    for path in (egress(world) / "index-1").iterdir():
        if path.is_file():
            data = bytearray(path.read_bytes())
            if data:
                data[len(data) // 2] ^= 0xFF
                path.write_bytes(data + b"x")


def lose_index(world: World) -> None:
    shutil.rmtree(egress(world) / "index-1")


def break_accumulator(world: World) -> None:
    for path in egress(world).glob("day-1.sqlite*"):
        path.write_bytes(b"no database" * 1000)


@pytest.mark.parametrize("fault", [break_index, lose_index, break_accumulator])
def test_with_the_guard_out_of_order_nothing_leaves(
    tmp_path: Path, fault: Callable[[World], None]
) -> None:
    with world(Setting(directory=tmp_path)) as everybody:
        assert everybody.search(PEOPLE).status == 200
        assert everybody.send(as_json(OTHERS)).status == 200
        everybody.outside.asked.clear()
        fault(everybody)

        refused = [everybody.send(as_json(OTHERS)), everybody.search(OTHERS)]
        assert {one.status for one in refused} == {503}
        assert {one.document["type"] for one in refused} == {UNAVAILABLE}
        assert everybody.outside.asked == []
        counted = 'govshare_refused_total{cause="unguarded",entrance="egress_forward"}'
        assert everybody.running.metric(counted) == 2


def test_with_damaged_own_holdings_nothing_comes_in(tmp_path: Path) -> None:
    (tmp_path / "holdings").mkdir()
    public = generate_key(tmp_path / "holdings" / "own.pem", PASSPHRASE)
    (tmp_path / "holdings" / "own.pub").write_bytes(public.to_pem())
    more = 'holdings_key = "holdings/own.pub"'
    with world(Setting(directory=tmp_path, more=more)) as everybody:
        held = egress(everybody) / "holdings-1"
        held.mkdir()
        (held / "000001.statement").write_bytes(b"[]")
        (held / "000001.sig").write_bytes(b"none")

        refused = everybody.search(PEOPLE)
        assert (refused.status, refused.document["type"]) == (503, UNAVAILABLE)
        assert everybody.send(as_json(PEOPLE)).status == 200


def test_with_the_log_full_nothing_leaves_and_nothing_comes_in(tmp_path: Path) -> None:
    with world(Setting(directory=tmp_path)) as everybody:
        fill_disk(everybody.running)
        everybody.send(NOISE, "application/octet-stream")

        assert everybody.send(as_json(OTHERS)).status == 503
        assert everybody.search(PEOPLE).status == 503
        assert everybody.outside.asked == []


def test_a_scanner_that_dies_denies_and_another_takes_its_place(tmp_path: Path) -> None:
    with world(Setting(directory=tmp_path)) as everybody:
        assert everybody.search(PEOPLE).status == 200
        (scanner,) = [pid for pid in children(everybody) if _is_scanner(pid)]
        os.kill(scanner, signal.SIGKILL)

        statuses: list[int] = []

        def passes() -> bool:
            statuses.append(everybody.send(as_json(OTHERS)).status)
            return statuses[-1] == 200

        await_(passes)
        assert set(statuses) <= {200, 503}
        assert everybody.send(as_json(PEOPLE)).status == 403


def test_what_a_stopped_guard_knew_it_knows_again(tmp_path: Path) -> None:
    with world(Setting(directory=tmp_path)) as everybody:
        assert everybody.search(PEOPLE).status == 200
        everybody.running.stop()
        with everybody.running.deployment.start() as again:
            everybody.running = again
            assert everybody.send(as_json(PEOPLE)).status == 403


def test_an_approver_lets_a_form_pass_to_one_destination_and_it_is_on_record(
    tmp_path: Path,
) -> None:
    keys = tmp_path / "approver"
    keys.mkdir()
    generate_key(keys / "approver.pem", PASSPHRASE)
    signer = open_signer(f"file:{keys / 'approver.pem'}", PASSPHRASE)
    (keys / "approver.pub").write_bytes(signer.public.to_pem())
    more = 'approver_key = "approver/approver.pub"'
    with world(Setting(directory=tmp_path, more=more)) as everybody:
        first = everybody.send(NOISE, "application/octet-stream")
        assert first.status == 403
        allowance = Allowance(
            destination=everybody.company,
            form=first.document["recognised"]["code"],
            approver="deputy",
            reason="sealed",
            since=date(2020, 1, 1),
            until=date(2099, 1, 1),
        )
        add_allowance(egress(everybody) / "allowed", allowance, signer=signer)

        assert everybody.send(NOISE, "application/octet-stream").status == 200
        assert everybody.onward()[-1]["recognised"]["acted"] == "record"
        with (egress(everybody) / "allowed").open("ab") as file:
            file.write(b"{}\tAAAA\n")
        assert everybody.send(as_json(OTHERS)).status == 503


def _is_scanner(pid: int) -> bool:
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"spawn_main" in command


def test_a_tunnel_opens_only_where_an_approver_says_so(tmp_path: Path) -> None:
    keys = tmp_path / "approver"
    keys.mkdir()
    generate_key(keys / "approver.pem", PASSPHRASE)
    signer = open_signer(f"file:{keys / 'approver.pem'}", PASSPHRASE)
    (keys / "approver.pub").write_bytes(signer.public.to_pem())
    more = 'approver_key = "approver/approver.pub"'
    with world(Setting(directory=tmp_path, more=more)) as everybody:
        running = everybody.running
        running.addresses["http"] = running.addresses["egress_forward"]
        connect = f"CONNECT {everybody.company} HTTP/1.1\r\nHost: {everybody.company}\r\n\r\n"
        inside = b"GET /inside HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert running.raw(connect.encode()).startswith(b"HTTP/1.1 403")
        allowance = Allowance(
            destination=everybody.company,
            form="tunnel",
            approver="deputy",
            reason="sealed",
            since=date(2020, 1, 1),
            until=date(2099, 1, 1),
        )
        add_allowance(egress(everybody) / "allowed", allowance, signer=signer)

        said = running.raw(connect.encode(), inside)
        assert said.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.")
        assert b'{"taken": true}' in said
        assert everybody.outside.asked[-1].path == "/inside"
        assert everybody.onward()[-1]["recognised"]["code"] == "tunnel"
