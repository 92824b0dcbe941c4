# SPDX-License-Identifier: Apache-2.0
"""Reading the segments of a log one after the other, believing nothing that is not signed."""

import os
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from govshare_policy.audit.checkpoint import Checkpoint
from govshare_policy.audit.damage import Damage, LogDamageError, Part, blame
from govshare_policy.audit.layout import MANIFEST, segment_file
from govshare_policy.audit.live import becomes_commit
from govshare_policy.audit.manifest import Manifest
from govshare_policy.audit.merkle import Frontier, Tree, leaf_hash
from govshare_policy.audit.segment import (
    FIXED_FRAME_BYTES,
    SEGMENT_LEAVES,
    Frame,
    FrameReader,
    Header,
    Kind,
    Seal,
    find_commit,
    first_nonzero,
)
from govshare_policy.audit.trust import TrustPolicy
from govshare_policy.crypto import PublicKey
from govshare_policy.errors import VerificationError

_PROGRESS_BYTES: Final = 1 << 20


class Walk:
    """What has been vouched for so far; :meth:`read_segment` takes it further.

    Attributes:
        tree: The segments that were read to their end.
        last: The last checkpoint; none before the first.
        first_time: When the first checkpoint was signed.
        last_time: When the last one was.
        commits: Number of checkpoints verified.
        keys: The keys that signed, in the order of their first signature.
        warnings: What an auditor should know although every rule is kept.
        roots: Root at each of the wanted sizes that was passed; 32 bytes.
        notes: Signed note at each of the wanted sizes that has a commit.
    """

    def __init__(
        self,
        manifest: Manifest,
        trust: TrustPolicy,
        *,
        wanted: Collection[int],
        progress: Callable[[int], None],
    ) -> None:
        """Begin before the first record.

        Args:
            manifest: What ``log.json`` says.
            trust: Whose signatures count.
            wanted: Sizes to remember.
            progress: Told from time to time how many more bytes were read.
        """
        self.manifest = manifest
        self.wanted = frozenset(wanted)
        self.progress = progress
        self.tree = Frontier()
        self.last: Checkpoint | None = None
        self.first_time: datetime | None = None
        self.last_time: datetime | None = None
        self.commits = 0
        self.keys: list[PublicKey] = []
        self.warnings: list[str] = []
        self.roots: dict[int, bytes] = {}
        self.notes: dict[int, bytes] = {}
        self._trust = trust

    @property
    def size(self) -> int:
        """How many records are vouched for."""
        return self.last.size if self.last else 0

    def read_segment(self, directory: Path, first: int, *, is_last: bool) -> None:
        """Read the segment that starts at record *first*.

        Raises:
            LogDamageError: At the first thing that breaks a rule.
            OSError: If the file cannot be read.
        """
        path = directory / segment_file(first)
        with path.open("rb", buffering=_PROGRESS_BYTES) as file:
            segment = _Segment(self, file, first=first)
            segment.read_frames()
            if not is_last:
                segment.check_end(os.fstat(file.fileno()).st_size)
            elif (behind := segment.find_tail()) is not None:
                if not becomes_commit(directory, path, segment.end):
                    segment.refuse_tail(behind)
                where = f"`{segment_file(first)}` at byte {segment.end}"
                self.warnings.append(f"a write was under way, and is not covered, in {where}")
            elif segment.lacks_seal():
                self.warnings.append(f"the full segment `{segment_file(first)}` has no seal yet")
            self.tree = segment.whole_tree()

    def accept(self, note: bytes, tree: Frontier, *, file: str, offset: int) -> None:
        """Take the note of a commit.

        Raises:
            LogDamageError: If it does not state *tree*, is not signed, or is dated too early.
        """
        index = self.size
        with blame(Damage.NOTE, file, offset=offset, index=index):
            checkpoint = Checkpoint.from_note(note)
            if (checkpoint.origin, checkpoint.size) != (self.manifest.origin, tree.size):
                raise VerificationError("the commit is of another log or size")
        with blame(Damage.ROOT, file, offset=offset, index=index):
            if checkpoint.root != tree.root():
                raise VerificationError("the records do not have the root that was signed")
        with blame(Damage.SIGNATURE, file, offset=offset, index=index):
            at, signers = self._trust.verify_checkpoint(checkpoint)
        with blame(Damage.CLOCK, file, offset=offset, index=index):
            if self.last_time is not None and at < self.last_time:
                raise VerificationError("the commit is dated before the one before it")
        self.first_time = self.first_time or at
        self.last, self.last_time = checkpoint, at
        self.commits += 1
        self.keys.extend(key for key in signers if key not in self.keys)
        if checkpoint.size in self.wanted:
            self.notes[checkpoint.size] = note


