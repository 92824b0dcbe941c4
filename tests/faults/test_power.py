# SPDX-License-Identifier: Apache-2.0
"""Power cuts: of what was written since the last sync, any sectors may be gone."""

import random
from pathlib import Path

import pytest

from govshare_policy.audit import Receipt, encode_record
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.start import create_ledger
from tests.faults.support import ORIGIN, Crash, Laboratory

SECTOR = 512


class LossyDisk(Disk):
    """Remembers what every sector held at the last sync, and cuts the power at a sync."""

    def __init__(self, syncs: int) -> None:
        self._syncs = syncs
        self._path: dict[int, Path] = {}
        self._before: dict[Path, dict[int, bytes]] = {}
        self._size: dict[Path, int] = {}

    def open(self, path: Path) -> int:
        fd = super().open(path)
        self._path[fd] = path
        self._size[path] = path.stat().st_size
        return fd

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        path = self._path.get(fd)
        if path is not None:
            held = path.read_bytes()
            for start in range(offset // SECTOR * SECTOR, offset + len(data), SECTOR):
                before = self._before.setdefault(path, {})
                before.setdefault(start, held[start : start + SECTOR].ljust(SECTOR, b"\0"))
        return super().pwrite(fd, data, offset)

    def datasync(self, fd: int) -> None:
        path = self._path.get(fd)
        if path is not None:
            self._syncs -= 1
            if not self._syncs:
                raise Crash
            self._before.pop(path, None)
            self._size[path] = path.stat().st_size
        super().datasync(fd)

    def close(self, fd: int) -> None:
        self._path.pop(fd, None)
        super().close(fd)

    def cut_power(self, chance: random.Random) -> None:
        """Take a random part of the sectors back, and perhaps the growth of the file."""
        for path, sectors in self._before.items():
            data = bytearray(path.read_bytes())
            for start, before in sectors.items():
                if chance.random() < chance.choice([0.1, 0.5, 0.9]):
                    end = min(start + SECTOR, len(data))
                    data[start:end] = before[: end - start]
            kept = self._size[path] if chance.random() < 0.3 else len(data)
            path.write_bytes(data[:kept])


@pytest.mark.parametrize("seed", range(40))
def test_a_power_cut_takes_nothing_that_was_synced(
    lab: Laboratory, tmp_path: Path, seed: int
) -> None:
    """The log opens again without help, whichever sectors of the last write are gone."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice
    path = tmp_path / "log"
    disk = LossyDisk(syncs=chance.randint(2, 5))
    receipts: list[Receipt] = []
    ledger, lock = create_ledger(
        path,
        origin=ORIGIN,
        signer=lab.signer,
        at=lab.now(),
        pin=None,
        preallocate=chance.choice([512, 8192]),
        disk=disk,
    )
    try:
        while True:
            size = chance.choice([2, 300, 3000])
            records = [encode_record({"t": "x" * size}) for _ in range(chance.randint(1, 6))]
            receipts.extend(ledger.commit(records, lab.now()).receipts())
    except Crash:
        ledger.close()
        lock.release()
    disk.cut_power(chance)

    lab.check(path, receipts)


class ShortDisk(Disk):
    """Takes a few bytes at a time."""

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        return super().pwrite(fd, data[:100], offset)


def test_short_writes_are_continued(lab: Laboratory, tmp_path: Path) -> None:
    """A write that takes a part has not failed."""
    with lab.create(tmp_path / "log", ShortDisk()) as log:
        receipts = [log.append(encode_record({"t": "x" * 5000})) for _ in range(3)]
    lab.check(tmp_path / "log", receipts)
