# SPDX-License-Identifier: Apache-2.0
"""Holding a worker: also where the machine cannot start one just now."""

import asyncio
import sys
from pathlib import Path

import pytest

from govshare_sidecar.reins import Reins
from govshare_sidecar.worker import CANNOT, Orders


def test_a_worker_that_cannot_be_started_is_tried_again_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error out of here would end the watch over all the other workers too."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    orders = Orders(
        config=tmp_path / "govshare.toml", text="", flags=(), number=3, listens={}, beside=()
    )

    async def scenario() -> int | None:
        reins = Reins(orders, 2)
        code = await reins.start()
        assert (await reins.ended(), await reins.reload()) == (0, "")
        await reins.stop()
        return code

    assert asyncio.run(scenario()) == CANNOT
    assert "worker `w3` cannot be started" in caplog.text