class _Segment:
    """One segment on its way into a :class:`Walk`."""

    def __init__(self, walk: Walk, file: BinaryIO, *, first: int) -> None:
        self._walk = walk
        self._file = file
        self._name = segment_file(first)
        self._first = first
        self._reader = FrameReader(file)
        self._tree = Tree()
        self._commit: Frame | None = None
        self._sealed = False

    def whole_tree(self) -> Frontier:
        """Return the tree up to the last record read."""
        return self._walk.tree.extended(self._tree.frontier())

    def read_frames(self) -> None:
        """Read the frames up to the first thing that is not one, or to the seal."""
        frames, told = iter(self._reader), 0
        self._check_header(next(frames, None))
        for frame in frames:
            if frame.kind == Kind.ENTRY:
                self._take_entry(frame)
            elif frame.kind == Kind.COMMIT:
                self._take_commit(frame)
            elif frame.kind == Kind.SEAL:
                self._take_seal(frame)
                break
            else:
                self._refuse(Damage.ORDER, "a segment has one header", at=frame.offset)
            if frame.offset - told >= _PROGRESS_BYTES:
                self._walk.progress(frame.offset - told)
                told = frame.offset
        self._walk.progress(self._reader.offset - told)

    @property
    def end(self) -> int:
        """The offset behind the last commit or seal."""
        if self._sealed:
            return self._reader.offset
        return self._commit.end if self._commit else FIXED_FRAME_BYTES

    def check_end(self, size_bytes: int) -> None:
        """Return only if a segment that another follows ends with its seal.

        Raises:
            LogDamageError: If it does not.
        """
        if self._reader.fault:
            self._refuse(Damage.FRAME, self._reader.fault, at=self._reader.offset, index=self._bad)
        if not self._sealed or self._reader.offset != size_bytes:
            what = "the segment does not end with its seal"
            self._refuse(Damage.SEGMENT, what, at=self._reader.offset)

    def find_tail(self) -> int | None:
        """Return the offset of the first byte behind the last commit or seal that is not zero.

        Asked once: in a log in use, the next answer may be another.
        """
        return first_nonzero(self._file, self.end)

    def lacks_seal(self) -> bool:
        """Tell whether a crash kept the seal of a full segment from following its commit."""
        return self._tree.size == SEGMENT_LEAVES and not self._sealed

    def refuse_tail(self, behind: int) -> NoReturn:
        """Say what the byte at *behind*, in what should be free space, means.

        Behind damage another commit follows; behind the remains of a write that broke off, none.
        """
        fault, offset = self._reader.fault, self._reader.offset
        if find_commit(self._file, offset, origin=self._walk.manifest.origin) is not None:
            self._refuse(Damage.FRAME, fault or "bytes are missing", at=offset, index=self._bad)
        if fault:
            what = f"{fault}, and no commit follows"
            self._refuse(Damage.TORN_TAIL, what, at=offset, index=self._bad)
        self._refuse(Damage.TORN_TAIL, "bytes follow the last commit", at=behind)

    @property
    def _bad(self) -> int:
        """The number of the record at the fault, or of the first one without a good commit."""
        if self._reader.fault_kind in (Kind.COMMIT, Kind.SEAL):
            return self._walk.size
        return self._first + self._tree.size

    def _check_header(self, frame: Frame | None) -> None:
        with blame(Damage.SEGMENT, self._name, index=self._walk.size):
            if frame is None or frame.kind != Kind.HEADER:
                raise VerificationError(self._reader.fault or "the segment has no header")
            header = Header.from_payload(frame.payload)
            if header.first != self._first:
                raise VerificationError("the header is of another segment")
            if self._first and header.genesis != self._walk.manifest.genesis:
                raise VerificationError("the segment is of another log")
        with blame(Damage.MANIFEST, MANIFEST):
            if header.genesis != self._walk.manifest.genesis:
                raise VerificationError("it does not belong to the segments")

    def _take_entry(self, frame: Frame) -> None:
        if self._tree.size == SEGMENT_LEAVES:
            self._refuse(Damage.ORDER, "a record follows in a full segment", at=frame.offset)
        index = self._first + self._tree.size
        if index == 0:
            with blame(Damage.MANIFEST, self._name, offset=frame.offset, index=0):
                self._walk.manifest.verify_genesis(frame.payload)
        self._tree.append(leaf_hash(frame.payload))
        if index + 1 in self._walk.wanted:
            self._walk.roots[index + 1] = self.whole_tree().root()

    def _take_commit(self, frame: Frame) -> None:
        if not self._uncommitted():
            self._refuse(Damage.ORDER, "a commit follows without a record", at=frame.offset)
        tree = self.whole_tree()
        self._walk.accept(frame.payload, tree, file=self._name, offset=frame.offset)
        self._commit = frame

    def _take_seal(self, frame: Frame) -> None:
        if self._tree.size != SEGMENT_LEAVES or self._uncommitted() or self._commit is None:
            self._refuse(Damage.ORDER, "a seal stands in a segment not full", at=frame.offset)
        seal = Seal(commit_offset=self._commit.offset, root=self._tree.root())
        if seal.to_frame()[8:] != frame.payload:
            self._refuse(Damage.SEGMENT, "the seal is not of these records", at=frame.offset)
        self._sealed = True

    def _uncommitted(self) -> int:
        """Return how many records were read since the last commit."""
        return self._first + self._tree.size - max(self._walk.size, self._first)

    def _refuse(self, kind: Damage, what: str, *, at: int, index: int | None = None) -> NoReturn:
        part = Part(file=self._name, offset=at, what=what)
        raise LogDamageError(kind, part, self._walk.size if index is None else index)
