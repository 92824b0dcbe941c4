# SPDX-License-Identifier: Apache-2.0
"""Proofs out of the log that is being written, read off its files beside the calls."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Protocol, TypeVar

from govshare_policy.audit import (
    Checkpoint,
    Continuation,
    LogTree,
    Receipt,
)
from govshare_policy.audit.layout import CHECKPOINT, segment_file
from govshare_policy.audit.segment import SEGMENT_LEAVES, FrameReader, Kind
from govshare_policy.errors import AuditError, VerificationError
from govshare_sidecar.refusal import Cause, RefusedError

# One reads, and so many wait. Reading a segment takes a moment, in which calls go on.
MAX_WAITING: Final = 8
_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


class Committed(Protocol):
    """A log, as far as it has come."""

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint that is on the disk."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBeside:
    """A log that another process writes."""

    directory: Path

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint that is on the disk.

        Raises:
            RefusedError: If there is none, so that nothing in the log can be proven.
            AuditError: If it is not a checkpoint.
        """
        try:
            return Checkpoint.from_note((self.directory / CHECKPOINT).read_bytes())
        except FileNotFoundError:
            raise RefusedError(Cause.NO_RECEIPT) from None
        except (OSError, VerificationError) as error:
            raise AuditError(f"the checkpoint of `{self.directory.name}` cannot be read") from error


class Proofs:
    """Reads one proof at a time, and refuses while too many wait for theirs."""

    def __init__(self, log: Committed, directory: Path, *, beside: Sequence[Path] = ()) -> None:
        self._log = log
        self._directory = directory
        # An answer may have come from another worker, and a new connection led here.
        self._others = [Proofs(LogBeside(directory=path), path) for path in beside]
        self._turn = asyncio.Lock()
        self._waiting = 0
        # Owned by whoever has the turn.
        self._tree: LogTree | None = None

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint that is on the disk."""
        return self._log.checkpoint()

    async def receipt(self, index: int, *, may_have: Callable[[bytes], bool]) -> Receipt:
        """Return the receipt of record *index* under the newest checkpoint of the log it is in.

        Args:
            index: Number of the record, in the log of whichever worker recorded it.
            may_have: Tells by the record whether its receipt may be handed out; asked in a thread.

        Raises:
            RefusedError: If there is no such record, it may not be handed out, or too many wait.
            AuditError: If the log cannot be read.
        """
        for proofs in (self, *self._others):
            try:
                return await proofs.own_receipt(index, may_have)
            except RefusedError as error:
                if error.cause is not Cause.NO_RECEIPT:
                    raise
        raise RefusedError(Cause.NO_RECEIPT)

    async def own_receipt(self, index: int, may_have: Callable[[bytes], bool]) -> Receipt:
        """Return it if the record is in this log.

        Raises:
            RefusedError: As :meth:`receipt`.
            AuditError: As there.
        """
        checkpoint = self._log.checkpoint()
        if index >= checkpoint.size:
            raise RefusedError(Cause.NO_RECEIPT)

        def read(tree: LogTree) -> Receipt:
            record = _read_record(self._directory, index)
            # Before the proof, which is dearer than the record.
            if not may_have(record):
                raise RefusedError(Cause.NO_RECEIPT)
            proof = tree.prove_inclusion(index, checkpoint.size)
            return Receipt(index=index, record=record, proof=proof, checkpoint=checkpoint.to_note())

        return await self._read(read)

    async def consistency(self, old_size: int) -> Continuation:
        """Return the proof that the newest checkpoint continues the log at *old_size*.

        Raises:
            RefusedError: If the log never had that size, or too many wait.
            AuditError: If the log cannot be read.
        """
        checkpoint = self._log.checkpoint()
        if not 0 < old_size <= checkpoint.size:
            raise RefusedError(Cause.NO_SIZE)

        def read(tree: LogTree) -> Continuation:
            proof = tree.prove_consistency(old_size, checkpoint.size)
            return Continuation(old_size=old_size, proof=proof, checkpoint=checkpoint.to_note())

        return await self._read(read)

    async def _read(self, work: Callable[[LogTree], _T]) -> _T:
        if self._waiting >= MAX_WAITING:
            raise RefusedError(Cause.BUSY)
        self._waiting += 1
        try:
            async with self._turn:
                # Shielded, so that the turn does not pass on while the thread still reads.
                return await self._to_its_end(work)
        except (OSError, VerificationError) as error:
            # What is wrong where is for the operator, not for whoever asked.
            _log.error("a proof cannot be read off the log", exc_info=error)
            raise AuditError("the log cannot be read") from None
        finally:
            self._waiting -= 1

    async def _to_its_end(self, work: Callable[[LogTree], _T]) -> _T:
        def read() -> _T:
            if self._tree is None:
                self._tree = LogTree(self._directory)
            return work(self._tree)

        task = asyncio.ensure_future(asyncio.to_thread(read))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.gather(task, return_exceptions=True)
            raise


def _read_record(directory: Path, index: int) -> bytes:
    """Return record *index*, which is under a commit of the log in *directory*."""
    first = index // SEGMENT_LEAVES * SEGMENT_LEAVES
    with (directory / segment_file(first)).open("rb") as file:
        entries = (frame.payload for frame in FrameReader(file) if frame.kind == Kind.ENTRY)
        record = next(islice(entries, index - first, None), None)
    if record is None:
        raise VerificationError("the log ends before a record that it had committed")
    return record
