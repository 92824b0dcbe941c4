# SPDX-License-Identifier: Apache-2.0
"""Power cuts: of what was written since the last sync, any sectors may be gone."""

import random
import shutil
from collections.abc import Callable
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
        self.before: dict[Path, dict[int, bytes]] = {}
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
                before = self.before.setdefault(path, {})
                before.setdefault(start, held[start : start + SECTOR].ljust(SECTOR, b"\0"))
        return super().pwrite(fd, data, offset)

    def datasync(self, fd: int) -> None:
        path = self._path.get(fd)
        if path is not None:
            self._syncs -= 1
            if not self._syncs:
                raise Crash
            self.before.pop(path, None)
            self._size[path] = path.stat().st_size
        super().datasync(fd)

    def close(self, fd: int) -> None:
        self._path.pop(fd, None)
        super().close(fd)

    def cut_power(self, chance: random.Random) -> None:
        """Take a random part of the sectors back, and perhaps the growth of the file."""
        for path, sectors in self.before.items():
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


def cut_at(path: Path, disk: LossyDisk, keep: Callable[[int], bool]) -> int:
    """Lose the sectors of the last write that *keep* does not keep; return how many it had."""
    [(segment, sectors)] = disk.before.items()
    data = bytearray(segment.read_bytes())
    for number, (start, held) in enumerate(sorted(sectors.items())):
        if not keep(number):
            end = min(start + SECTOR, len(data))
            data[start:end] = held[: end - start]
    (path / segment.relative_to(segment.parents[1])).write_bytes(data)
    return len(sectors)


def test_the_last_write_may_end_at_any_sector(lab: Laboratory, tmp_path: Path) -> None:
    """In order, in reverse, with one sector lost, or with one sector written and no other."""
    model = tmp_path / "model"
    disk = LossyDisk(syncs=3)
    receipts: list[Receipt] = []
    ledger, lock = create_ledger(
        model, origin=ORIGIN, signer=lab.signer, at=lab.now(), pin=None, preallocate=512, disk=disk
    )
    try:
        while True:
            records = [encode_record({"t": "x" * 900}) for _ in range(5)]
            receipts.extend(ledger.commit(records, lab.now()).receipts())
    except Crash:
        ledger.close()
        lock.release()
    shutil.copytree(model, tmp_path / "whole")
    count = cut_at(tmp_path / "whole", disk, lambda _: True)
    assert count > 8
    cases: list[Callable[[int], bool]] = []
    for cut in range(count + 1):
        cases += [
            lambda number, cut=cut: number < cut,  # type: ignore[misc]
            lambda number, cut=cut: number >= cut,  # type: ignore[misc]
            lambda number, cut=cut: number != cut,  # type: ignore[misc]
            lambda number, cut=cut: number == cut,  # type: ignore[misc]
        ]
    for number, keep in enumerate(cases):
        path = tmp_path / str(number)
        shutil.copytree(model, path)
        cut_at(path, disk, keep)
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
