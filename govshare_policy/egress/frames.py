# SPDX-License-Identifier: Apache-2.0
"""The frames of the journal: a release that came, or releases that went.

A frame is a header line of JSON and, for a release, its description and its arrays.
"""

import json
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from govshare_policy.egress.register import ReleaseMeta, Selection
from govshare_policy.egress.runs import NEVER, RELEASE, Loose
from govshare_policy.egress.starts import starts_of
from govshare_policy.egress.tags import Tagger

EPOCH: Final = date(1970, 1, 1)
_TYPES: Final = (("tags", "<u8"), ("rows", "<u4"), ("fields", "u1"), ("bits", "u1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Releases that were dropped, by their first rows."""

    first: frozenset[int]


def release_frame(
    meta: ReleaseMeta, chosen: Selection, *, first: int, rows: int, tagger: Tagger
) -> bytes:
    """Return the frame of a release whose rows are numbered from *first*."""
    begun = {start for value in chosen.values for start in starts_of(value)}
    known = tagger.quick(sorted({*chosen.values, *begun})) >> np.uint64(32)
    quick = np.unique(known.astype("<u4"))
    description = meta.to_json()
    day = (meta.lapses_on - EPOCH).days if meta.lapses_on else NEVER
    header = {
        "first": first,
        "rows": rows,
        "name": int(tagger.tags([meta.receipt_id])[0]),
        "day": day,
        "description": len(description),
        "postings": len(chosen.values),
        "quick": quick.size,
    }
    arrays = (
        tagger.tags(chosen.values).astype("<u8"),
        (chosen.rows + np.uint32(first)).astype("<u4"),
        chosen.fields,
        chosen.bits,
        quick,
    )
    parts = (json.dumps(header).encode(), b"\n", description)
    return b"".join((*parts, *(array.tobytes() for array in arrays)))


def gone_frame(first: list[int]) -> bytes:
    """Return the frame of releases that were dropped."""
    return json.dumps({"gone": first}).encode() + b"\n"


def parse_frame(payload: bytes) -> Loose | Gone:
    """Return what a frame says; its authentication was checked."""
    line, _, rest = payload.partition(b"\n")
    header = json.loads(line)
    if "gone" in header:
        return Gone(first=frozenset(header["gone"]))
    at = header["description"]
    description = rest[:at]
    arrays = {}
    for name, kind in _TYPES:
        arrays[name] = np.frombuffer(rest, dtype=kind, count=header["postings"], offset=at)
        at += arrays[name].nbytes
    quick = np.frombuffer(rest, dtype="<u4", count=header["quick"], offset=at)
    release = (header["first"], header["rows"], header["name"], header["day"], 0, len(description))
    return Loose.of(
        postings=(arrays["tags"], arrays["rows"], arrays["fields"], arrays["bits"]),
        quick=quick,
        first=np.full(quick.size, header["first"], dtype=np.uint32),
        releases=np.array([release], dtype=RELEASE),
        descriptions=description,
    )
