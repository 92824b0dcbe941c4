# SPDX-License-Identifier: Apache-2.0
"""The files of one log, as its only writer sees them. Knows no threads and no clock.

INVARIANT: after any exception the ledger is not used again. What a failed write or sync left on
the disk is unknown, and only reading the log anew tells.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from govshare_policy.audit.batch import Batch, prepare
from govshare_policy.audit.checkpoint import Checkpoint
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.layout import CHECKPOINT, segment_file
from govshare_policy.audit.manifest import Manifest
from govshare_policy.audit.merkle import Frontier
from govshare_policy.audit.pin import Mark, Pin
from govshare_policy.audit.record import encode_record, format_time, new_record_id
from govshare_policy.audit.segment import FIXED_FRAME_BYTES, SEGMENT_LEAVES, Header
from govshare_policy.crypto import Signer

PREALLOCATE_BYTES: Final = 1 << 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NEXT_SEGMENT: Final = "segment.tmp"


class Ledger:
    """Appends batches to the segments of a log.

    Attributes:
        checkpoint: The last one that is on the disk.
        time: Of its signature; Unix seconds. It never goes back.
        pin: Remembers how far the log has come, elsewhere; none if nothing does.
        mark: What the pin remembers.
    """

    def __init__(
        self,
        directory: Path,
        manifest: Manifest,
        *,
        signer: Signer,
        disk: Disk,
        preallocate: int,
    ) -> None:
        self.directory = directory
        self.origin = manifest.origin
        self.signer = signer
        self.time = 0
        self.pin: Pin | None = None
        self.mark: Mark | None = None
        self._manifest = manifest
        self._disk = disk
        self._preallocate = preallocate
        self._frontier = Frontier()
        self._checkpoint: Checkpoint | None = None
        self._published: Checkpoint | None = None
        self._published_time = -1
        self._behind = False
        self._fd = -1
        self._end = 0
        self._allocated = 0

    @property
    def checkpoint(self) -> Checkpoint:
        """The last one that is on the disk."""
        if self._checkpoint is None:
            raise ValueError("the log has no checkpoint yet")
        return self._checkpoint

    @property
    def room(self) -> int:
        """How many records the current segment still takes; never 0."""
        return SEGMENT_LEAVES - self._frontier.size % SEGMENT_LEAVES

    def restore(self, frontier: Frontier, checkpoint: Checkpoint, *, time: int) -> None:
        """Take up the state that was found on the disk."""
        self._frontier, self._checkpoint, self.time = frontier, checkpoint, time

    def create_segment(self) -> None:
        """Make the segment that starts at the next record, and write to it from now on."""
        header = Header(first=self._frontier.size, genesis=self._manifest.genesis).to_frame()
        path = self.directory / segment_file(self._frontier.size)
        data = header.ljust(max(self._preallocate, FIXED_FRAME_BYTES), b"\0")
        self._disk.replace(path, data, beside=self.directory / _NEXT_SEGMENT)
        self.open_segment(path, end=FIXED_FRAME_BYTES)

    def open_segment(self, path: Path, *, end: int) -> None:
        """Write to the segment *path* from now on, beginning at byte *end*."""
        self._fd = self._disk.open(path)
        self._end, self._allocated = end, path.stat().st_size

    def clock_record(self, at: datetime) -> list[bytes]:
        """Return the record of the clock having gone back, once for each time that it did."""
        told = _unix(at)
        step = told < self.time and not self._behind
        self._behind = told < self.time
        if not step:
            return []
        last = datetime.fromtimestamp(self.time, UTC)
        return [
            encode_record(
                {
                    "v": 1,
                    "id": new_record_id(last),
                    "t": format_time(last),
                    "phase": "admin",
                    "event": "clock_step",
                    "clock": format_time(at),
                    "behind_s": self.time - told,
                }
            )
        ]

    def commit(
        self, records: Sequence[bytes], at: datetime, *, successor: Signer | None = None
    ) -> Batch:
        """Return once *records*, at least one and at most :attr:`room`, are on the disk.

        A *successor* signs too, and its key is the key of the log from then on.

        Raises:
            OSError: If the disk did not take them.
            AuditError: If they could not be signed, or the pin not advanced.
        """
        time = max(self.time, _unix(at))
        batch = prepare(
            records,
            self._frontier,
            origin=self.origin,
            signer=self.signer,
            time=time,
            offset=self._end,
            successor=successor,
        )
        self._write(batch.data)
        self.time, self.signer = time, successor or self.signer
        self._frontier, self._checkpoint = batch.growth.frontier(), batch.checkpoint
        self.advance_pin()
        return batch

    def rotate_if_full(self) -> None:
        """Begin the next segment, if the last commit filled and sealed the current one."""
        if self._frontier.size % SEGMENT_LEAVES == 0:
            self._disk.truncate(self._fd, self._end)
            self._disk.datasync(self._fd)
            self.close()
            self.create_segment()

    def write_seal(self, seal: bytes) -> None:
        """Write the seal that a crash kept from following its commit."""
        self._write(seal)

    def advance_pin(self) -> None:
        """Have the pin remember the last checkpoint, if there is a pin."""
        if self.pin is None:
            return
        last = self.checkpoint
        mark = Mark(origin=last.origin, size=last.size, root=last.root, time=self.time)
        if mark != self.mark:
            self.pin.advance(self.mark, mark)
            self.mark = mark

    def publish(self, *, sparingly: bool = False) -> None:
        """Write the ``checkpoint`` file, if it is behind.

        Args:
            sparingly: At most once a second of the log's own time. The segments hold every
                checkpoint; the file is there to be found.
        """
        if self._published is self._checkpoint or (sparingly and self._published_time == self.time):
            return
        self._disk.replace(self.directory / CHECKPOINT, self.checkpoint.to_note())
        self._published, self._published_time = self._checkpoint, self.time

    def close(self) -> None:
        """Close the current segment."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            self._disk.close(fd)

    def _write(self, data: bytes) -> None:
        """Write *data* behind what is there, and return once it is on the disk.

        The space behind is filled with zeros in large steps, because a sync that does not change
        the size of the file takes half the time.
        """
        end = self._end + len(data)
        self._disk.write_all(self._fd, data, self._end)
        if end > self._allocated:
            step = max(self._preallocate, 1)
            allocated = -(-end // step) * step
            self._disk.write_all(self._fd, bytes(allocated - end), end)
            self._allocated = allocated
        self._disk.datasync(self._fd)
        self._end = end


def _unix(at: datetime) -> int:
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (at - _EPOCH) // timedelta(seconds=1)  # a float would round up
