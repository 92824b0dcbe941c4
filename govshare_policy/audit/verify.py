# SPDX-License-Identifier: Apache-2.0
"""Verifying a whole log, offline, from its directory and a trust policy alone."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from govshare_policy.audit.beside import warn_beside
from govshare_policy.audit.checkpoint import MAX_NOTE_BYTES, Checkpoint
from govshare_policy.audit.cosign import Witnessed, read_cosigned, verify_witnessed
from govshare_policy.audit.damage import Damage, LogDamageError, Part, blame
from govshare_policy.audit.dropped import (
    find_place,
    list_unread,
    read_through,
    refuse_unread,
    verify_archived,
    verify_covered,
    warn_dropped,
)
from govshare_policy.audit.layout import (
    CHECKPOINT,
    MANIFEST,
    SEGMENTS,
    list_segments,
    regular,
    segment_file,
)
from govshare_policy.audit.manifest import Manifest, load_manifest
from govshare_policy.audit.segment import FIXED_FRAME_BYTES, FrameReader, Kind
from govshare_policy.audit.stub import Stub, read_stubs
from govshare_policy.audit.trust import TrustPolicy
from govshare_policy.audit.walk import Walk
from govshare_policy.errors import VerificationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a verified log is.

    Attributes:
        origin: Its name.
        size: Number of records; every one is vouched for, those in *unread* by their root alone.
        root: Root over them; 32 bytes.
        checkpoints: Number of signed checkpoints, all of them verified.
        segments: Number of segments, those in *unread* included.
        first_time: When the first checkpoint was signed.
        last_time: When the last one was.
        key_fingerprints: Of the keys that signed, in the order of their first signature; 32 bytes
            each.
        warnings: What an auditor should know although every rule is kept.
        witnessed: How far witnesses vouch for it; none if the trust policy requires none.
        unread: The first and the last record of each stretch that was dropped from the log, and
            that no archive at hand has.
    """

    origin: str
    size: int
    root: bytes
    checkpoints: int
    segments: int
    first_time: datetime
    last_time: datetime
    key_fingerprints: tuple[bytes, ...]
    warnings: tuple[str, ...]
    witnessed: Witnessed | None = None
    unread: tuple[tuple[int, int], ...] = ()


