# SPDX-License-Identifier: Apache-2.0
"""Check what a provider delivers against what its catalogue entry states.

A defect says the kind, the item as the entry calls it and the numbers of rows. Nothing that stands
in the file is repeated, not even a header: a file without one begins with somebody's data.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from govshare_policy.crypto import sm3
from govshare_policy.errors import CallError

_MAX_ROWS_NAMED: Final = 20
_DELIMITERS: Final = {".tsv": "\t", ".csv": ","}
SUFFIXES: Final = (*_DELIMITERS, ".json")
_ID_NO: Final = re.compile(r"\d{17}[\dX]", re.ASCII)
_ID_WEIGHTS: Final = tuple(2**n % 11 for n in range(17, 0, -1))
_USCC_DIGITS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS: Final = tuple(pow(3, n, 31) for n in range(17))
_DAY: Final = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)", re.ASCII)


class Defect(StrEnum):
    """What is wrong with a delivery."""

    ENCODING = "encoding"  # not UTF-8
    SYNTAX = "syntax"  # not the kind of file that its name says
    MISSING_ITEM = "missing_item"  # stated in the entry, not delivered
    UNDECLARED_ITEM = "undeclared_item"  # delivered, not stated in the entry; a column number
    ROW_LENGTH = "row_length"
    EMPTY_ROW = "empty_row"
    NEVER_FILLED = "never_filled"  # an item that no row has a value for
    NO_IDENTIFIER = "no_identifier"  # a row without the number it is known by
    BAD_FORMAT = "bad_format"  # a value that a national standard rules out
    DUPLICATE = "duplicate"  # a row that stands there before


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Defects of one kind in one item.

    Attributes:
        item: As the entry calls it; empty where it is about rows as a whole.
        count: How often.
        rows: The numbers of the first rows, from 1 after the header; of columns where an item is
            undeclared; empty where it is about the whole file.
    """

    kind: Defect
    item: str
    count: int
    rows: tuple[int, ...]

    def to_document(self) -> dict[str, object]:
        """Return the finding, ready for JSON."""
        return {
            "kind": self.kind.value,
            "item": self.item,
            "count": self.count,
            "rows": list(self.rows),
        }


@dataclass(slots=True)
class _Findings:
    """Collects defects; only this module writes to it."""

    counts: dict[tuple[Defect, str], int] = field(default_factory=dict)
    rows: dict[tuple[Defect, str], list[int]] = field(default_factory=dict)

    def add(self, kind: Defect, item: str = "", row: int = 0) -> None:
        key = (kind, item)
        self.counts[key] = self.counts.get(key, 0) + 1
        named = self.rows.setdefault(key, [])
        if row and len(named) < _MAX_ROWS_NAMED:
            named.append(row)

    def all(self) -> tuple[Finding, ...]:
        order = list(Defect)
        return tuple(
            Finding(kind=kind, item=item, count=count, rows=tuple(self.rows[kind, item]))
            for (kind, item), count in sorted(
                self.counts.items(), key=lambda pair: (order.index(pair[0][0]), pair[0][1])
            )
        )


def check_delivery(data: bytes, *, suffix: str, items: Sequence[str]) -> tuple[Finding, ...]:
    """Return the defects of a delivery, none if it is what the entry states.

    Args:
        data: The content of the file.
        suffix: ``.tsv``, ``.csv`` (both with a header) or ``.json`` (a list of objects).
        items: The items that the entry states.

    Raises:
        CallError: If it is none of these kinds of file.

    Source:
        Citizen identity numbers: GB 11643-1999. Unified social credit codes: GB 32100-2015.
    """
    if suffix not in SUFFIXES:
        raise CallError(f"a delivery is one of {', '.join(SUFFIXES)}")
    found = _Findings()
    try:
        text = data.decode("utf-8-sig", "strict")
    except UnicodeDecodeError as error:
        found.add(Defect.ENCODING, row=data.count(b"\n", 0, error.start) + 1)
        return found.all()
    try:
        rows = _objects(text) if suffix == ".json" else _lines(text, _DELIMITERS[suffix], found)
        _check_rows(rows, items, found)
    except (ValueError, RecursionError, csv.Error):
        found.add(Defect.SYNTAX)
    return found.all()


