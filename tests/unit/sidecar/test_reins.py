# SPDX-License-Identifier: Apache-2.0
"""Holding a worker: also where the machine cannot start one just now."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
import uvloop

from govshare_sidecar.reins import Reins
from govshare_sidecar.worker import CANNOT, Orders

READY = '{"ready": {"grpc": "here"}}\n{"revision": "r"}'
# A worker that ends at once. What it started holds its output open until a file is there.
FIRST = f"""#!/bin/sh
read orders
echo '{READY}'
(for _ in $(seq 6000); do [ -e "$0.let" ] && break; sleep 0.01; done) &
"""
SECOND = f"""#!/bin/sh
read orders
echo '{READY}'
read more
"""


def worker(directory: Path) -> Orders:
    config = directory / "govshare.toml"
    return Orders(config=config, text="", flags=(), number=3, listens={}, beside=())


def program(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o700)
    return str(path)


def test_a_worker_that_cannot_be_started_is_tried_again_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error out of here would end the watch over all the other workers too."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    orders = worker(tmp_path)

    async def scenario() -> int | None:
        reins = Reins(orders, 2)
        code = await reins.start()
        assert (await reins.ended(), await reins.reload()) == (0, "")
        await reins.stop()
        return code

    assert asyncio.run(scenario()) == CANNOT
    assert "worker `w3` cannot be started" in caplog.text


def test_what_an_earlier_worker_left_behind_is_no_news_of_the_one_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be taken to have gone, and be missing in the monitor for as long as it lives."""
    first, second = program(tmp_path / "one", FIRST), program(tmp_path / "two", SECOND)

    async def scenario() -> None:
        reading, held = os.pipe()
        reins = Reins(worker(tmp_path), held)
        monkeypatch.setattr(sys, "executable", first)
        assert await reins.start() is None
        assert await asyncio.wait_for(reins.ended(), 60) == 0
        earlier = reins._hearing
        assert earlier is not None
        assert not earlier.done()

        monkeypatch.setattr(sys, "executable", second)
        assert await reins.start() is None
        (tmp_path / "one.let").touch()
        await asyncio.wait_for(earlier, 60)
        found = reins.places, reins._news.empty()
        await reins.stop()
        os.close(reading)
        os.close(held)
        assert (*found, reins.places) == ({"grpc": "here"}, True, {})

    # As in service: asyncio's own loop tells of an end only once the output has ended too.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