def verify_log(
    directory: Path,
    trust: TrustPolicy,
    *,
    known: Collection[Checkpoint] = (),
    archives: Sequence[Path] = (),
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> Verdict:
    """Return what the log in *directory* is, once every byte of it has been verified.

    1. ``log.json`` is well formed and of the log that *trust* names.
    2. The ``checkpoint`` file is well formed, and so is what witnesses signed, if *trust* requires
       any.
    3. The segments are all there, or for each of the others the proof that it was dropped on
       record, and nothing else is among them.
    4. Every frame is whole, every commit states the root of all records before it and is signed
       by a trusted key, no commit is dated before the one before it, and nothing follows the
       last commit.
    5. The ``checkpoint`` file is one of those commits.
    6. The log went through every checkpoint in *known*, and through those of the stubs.
    7. It went through everything that trusted witnesses signed, and enough of them signed.

    Only steps 6 and 7 find that a log was cut at an older commit, or replaced by another that its
    own key signed.

    Args:
        directory: The log. It may be in use.
        trust: From outside the log.
        known: Checkpoints of this log that were kept elsewhere.
        archives: Logs in which segments that were dropped from this one are read, and verified
            like the others. Of those that none has, the root alone is verified.
        progress: Told the bytes read so far, and those there are.
        workers: How many processes read the full segments. The verdict is the same with any
            number; with more than 1, a script needs its ``if __name__ == "__main__":``.

    Raises:
        LogDamageError: At the first thing that breaks a rule, with the place.
        VerificationError: If a checkpoint in *known* is not of this log or key.
        OSError: If the log cannot be read.
    """
    for checkpoint in known:
        trust.verify_checkpoint(checkpoint)
    # 1.
    manifest = read_manifest(directory, trust)
    # 2. Before the segments, so that in a log in use it cannot be ahead of them.
    note, published = read_published(directory)
    cosigned = read_cosigned(directory, trust)
    # 3.
    segments = list_segments(directory)
    stubs = read_stubs(directory, segments, manifest, trust)
    verify_archived(directory, stubs, archives)
    # 4.
    kept_elsewhere = (*(one.checkpoint for one in cosigned), *(one.checkpoint for one in stubs))
    stated = (published, *known, *kept_elsewhere)
    walk = Walk(
        manifest,
        trust,
        wanted={one.size for one in stated},
        progress=meter(directory, segments, progress, archives=archives),
    )
    *full, last = segments
    unread = read_through(walk, directory, full, stubs, archives=archives, workers=workers)
    walk.read_segment(directory, last, is_last=True)
    whole = walk.stretch()
    if whole is None:
        part = Part(file=segment_file(0), offset=FIXED_FRAME_BYTES, what="the log has no commit")
        raise LogDamageError(Damage.SEGMENT, part, 0)
    verify_covered(walk, unread)
    # 5.
    verify_published(walk, note, published)
    # 6.
    for checkpoint in known:
        refuse_unread(checkpoint.size, walk, unread, file=SEGMENTS)
        _verify_known(walk, checkpoint, file=SEGMENTS)
    _verify_stubs(walk, stubs)
    # 7.
    for kept in cosigned:
        refuse_unread(kept.checkpoint.size, walk, unread, file=kept.file)
    witnessed = verify_witnessed(cosigned, trust, roots=walk.roots, size=walk.size)
    return Verdict(
        origin=whole.last.origin,
        size=whole.last.size,
        root=whole.last.root,
        checkpoints=whole.commits,
        segments=len(segments),
        first_time=whole.first_time,
        last_time=whole.last_time,
        key_fingerprints=tuple(key.fingerprint for key in whole.keys),
        warnings=(
            *walk.warnings,
            *warn_behind(witnessed, walk.size),
            *warn_dropped(stubs, unread, size=walk.size),
            *warn_beside(directory),
        ),
        witnessed=witnessed,
        unread=list_unread(unread),
    )


def read_records(directory: Path, *, archives: Sequence[Path] = ()) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of every record under a commit, in order.

    Says nothing about trust: signatures and hashes are not looked at. Memory does not grow with
    the log. Segments that were dropped are read in *archives*, or left out if none has them.

    Raises:
        LogDamageError: If a segment is missing, or reading stops before the last segment does.
        OSError: If the log cannot be read.
    """
    *_, last = segments = list_segments(directory)
    for first in segments:
        index, waiting = first, []
        place = find_place(directory, first, archives)
        if place is None:
            continue
        with (place / segment_file(first)).open("rb") as file:
            reader = FrameReader(file)
            for frame in reader:
                if frame.kind == Kind.ENTRY:
                    waiting.append(frame.payload)
                elif frame.kind == Kind.COMMIT:
                    yield from enumerate(waiting, index)
                    index += len(waiting)
                    waiting.clear()
                elif frame.kind == Kind.SEAL:
                    break
        if first != last and reader.fault:
            part = Part(file=segment_file(first), offset=reader.offset, what=reader.fault)
            raise LogDamageError(Damage.FRAME, part, index)


def read_manifest(directory: Path, trust: TrustPolicy) -> Manifest:
    """Return ``log.json``, once it is well formed and of the log that *trust* names.

    Raises:
        LogDamageError: If it is not.
        OSError: If it cannot be read.
    """
    with blame(Damage.MANIFEST, MANIFEST):
        manifest = load_manifest(directory)
        if manifest.origin != trust.origin:
            raise VerificationError(
                "each log has a trust file of its own: this is the log "
                f"`{manifest.origin}`, and the trust file is for the log `{trust.origin}`"
            )
    return manifest


def read_published(directory: Path) -> tuple[bytes, Checkpoint]:
    """Return the ``checkpoint`` file and what it spells. Nothing in it is verified.

    Raises:
        LogDamageError: If it is no note.
        OSError: If it cannot be read.
    """
    with blame(Damage.CHECKPOINT, CHECKPOINT):
        with regular(directory / CHECKPOINT).open("rb") as file:
            note = file.read(MAX_NOTE_BYTES + 1)
        return note, Checkpoint.from_note(note)


def meter(
    directory: Path,
    segments: Collection[int],
    progress: Callable[[int, int], None] | None,
    *,
    archives: Sequence[Path] = (),
) -> Callable[[int], None]:
    """Return what adds up bytes read of *segments* and tells *progress* the sum and the total."""
    places = ((find_place(directory, first, archives), first) for first in segments)
    total = sum((at / segment_file(first)).stat().st_size for at, first in places if at)
    done = 0

    def add(size_bytes: int) -> None:
        nonlocal done
        done += size_bytes
        if progress is not None:
            progress(done, max(done, total))

    return add


def verify_published(walk: Walk, note: bytes, published: Checkpoint) -> None:
    """Return only if the ``checkpoint`` file, *note*, is a commit that *walk* came by.

    Raises:
        LogDamageError: If it is ahead of the log, or beside it.
    """
    if published.size > walk.size:
        what = f"it is of size {published.size} but the log ends at size {walk.size}"
        part = Part(file=CHECKPOINT, offset=0, what=what)
        raise LogDamageError(Damage.SHORT, part, walk.size)
    if walk.notes.get(published.size) != note:
        part = Part(file=CHECKPOINT, offset=0, what="it is no commit of this log")
        raise LogDamageError(Damage.CHECKPOINT, part)


def _verify_stubs(walk: Walk, stubs: Collection[Stub]) -> None:
    for stub in stubs:
        if stub.checkpoint.size in walk.roots:
            _verify_known(walk, stub.checkpoint, file=stub.file)


def _verify_known(walk: Walk, known: Checkpoint, *, file: str) -> None:
    if known.size > walk.size:
        what = f"a checkpoint of size {known.size} was kept but the log ends at size {walk.size}"
        part = Part(file=file, offset=0, what=what)
        raise LogDamageError(Damage.SHORT, part, walk.size)
    if walk.roots.get(known.size) != known.root:
        what = f"at size {known.size} it is not the log of the checkpoint that was kept"
        raise LogDamageError(Damage.FORK, Part(file=file, offset=0, what=what))


def warn_behind(witnessed: Witnessed | None, size: int) -> Iterator[str]:
    """Yield what an auditor should know if the witnesses have not seen all *size* records."""
    if witnessed is not None and witnessed.size < size:
        yield f"no quorum of witnesses has seen the last {size - witnessed.size} records yet"
