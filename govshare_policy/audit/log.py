# SPDX-License-Identifier: Apache-2.0
"""The audit log: records go in, receipts come out, and nothing is released in between.

One thread writes. It takes whatever is waiting, commits it as one batch and takes whatever has
come in the meantime, so that the batch grows with the load and nobody waits for a timer.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from govshare_policy.audit.checkpoint import Checkpoint
from govshare_policy.audit.disk import Disk, describe
from govshare_policy.audit.inbox import Inbox, Waiter, answer
from govshare_policy.audit.ledger import PREALLOCATE_BYTES, Ledger
from govshare_policy.audit.pin import Pin
from govshare_policy.audit.receipt import Receipt
from govshare_policy.audit.record import MAX_RECORD_BYTES, MIN_RECORD_BYTES
from govshare_policy.audit.start import Lock, create_ledger, open_ledger
from govshare_policy.crypto import PublicKey, Signer
from govshare_policy.errors import AuditError, GovshareError

_IDLE_S: Final = 1.0
_DISK: Final = Disk()


class AuditLog:
    """The one writer of a log.

    Any error of the disk, the key or the pin stops the log for good: every waiter fails, every
    later record fails at once, and :attr:`failure` says why. Opening the log again finds out
    what the disk kept.
    """

    def __init__(self, ledger: Ledger, lock: Lock, *, now: Callable[[], datetime]) -> None:
        """Begin to write; call :meth:`create` or :meth:`open` instead."""
        self._now = now
        self._lock = lock
        self._pid = os.getpid()
        # Owned by the writer thread, but for the checkpoint, which is replaced as a whole.
        self._ledger = ledger
        self._inbox = Inbox()
        self._failure: AuditError | None = None
        # Owned by the writer thread.
        self._in_hand: list[Waiter] = []
        self._thread = threading.Thread(target=self._run, name="audit-log", daemon=True)
        self._thread.start()

    @classmethod
    def create(
        cls,
        directory: Path,
        *,
        origin: str,
        signer: Signer,
        now: Callable[[], datetime],
        pin: Pin | None = None,
        preallocate: int = PREALLOCATE_BYTES,
        disk: Disk = _DISK,
    ) -> Self:
        """Return a new log in *directory*, which must not exist or be empty.

        Its first record names the log and the key.

        Args:
            directory: Where the files go.
            origin: The name of the log: 1 to 255 visible ASCII characters, none of them a plus.
            signer: Holds the key of the log.
            now: Tells the time, with a zone.
            pin: Where to remember how far the log has come; it must remember nothing yet.
            preallocate: Bytes by which a segment grows.
            disk: The system calls.

        Raises:
            AuditError: If the directory is not empty, or the log could not be written.
        """
        ledger, lock = create_ledger(
            directory,
            origin=origin,
            signer=signer,
            at=now(),
            pin=pin,
            preallocate=preallocate,
            disk=disk,
        )
        return cls(ledger, lock, now=now)

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        signer: Signer,
        now: Callable[[], datetime],
        pin: Pin | None = None,
        preallocate: int = PREALLOCATE_BYTES,
        disk: Disk = _DISK,
    ) -> Self:
        """Return the log in *directory*, continued behind its last commit.

        The remains of a write that broke off are moved to ``quarantine/`` and recorded.

        Raises:
            LogDamageError: If the log is damaged or shorter than the pin or its checkpoint file.
                Nothing was changed; the message says what is wrong where.
            AuditError: If another process has the log open, or it cannot be read or written.
        """
        ledger, lock = open_ledger(
            directory, signer=signer, at=now(), pin=pin, preallocate=preallocate, disk=disk
        )
        return cls(ledger, lock, now=now)

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self._ledger.origin

    @property
    def public(self) -> PublicKey:
        """The key of the log."""
        return self._ledger.signer.public

    @property
    def size(self) -> int:
        """How many records are on the disk under a signed checkpoint."""
        return self.checkpoint().size

    @property
    def failure(self) -> AuditError | None:
        """Why the log stopped; none while it takes records, and after :meth:`close`."""
        return self._failure

    def checkpoint(self) -> Checkpoint:
        """Return the last checkpoint that is on the disk."""
        return self._ledger.checkpoint

    def append(self, record: bytes) -> Receipt:
        """Return the receipt of *record* once it is on the disk under a signed checkpoint.

        Raises:
            AuditError: If it did not get there. Nothing may be released.
        """
        return self.submit(record).result()

    def submit(self, record: bytes) -> Future[Receipt]:
        """Return the receipt of *record* to come.

        Waits while too many records are waiting. Do not wait for a receipt in a callback of the
        future: callbacks run in the thread that writes.

        Args:
            record: Canonical bytes, from :func:`encode_record`; 2 to 61,440 of them.

        Returns:
            A future that resolves after the sync of the commit that covers the record, or fails
            with :exc:`AuditError`.
        """
        try:
            self._verify(record)
            return self._inbox.put(record)
        except AuditError as refusal:
            refused: Future[Receipt] = Future()
            refused.set_exception(refusal)
            return refused

    def offer(self, record: bytes) -> asyncio.Future[Receipt]:
        """Return the receipt of *record* to come; a coroutine may go on meanwhile.

        The record has its place in the order when this returns, unless too many are waiting. If
        the future is cancelled before its turn has come, there is no record; later, nobody gets
        the receipt.

        Args:
            record: As for :meth:`submit`.

        Returns:
            A future of the running loop, which ends in the receipt or in :exc:`AuditError`.

        Raises:
            AuditError: If the log takes no more records.
        """
        self._verify(record)
        return self._inbox.offer(record)

    async def append_async(self, record: bytes) -> Receipt:
        """Return the receipt of *record* once it is on the disk under a signed checkpoint.

        Waits without holding up the loop, also while too many records are waiting. If the waiting
        is cancelled before its turn has come, there is no record; later, nobody gets the receipt.

        Args:
            record: As for :meth:`submit`.

        Raises:
            AuditError: If it did not get there. Nothing may be released.
        """
        return await self.offer(record)

    def close(self) -> None:
        """Commit what is waiting, write the checkpoint file and let go of the log."""
        if os.getpid() != self._pid:  # pragma: no cover - in the child of a fork
            return
        self._inbox.close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _verify(self, record: bytes) -> None:
        if not MIN_RECORD_BYTES <= len(record) <= MAX_RECORD_BYTES or b"\n" in record:
            raise AuditError(
                f"a record is one line of {MIN_RECORD_BYTES} to {MAX_RECORD_BYTES} bytes"
            )
        if os.getpid() != self._pid:  # pragma: no cover - in the child of a fork
            raise AuditError("the log was opened by the parent process")

    def _run(self) -> None:
        reason = "the writer of the log ended unexpectedly"
        try:
            self._serve()
            reason = ""
        except OSError as error:
            reason = f"the log stopped, the disk failed: {describe(error)}"
        except GovshareError as error:
            reason = f"the log stopped: {error}"
        finally:
            # Also when something was raised that nobody foresaw: waiters must not wait for ever.
            self._stop(reason)

    def _serve(self) -> None:
        while self._inbox.wait(_IDLE_S):
            at = self._now()  # read once: one commit, one time
            own = self._ledger.clock_record(at)
            self._in_hand = self._inbox.take(self._ledger.room - len(own))
            records = [*own, *(record for record, _ in self._in_hand)]
            if records:
                self._commit(records, at)
            else:
                self._ledger.publish()
        self._ledger.publish()

    def _commit(self, records: list[bytes], at: datetime) -> None:
        batch = self._in_hand
        receipts = self._ledger.commit(records, at).receipts()[len(records) - len(batch) :]
        self._in_hand = []
        answer(batch, receipts)
        self._ledger.rotate_if_full()
        self._ledger.publish(sparingly=True)

    def _stop(self, reason: str) -> None:
        if reason:
            self._failure = AuditError(reason)
        waiters = [*self._in_hand, *self._inbox.empty(reason)]
        answer(waiters, [AuditError(reason) for _ in waiters])
        # Everything that was acknowledged is on the disk: an error on closing loses nothing.
        try:
            with suppress(OSError):
                self._ledger.close()
        finally:
            self._lock.release()
