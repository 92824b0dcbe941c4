# SPDX-License-Identifier: Apache-2.0
"""Clocks that jump, stand still or speak of another place: the order of the log is kept."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, Checkpoint, Receipt, parse_record, read_records
from govshare_policy.audit.segment import FrameReader, Kind, segment_name
from tests.faults.support import ORIGIN, Laboratory

START = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
CHINA = timezone(timedelta(hours=8))
SECOND = timedelta(seconds=1)

# Name: what the clock says at one commit after the other, and how often it went back.
CLOCKS: dict[str, tuple[list[datetime], int]] = {
    "it goes on": ([START + n * SECOND for n in range(4)], 0),
    "it stands still": ([START] * 4, 0),
    "it goes back an hour and stays": ([START, *[START - timedelta(hours=1)] * 3], 1),
    "it goes back twice": (
        [START, START - SECOND, START + SECOND, START - timedelta(days=400)],
        2,
    ),
    "it is a year ahead for a moment": (
        [START, START + timedelta(days=365), START + SECOND, START + 2 * SECOND],
        1,
    ),
    "it repeats a second, as at a leap": ([START, START, START + SECOND, START + SECOND], 0),
    "it speaks of another place": ([START, (START + SECOND).astimezone(CHINA), START + SECOND], 0),
    "it changes its place and goes back": ([START.astimezone(CHINA), START - SECOND], 1),
    "it begins with time itself": ([datetime(1970, 1, 1, tzinfo=UTC), START], 0),
}


@pytest.mark.parametrize(("said", "steps"), CLOCKS.values(), ids=CLOCKS)
def test_no_checkpoint_is_dated_before_the_last(
    lab: Laboratory, tmp_path: Path, said: list[datetime], steps: int
) -> None:
    """T16: a clock that went back is recorded, once for each time that it did."""
    path = tmp_path / "log"
    told = [said[0]]
    receipts: list[Receipt] = []
    with AuditLog.create(path, origin=ORIGIN, signer=lab.signer, now=lambda: told[-1]) as log:
        for at in said[1:]:
            told.append(at)
            receipts.append(log.append(b'{"at":"some time"}'))
    with (path / "seg" / segment_name(0)).open("rb") as file:
        notes = [
            Checkpoint.from_note(f.payload) for f in FrameReader(file) if f.kind == Kind.COMMIT
        ]
    times = [note.signatures[0].stamped()[0] for note in notes]
    events = [parse_record(record).get("event") for _, record in read_records(path)]

    assert times == sorted(times)
    assert max(times) == max(int(at.timestamp()) for at in said)
    assert events.count("clock_step") == steps
    assert [receipt.index for receipt in receipts] == sorted(receipt.index for receipt in receipts)
