# SPDX-License-Identifier: Apache-2.0
"""Answering an auditor's question: the index says where to look, the log says what is there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from govshare_policy.audit import Checkpoint, TrustPolicy, leaf_hash, verify_inclusion
from govshare_policy.audit.layout import segment_file
from govshare_policy.audit.proof import LogTree
from govshare_policy.audit.segment import SEGMENT_LEAVES, Kind, read_frame
from govshare_policy.errors import VerificationError
from govshare_policy.inspection.choice import Choice
from govshare_policy.inspection.index import Index, Progress, StaleIndexError, published_size
from govshare_policy.inspection.persons import Sought
from govshare_policy.inspection.reading import read_batches, read_note
from govshare_policy.inspection.shelf import use_index
from govshare_policy.inspection.traits import load_object, traits_of

_LOOKED_AT_ONCE: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One record of the log: its number, and its bytes as they stand there."""

    number: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a question found.

    Attributes:
        hits: In order.
        following: Give this number as ``after`` for the next ones; none if there are no more.
        size: How many records of the log were asked.
        published: How many it had published when the answer was ready; more than *size* means
            that it was written to in the meantime.
        verified: Whether every hit was proven to be under a trusted checkpoint of *size* records,
            and the index to be one of these records.
        erased: Records that name somebody and could not be compared, their salt being erased.
        untimed: Records left out because they state no readable time, where a time is asked for;
            in everything else that the index knows they are of the choice.
    """

    hits: tuple[Hit, ...]
    following: int | None
    size: int
    published: int
    verified: bool
    erased: int
    untimed: int


def query(
    directory: Path,
    choice: Choice,
    *,
    limit: int,
    trust: TrustPolicy | None = None,
    sought: Sought | None = None,
    place: Path | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Found:
    """Return the first *limit* records of *choice* in the log in *directory*, which may be in use.

    Args:
        directory: The log.
        choice: What is asked for.
        limit: At least 1.
        trust: With it, every hit is proven, and the index too.
        sought: Only records about these persons.
        place: A file for the index; *cache* a directory for it, as in :func:`use_index`.
        cache: Where the index is kept if no *place* is named.
        progress: Told the records indexed so far, and those there are as far as is known.

    Raises:
        VerificationError: If the log contradicts itself or, with *trust*, is not vouched for.
        ConfigError: If *place* cannot be used.
        AuditError: If there is no room for the index.
        OSError: If the log cannot be read.
    """

    def use(index: Index) -> Found:
        tree = None if trust is None else _Vouched(directory, index, trust)
        hits: list[Hit] = []
        for hit in _hits(directory, index, choice, sought, limit + 1):
            if tree is not None:
                tree.verify(hit)
            hits.append(hit)
        more = len(hits) > limit
        return Found(
            hits=tuple(hits[:limit]),
            following=hits[limit - 1].number if more else None,
            size=index.mark().size,
            published=published_size(directory),
            verified=tree is not None,
            erased=sought.erased if sought is not None else 0,
            untimed=index.count_untimed(choice),
        )

    return use_index(directory, use, place=place, cache=cache, progress=progress)


def scan(directory: Path, choice: Choice, *, sought: Sought | None = None) -> Iterator[Hit]:
    """Yield the records of *choice*, reading the whole log; what :func:`query` has to agree with.

    Memory does not grow with the log.

    Raises:
        LogDamageError: If the log cannot be read to its end.
        OSError: If a file cannot be read.
    """
    for batch in read_batches(directory):
        for entry in batch.entries:
            if is_asked(choice, sought, entry.number, entry.data):
                yield Hit(number=entry.number, data=entry.data)


def is_asked(choice: Choice, sought: Sought | None, number: int, data: bytes) -> bool:
    """Tell whether record *number* with the bytes *data* is of *choice*, and about whom is sought.

    Raises:
        AuditError: If the salts cannot be read.
    """
    if not choice.takes(number, traits_of(data)):
        return False
    return sought is None or sought.is_about(load_object(data))


def _hits(
    directory: Path, index: Index, choice: Choice, sought: Sought | None, most: int
) -> Iterator[Hit]:
    """Yield at most *most* hits, each read from the log where the index says it is."""
    given, step = 0, most if sought is None else _LOOKED_AT_ONCE
    while given < most:
        rows = index.select(choice, min(step, most) if sought is None else step)
        for number, offset in rows:
            data = _read(directory, number, offset)
            if not choice.takes(number, traits_of(data)):
                raise StaleIndexError("the log is another one since it was indexed")
            if sought is None or sought.is_about(load_object(data)):
                given += 1
                yield Hit(number=number, data=data)
                if given == most:
                    return
        if len(rows) < step:
            return
        choice = replace(choice, after=rows[-1][0])


def _read(directory: Path, number: int, offset: int) -> bytes:
    path = directory / segment_file(number // SEGMENT_LEAVES * SEGMENT_LEAVES)
    try:
        return read_frame(path, offset, Kind.ENTRY).payload
    except (VerificationError, FileNotFoundError):
        raise StaleIndexError(f"record {number} is no longer where it was indexed") from None


class _Vouched:
    """Proves hits against the last checkpoint that the index reaches.

    That the index is one of the records under it was found when the index was brought up to date:
    it has the root that the checkpoint states.
    """

    def __init__(self, directory: Path, index: Index, trust: TrustPolicy) -> None:
        self._checkpoint = Checkpoint.from_note(read_note(directory, index.mark()))
        trust.verify_checkpoint(self._checkpoint)
        self._tree = LogTree(directory)

    def verify(self, hit: Hit) -> None:
        """Return only if *hit* is the record of its number under the trusted checkpoint."""
        size, root = self._checkpoint.size, self._checkpoint.root
        proof = self._tree.prove_inclusion(hit.number, size)
        verify_inclusion(leaf_hash(hit.data), hit.number, size=size, proof=proof, root=root)
