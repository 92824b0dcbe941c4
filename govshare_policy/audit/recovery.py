# SPDX-License-Identifier: Apache-2.0
"""Finding the last state of a log that was vouched for, and putting a torn tail aside.

Nothing here deletes. What may be the remains of a write that never ended is moved to
``quarantine/``; everything else that is wrong is left as it is and named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from govshare_policy.audit.checkpoint import Checkpoint, find_signature, verify_signature
from govshare_policy.audit.damage import Damage, LogDamageError, Part, blame
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.layout import (
    CHECKPOINT,
    MANIFEST,
    PENDING,
    QUARANTINE,
    is_dropped,
    list_segments,
    segment_file,
)
from govshare_policy.audit.manifest import Manifest, load_manifest
from govshare_policy.audit.merkle import Frontier, Tree, leaf_hash
from govshare_policy.audit.scan import Scan, scan_segment
from govshare_policy.audit.segment import (
    FIXED_FRAME_BYTES,
    SEGMENT_LEAVES,
    SEGMENT_LEVEL,
    FrameReader,
    Header,
    Kind,
    Seal,
    find_commit,
    last_nonzero,
    read_frame,
)
from govshare_policy.audit.stub import read_stub
from govshare_policy.crypto import PublicKey, sm3, sm3_new
from govshare_policy.errors import SignatureError, VerificationError

_SECTOR_BYTES: Final = 512
_COPY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The last state of a log that was vouched for.

    Attributes:
        manifest: What ``log.json`` says.
        frontier: The tree.
        checkpoint: The last one; its signature was verified.
        time: Of that signature; Unix seconds.
        last: The last segment, as far as it makes sense.
        tail_bytes: How many bytes behind ``last.end`` are not the zeros of free space.
    """

    manifest: Manifest
    frontier: Frontier
    checkpoint: Checkpoint
    time: int
    last: Scan
    tail_bytes: int


def inspect(directory: Path, public: PublicKey) -> State:
    """Return the state of the log in *directory*, whose key is *public*. Writes nothing.

    Reads the last segment, and of the others only the ends: the roots in their seals have to add
    up to the root that was signed.

    Raises:
        LogDamageError: If the log is damaged in a way that a broken-off write does not explain.
        OSError: If it cannot be read.
    """
    with blame(Damage.MANIFEST, MANIFEST):
        manifest = load_manifest(directory)
    *sealed, first = list_segments(directory)
    before = Tree()
    for segment in sealed:
        before.append(read_root(directory, segment, manifest), level=SEGMENT_LEVEL)
    with (directory / segment_file(first)).open("rb") as file:
        last = scan_segment(file, first=first, genesis=manifest.genesis)
        final = last_nonzero(file, last.end)
        tail_bytes = 0 if final is None else final + 1 - last.end
        if tail_bytes:
            _refuse_damage(file, last, origin=manifest.origin, tail_bytes=tail_bytes)
    note, place, offset = _last_note(directory, last, manifest)
    frontier = before.frontier().extended(last.part)
    checkpoint = _match(note, frontier, manifest=manifest, place=place, offset=offset)
    with blame(Damage.SIGNATURE, place, offset=offset):
        time = _verify_own(checkpoint, public)
    _refuse_short(directory, checkpoint, last=last)
    return State(
        manifest=manifest,
        frontier=frontier,
        checkpoint=checkpoint,
        time=time,
        last=last,
        tail_bytes=tail_bytes,
    )


def root_at(directory: Path, size: int, manifest: Manifest) -> bytes:
    """Return the root over the first *size* records, which :func:`inspect` found; 32 bytes.

    Reads the segment of the last of them, and of those before it the seals.

    Raises:
        LogDamageError: If a seal is damaged.
        OSError: If the log cannot be read.
    """
    tree, first = Tree(), size // SEGMENT_LEAVES * SEGMENT_LEAVES
    for segment in range(0, first, SEGMENT_LEAVES):
        tree.append(read_root(directory, segment, manifest), level=SEGMENT_LEVEL)
    if size > first:
        with (directory / segment_file(first)).open("rb") as file:
            entries = (frame for frame in FrameReader(file) if frame.kind == Kind.ENTRY)
            for frame in islice(entries, size - first):
                tree.append(leaf_hash(frame.payload))
    return tree.root()


def read_seal(directory: Path, first: int, manifest: Manifest) -> Seal:
    """Return the seal of the full segment that starts at record *first*.

    Raises:
        LogDamageError: If there is no such segment of this log, or no seal at its end.
        OSError: If it cannot be read.
    """
    place = segment_file(first)
    path = directory / place
    with blame(Damage.SEGMENT, place, index=first):
        header = Header.from_payload(read_frame(path, 0, Kind.HEADER).payload)
        if header != Header(first=first, genesis=manifest.genesis):
            raise VerificationError("the header is of another segment")
        offset = path.stat().st_size - FIXED_FRAME_BYTES
        return Seal.from_payload(read_frame(path, offset, Kind.SEAL).payload)


def read_root(directory: Path, first: int, manifest: Manifest) -> bytes:
    """Return the root that the seal or the stub of a full segment claims; 32 bytes.

    Raises:
        LogDamageError: If there is neither.
        OSError: If it cannot be read.
    """
    if is_dropped(directory, first):
        return read_stub(directory, first, manifest).root
    return read_seal(directory, first, manifest).root


