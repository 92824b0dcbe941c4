# SPDX-License-Identifier: Apache-2.0
"""What of a release is kept: which values, how many bits each, and what is left out and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.values import Column, Kind, canonical, is_kept, kind_of, surprisal

MAX_FIELDS: Final = 255
"""Fields of one release: the number of one takes a byte."""

Scalar = str | int | float | Decimal | bool | None
"""A cell; what is true, false or absent singles out nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseMeta:
    """What is known of a release besides its values.

    Attributes:
        receipt_id: The receipt it was released under.
        grant: The grant.
        resource: The resource.
        provider: The providing department.
        fields: Names of the fields; a posting holds the number of one.
        registered_at: When it was released; aware.
        lapses_on: The day on which the duties end, or ``None`` if they do not.
        strength: What a soft hit does: ``deny``, ``alert`` or ``record``.
    """

    receipt_id: str
    grant: str
    resource: str
    provider: str
    fields: tuple[str, ...]
    registered_at: datetime
    lapses_on: date | None = None
    strength: str = "deny"

    def __post_init__(self) -> None:
        if self.registered_at.tzinfo is None:
            raise ValueError("a release is registered at an aware instant")
        if not self.fields or len(self.fields) > MAX_FIELDS:
            raise ValueError(f"a release has 1 to {MAX_FIELDS} fields")
        if self.strength not in {"deny", "alert", "record"}:
            raise ValueError("strength is `deny`, `alert` or `record`")

    def to_json(self) -> bytes:
        """Return the JSON form, in UTF-8."""
        form = {
            "receipt_id": self.receipt_id,
            "grant": self.grant,
            "resource": self.resource,
            "provider": self.provider,
            "fields": self.fields,
            "registered_at": self.registered_at.isoformat(),
            "lapses_on": self.lapses_on.isoformat() if self.lapses_on else None,
            "strength": self.strength,
        }
        return json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return what :meth:`to_json` wrote."""
        form = json.loads(text)
        lapses_on = form["lapses_on"]
        return cls(
            receipt_id=form["receipt_id"],
            grant=form["grant"],
            resource=form["resource"],
            provider=form["provider"],
            fields=tuple(form["fields"]),
            registered_at=datetime.fromisoformat(form["registered_at"]),
            lapses_on=date.fromisoformat(lapses_on) if lapses_on else None,
            strength=form["strength"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedRows:
    """The rows of one release, as they go to the caller.

    Attributes:
        meta: What is known of the release.
        rows: Each maps names of fields to cells; never shown.
        sent: Values the caller itself sent, which never count; never shown.
        subject_fields: The fields that say whom a row is about; the first that is filled does.
        subject: Whom every row is about where no field says so; never shown.
    """

    meta: ReleaseMeta
    rows: Sequence[Mapping[str, Scalar]] = field(repr=False)
    sent: frozenset[str] = field(default=frozenset(), repr=False)
    subject_fields: tuple[str, ...] = ()
    subject: str = field(default="", repr=False)


class OwnHoldings(Protocol):
    """Knows what a department held of whom, and since when."""

    def held(
        self, subjects: list[str], values: list[str], *, before: datetime
    ) -> NDArray[np.bool_]:
        """Return for each pair of canonical subject and value whether it was held *before*."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many cells of a release were kept, and how many were not and why."""

    kept: int
    too_common: int
    sent: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The values of a release that are kept, side by side; never shown.

    Attributes:
        values: Canonical; a value stands once for each cell.
        rows: The number of the row of each within the release.
        fields: The number of the field of each.
        bits: The surprisal of each in whole bits.
        counts: What was left out, too.
    """

    values: list[str] = field(repr=False)
    rows: NDArray[np.uint32] = field(repr=False)
    fields: NDArray[np.uint8] = field(repr=False)
    bits: NDArray[np.uint8] = field(repr=False)
    counts: Counts


@dataclass(slots=True)
class _Cells:
    """The cells of one column that are not empty: row, canonical value, subject."""

    rows: list[int]
    values: list[str]
    subjects: list[str]


def select(release: ReleasedRows, *, holdings: OwnHoldings | None = None) -> Selection:
    """Return what of *release* is kept.

    Raises:
        ValueError: If a row has a field that the release does not name.
    """
    sent = {canonical(value) for value in release.sent}
    subjects = [_subject(release, row) for row in release.rows]
    values: list[str] = []
    rows: list[int] = []
    fields: list[int] = []
    bits: list[int] = []
    left = {"too_common": 0, "sent": 0, "held": 0}
    known = frozenset(release.meta.fields)
    if any(not known.issuperset(row) for row in release.rows):
        raise ValueError("a row has a field that the release does not name")
    for number, name in enumerate(release.meta.fields):
        cells = _column(release, name, subjects)
        held = _held(cells, holdings, release.meta.registered_at)
        told = _told(cells, release.meta.registered_at.date())
        for at, value in enumerate(cells.values):
            why = _why_not(told[value], sent=value in sent, held=bool(held[at]))
            if why:
                left[why] += 1
                continue
            values.append(value)
            rows.append(cells.rows[at])
            fields.append(number)
            bits.append(int(told[value]))
    return Selection(
        values=values,
        rows=np.array(rows, dtype=np.uint32),
        fields=np.array(fields, dtype=np.uint8),
        bits=np.array(bits, dtype=np.uint8),
        counts=Counts(kept=len(values), **left),
    )


def text_of(cell: Scalar) -> str:
    """Return the text of a cell; empty for what singles out nobody."""
    if cell is None or isinstance(cell, bool):
        return ""
    return cell if isinstance(cell, str) else str(cell)


def _why_not(bits: float, *, sent: bool, held: bool) -> str:
    if sent:
        return "sent"
    if not is_kept(bits):
        return "too_common"
    return "held" if held else ""


def _subject(release: ReleasedRows, row: Mapping[str, Scalar]) -> str:
    for name in release.subject_fields:
        if subject := canonical(text_of(row.get(name))):
            return subject
    return canonical(release.subject)


def _column(release: ReleasedRows, name: str, subjects: list[str]) -> _Cells:
    cells = _Cells([], [], [])
    for at, row in enumerate(release.rows):
        if value := canonical(text_of(row.get(name))):
            cells.rows.append(at)
            cells.values.append(value)
            cells.subjects.append(subjects[at])
    return cells


def _held(cells: _Cells, holdings: OwnHoldings | None, before: datetime) -> NDArray[np.bool_]:
    if holdings is None or not cells.values:
        return np.zeros(len(cells.values), dtype=bool)
    known = holdings.held(cells.subjects, cells.values, before=before)
    told: NDArray[np.bool_] = known & np.array([bool(subject) for subject in cells.subjects])
    return told


def _told(cells: _Cells, on: date) -> dict[str, float]:
    """Return how many bits each value of a column tells."""
    # Rows about nobody in particular each count for themselves.
    whose = (subject or at for at, subject in zip(cells.rows, cells.subjects, strict=True))
    column = Column.of(zip(whose, cells.values, strict=True), on=on)
    kinds: dict[str, Kind] = {value: kind_of(value) for value in column.counts}
    return {value: surprisal(value, kind, column) for value, kind in kinds.items()}