# A row by its items; none where it has more or fewer cells than the header.
_Row = Mapping[str, str] | None


def _lines(text: str, delimiter: str, found: _Findings) -> Iterator[_Row]:
    """Yield the header, as a row without values, then the rows."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = next(reader, [])
    if len(set(header)) != len(header):
        raise ValueError("a column stands twice")
    yield dict.fromkeys(header, "")
    for number, cells in enumerate((cells for cells in reader if cells), 1):
        if len(cells) != len(header):
            found.add(Defect.ROW_LENGTH, row=number)
            yield None  # so that the rows after it keep their numbers
        else:
            yield dict(zip(header, cells, strict=True))


def _objects(text: str) -> Iterator[_Row]:
    document = json.loads(text)
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise ValueError("not a list of objects")
    yield dict.fromkeys((key for row in document for key in row), "")
    for row in document:
        yield {key: _scalar(value) for key, value in row.items()}


def _scalar(value: Any) -> str:  # noqa: ANN401  whatever JSON holds
    if isinstance(value, dict | list):
        raise ValueError("a value is no scalar")  # noqa: TRY004  bad input, whatever its type
    return "" if value is None else str(value)


def _check_rows(rows: Iterator[_Row], items: Sequence[str], found: _Findings) -> None:
    header = next(rows) or {}
    for item in items:
        if item not in header:
            found.add(Defect.MISSING_ITEM, item)
    for column, name in enumerate(header, 1):
        if name not in items:
            found.add(Defect.UNDECLARED_ITEM, row=column)
    delivered = [item for item in items if item in header]
    unfilled, seen, number = set(delivered), set[bytes](), 0
    for number, row in enumerate(rows, 1):
        if row is None:
            continue
        values = {item: row.get(item, "").strip() for item in delivered}
        if not any(values.values()):
            found.add(Defect.EMPTY_ROW, row=number)
            continue
        unfilled -= {item for item, value in values.items() if value}
        _check_values(values, number, found)
        digest = sm3(json.dumps(list(values.values())).encode())
        if digest in seen:
            found.add(Defect.DUPLICATE, row=number)
        seen.add(digest)
    for item in sorted(unfilled) if number else ():
        found.add(Defect.NEVER_FILLED, item)


def _check_values(values: Mapping[str, str], number: int, found: _Findings) -> None:
    for item, value in values.items():
        is_sound = _IDENTIFIERS.get(item)
        if is_sound is not None and not value:
            found.add(Defect.NO_IDENTIFIER, item, number)
        if is_sound is None and item.endswith("_date"):
            is_sound = _is_day
        if is_sound is not None and value and not is_sound(value):
            found.add(Defect.BAD_FORMAT, item, number)


def _is_day(value: str) -> bool:
    match = _DAY.fullmatch(value)
    if match is None:
        return False
    try:
        date(*map(int, match.groups()))
    except ValueError:
        return False
    return True


def _is_id_no(value: str) -> bool:
    if not _ID_NO.fullmatch(value) or not _is_day(value[6:14]):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value, _ID_WEIGHTS, strict=False))
    return value[-1] == "10X98765432"[total % 11]


def _is_uscc(value: str) -> bool:
    if len(value) != len(_USCC_WEIGHTS) + 1 or not set(value) <= set(_USCC_DIGITS):
        return False
    digits = [_USCC_DIGITS.index(digit) for digit in value]
    total = sum(digit * weight for digit, weight in zip(digits, _USCC_WEIGHTS, strict=False))
    return digits[-1] == -total % 31


# Items whose names say which national standard their values follow; others are not guessed.
_IDENTIFIERS: Final[Mapping[str, Callable[[str], bool]]] = {"id_no": _is_id_no, "uscc": _is_uscc}
