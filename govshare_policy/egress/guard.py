# SPDX-License-Identifier: Apache-2.0
"""Looks at what is about to leave, and says whether it was released by somebody else.

A document is read, scanned, scored, and added to the day of its caller and destination, in this
order. What was recognised is denied, or as the grant of a release says if it is only likely. What
cannot be read is denied as well.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from govshare_policy.egress.accumulator import Accumulator, Addition, Day, Seen
from govshare_policy.egress.containment import (
    IDENTIFYING,
    by_kind,
    countable,
    is_released_column,
)
from govshare_policy.egress.evidence import evidence_of
from govshare_policy.egress.reading import Limits, Reading, UnscannableError, read
from govshare_policy.egress.register import ReleaseMeta
from govshare_policy.egress.scan import Scan, Scanner
from govshare_policy.egress.score import Ints, Recognised, Thresholds, recognise
from govshare_policy.egress.verdict import Cause, Outcome, Verdict

MAX_EVIDENCE: Final = 100
"""Releases that a verdict spells out; the rest are counted."""

_SEVERITY: Final = (Outcome.PASS, Outcome.RECORD, Outcome.ALERT, Outcome.DENY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is known of a document besides its bytes.

    Attributes:
        caller: Who sends it.
        destination: To whom.
        at: When.
        content_type: As declared; a hint at most.
        name: Of the file, if any; a hint at most.
        allowed: Codes of what cannot be read that an approver has listed for this destination.
    """

    caller: str
    destination: str
    at: datetime
    content_type: str = ""
    name: str = ""
    allowed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """What the rules saw: records that are certain, records that are not, and by which rule."""

    certain: Ints
    likely: Ints
    pairs: Ints
    causes: frozenset[Cause]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Scans documents against what was released. :meth:`scan` is the whole data flow."""

    scanner: Scanner
    accumulator: Accumulator
    thresholds: Thresholds = field(default_factory=Thresholds)
    limits: Limits = field(default_factory=Limits)

    def scan(self, body: bytes, envelope: Envelope) -> Verdict:
        """Return what is to happen with *body*.

        Raises:
            ConfigError: If the index or the accumulator cannot be used. The caller must deny.
        """
        try:
            reading = read(
                body,
                content_type=envelope.content_type,
                name=envelope.name,
                limits=self.limits,
            )
        except UnscannableError as error:
            return unscannable(str(error.code), envelope)
        scan = self.scanner.scan(reading.text)
        finding = self._find(scan, envelope)
        return self._judge(finding, reading, scan)

    def _find(self, scan: Scan, envelope: Envelope) -> _Finding:
        """Apply the rules, to the document and then to the day."""
        pairs = self.scanner.index.postings * max(1, scan.segments)
        rows = recognise(scan.hits, self.thresholds, pairs=pairs)
        seen = countable(scan, self.thresholds)
        # A certain record denies by itself; a column would only blur which records there are.
        contained = frozenset[int]() if rows.certain.size else self._contained(scan, seen)
        causes = {Cause.CERTAIN} if rows.certain.size else set()
        likely = min(rows.likely.size, rows.places[1])
        if likely >= self.thresholds.likely_needed(scan.segments):
            causes.add(Cause.LIKELY)
        if contained:
            causes.add(Cause.CONTAINED)
        past = frozenset[int]() if causes else self._accumulate(rows, scan, seen, envelope)
        if past:
            causes.add(Cause.ACCUMULATED)
        return self._gather(rows, scan, contained=contained, past=past, causes=causes)

    def _contained(self, scan: Scan, seen: Mapping[int, Seen]) -> frozenset[int]:
        """Return the numbers of the values by which the document is a released column."""
        if len(seen) < self.thresholds.contained_values:
            return frozenset()
        kinds = by_kind(seen)
        # To count the kinds of all cells takes its time, and most often there is no need to.
        if max(map(len, kinds.values())) < self.thresholds.contained_values:
            return frozenset()
        cells = scan.count_kinds()
        return frozenset(
            number
            for kind, members in kinds.items()
            if is_released_column(
                kind, [seen[m] for m in members], values=cells[kind], limits=self.thresholds
            )
            for number in members
        )

    def _accumulate(
        self, rows: Recognised, scan: Scan, seen: Mapping[int, Seen], envelope: Envelope
    ) -> frozenset[int]:
        """Add the document to its day, and return the records for which it would be too much.

        A document that adds nothing recognised is never refused for what went before it.
        """
        addition = Addition(
            segments=max(1, scan.segments),
            likely=frozenset(rows.likely.tolist()),
            values={int(scan.tags[number]): one for number, one in seen.items()},
        )
        adds = bool(addition.likely or addition.values)
        return self.accumulator.add(
            addition,
            caller=envelope.caller,
            destination=envelope.destination,
            at=envelope.at,
            judge=self._past if adds else lambda _: frozenset(),
        )

    def _past(self, day: Day) -> frozenset[int]:
        """Return the records by which the day as a whole is acted on."""
        past: set[int] = set()
        if len(day.likely) >= self.thresholds.likely_needed(day.segments):
            past |= day.likely
        numbered = dict(enumerate(day.values))
        for kind, members in by_kind(numbered).items():
            seen = [numbered[member] for member in members]
            full = len(seen) >= self.accumulator.max_entries and kind in IDENTIFYING
            if full or is_released_column(kind, seen, values=day.segments, limits=self.thresholds):
                past |= {one.row for one in seen}
        return frozenset(past)

    def _gather(
        self,
        rows: Recognised,
        scan: Scan,
        *,
        contained: frozenset[int],
        past: frozenset[int],
        causes: set[Cause],
    ) -> _Finding:
        """Bring together the records and fields that the rules saw."""
        acted = Cause.LIKELY in causes
        inside = np.isin(scan.hits.value, np.array(sorted(contained), dtype=np.int64))
        columns = np.stack((scan.hits.row[inside], scan.hits.field[inside]), axis=1)
        shown = rows.fields if acted else rows.fields[np.isin(rows.fields[:, 0], rows.certain)]
        likely = np.concatenate(
            (
                rows.likely if acted else rows.likely[:0],
                columns[:, 0],
                np.array(sorted(past), dtype=np.int64),
            )
        )
        return _Finding(
            certain=rows.certain,
            likely=np.setdiff1d(likely, rows.certain),
            pairs=np.unique(np.concatenate((shown, columns)), axis=0),
            causes=frozenset(causes),
        )

    def _judge(self, finding: _Finding, reading: Reading, scan: Scan) -> Verdict:
        """Return the verdict that follows from a finding."""
        rows = np.concatenate((finding.certain, finding.likely))
        metas = self._metas(rows)
        certain = frozenset(finding.certain.tolist())
        outcomes = {Outcome.DENY} if certain else {Outcome.PASS}
        outcomes |= {Outcome(meta.strength) for meta in metas.values()}
        evidence = evidence_of(metas, certain, finding.pairs)
        return Verdict(
            outcome=max(outcomes, key=_SEVERITY.index),
            causes=tuple(cause for cause in Cause if cause in finding.causes),
            evidence=evidence[:MAX_EVIDENCE],
            releases=len(evidence),
            rows=rows.size,
            segments=scan.segments,
            layers=reading.layers,
            code="",
        )

    def _metas(self, rows: Ints) -> dict[int, ReleaseMeta]:
        """Return the release of each row; a row whose release has lapsed since has none."""
        index = self.scanner.index
        with suppress(ValueError):
            found = index.release_of(rows.astype(np.uint32))
            return dict(zip(rows.tolist(), found, strict=True))
        metas: dict[int, ReleaseMeta] = {}
        for row in rows.tolist():
            with suppress(ValueError):
                metas[row] = index.release_of(np.array([row], dtype=np.uint32))[0]
        return metas


def unscannable(code: str, envelope: Envelope) -> Verdict:
    """Return the verdict on what cannot be read."""
    return Verdict(
        outcome=Outcome.RECORD if code in envelope.allowed else Outcome.DENY,
        causes=(Cause.UNSCANNABLE,),
        evidence=(),
        releases=0,
        rows=0,
        segments=0,
        layers=(),
        code=code,
    )
