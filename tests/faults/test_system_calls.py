# SPDX-License-Identifier: Apache-2.0
"""Real writers, at whose n-th system call the disk fails or the power does, for every n."""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from queue import SimpleQueue

import pytest

from govshare_policy.audit import encode_record, read_records
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.segment import segment_name
from govshare_policy.audit.start import create_ledger
from govshare_policy.errors import AuditError
from tests.faults.support import ORIGIN, Laboratory
from tests.faults.tracing import FAULTS, Injection, Outcome, Watcher, injections

WORKERS = 2
TAIL = b"torn" * 200
WRITING = {"pwrite64", "fdatasync", "fsync", "ftruncate", "rename"}
# Faults at a rotation are judged by reading 65,536 records again, which takes its time.
STRIDE = {"rotate": 1 if os.environ.get("GOVSHARE_SOAK") else 17}
SCENARIOS = ["create", "open", "append", "rotate"]


def make_nothing(lab: Laboratory, path: Path) -> None:
    """Leave the log to the writer."""


def make_torn(lab: Laboratory, path: Path) -> None:
    """Make a log of a few records, behind which a write broke off."""
    make_small(lab, path)
    segment = path / "seg" / segment_name(0)
    segment.write_bytes(segment.read_bytes().rstrip(b"\0") + TAIL)


def make_small(lab: Laboratory, path: Path) -> None:
    """Make a log of a few records."""
    with lab.create(path, Disk()) as log:
        for number in range(3):
            log.append(encode_record({"before": number}))


def make_nearly_full(lab: Laboratory, path: Path) -> None:
    """Make a log whose segment has room for two records."""
    ledger, lock = create_ledger(
        path, origin=ORIGIN, signer=lab.signer, at=lab.now(), pin=None, preallocate=512, disk=Disk()
    )
    ledger.commit([b"{}"] * 65_533, lab.now())
    ledger.publish()
    ledger.close()
    lock.release()


MODELS: dict[str, Callable[[Laboratory, Path], None]] = {
    "create": make_nothing,
    "open": make_torn,
    "append": make_small,
    "rotate": make_nearly_full,
}


class Ward:
    """Runs a scenario with many faults, on fresh copies of one log."""

    def __init__(self, lab: Laboratory, directory: Path, scenario: str) -> None:
        self.lab, self.directory, self.scenario = lab, directory, scenario
        self.model = directory / "model"
        MODELS[scenario](lab, self.model)
        self.records = list(read_records(self.model)) if self.model.exists() else []
        self._numbers = count()
        self._watchers: SimpleQueue[Watcher] = SimpleQueue()
        for number in range(WORKERS):
            self._watchers.put(Watcher(directory / f"watcher-{number}", lab.key))

    def close(self) -> None:
        while not self._watchers.empty():
            with self._watchers.get():
                pass

    def run(self, injection: Injection | None = None) -> tuple[Path, Outcome]:
        """Return the log and what its writer did."""
        path = self.directory / str(next(self._numbers)) / "log"
        path.parent.mkdir()
        if self.model.exists():
            shutil.copytree(self.model, path)
        watcher = self._watchers.get()
        try:
            return path, watcher.watch(self.scenario, path, injection)
        finally:
            self._watchers.put(watcher)

    def try_fault(self, injection: Injection) -> bool:
        """Check I1 to I6 after a fault; return whether it came about."""
        path, outcome = self.run(injection)
        try:
            assert os.waitstatus_to_exitcode(outcome.status) in (0, -signal.SIGKILL)
            assert outcome.was_hit or not injection.fault.startswith("signal")
            if injection.fault in ("error=EIO", "error=ENOSPC") and injection.call in WRITING:
                call, after = outcome.acknowledged_after()
                # Publishing and rotating come after the answer, which may be on its way.
                is_commit = ".seg>" in call and self.scenario != "rotate"
                assert after <= (0 if is_commit else 1)
            self.check(path, outcome)
        except (AssertionError, AuditError) as error:
            error.add_note(f"{self.scenario}, {injection}")
            raise
        shutil.rmtree(path.parent)
        return outcome.was_hit

    def check(self, path: Path, outcome: Outcome) -> None:
        if not (path / "log.json").exists():
            assert not outcome.receipts
            with pytest.raises(AuditError, match="cannot be opened"):
                self.lab.open(path)
            return
        self.lab.check(path, outcome.receipts)
        kept = read_records(path)
        assert all(next(kept) == record for record in self.records)
        if self.scenario == "open":
            assert TAIL in [file.read_bytes() for file in (path / "quarantine").iterdir()]


@pytest.fixture(params=SCENARIOS)
def ward(request: pytest.FixtureRequest, lab: Laboratory, tmp_path: Path) -> Iterator[Ward]:
    made = Ward(lab, tmp_path, request.param)
    yield made
    made.close()


def test_no_fault_at_any_system_call_harms_what_was_acknowledged(ward: Ward) -> None:
    """T12 and T15: what was acknowledged is there byte for byte, and nothing was deleted.

    Killed at the n-th call, or EIO, ENOSPC or EINTR in its place, for every n and every call that
    writes, syncs, renames, opens or closes; after an error nothing is acknowledged any more.
    """
    path, whole = ward.run()
    assert len(whole.receipts) == 4
    ward.check(path, whole)
    faults = injections(whole.trace, path)
    assert {"openat", "pwrite64", "fdatasync", "fsync", "rename", "close"} <= {
        fault.call for fault in faults
    }
    assert {fault.fault for fault in faults} == set(FAULTS)

    chosen = faults[:: STRIDE.get(ward.scenario, 1)]
    with ThreadPoolExecutor(WORKERS) as pool:
        hit = list(pool.map(ward.try_fault, chosen))

    missed = Counter(fault.call for fault, was in zip(chosen, hit, strict=True) if not was)
    assert not missed
