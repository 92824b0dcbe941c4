# SPDX-License-Identifier: Apache-2.0
"""How fast a log grows, when its disk is full, and what keeping it takes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from govshare_policy.audit import Checkpoint
from govshare_policy.audit.layout import is_dropped, list_segments, segment_file
from govshare_policy.audit.manifest import load_manifest
from govshare_policy.audit.segment import (
    FIXED_FRAME_BYTES,
    SEGMENT_LEAVES,
    FrameReader,
    Kind,
    segment_name,
)
from govshare_policy.audit.stub import read_stub
from govshare_policy.errors import CallError
from govshare_policy.identity import legal_day
from govshare_policy.keeping.sealed import read_sealed, signed_at

# What the index of an auditor takes, as measured in docs/adr/0008.
INDEX_BYTES_PER_RECORD: Final = 40
WINDOW_DAYS: Final = 30
_DAYS_A_YEAR: Final = 365.25
_STEP: Final = timedelta(hours=1)
_LAST_DAY: Final = date.max.toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """How much a log held when a checkpoint was signed, what was dropped since included."""

    at: datetime
    records: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a log will need, if it goes on growing as it did.

    Attributes:
        since: Where the stretch begins that the rates are taken from.
        until: Where it ends: the last checkpoint.
        records_per_day: On an average day of that stretch.
        bytes_per_day: Of the log alone.
        salts_per_day: Bytes of the salt store.
        free_bytes: On the disk of the log.
        full_on: The day on which that is used up; none if never.
        years: How long records are kept.
        log_bytes: What the log takes in that time, and each whole archive of it as much.
        salts_bytes: What the salt store takes in that time, and each copy of it as much.
        index_bytes: What the index of an auditor takes over that time.
    """

    since: datetime
    until: datetime
    records_per_day: float
    bytes_per_day: float
    salts_per_day: float
    free_bytes: int
    full_on: date | None
    years: int
    log_bytes: int
    salts_bytes: int
    index_bytes: int


def read_points(directory: Path) -> tuple[Point, ...]:
    """Return how the log in *directory* grew: at its creation, each full segment, and hourly since.

    Nothing is verified: it is read for an estimate.

    Raises:
        VerificationError: If the log is damaged.
        OSError: If it cannot be read.
    """
    manifest = load_manifest(directory)
    *full, last = list_segments(directory)
    points = [Point(at=datetime.fromisoformat(manifest.created), records=0, size_bytes=0)]
    for first in full:
        if is_dropped(directory, first):
            record = read_stub(directory, first, manifest).receipt.record
            until, size = _dropped(record, segment_name(first))
        else:
            until = read_sealed(directory, first, manifest).until
            size = (directory / segment_file(first)).stat().st_size
        size += points[-1].size_bytes
        points.append(Point(at=until, records=first + SEGMENT_LEAVES, size_bytes=size))
    points.extend(_read_last(directory / segment_file(last), base=points[-1].size_bytes))
    return tuple(points)


def forecast(
    points: tuple[Point, ...],
    *,
    years: int,
    free_bytes: int,
    salts_bytes: int = 0,
    window_days: int = WINDOW_DAYS,
) -> Forecast:
    """Return what the log that grew by *points* will need.

    Args:
        points: In order of time, from :func:`read_points`.
        years: How long records are kept.
        free_bytes: On the disk of the log.
        salts_bytes: What the salt store has by now.
        window_days: How many days back the rates are taken from.

    Raises:
        CallError: If the log does not span any time yet.
    """
    last = points[-1]
    past = [point for point in points if point.at <= last.at - timedelta(days=window_days)]
    start = past[-1] if past else points[0]
    days = (last.at - start.at) / timedelta(days=1)
    if days <= 0:
        raise CallError("the log does not span any time yet, so nothing can be said of its growth")
    records = (last.records - start.records) / days
    size = (last.size_bytes - start.size_bytes) / days
    salts = salts_bytes / max((last.at - points[0].at) / timedelta(days=1), 1.0)
    span = years * _DAYS_A_YEAR
    return Forecast(
        since=start.at,
        until=last.at,
        records_per_day=records,
        bytes_per_day=size,
        salts_per_day=salts,
        free_bytes=free_bytes,
        full_on=_full_on(last.at, free_bytes, size),
        years=years,
        log_bytes=round(size * span),
        salts_bytes=round(salts * span),
        index_bytes=round(records * INDEX_BYTES_PER_RECORD * span),
    )


def _full_on(at: datetime, free_bytes: int, bytes_per_day: float) -> date | None:
    if bytes_per_day <= 0:
        return None
    day = legal_day(at).toordinal() + free_bytes / bytes_per_day
    return date.fromordinal(int(day)) if day < _LAST_DAY else None


def _dropped(record: bytes, name: str) -> tuple[datetime, int]:
    """Return when the last checkpoint of a dropped segment was signed, and its length."""
    named = {entry["file"]: entry for entry in json.loads(record)["segments"]}
    return datetime.fromisoformat(named[name]["until"]), named[name]["bytes"]


def _read_last(path: Path, *, base: int) -> Iterator[Point]:
    """Yield the checkpoints of the last segment, at most one an hour and the last of them."""
    told, newest = None, None
    with path.open("rb") as file:
        for frame in FrameReader(file, FIXED_FRAME_BYTES):
            if frame.kind == Kind.COMMIT:
                checkpoint = Checkpoint.from_note(frame.payload)
                newest = Point(
                    at=signed_at(checkpoint),
                    records=checkpoint.size,
                    size_bytes=base + frame.end,
                )
                if told is None or newest.at - told.at >= _STEP:
                    told = newest
                    yield newest
    if newest is not None and newest is not told:
        yield newest
