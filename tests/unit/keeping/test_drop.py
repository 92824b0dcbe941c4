# SPDX-License-Identifier: Apache-2.0
"""Dropping: only what is in verified copies goes, the log says so first, and still verifies."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from govshare_policy.audit import (
    LogDamageError,
    Receipt,
    verify_log,
    verify_receipt,
)
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.segment import SEGMENT_LEAVES, segment_name
from govshare_policy.errors import AuditError, CallError, VerificationError
from govshare_policy.keeping import archive_log, drop_segments, plan_drop
from tests.unit.keeping.conftest import (
    LATE,
    NOW,
    START,
    TERM,
    Yard,
    change,
    drop,
    judge,
    plan_of,
)


def test_only_the_two_last_segments_and_the_open_one_stay(yard: Yard) -> None:
    """The first two go; the third, the last that is full, has the commit the writer may need."""
    (receipt,) = drop(yard)

    assert sorted(path.name for path in (yard.log / "seg").iterdir()) == [
        "00000000000000000000.stub",
        "00000000000000065536.stub",
        "00000000000000131072.seg",
        "00000000000000196608.seg",
    ]
    record = json.loads(receipt.record)
    assert (record["phase"], record["event"]) == ("admin", "dropped")
    assert (record["keep_until"], record["clause"]) == ("2029-01-07", "NR-a29-01")
    assert len(record["copies"]) == len(yard.archives)
    verify_receipt(receipt, yard.trust)


def test_a_drop_that_broke_off_is_done_again(yard: Yard) -> None:
    """A segment beside its stub counts, and is said; dropping again ends it."""

    class Failing(Disk):
        def remove(self, path: Path) -> None:
            raise OSError(5, "i/o")

    with pytest.raises(OSError, match="i/o"):
        drop_segments(yard.log, plan_of(yard), yard.append, at=NOW, disk=Failing())

    verdict = verify_log(yard.log, yard.trust)
    said = "`seg/00000000000000000000.stub` says that the segment was dropped, but it is there"
    assert (verdict.unread, verdict.warnings) == ((), (said,))
    assert judge(yard) == ("good", "", None)
    drop(yard)
    assert len(verify_log(yard.log, yard.trust).unread) == 1


def test_without_a_record_nothing_goes(yard: Yard) -> None:
    """A log that cannot be written keeps its segments."""

    def refuse(_: bytes) -> Receipt:
        raise AuditError("the log stopped")

    with pytest.raises(AuditError, match="the log stopped"):
        drop_segments(yard.log, plan_of(yard), refuse, at=NOW)
    assert (yard.log / "seg" / segment_name(0)).exists()
    assert not list((yard.log / "seg").glob("*.stub"))


def test_what_is_younger_stays(yard: Yard) -> None:
    """Only segments whose last checkpoint is older go."""
    plan = plan_of(yard, before=START + timedelta(days=1))
    assert [segment.first for segment in plan.segments] == [0]
    with pytest.raises(CallError, match="no segment that may be dropped is that old"):
        plan_of(yard, before=START)


def test_within_the_term_two_copies_are_needed_whatever_is_asked(yard: Yard) -> None:
    """Afterwards one is enough."""
    with pytest.raises(CallError, match="2 verified copies have to be at hand, and 1 are named"):
        plan_drop(
            yard.log,
            yard.archives[:1],
            trust=yard.trust,
            term=TERM,
            before=LATE,
            at=NOW,
            least=1,
        )
    plan = plan_drop(
        yard.log, yard.archives[:1], trust=yard.trust, term=TERM, before=LATE, at=LATE, least=1
    )
    assert plan.keep_until < LATE.date()
    with pytest.raises(CallError, match="3 verified copies"):
        plan_of(yard, least=3)


def test_one_copy_does_not_count_twice(yard: Yard) -> None:
    """Nor does one inside the other, or the log itself."""
    (yard.directory / "link").symlink_to(yard.archives[0])
    for places in (
        [yard.archives[0], yard.archives[0]],
        [yard.archives[0], yard.directory / "link"],
        [yard.archives[0], yard.archives[0] / "log"],
        [yard.archives[0], yard.log],
    ):
        with pytest.raises(CallError, match="in places of their own"):
            plan_drop(yard.log, places, trust=yard.trust, term=TERM, before=LATE, at=NOW)


def test_a_copy_that_was_changed_or_lacks_a_segment_stops_everything(yard: Yard) -> None:
    """Every copy is verified whole at that moment."""
    path = yard.archives[1] / "log" / "seg" / segment_name(0)
    data = path.read_bytes()
    change(path, lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:])
    with pytest.raises(VerificationError, match="is not the file that was listed"):
        plan_of(yard)
    path.unlink()
    with pytest.raises(VerificationError, match="is missing"):
        plan_of(yard)
    path.write_bytes(data)
    plan_of(yard)


def test_an_archive_that_has_only_the_stub_is_no_copy(yard: Yard) -> None:
    """It was made after the segment had left the log."""
    segment = yard.log / "seg" / segment_name(0)
    drop(yard, before=START + timedelta(days=1))
    late = yard.directory / "c"
    archive_log(yard.log, late, trust=yard.trust, signer=yard.signer, at=NOW)
    segment.hardlink_to(yard.archives[0] / "log" / "seg" / segment.name)

    places = [yard.archives[0], late]
    with pytest.raises(VerificationError, match=r"`c` does not have `log/seg/0+\.seg`"):
        plan_drop(yard.log, places, trust=yard.trust, term=TERM, before=LATE, at=NOW)


def test_a_damaged_log_is_not_dropped_from(yard: Yard) -> None:
    """Where a record cannot be read, a hold may stand."""
    last = yard.log / "seg" / segment_name(3 * SEGMENT_LEAVES)
    change(last, lambda data: data[:90] + bytes([data[90] ^ 1]) + data[91:])
    with pytest.raises(LogDamageError):
        plan_of(yard)