def put_aside(directory: Path, state: State, *, disk: Disk) -> None:
    """Move the tail of the last segment to ``quarantine/``, where it waits to be recorded.

    The copy is on the disk before the segment is cut. A crash in between leads back here.

    Raises:
        OSError: If the disk failed.
    """
    if not state.tail_bytes:
        return
    path = directory / segment_file(state.last.first)
    with path.open("rb") as file:
        file.seek(state.last.end)
        data = file.read(state.tail_bytes)
    if not (directory / QUARANTINE).is_dir():
        # Copying a log may leave an empty directory behind.
        disk.mkdir(directory / QUARANTINE)
    # The digest keeps two tails of one place apart.
    name = f"{path.name}.{state.last.end}.{sm3(data).hex()[:16]}.tail"
    disk.replace(directory / QUARANTINE / f"{name}{PENDING}", data)
    fd = disk.open(path)
    try:
        disk.truncate(fd, state.last.end)
        disk.datasync(fd)
    finally:
        disk.close(fd)


def list_pending(directory: Path) -> Iterator[tuple[Path, int, bytes]]:
    """Yield the path, size in bytes and SM3 of every tail that no record speaks of yet."""
    for path in sorted((directory / QUARANTINE).glob(f"*{PENDING}")):
        digest, size = sm3_new(), 0
        with path.open("rb") as file:
            while block := file.read(_COPY_BYTES):
                digest.update(block)
                size += len(block)
        yield path, size, digest.digest()


def _last_note(directory: Path, last: Scan, manifest: Manifest) -> tuple[bytes, str, int]:
    """Return the note of the last commit, and the file and offset of its frame."""
    place = segment_file(last.first)
    if last.commit is not None:
        return last.commit.payload, place, last.commit.offset
    if last.first == 0:
        part = Part(file=place, offset=last.end, what="the log has no commit")
        raise LogDamageError(Damage.SEGMENT, part, 0)
    before = last.first - SEGMENT_LEAVES
    place = segment_file(before)
    offset = read_seal(directory, before, manifest).commit_offset
    with blame(Damage.SEGMENT, place, offset=offset, index=before):
        return read_frame(directory / place, offset, Kind.COMMIT).payload, place, offset


def _match(
    note: bytes, frontier: Frontier, *, manifest: Manifest, place: str, offset: int
) -> Checkpoint:
    """Return the checkpoint that *note* spells, if it is of *frontier*."""
    with blame(Damage.NOTE, place, offset=offset):
        checkpoint = Checkpoint.from_note(note)
        if (checkpoint.origin, checkpoint.size) != (manifest.origin, frontier.size):
            raise VerificationError("the last commit is of another log or size")
    with blame(Damage.ROOT, place, offset=offset):
        if checkpoint.root != frontier.root():
            raise VerificationError("the records do not have the root that was signed last")
    return checkpoint


def _verify_own(checkpoint: Checkpoint, public: PublicKey) -> int:
    """Return when *public*, the key of the log, signed *checkpoint*; Unix seconds."""
    line = find_signature(checkpoint, checkpoint.origin, public)
    if line is None:
        raise SignatureError("the last commit was not signed with the key at hand")
    # Where the key was replaced, both signed, and the last to sign is in force.
    if line != [own for own in checkpoint.signatures if own.name == checkpoint.origin][-1]:
        raise SignatureError("the key at hand was replaced with the last commit by its successor")
    return int(verify_signature(checkpoint, line, public).timestamp())


def _refuse_short(directory: Path, checkpoint: Checkpoint, *, last: Scan) -> None:
    """Return only if the ``checkpoint`` file is not ahead of the segments, nor beside them."""
    with blame(Damage.CHECKPOINT, CHECKPOINT):
        try:
            published = Checkpoint.from_note((directory / CHECKPOINT).read_bytes())
        except FileNotFoundError:
            return
        except VerificationError as error:
            hint = "move the file away to have it written anew"
            raise VerificationError(f"{error}; {hint}") from None
        if published.origin != checkpoint.origin:
            raise VerificationError("it is of another log")
    if published.size > checkpoint.size:
        what = f"the log ends at size {checkpoint.size}, its checkpoint is of {published.size}"
        part = Part(file=segment_file(last.first), offset=last.end, what=what)
        raise LogDamageError(Damage.SHORT, part, checkpoint.size)
    if published.size == checkpoint.size and published.root != checkpoint.root:
        part = Part(file=CHECKPOINT, offset=0, what="it is not the last commit of this log")
        raise LogDamageError(Damage.FORK, part)


def _refuse_damage(file: BinaryIO, last: Scan, *, origin: str, tail_bytes: int) -> None:
    """Return only if a write that broke off explains the bytes behind ``last.end``.

    A later commit that is whole means that something before it was lost. A power cut may do that
    to the last write alone, and then whole sectors of it still hold the zeros they were made
    with. Everything else is damage to what may have been vouched for.
    """
    later = find_commit(file, last.stopped, origin=origin)
    if later is None:
        return
    # Behind the last write there is at most a seal, which is shorter than any commit.
    is_last = last.end + tail_bytes - later.end <= FIXED_FRAME_BYTES
    if is_last and _has_empty_sector(file, last, before=later.offset):
        return
    what = f"{last.fault or 'bytes are missing'}, but a commit follows at byte {later.offset}"
    part = Part(file=segment_file(last.first), offset=last.stopped, what=what)
    raise LogDamageError(Damage.FRAME, part, last.first + last.records)


def _has_empty_sector(file: BinaryIO, last: Scan, *, before: int) -> bool:
    """Tell whether a sector from where reading stopped to *before* never got its bytes.

    Of the sector in which the last commit ends, only the rest counts.
    """
    sector = last.stopped // _SECTOR_BYTES * _SECTOR_BYTES
    while sector < before:
        start = max(sector, last.end)
        file.seek(start)
        data = file.read(sector + _SECTOR_BYTES - start)
        if not any(data):
            return True
        sector += _SECTOR_BYTES
    return False
