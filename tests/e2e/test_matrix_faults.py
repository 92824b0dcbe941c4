# SPDX-License-Identifier: Apache-2.0
"""With the disk full, the signer failing or the clock stepping, every entrance refuses.

A bundle that is missing or bad lets no sidecar start, and changes nothing in one that runs.
"""

import asyncio
import signal
import socket
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from govshare_policy.crypto._front import CheckedSigner
from govshare_policy.errors import SignatureError
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.e2e.adapter_authzen import AuthzenAdapter
from tests.e2e.deployment import Deployment, await_
from tests.e2e.matrix_faults import ENTRANCES, Heard, Refusal, asking, refused, verify_refusal
from tests.e2e.pki import NOW
from tests.e2e.ports import free_port
from tests.e2e.test_lifecycle import fill_disk

NOWHERE = "http://127.0.0.1:1"


def heard(deployment: Deployment, addresses: dict[str, str]) -> Heard:
    return Heard(
        authority=deployment.authority, clients=deployment.clients, addresses=dict(addresses)
    )


def deploy(directory: Path) -> Deployment:
    return Deployment(directory=directory, upstream=NOWHERE)


@pytest.mark.parametrize("name", ENTRANCES)
def test_while_the_clock_is_wrong_or_nothing_is_signed_every_entrance_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    deployment, adapter, clock = deploy(tmp_path), ENTRANCES[name](), [NOW]
    adapter.prepare(deployment)

    def fails(*_: object, **__: object) -> bytes:
        raise SignatureError("the device does not answer")

    async def scenario() -> list[Refusal]:
        refusals = []
        config = load_config(deployment.config)
        async with Sidecar.running(config, now=lambda: clock[0]) as sidecar:
            callers = heard(deployment, {name: str(at) for name, at in sidecar.addresses.items()})
            async with asking(adapter, sidecar, callers) as (entrance, _):
                for step in (timedelta(hours=2), -timedelta(hours=2)):
                    clock[0] = NOW + step
                    refusals.append(await refused(entrance, callers))
                clock[0] = NOW
                monkeypatch.setattr(CheckedSigner, "sign", fails)
                refusals.extend([await refused(entrance, callers) for _ in range(2)])
        return refusals

    refusals = asyncio.run(scenario())

    for refusal in refusals:
        verify_refusal(refusal)
        assert b"device" not in refusal.body
    assert all(record["effect"] == "allow" for record in deployment.decisions())
    assert len(deployment.outcomes()) <= 1


@pytest.mark.parametrize("name", ENTRANCES)
def test_with_a_full_disk_every_entrance_refuses(tmp_path: Path, name: str) -> None:
    deployment, adapter = deploy(tmp_path), ENTRANCES[name]()
    adapter.prepare(deployment)

    async def scenario() -> tuple[int, list[Refusal], list[object]]:
        async with AsyncExitStack() as stack:
            running = stack.enter_context(deployment.start())
            callers = heard(deployment, running.addresses)
            # An adapter asks a sidecar for nothing but its addresses.
            opened = asking(adapter, cast("Sidecar", running), callers)
            entrance, _ = await stack.enter_async_context(opened)
            before = len(deployment.records())
            fill_disk(running)
            refusals = [await refused(entrance, callers) for _ in range(2)]
            return before, refusals, [each for each in running.messages if "exception" in each]

    before, refusals, unforeseen = asyncio.run(scenario())

    assert unforeseen == []
    for refusal in refusals:
        verify_refusal(refusal)
    assert len(deployment.records()) == before
    deployment.verify()


def spoilt(deployment: Deployment, what: str) -> None:
    """Take the registers away, or put a grant of nobody into them."""
    grants = deployment.directory / "data" / "grants.tsv"
    if what == "missing":
        (deployment.directory / "data").rename(deployment.directory / "gone")
    else:
        grants.write_text(grants.read_text().replace("D-HCB", "D-NOBODY"))


@pytest.mark.parametrize("what", ["missing", "bad"])
def test_without_a_good_policy_no_entrance_opens(tmp_path: Path, what: str) -> None:
    deployment = deploy(tmp_path)
    AuthzenAdapter().prepare(deployment)
    ports = [free_port() for _ in range(4)]
    for port in ports:
        text = deployment.config.read_text()
        deployment.config.write_text(text.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1))
    spoilt(deployment, what)

    with pytest.raises(AssertionError, match="the sidecar did not start"), deployment.start():
        pass

    for port in ports:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), timeout=1)
    assert not deployment.log.exists()


@pytest.mark.parametrize("what", ["missing", "bad"])
def test_a_bad_policy_at_reload_is_refused_and_the_one_in_force_stays(
    tmp_path: Path, what: str
) -> None:
    with deploy(tmp_path).start() as running:
        before = info(running.monitor("/metrics").body)
        spoilt(running.deployment, what)
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: running.metric('govshare_reloads_total{result="refused"}') == 1)

        assert info(running.monitor("/metrics").body) == before
        assert running.request("/marriages/ID1", client="SYS-CAB-AID").status == 403


def info(page: bytes) -> str:
    [line] = [line for line in page.decode().splitlines() if line.startswith("govshare_policy_inf")]
    return line
