# SPDX-License-Identifier: Apache-2.0
"""Looking at files that others change, whatever they do to them meanwhile."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from govshare_sidecar.watch import ended, state_of, watch


def test_a_directory_that_goes_away_in_the_middle_of_a_look_does_not_end_the_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Registers are swapped by renaming their directory; a revocation afterwards still counts."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "grants.tsv").write_text("old")
    real, told = os.scandir, asyncio.Event()
    going, gone = threading.Event(), threading.Event()

    def vanishing(path: str) -> object:
        if going.is_set() and not gone.is_set():
            gone.set()
            raise FileNotFoundError(path)
        return real(path)

    async def changed() -> None:
        told.set()

    async def scenario() -> None:
        watching = asyncio.create_task(watch((data,), 0.01, changed))
        await asyncio.sleep(0.05)
        going.set()
        assert await asyncio.to_thread(gone.wait, 60)
        (data / "grants.tsv").write_text("newer")
        try:
            async with asyncio.timeout(60):
                await told.wait()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    monkeypatch.setattr(os, "scandir", vanishing)
    asyncio.run(scenario())


def test_a_file_that_is_not_there_has_no_state(tmp_path: Path) -> None:
    assert state_of((tmp_path / "none",)) == ()


def test_a_watch_that_ends_by_itself_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    """Revocations that come after it would not be seen."""

    async def watching() -> None:
        raise KeyError("x")

    async def scene() -> None:
        task = asyncio.create_task(watching())
        task.add_done_callback(ended)
        await asyncio.wait((task,))

    asyncio.run(scene())
    assert "files are not watched any more" in caplog.text
