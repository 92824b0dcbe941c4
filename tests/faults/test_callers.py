# SPDX-License-Identifier: Apache-2.0
"""Very many callers at once, of whom some give up, on a log that breaks in the middle."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, Receipt, encode_record, read_records, verify_receipt
from govshare_policy.errors import AuditError
from tests.faults.support import FaultyDisk, Laboratory

CALLERS = 100_000 if os.environ.get("GOVSHARE_SOAK") else 2_000
PATIENCE_S = CALLERS // 100 + 20
GAVE_UP, REFUSED = "gave up", "refused"


async def call(log: AuditLog, number: int, *, patience_s: float | None) -> Receipt | str:
    """Return the receipt of one record, or why there is none."""
    try:
        async with asyncio.timeout(patience_s):
            return await log.append_async(encode_record({"n": number}))
    except TimeoutError:
        return GAVE_UP
    except AuditError:
        return REFUSED


async def call_all(log: AuditLog, disk: FaultyDisk) -> list[Receipt | str]:
    """Let everybody call; half of them are there before the disk breaks."""
    chance = random.Random(21)  # noqa: S311 - a repeatable choice

    def patience() -> float | None:
        return chance.choice([None, None, 0, 0.001, 0.01])

    early = [call(log, n, patience_s=patience()) for n in range(CALLERS // 2)]
    first = await asyncio.gather(*early)
    disk.nth = len(disk.calls) + 2
    late = [call(log, n, patience_s=patience()) for n in range(CALLERS // 2, CALLERS)]
    return [*first, *await asyncio.gather(*late)]


def test_nobody_hangs_and_nobody_is_let_through_without_a_receipt(
    lab: Laboratory, tmp_path: Path
) -> None:
    """T21: everyone gets a receipt that is in the log, or learns that there is none."""
    disk = FaultyDisk()
    log = lab.create(tmp_path / "log", disk)

    async def run() -> list[Receipt | str]:
        return await asyncio.wait_for(call_all(log, disk), PATIENCE_S)

    outcomes = asyncio.run(run())
    log.close()
    receipts = [outcome for outcome in outcomes if isinstance(outcome, Receipt)]
    kept = dict(read_records(tmp_path / "log"))

    assert len(outcomes) == CALLERS
    assert {REFUSED, GAVE_UP} <= {outcome for outcome in outcomes if isinstance(outcome, str)}
    assert log.failure is not None
    assert len(receipts) > CALLERS // 10
    assert all(kept[receipt.index] == receipt.record for receipt in receipts)
    for receipt in receipts[:: CALLERS // 100]:
        verify_receipt(receipt, lab.trust)
    lab.check(tmp_path / "log", receipts[-100:])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_is_gone_leaves_nobody_waiting(lab: Laboratory, tmp_path: Path) -> None:
    """T21: the thread ends in the middle of a commit, with callers in hand and in the queue."""
    disk = FaultyDisk()
    log = lab.create(tmp_path / "log", disk)
    disk.nth, disk.mode = len(disk.calls) + 4, "crashed"

    async def run() -> list[Receipt | str]:
        calls = [call(log, n, patience_s=None) for n in range(CALLERS)]
        return await asyncio.wait_for(asyncio.gather(*calls), PATIENCE_S)

    outcomes = asyncio.run(run())
    receipts = [outcome for outcome in outcomes if isinstance(outcome, Receipt)]

    assert outcomes.count(REFUSED) == CALLERS - len(receipts)
    assert outcomes[-1] == REFUSED
    log.close()
    lab.check(tmp_path / "log", receipts)
