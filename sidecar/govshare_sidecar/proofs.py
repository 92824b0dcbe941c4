# SPDX-License-Identifier: Apache-2.0
"""Proofs out of the log that is being written, read off its files beside the calls."""

import asyncio
import logging
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    Continuation,
    LogTree,
    Receipt,
)
from govshare_policy.audit.layout import segment_file
from govshare_policy.audit.segment import SEGMENT_LEAVES, FrameReader, Kind
from govshare_policy.errors import AuditError, VerificationError
from govshare_sidecar.refusal import Cause, RefusedError

# One reads, and so many wait. Reading a segment takes a moment, in which calls go on.
MAX_WAITING: Final = 8
_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


class Proofs:
    """Reads one proof at a time, and refuses while too many wait for theirs."""

    def __init__(self, log: AuditLog, directory: Path) -> None:
        self._log = log
        self._directory = directory
        self._turn = asyncio.Lock()
        self._waiting = 0
        # Owned by whoever has the turn.
        self._tree: LogTree | None = None

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint that is on the disk."""
        return self._log.checkpoint()

    async def receipt(self, index: int, *, may_have: Callable[[bytes], bool]) -> Receipt:
        """Return the receipt of record *index* under the newest checkpoint.

        Args:
            index: Number of the record.
            may_have: Tells by the record whether its receipt may be handed out; asked in a thread.

        Raises:
            RefusedError: If there is no such record, it may not be handed out, or too many wait.
            AuditError: If the log cannot be read.
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
