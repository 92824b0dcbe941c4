# SPDX-License-Identifier: Apache-2.0
"""Reading one segment of a log, frame by frame, up to the first that breaks a rule."""

from bisect import bisect_right
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn

from govshare_policy.audit.damage import Damage, LogDamageError, Part, blame
from govshare_policy.audit.layout import MANIFEST, segment_file
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
from govshare_policy.errors import VerificationError

if TYPE_CHECKING:
    from govshare_policy.audit.walk import Walk

_PROGRESS_BYTES: Final = 1 << 20
# How many leaf hashes are kept at a time.
_RUN_LEAVES: Final = 1 << 12


class SegmentReading:
    """One segment on its way into a :class:`~govshare_policy.audit.walk.Walk`."""

    def __init__(self, walk: "Walk", file: BinaryIO, *, first: int) -> None:
        self._walk = walk
        self._file = file
        self._name = segment_file(first)
        self._first = first
        self._reader = FrameReader(file)
        self._tree = Tree()
        self._sizes = sorted(walk.wanted)
        self._commit: Frame | None = None
        self._sealed = False

    def whole_tree(self) -> Frontier:
        """Return the tree up to the last record read."""
        return self._walk.tree.extended(self._tree.frontier())

    def read_frames(self) -> None:
        """Read the frames up to the first thing that is not one, or to the seal."""
        told = 0
        self._check_header(self._reader.next_frame())
        while not self._sealed:
            self._take_leaves()
            if (frame := self._reader.next_frame()) is None:
                break
            if frame.kind == Kind.ENTRY:
                self._take_entry(frame)
            elif frame.kind == Kind.COMMIT:
                self._take_commit(frame)
            elif frame.kind == Kind.SEAL:
                self._take_seal(frame)
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

    @property
    def is_sealed(self) -> bool:
        """Whether the seal was read, behind which nothing is ever written."""
        return self._sealed

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

    def _take_leaves(self) -> None:
        """Read entries as long as nothing about them has to be looked at one by one."""
        index = self._first + self._tree.size
        if index == 0:
            return
        room = min(_RUN_LEAVES, SEGMENT_LEAVES - self._tree.size)
        place = bisect_right(self._sizes, index)
        if place < len(self._sizes):
            room = min(room, self._sizes[place] - index)
        self._tree.extend(self._reader.read_leaves(room))
        self._note_root()

    def _take_entry(self, frame: Frame) -> None:
        if self._tree.size == SEGMENT_LEAVES:
            self._refuse(Damage.ORDER, "a record follows in a full segment", at=frame.offset)
        if self._first + self._tree.size == 0:
            with blame(Damage.MANIFEST, self._name, offset=frame.offset, index=0):
                self._walk.manifest.verify_genesis(frame.payload)
        self._tree.append(leaf_hash(frame.payload))
        self._note_root()

    def _note_root(self) -> None:
        size = self._first + self._tree.size
        if size in self._walk.wanted:
            self._walk.roots[size] = self.whole_tree().root()

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
