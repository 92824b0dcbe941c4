# SPDX-License-Identifier: Apache-2.0
"""Processes that read full segments ahead of a walk, so that a log is verified on several cores.

Each segment is read by itself, behind the tree that the seals before it claim. What was found
counts only once the walk has come to that very tree on its own; where anything is wrong, or a
process is gone, the walk reads the segment again. So the verdict is that of one process.
"""

import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from govshare_policy.audit.layout import segment_file
from govshare_policy.audit.manifest import Manifest
from govshare_policy.audit.merkle import Frontier, Tree
from govshare_policy.audit.recovery import read_seal
from govshare_policy.audit.segment import SEGMENT_LEAVES, SEGMENT_LEVEL
from govshare_policy.audit.trust import TrustPolicy
from govshare_policy.audit.walk import Stretch, Walk
from govshare_policy.errors import GovshareError, VerificationError

# How many segments each process may be ahead of the walk: what it found waits in memory.
_AHEAD: Final = 4


class Errand(NamedTuple):
    """One segment to read, the tree that is claimed before it, and the sizes to remember."""

    first: int
    start: Frontier
    wanted: frozenset[int]


def read_full_segments(walk: Walk, directory: Path, firsts: Sequence[int], *, workers: int) -> None:
    """Take *walk* through the segments that start at *firsts*, each of which another follows.

    Args:
        walk: Has come to the first of them.
        directory: The log.
        firsts: Ascending, without a gap.
        workers: How many processes read; with 1, this one does.

    Raises:
        LogDamageError: At the first thing that breaks a rule, as :meth:`Walk.read_segment`.
        OSError: If a file cannot be read.
    """
    count = min(workers, len(firsts))
    if count <= 1:
        for first in firsts:
            walk.read_segment(directory, first, is_last=False)
        return
    with Crew(walk, directory, firsts, count=count) as crew:
        follow(walk, directory, crew.read())


def follow(walk: Walk, directory: Path, findings: Iterable[tuple[int, Stretch | None]]) -> None:
    """Take *walk* through segments of which others have *findings*; it believes no fault unseen.

    Raises:
        LogDamageError: At the first thing that breaks a rule, as :meth:`Walk.read_segment`.
        OSError: If a file cannot be read.
    """
    for first, stretch in findings:
        if stretch is not None and walk.continues(stretch):
            walk.adopt(stretch)
            walk.progress((directory / segment_file(first)).stat().st_size)
        else:
            walk.read_segment(directory, first, is_last=False)


class Crew:
    """Some processes at work on the segments of a log. Leaving the block ends them."""

    def __init__(self, walk: Walk, directory: Path, firsts: Sequence[int], *, count: int) -> None:
        self._firsts = firsts
        self._errands = list_errands(walk, directory, firsts)
        self._next = next(self._errands, None)
        self._members = [_Member(walk, directory) for _ in range(count)]

    def __enter__(self) -> Self:
        try:
            with _interrupts_held():
                for member in self._members:
                    member.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def read(self) -> Iterator[tuple[int, Stretch | None]]:
        """Yield every segment in order, and what was found there; none if nothing good was."""
        found: dict[int, Stretch | None] = {}
        for first in self._firsts:
            while first not in found and self._advance(found, behind=first):
                pass
            yield first, found.pop(first, None)

    def _advance(self, found: dict[int, Stretch | None], *, behind: int) -> bool:
        """Give everybody work, and put what is done next into *found*. False if nobody works."""
        limit = behind + _AHEAD * len(self._members) * SEGMENT_LEAVES
        for member in self._members:
            if member.is_free and self._next is not None and self._next.first < limit:
                member.send(self._next)
                self._next = next(self._errands, None)
        busy = [member.ours for member in self._members if member.errand is not None]
        ready = wait(busy) if busy else []
        for member in self._members:
            if (errand := member.errand) is not None and member.ours in ready:
                found[errand.first] = member.receive()
        return bool(busy)

    def _end(self) -> None:
        for member in self._members:
            member.end()


class _Member:
    """One process, and what it is at work on."""

    def __init__(self, walk: Walk, directory: Path) -> None:
        context = get_context("spawn")
        self.ours, self.theirs = context.Pipe()
        self.process = context.Process(
            target=work, args=(self.theirs, directory, walk.manifest, walk.trust), daemon=True
        )
        self.errand: Errand | None = None
        self._is_gone = False

    def start(self) -> None:
        """Start the process."""
        self.process.start()
        # Only it holds this end now, so that the pipe ends with it.
        self.theirs.close()

    @property
    def is_free(self) -> bool:
        """Whether it takes an errand."""
        return self.errand is None and not self._is_gone

    def send(self, errand: Errand) -> None:
        """Hand over *errand*. A process that is gone is noticed on :meth:`receive`."""
        self.errand = errand
        try:
            self.ours.send(errand)
        except OSError:
            self._is_gone = True

    def receive(self) -> Stretch | None:
        """Return what it found on its errand; none if it is gone."""
        self.errand = None
        try:
            stretch: Stretch | None = self.ours.recv()
        except (EOFError, OSError):
            self._is_gone = True
            return None
        return stretch

    def end(self) -> None:
        """Stop the process at once; it holds nothing."""
        if self.process.pid is not None:
            self.process.kill()
            self.process.join()
        self.process.close()
        self.ours.close()
        self.theirs.close()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Have processes that are started meanwhile hear no interrupt before they ignore it.

    The mask of signals is inherited; ours is as before at the end, and what came comes then.
    """
    # It has the signal unblocked once it has started its own process, so it does that before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(connection: Connection, directory: Path, manifest: Manifest, trust: TrustPolicy) -> None:
    """Do errands until the other end of *connection* is closed; the main of a process."""
    # The terminal sends its interrupt to everybody; whoever started this process ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            errand = connection.recv()
        except EOFError:
            return
        connection.send(do_errand(errand, directory, manifest, trust))


def do_errand(
    errand: Errand, directory: Path, manifest: Manifest, trust: TrustPolicy
) -> Stretch | None:
    """Return what is in the segment of *errand*; none if it breaks any rule."""
    walk = Walk(manifest, trust, wanted=errand.wanted, progress=lambda _: None, start=errand.start)
    try:
        walk.read_segment(directory, errand.first, is_last=False)
    except (GovshareError, OSError):
        return None
    return walk.stretch()


def list_errands(walk: Walk, directory: Path, firsts: Sequence[int]) -> Iterator[Errand]:
    """Yield an errand for each of *firsts*, up to the first whose seal cannot be read."""
    wanted: dict[int, set[int]] = {}
    for size in walk.wanted:
        wanted.setdefault((size - 1) // SEGMENT_LEAVES * SEGMENT_LEAVES, set()).add(size)
    tree = Tree(walk.tree)
    for first in firsts:
        yield Errand(first, tree.frontier(), frozenset(wanted.get(first, ())))
        try:
            seal = read_seal(directory, first, walk.manifest)
        except (VerificationError, OSError):
            return
        tree.append(seal.root, level=SEGMENT_LEVEL)
