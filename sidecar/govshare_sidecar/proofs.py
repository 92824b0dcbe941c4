# SPDX-License-Identifier: Apache-2.0
"""Proofs out of the log that is being written, read off its files beside the calls."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    Continuation,
    LogTree,
    Receipt,
    prove_log_receipt,
)
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

    async def receipt(self, index: int) -> Receipt:
        """Return the receipt of record *index* under the newest checkpoint.

        Raises:
            RefusedError: If there is no such record, or too many wait.
            AuditError: If the log cannot be read.
        """
        checkpoint = self._log.checkpoint()
        if index >= checkpoint.size:
            raise RefusedError(Cause.NO_RECEIPT)
        return await self._read(lambda: prove_log_receipt(self._directory, index, checkpoint))

    async def consistency(self, old_size: int) -> Continuation:
        """Return the proof that the newest checkpoint continues the log at *old_size*.

        Raises:
            RefusedError: If the log never had that size, or too many wait.
            AuditError: If the log cannot be read.
        """
        checkpoint = self._log.checkpoint()
        if not 0 < old_size <= checkpoint.size:
            raise RefusedError(Cause.NO_SIZE)

        def read() -> Continuation:
            if self._tree is None:
                self._tree = LogTree(self._directory)
            proof = self._tree.prove_consistency(old_size, checkpoint.size)
            return Continuation(old_size=old_size, proof=proof, checkpoint=checkpoint.to_note())

        return await self._read(read)

    async def _read(self, work: Callable[[], _T]) -> _T:
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

    async def _to_its_end(self, work: Callable[[], _T]) -> _T:
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait((task,))
            raise
