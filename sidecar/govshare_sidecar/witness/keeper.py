# SPDX-License-Identifier: Apache-2.0
"""What this log and a witness say to each other, and what is kept of it beside the log."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from govshare_policy.audit import Checkpoint, Conflict, Continuation, LogTree, find_conflict
from govshare_policy.audit.checkpoint import MAX_NOTE_BYTES, find_signature, verify_signature
from govshare_policy.audit.cosign import witness_file
from govshare_policy.audit.disk import Disk, describe
from govshare_policy.audit.layout import EVIDENCE, WITNESS
from govshare_policy.crypto import PublicKey
from govshare_policy.errors import VerificationError
from govshare_sidecar.witness.client import Peer, PeerError, Refuted, Stale

_DISK: Final = Disk()
_A = TypeVar("_A")
_B = TypeVar("_B")
_T = TypeVar("_T")


class ConflictError(VerificationError):
    """Everyone must act: a witness holds what our own key signed and this log does not have."""


class Keeper:
    """Asks with proofs from the log in a directory, and keeps the answers there."""

    def __init__(
        self, directory: Path, *, origin: str, public: PublicKey, disk: Disk = _DISK
    ) -> None:
        """Begin without having read anything.

        Args:
            directory: The log, which somebody else writes to.
            origin: Its name.
            public: Its key.
            disk: The system calls.
        """
        self._directory = directory
        self._origin = origin
        self._public = public
        self._disk = disk
        self._tree = LogTree(directory)
        self._turn = asyncio.Lock()

    def last_size(self, peer: Peer) -> int:
        """Return the size that *peer* signed last, as far as it is kept; 0 if nothing is.

        A wrong answer costs one question: the witness says what is right.
        """
        try:
            with (self._directory / witness_file(peer.name)).open("rb") as file:
                kept = Checkpoint.from_note(file.read(MAX_NOTE_BYTES + 1))
            peer.verify(kept, self._origin)
        except (OSError, VerificationError):
            return 0
        return kept.size

    async def ask(self, peer: Peer, checkpoint: Checkpoint, old_size: int) -> Checkpoint:
        """Return *checkpoint* with the signature of *peer*, once it is kept.

        Args:
            peer: Whom to ask.
            checkpoint: The last one of the log.
            old_size: What it signed last, as far as is known.

        Raises:
            ConflictError: If it proves that this log was set back or forked. The evidence is kept.
            PeerError: If it does not sign for any other reason, or its signature cannot be kept.
            VerificationError: If the log cannot be read.
        """
        answer = await self._add(peer, checkpoint, min(old_size, checkpoint.size))
        if isinstance(answer, Stale) and answer.size <= checkpoint.size:
            answer = await self._add(peer, checkpoint, answer.size)
        if not isinstance(answer, Checkpoint):
            await self._convict(peer, checkpoint)
            raise PeerError(f"the witness `{peer.name}` does not sign, and does not show why")
        try:
            await asyncio.to_thread(self._keep, witness_file(peer.name), answer.to_note())
        except OSError as error:
            raise PeerError(f"what a witness signed cannot be kept: {describe(error)}") from error
        return answer

    async def _add(
        self, peer: Peer, checkpoint: Checkpoint, old_size: int
    ) -> Checkpoint | Stale | Refuted:
        proof: tuple[bytes, ...] = ()
        if old_size:
            proof = await self._read(self._tree.prove_consistency, old_size, checkpoint.size)
        request = Continuation(old_size=old_size, proof=proof, checkpoint=checkpoint.to_note())
        return await peer.add(request)

    async def _convict(self, peer: Peer, checkpoint: Checkpoint) -> None:
        """Return unless *peer* holds what our key signed and this log does not have.

        Raises:
            ConflictError: If it does.
        """
        kept = await peer.last(self._origin)
        line = find_signature(kept, self._origin, self._public)
        if line is None:
            raise PeerError(f"the witness `{peer.name}` holds what our key did not sign")
        verify_signature(kept, line, self._public)
        conflict = await self._read(self._compare, kept, checkpoint)
        if conflict is None:
            return
        place = f"{EVIDENCE}/{witness_file(peer.name).removeprefix(f'{WITNESS}/')}.{kept.size}.txt"
        try:
            await asyncio.to_thread(self._keep, place, conflict.to_text().encode())
        except OSError as error:
            place = f"nowhere, {describe(error)}"
        raise ConflictError(f"{_describe(peer.name, kept, checkpoint)} (evidence: {place})")

    async def _read(self, work: Callable[[_A, _B], _T], first: _A, second: _B) -> _T:
        """Do *work*, which reads the log, in a thread, one at a time.

        Raises:
            PeerError: If the log cannot be read.
        """
        try:
            async with self._turn:
                return await asyncio.to_thread(work, first, second)
        except OSError as error:
            raise PeerError(f"the log cannot be read for a witness: {describe(error)}") from error

    def _compare(self, kept: Checkpoint, checkpoint: Checkpoint) -> Conflict | None:
        if kept.size > checkpoint.size:
            return Conflict(smaller=checkpoint.to_note(), larger=kept.to_note(), root=None)
        return find_conflict(kept, checkpoint, tree=self._tree)

    def _keep(self, place: str, data: bytes) -> None:
        path = self._directory / place
        if not path.parent.is_dir():
            self._disk.mkdir(path.parent)
            self._disk.sync_dir(self._directory)
        self._disk.replace(path, data)


def _describe(name: str, kept: Checkpoint, checkpoint: Checkpoint) -> str:
    if kept.size <= checkpoint.size:
        return f"the log was forked: at size {kept.size} the witness `{name}` signed another one"
    lost = kept.size - checkpoint.size
    return (
        f"the log was set back: the witness `{name}` signed it at size {kept.size}, it ends at "
        f"size {checkpoint.size}, and {lost} records from {checkpoint.size} on are lost"
    )
