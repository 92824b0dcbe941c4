# SPDX-License-Identifier: Apache-2.0
"""A guard over an index with releases of invented records."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Self

from govshare_policy.egress.accumulator import Accumulator
from govshare_policy.egress.guard import Envelope, Guard
from govshare_policy.egress.index import Index
from govshare_policy.egress.keys import DepartmentKey
from govshare_policy.egress.reading import read
from govshare_policy.egress.register import OwnHoldings, ReleasedRows, ReleaseMeta
from govshare_policy.egress.scan import Scanner
from govshare_policy.egress.score import Thresholds, recognise
from govshare_policy.egress.tags import Tagger
from govshare_policy.egress.verdict import Verdict
from tests.egress.generators import Row

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
KEY = DepartmentKey(epoch=1, secret=bytes(range(32)))
_CALLERS = count()


def meta(receipt: str, fields: tuple[str, ...], strength: str = "deny") -> ReleaseMeta:
    return ReleaseMeta(
        receipt_id=receipt,
        grant="G01",
        resource="R08",
        provider="D-CAB",
        fields=fields,
        registered_at=AT,
        strength=strength,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A guard, and the index that it looks into."""

    index: Index
    guard: Guard

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.guard.accumulator.close()
        self.index.close()

    def release(
        self,
        rows: list[Row],
        *,
        receipt: str = "R-1",
        strength: str = "deny",
        holdings: OwnHoldings | None = None,
        sent: frozenset[str] = frozenset(),
        subject: str = "",
    ) -> int:
        """Register *rows* as one release, and return the reference of the first."""
        release = ReleasedRows(
            meta=meta(receipt, tuple(rows[0]), strength),
            rows=rows,
            sent=sent,
            subject_fields=(subject,) if subject else (),
        )
        return self.index.register(release, holdings=holdings).first_row

    def scan(self, body: bytes, *, caller: str = "", at: datetime = AT) -> Verdict:
        """Scan as a caller of its own, unless one is named."""
        who = caller or f"SYS-{next(_CALLERS)}"
        return self.guard.scan(body, Envelope(caller=who, destination="company", at=at))

    def recognised(self, body: bytes) -> set[int]:
        """Return the references of the records that *body* certainly or likely holds."""
        scan = self.guard.scanner.scan(read(body).text)
        pairs = self.index.postings * max(1, scan.segments)
        found = recognise(scan.hits, self.guard.thresholds, pairs=pairs)
        return {*found.certain.tolist(), *found.likely.tolist()}


def make_guarded(directory: Path, thresholds: Thresholds | None = None) -> Guarded:
    """Return a guard over a new, empty index; close it, or use ``with``."""
    index = Index.create(directory / "index", key=KEY)
    guard = Guard(
        scanner=Scanner(index=index, tagger=Tagger(KEY)),
        accumulator=Accumulator(directory / "day.sqlite"),
        thresholds=thresholds or Thresholds(),
    )
    return Guarded(index=index, guard=guard)
