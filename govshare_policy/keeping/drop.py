# SPDX-License-Identifier: Apache-2.0
"""Dropping (移出) full segments from a log: recorded first, and only where copies are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from govshare_policy.audit import (
    Receipt,
    TrustPolicy,
    encode_record,
    format_time,
    new_record_id,
    verify_log,
)
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.layout import SEGMENTS, list_segments, stub_file
from govshare_policy.audit.manifest import Manifest, load_manifest
from govshare_policy.audit.segment import segment_name
from govshare_policy.errors import CallError, VerificationError
from govshare_policy.identity import legal_day
from govshare_policy.keeping.archive import LOG, Archive, verify_archive
from govshare_policy.keeping.copying import digest_file
from govshare_policy.keeping.hold import standing_holds
from govshare_policy.keeping.listing import Listed
from govshare_policy.keeping.retention import Term
from govshare_policy.keeping.sealed import Sealed, list_sealed

# Within the term copies are what the law has kept, and one disk may fail.
LEAST_COPIES: Final = 2
# The writer needs a commit it can read whole: the two last segments stay.
_STAY: Final = 2
# So many segments are named in a record of less than 60 KiB.
_AT_ONCE: Final = 128
_STUB_TMP: Final = "stub.tmp"
_DISK: Final = Disk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What may be dropped, and on what grounds.

    Attributes:
        manifest: What the log says it is.
        segments: In order; never empty. Each is in enough archives.
        digests: Length and SM3 of each, in the same order.
        copies: The archives, all of them verified.
        keep_until: The day from which the copies need no longer be kept.
        term: By which provision.
    """

    manifest: Manifest
    segments: tuple[Sealed, ...]
    digests: tuple[Listed, ...]
    copies: tuple[Archive, ...]
    keep_until: date
    term: Term


def plan_drop(
    directory: Path,
    copies: Sequence[Path],
    *,
    trust: TrustPolicy,
    term: Term,
    before: datetime,
    at: datetime,
    least: int = LEAST_COPIES,
) -> Plan:
    """Return what of the log may be dropped, once everything that speaks for it was verified.

    1. Nothing is dropped that was signed at *before* or later, nor either of the two last segments.
    2. There are at least *least* archives, in different places; within the term, two.
    3. The log verifies, and no hold stands.
    4. Each archive verifies, and has every segment byte for byte.

    Args:
        directory: The log; nobody writes to it.
        copies: Archives.
        trust: Of the log.
        term: How long the records have to be kept, in the log or in copies.
        before: Segments whose last checkpoint is older than that are dropped.
        at: Now.
        least: In how many archives each segment has to be.

    Raises:
        CallError: If nothing is old enough, or there are too few copies, or a hold stands.
        VerificationError: If the log or a copy does not verify, or a copy lacks a segment.
        OSError: If something cannot be read.
    """
    # 1.
    segments = _choose(directory, before)
    keep_until = term.end(max(legal_day(segment.until) for segment in segments))
    # 2.
    within = keep_until > legal_day(at)
    _verify_places(directory, copies, least=max(least, LEAST_COPIES if within else 1))
    # 3.
    logs = [copy / LOG for copy in copies]
    verify_log(directory, trust, archives=logs)
    for hold in standing_holds(directory, archives=logs):
        raise CallError(f"the hold `{hold.name}` stands, so nothing is dropped")
    # 4.
    archives = tuple(verify_archive(copy, trust) for copy in copies)
    digests = tuple(digest_file(directory / one.file, f"{LOG}/{one.file}") for one in segments)
    for archive in archives:
        for listed in digests:
            if archive.listing.find(listed.path) != listed:
                raise VerificationError(
                    f"the archive `{archive.directory.name}` does not have `{listed.path}`"
                )
    return Plan(
        manifest=load_manifest(directory),
        segments=segments,
        digests=digests,
        copies=archives,
        keep_until=keep_until,
        term=term,
    )


def drop_segments(
    directory: Path,
    plan: Plan,
    append: Callable[[bytes], Receipt],
    *,
    at: datetime,
    disk: Disk = _DISK,
) -> tuple[Receipt, ...]:
    """Carry out *plan*: a record first, then for each segment a stub, and last the removal.

    A crash in between leaves the segment, with or without its stub; then plan and drop again.

    Args:
        directory: The log.
        plan: From :func:`plan_drop`, just now.
        append: Puts a record into the log, which has to be open.
        at: Now.
        disk: The system calls.

    Returns:
        The receipts of the records.

    Raises:
        AuditError: If a record was not written. Nothing that it names was removed.
        OSError: If the disk failed.
    """
    receipts = []
    pairs = iter(zip(plan.segments, plan.digests, strict=True))
    while batch := tuple(islice(pairs, _AT_ONCE)):
        receipt = append(_record(plan, batch, at=at))
        receipts.append(receipt)
        stub = receipt.to_text().encode()
        for segment, _ in batch:
            # INVARIANT: the log says that a segment is dropped, and its stub is on the disk,
            # before the segment goes.
            disk.replace(directory / stub_file(segment.first), stub, beside=directory / _STUB_TMP)
            disk.remove(directory / segment.file)
        disk.sync_dir(directory / SEGMENTS)
    return tuple(receipts)


def _choose(directory: Path, before: datetime) -> tuple[Sealed, ...]:
    stay = set(list_segments(directory)[-_STAY:])
    segments = tuple(
        segment
        for segment in list_sealed(directory)
        if segment.first not in stay and segment.until < before
    )
    if not segments:
        raise CallError("no segment that may be dropped is that old; the two last ones stay")
    return segments


def _verify_places(directory: Path, copies: Sequence[Path], *, least: int) -> None:
    places = [path.resolve() for path in (directory, *copies)]
    for number, place in enumerate(places):
        others = places[:number] + places[number + 1 :]
        if any(place == other or other in place.parents for other in others):
            raise CallError("the log and each of its copies are in places of their own")
    if len(copies) < least:
        raise CallError(f"{least} verified copies have to be at hand, and {len(copies)} are named")


def _record(plan: Plan, batch: Sequence[tuple[Sealed, Listed]], *, at: datetime) -> bytes:
    return encode_record(
        {
            "v": 1,
            "id": new_record_id(at),
            "t": format_time(at),
            "phase": "admin",
            "event": "dropped",
            "origin": plan.manifest.origin,
            "created": plan.manifest.created,
            "genesis": plan.manifest.genesis.hex(),
            "segments": list(_entries(batch)),
            "copies": [copy.digest.hex() for copy in plan.copies],
            "keep_until": plan.keep_until.isoformat(),
            "clause": plan.term.clause,
        }
    )


def _entries(batch: Sequence[tuple[Sealed, Listed]]) -> Iterator[dict[str, object]]:
    for segment, listed in batch:
        yield {
            "file": segment_name(segment.first),
            "bytes": listed.size_bytes,
            "sm3": listed.digest.hex(),
            "root": segment.root.hex(),
            "until": format_time(segment.until),
        }
