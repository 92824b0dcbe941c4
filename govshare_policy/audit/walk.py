# SPDX-License-Identifier: Apache-2.0
"""Reading the segments of a log one after the other, believing nothing that is not signed."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from govshare_policy.audit.checkpoint import Checkpoint
from govshare_policy.audit.damage import Damage, blame
from govshare_policy.audit.layout import segment_file
from govshare_policy.audit.live import becomes_commit
from govshare_policy.audit.manifest import Manifest
from govshare_policy.audit.merkle import Frontier, Tree
from govshare_policy.audit.reading import SegmentReading
from govshare_policy.audit.segment import SEGMENT_LEVEL
from govshare_policy.audit.trust import TrustPolicy
from govshare_policy.crypto import PublicKey
from govshare_policy.errors import VerificationError

_NOTHING: Final = Frontier()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What a :class:`Walk` that began at some segment found up to the end of another.

    Attributes:
        start: The tree it was told to begin with, and did not verify itself.
        tree: The tree at the end.
        last: The last checkpoint.
        first_time: When the first checkpoint was signed.
        last_time: When the last one was.
        commits: Number of checkpoints verified.
        keys: The keys that signed, in the order of their first signature.
        roots: As those of the walk.
        notes: As those of the walk.
    """

    start: Frontier
    tree: Frontier
    last: Checkpoint
    first_time: datetime
    last_time: datetime
    commits: int
    keys: tuple[PublicKey, ...]
    roots: dict[int, bytes]
    notes: dict[int, bytes]


class Walk:
    """What has been vouched for so far; :meth:`read_segment` takes it further.

    Attributes:
        start: The tree it began with.
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
        start: Frontier = _NOTHING,
    ) -> None:
        """Begin before the first record, or behind the segments of *start*.

        Args:
            manifest: What ``log.json`` says.
            trust: Whose signatures count.
            wanted: Sizes to remember.
            progress: Told from time to time how many more bytes were read.
            start: The tree of the segments before. The first good commit behind them vouches for
                it, as that states a root over all records.
        """
        self.manifest = manifest
        self.trust = trust
        self.wanted = frozenset(wanted)
        self.progress = progress
        self.start = self.tree = start
        self.last: Checkpoint | None = None
        self.first_time: datetime | None = None
        self.last_time: datetime | None = None
        self.commits = 0
        self.keys: list[PublicKey] = []
        self.warnings: list[str] = []
        self.roots: dict[int, bytes] = {}
        self.notes: dict[int, bytes] = {}

    @property
    def size(self) -> int:
        """How many records are vouched for, those before the start included."""
        return self.last.size if self.last else self.start.size

    def read_segment(self, directory: Path, first: int, *, is_last: bool) -> None:
        """Read the segment that starts at record *first*.

        Raises:
            LogDamageError: At the first thing that breaks a rule.
            OSError: If the file cannot be read.
        """
        path = directory / segment_file(first)
        with path.open("rb") as file:
            segment = SegmentReading(self, file, first=first)
            segment.read_frames()
            if not is_last:
                segment.check_end(os.fstat(file.fileno()).st_size)
            elif (behind := segment.find_tail()) is not None:
                if segment.is_sealed or not becomes_commit(
                    directory, path, segment.end, origin=self.manifest.origin
                ):
                    segment.refuse_tail(behind)
                where = f"`{segment_file(first)}` at byte {segment.end}"
                self.warnings.append(f"a write was under way, and is not covered, in {where}")
            elif segment.lacks_seal():
                self.warnings.append(f"the full segment `{segment_file(first)}` has no seal yet")
            self.tree = segment.whole_tree()

    def skip_segment(self, root: bytes) -> None:
        """Take *root* for a full segment that is not there to be read; a later commit vouches."""
        tree = Tree(self.tree)
        tree.append(root, level=SEGMENT_LEVEL)
        self.tree = tree.frontier()
        if self.tree.size in self.wanted:
            self.roots[self.tree.size] = self.tree.root()

    def stretch(self) -> Stretch | None:
        """Return what was found since the start; none before the first checkpoint."""
        if self.last is None or self.first_time is None or self.last_time is None:
            return None
        return Stretch(
            start=self.start,
            tree=self.tree,
            last=self.last,
            first_time=self.first_time,
            last_time=self.last_time,
            commits=self.commits,
            keys=tuple(self.keys),
            roots=self.roots,
            notes=self.notes,
        )

    def continues(self, stretch: Stretch) -> bool:
        """Tell whether *stretch* begins where this walk has come to, and no earlier in time."""
        is_later = self.last_time is None or stretch.first_time >= self.last_time
        return is_later and stretch.start == self.tree

    def adopt(self, stretch: Stretch) -> None:
        """Go as far as *stretch*, which :meth:`continues` this walk, without reading it again."""
        self.tree, self.last = stretch.tree, stretch.last
        self.first_time = self.first_time or stretch.first_time
        self.last_time = stretch.last_time
        self.commits += stretch.commits
        self.keys.extend(key for key in stretch.keys if key not in self.keys)
        self.roots.update(stretch.roots)
        self.notes.update(stretch.notes)

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
            at, signers = self.trust.verify_checkpoint(checkpoint)
        with blame(Damage.CLOCK, file, offset=offset, index=index):
            if self.last_time is not None and at < self.last_time:
                raise VerificationError("the commit is dated before the one before it")
        self.first_time = self.first_time or at
        self.last, self.last_time = checkpoint, at
        self.commits += 1
        self.keys.extend(key for key in signers if key not in self.keys)
        if checkpoint.size in self.wanted:
            self.notes[checkpoint.size] = note
