# SPDX-License-Identifier: Apache-2.0
"""Every call that changes the disk fails once, in every way a call can fail."""

import shutil
from pathlib import Path

import pytest

from govshare_policy.audit import Receipt, encode_record, parse_record, read_records
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.segment import segment_name
from govshare_policy.audit.start import create_ledger
from govshare_policy.errors import AuditError
from tests.faults.support import ORIGIN, Crash, FaultyDisk, Laboratory

# A crash ends the writer thread without a word, which is what pytest complains about.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
MODES = ["failed", "persisted", "half", "crashed", "crashed late"]


def live(lab: Laboratory, path: Path, disk: FaultyDisk) -> list[Receipt]:
    """Create a log and append to it until it refuses; return what was acknowledged."""
    receipts: list[Receipt] = []
    try:
        log = lab.create(path, disk)
    except (AuditError, Crash):
        return receipts
    refused = False
    for number in range(4):
        broken = disk.has_failed
        try:
            receipts.append(log.append(encode_record({"n": number, "text": "x" * 300})))
            assert not refused
            assert not broken
        except AuditError:
            refused = True
    assert refused == (log.failure is not None)
    log.close()
    return receipts


@pytest.mark.parametrize("mode", MODES)
def test_what_was_acknowledged_survives(lab: Laboratory, tmp_path: Path, mode: str) -> None:
    """From creating a log to closing it: no receipt is broken, and the log goes on."""
    whole = FaultyDisk()
    assert len(live(lab, tmp_path / "whole", whole)) == 4
    assert {"create", "open", "pwrite", "datasync", "rename", "sync_dir"} <= set(whole.calls)
    for nth in range(1, len(whole.calls) + 1):
        path = tmp_path / f"log-{nth}"
        receipts = live(lab, path, FaultyDisk(nth, mode))
        if (path / "log.json").exists():
            lab.check(path, receipts)
        else:
            assert not receipts
            with pytest.raises(AuditError, match="cannot be opened"):
                lab.open(path)


@pytest.mark.parametrize("mode", MODES)
def test_a_recovery_that_fails_is_taken_up(lab: Laboratory, tmp_path: Path, mode: str) -> None:
    """The tail is never lost on its way to quarantine, and is recorded in the end."""
    tail = b"torn" * 200
    model = tmp_path / "model"
    with lab.create(model, Disk()) as log:
        receipt = log.append(encode_record({"n": 1}))
    segment = model / "seg" / segment_name(0)
    segment.write_bytes(segment.read_bytes().rstrip(b"\0") + tail)
    counting = FaultyDisk()
    shutil.copytree(model, tmp_path / "whole")
    lab.open(tmp_path / "whole", counting).close()
    assert {"create", "truncate", "rename", "pwrite"} <= set(counting.calls)
    for nth in range(1, len(counting.calls) + 1):
        path = tmp_path / f"log-{nth}"
        shutil.copytree(model, path)
        try:
            lab.open(path, FaultyDisk(nth, mode)).close()
        except (AuditError, Crash):
            assert nth <= len(counting.calls)
        lab.check(path, [receipt])
        files = {file.name: file.read_bytes() for file in (path / "quarantine").iterdir()}
        assert tail in files.values()
        assert not any(name.endswith(".pending") for name in files)
        told = [parse_record(record).get("file") for _, record in read_records(path)]
        assert set(files) == {name for name in told if name}


@pytest.fixture(scope="session")
def nearly_full(lab: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log whose segment has room for two records; never changed."""
    path = tmp_path_factory.mktemp("full") / "log"
    ledger, lock = create_ledger(
        path,
        origin=ORIGIN,
        signer=lab.signer,
        at=lab.now(),
        pin=None,
        preallocate=512,
        disk=Disk(),
    )
    ledger.commit([b"{}"] * 65_533, lab.now())
    ledger.publish()
    ledger.close()
    lock.release()
    return path


def append_three(lab: Laboratory, path: Path, disk: Disk) -> tuple[int, list[Receipt]]:
    """Take up a log; return how many calls that took, and what was acknowledged after it."""
    receipts: list[Receipt] = []
    log = lab.open(path, disk)
    opened = len(disk.calls) if isinstance(disk, FaultyDisk) else 0
    try:
        receipts.extend(log.append(encode_record({"n": number})) for number in range(3))
    except AuditError:
        assert log.failure is not None
    log.close()
    return opened, receipts


def test_a_rotation_that_fails_is_taken_up(
    lab: Laboratory, nearly_full: Path, tmp_path: Path
) -> None:
    """From the commit that fills a segment to the first of the next, at every call."""
    path, whole = tmp_path / "log", FaultyDisk()
    shutil.copytree(nearly_full, path)
    opened, receipts = append_three(lab, path, whole)
    assert [receipt.index for receipt in receipts] == [65_534, 65_535, 65_536]
    lab.check(path, receipts)
    full = whole.calls.index("truncate")
    for nth in range(opened + 1, full + 12):
        shutil.rmtree(path)
        shutil.copytree(nearly_full, path)
        _, receipts = append_three(lab, path, FaultyDisk(nth, "crashed" if nth % 2 else "half"))
        with lab.open(path) as log:
            receipts.append(log.append(b'{"after":"the fault"}'))
        kept = dict(read_records(path))
        assert all(kept[receipt.index] == receipt.record for receipt in receipts)
