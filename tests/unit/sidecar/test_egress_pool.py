# SPDX-License-Identifier: Apache-2.0
"""The processes that scan: whatever goes wrong in one is a refusal, and the next is served."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.egress.guard import Envelope
from govshare_policy.egress.keys import generate_keys
from govshare_policy.egress.place import Place
from govshare_policy.egress.register import ReleasedRows, ReleaseMeta
from govshare_policy.errors import ConfigError
from govshare_sidecar.egress.forgetting import Forgetting
from govshare_sidecar.egress.pool import ScanPool
from govshare_sidecar.egress.settings import EgressConfig
from govshare_sidecar.refusal import Cause, RefusedError

NOW = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
ENVELOPE = Envelope(caller="S", destination="h:1", at=NOW)
VALUE = "in no message"


def foreseen() -> None:
    raise ConfigError("the accumulator cannot be written")


def unforeseen() -> None:
    raise KeyError(VALUE)


def of_a_library() -> None:
    raise sqlite3.DatabaseError(VALUE)


def out_of_memory() -> None:
    raise MemoryError


def unpicklable() -> Callable[[], None]:
    return lambda: None


def dies() -> None:
    os._exit(3)


def stuck() -> None:
    time.sleep(600)


def busy() -> None:
    time.sleep(1.0)


def config(directory: Path) -> EgressConfig:
    generate_keys(directory / "egress.key")
    return EgressConfig(
        place=Place(directory=directory / "egress", keys=directory / "egress.key"),
        scanners=1,
        scan_timeout_s=30.0,
        waiting=8,
        upstream_timeout_s=5.0,
        max_request_bytes=1 << 20,
        max_response_bytes=1 << 20,
        max_expanded_bytes=4 << 20,
        destinations={},
        providers={},
        grants={},
        messages=(),
        forward=None,
        reverse=None,
        envoy=None,
        heartbeat=None,
    )


def with_pool(directory: Path, work: Callable[[ScanPool], Awaitable[None]]) -> None:
    async def run() -> None:
        pool = ScanPool(config(directory))
        try:
            await pool.open()
            await work(pool)
        finally:
            await asyncio.to_thread(pool.close)

    asyncio.run(run())


def test_whatever_ends_a_scan_refuses_it_and_says_no_value(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(pool: ScanPool) -> None:
        for fault in (foreseen, unforeseen, of_a_library, out_of_memory, unpicklable, dies, stuck):
            with pytest.raises(RefusedError) as refused:
                await pool._run(fault, timeout_s=1.0 if fault is stuck else None)
            assert refused.value.cause is Cause.UNGUARDED, fault
            await pool.open()
            verdict = await pool.scan([(b"{}", "application/json")], ENVELOPE)
            assert verdict.outcome.value == "pass"

    with_pool(tmp_path, work)
    assert "the accumulator cannot be written" in caplog.text
    assert "DatabaseError" in caplog.text
    assert VALUE not in caplog.text


def test_what_waited_too_long_is_told_to_come_again_and_ends_nothing(tmp_path: Path) -> None:
    async def work(pool: ScanPool) -> None:
        first = asyncio.create_task(pool._run(busy, timeout_s=30.0))
        others = [asyncio.create_task(pool._run(busy, timeout_s=0.3)) for _ in range(4)]
        ended = await asyncio.gather(first, *others, return_exceptions=True)

        causes = [one.cause for one in ended if isinstance(one, RefusedError)]
        assert Cause.BUSY in causes

    with_pool(tmp_path, work)


def test_after_the_end_nothing_is_scanned(tmp_path: Path) -> None:
    async def work(pool: ScanPool) -> None:
        pool._executor.shutdown()
        with pytest.raises(RefusedError):
            await pool.scan([(b"{}", "application/json")], ENVELOPE)

    with_pool(tmp_path, work)


def test_what_lapses_while_the_guard_is_on_is_forgotten_the_next_day(tmp_path: Path) -> None:
    at = [NOW]

    async def work(pool: ScanPool) -> None:
        meta = ReleaseMeta(
            receipt_id="R1",
            grant="G01",
            resource="R08",
            provider="D-CAB",
            fields=("id_no",),
            registered_at=NOW,
            lapses_on=date(2026, 1, 5),
            strength="deny",
        )
        rows = [{"id_no": "110101199003074370"}]
        body = b'[{"n": "110101199003074370", "m": "x"}]'
        await pool.register(ReleasedRows(meta=meta, rows=rows))
        forgetting = Forgetting(pool, now=lambda: at[0], every_s=0.05)
        forgetting.go_on()
        try:
            await asyncio.sleep(0.3)
            verdict = await pool.scan([(body, "application/json")], ENVELOPE)
            assert verdict.outcome.value == "deny"
            at[0] += timedelta(days=1)
            async with asyncio.timeout(60):
                while verdict.outcome.value != "pass":
                    await asyncio.sleep(0.05)
                    verdict = await pool.scan([(body, "application/json")], ENVELOPE)
        finally:
            await forgetting.stop()

    with_pool(tmp_path, work)
