# SPDX-License-Identifier: Apache-2.0
"""Verifying some records of a large log, offline, without reading the others."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from govshare_policy.audit.checkpoint import Checkpoint
from govshare_policy.audit.cosign import Cosigned, Witnessed, read_cosigned, verify_witnessed
from govshare_policy.audit.damage import Damage, LogDamageError, Part, blame
from govshare_policy.audit.layout import (
    CHECKPOINT,
    SEGMENTS,
    is_dropped,
    list_segments,
    stub_file,
)
from govshare_policy.audit.manifest import Manifest
from govshare_policy.audit.merkle import Frontier, Tree
from govshare_policy.audit.proof import LogTree
from govshare_policy.audit.recovery import read_root
from govshare_policy.audit.segment import SEGMENT_LEAVES, SEGMENT_LEVEL
from govshare_policy.audit.trust import TrustPolicy
from govshare_policy.audit.verify import (
    meter,
    read_manifest,
    read_published,
    verify_published,
    warn_behind,
)
from govshare_policy.audit.walk import Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeVerdict:
    """What some records of a log are, the whole of which was not read.

    Attributes:
        origin: The name of the log.
        first: The first record asked about.
        last: The last one.
        verified_first: The first record that was verified: that of its segment.
        verified_last: The last one.
        published: The checkpoint that the log has published; its signature was verified.
        checkpoints: Number of signed checkpoints between the records verified, all of them good.
        first_time: When the first of these was signed.
        last_time: When the last one was.
        key_fingerprints: Of the keys that signed, in the order of their first signature; 32 bytes
            each.
        warnings: What an auditor should know although every rule is kept.
        witnessed: How far witnesses vouch for the log; none if the trust policy requires none.
    """

    origin: str
    first: int
    last: int
    verified_first: int
    verified_last: int
    published: Checkpoint
    checkpoints: int
    first_time: datetime
    last_time: datetime
    key_fingerprints: tuple[bytes, ...]
    warnings: tuple[str, ...]
    witnessed: Witnessed | None = None


def verify_range(
    directory: Path,
    trust: TrustPolicy,
    first: int,
    last: int,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> RangeVerdict:
    """Return what the records from *first* to *last* are, once each of them has been verified.

    1. ``log.json``, the ``checkpoint`` file and what witnesses signed are well formed; the
       signatures on the ``checkpoint`` file are good.
    2. Every frame of the segments in which the records lie is whole, and every commit there is as
       :func:`verify_log` demands. Each states a root over all records before it too, so that what
       the seals of the segments before claim is vouched for.
    3. The records asked about are under one of these commits.
    4. What the ``checkpoint`` file and the witnesses signed continues these commits, going by the
       seals of the segments that were not read.

    Of the other records, nothing is said but that the seals claim them.

    Args:
        directory: The log. It may be in use.
        trust: From outside the log.
        first: Number of the first record.
        last: Number of the last one.
        progress: Told the bytes read so far, and those there are to read.

    Raises:
        LogDamageError: At the first thing that breaks a rule, with the place.
        OSError: If the log cannot be read.
    """
    if not 0 <= first <= last:
        raise ValueError(
            "a range of records begins at 0 or later and ends where it begins or later"
        )
    # 1.
    manifest = read_manifest(directory, trust)
    note, published = read_published(directory)
    with blame(Damage.CHECKPOINT, CHECKPOINT):
        trust.verify_checkpoint(published)
    cosigned = read_cosigned(directory, trust)
    # 2.
    segments = list_segments(directory)
    touched = [place for place in segments if first - SEGMENT_LEAVES < place <= last]
    touched = touched or segments[-1:]
    _refuse_dropped(directory, touched)
    walk = Walk(
        manifest,
        trust,
        wanted={published.size, *(kept.checkpoint.size for kept in cosigned)},
        progress=meter(directory, touched, progress),
        start=_claimed(directory, manifest, up_to=touched[0]),
    )
    for segment in touched:
        walk.read_segment(directory, segment, is_last=segment == segments[-1])
    # 3.
    stretch = walk.stretch()
    if stretch is None or last >= stretch.last.size:
        size = stretch.last.size if stretch else walk.start.size
        what = f"record {last} was asked about but the log ends at size {size}"
        raise LogDamageError(Damage.SHORT, Part(file=SEGMENTS, offset=0, what=what), size)
    # 4.
    witnessed = _verify_beyond(directory, walk, (note, published), cosigned)
    return RangeVerdict(
        origin=manifest.origin,
        first=first,
        last=last,
        verified_first=stretch.start.size,
        verified_last=stretch.last.size - 1,
        published=published,
        checkpoints=stretch.commits,
        first_time=stretch.first_time,
        last_time=stretch.last_time,
        key_fingerprints=tuple(key.fingerprint for key in stretch.keys),
        warnings=(*walk.warnings, *warn_behind(witnessed, max(walk.size, published.size))),
        witnessed=witnessed,
    )


def _claimed(directory: Path, manifest: Manifest, *, up_to: int) -> Frontier:
    """Return the tree that the seals claim of the records before number *up_to*."""
    tree = Tree()
    for segment in range(0, up_to, SEGMENT_LEAVES):
        tree.append(read_root(directory, segment, manifest), level=SEGMENT_LEVEL)
    return tree.frontier()


def _refuse_dropped(directory: Path, touched: Collection[int]) -> None:
    for first in touched:
        if is_dropped(directory, first):
            what = "these records were dropped; ask an archive that has them"
            part = Part(file=stub_file(first), offset=0, what=what)
            raise LogDamageError(Damage.DROPPED, part, first)


def _verify_beyond(
    directory: Path, walk: Walk, latest: tuple[bytes, Checkpoint], cosigned: tuple[Cosigned, ...]
) -> Witnessed | None:
    """Return how far witnesses vouch for the log, once it is the one that *walk* went through."""
    note, published = latest
    sizes = {published.size, *(kept.checkpoint.size for kept in cosigned)}
    tree, roots = LogTree(directory), dict(walk.roots)
    roots.update((size, tree.root(size)) for size in sizes - roots.keys() if size)
    if walk.start.size < published.size <= walk.size:
        verify_published(walk, note, published)
    elif roots.get(published.size) != published.root:
        part = Part(file=CHECKPOINT, offset=0, what="it is no state of this log")
        raise LogDamageError(Damage.CHECKPOINT, part)
    return verify_witnessed(cosigned, walk.trust, roots=roots, size=max(walk.size, *sizes))
