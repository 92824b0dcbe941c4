# SPDX-License-Identifier: Apache-2.0
"""A file of records as its reader sees it: each record with the very bytes it stands in.

JSON (the one list of records in it), JSON lines and CSV. What is done to a file here moves
records or adds some; the bytes of a record stay what they are.
"""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from govshare_policy.crypto import sm3
from govshare_policy.errors import CallError

DIGEST_BYTES: Final = 32
# A record of CSV: cells, perhaps quoted, up to the end of the line. It gives nothing back.
_CELL: Final = r'(?:"(?:[^"]|"")*+"|[^",\r\n]*+)'
_LINE: Final = re.compile(rf"{_CELL}(?:,{_CELL})*+(\r?\n|\Z)")
_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_MAX_STEPS: Final = 8


class BatchForm(StrEnum):
    """The form of a file of records."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record: its cells by field, and its own text in the file."""

    cells: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A file of records.

    Attributes:
        form: Of the file.
        head: What stands before the first record.
        rows: In the order of the file.
        between: What parts two records.
        tail: What stands behind the last record.
        columns: Of CSV, the names in the first line; else empty.
    """

    form: BatchForm
    head: str
    rows: tuple[Row, ...]
    between: str
    tail: str
    columns: tuple[str, ...] = ()

    def with_rows(self, rows: Sequence[Row]) -> bytes:
        """Return the file with *rows* in the place of its own, in their order; UTF-8."""
        return (self.head + self.between.join(row.text for row in rows) + self.tail).encode()

    def spell(self, cells: Mapping[str, str]) -> Row:
        """Return a new record of this file that has *cells*, spelt as its others are."""
        if self.form is BatchForm.CSV:
            text = io.StringIO(newline="")
            csv.writer(text, lineterminator="").writerow([cells[name] for name in self.columns])
            return Row(cells=cells, text=text.getvalue())
        return Row(cells=cells, text=json.dumps(dict(cells), ensure_ascii=False))


def cell_text(value: object) -> str:
    """Return *value* as the text of a cell: null is empty, what is nested is sorted JSON."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def canonical_row(cells: Mapping[str, str]) -> bytes:
    """Return the one spelling of a record, whatever form it left in: its cells by field name.

    Empty cells are left out: CSV has them where JSON has none.
    """
    pairs = sorted((field, text) for field, text in cells.items() if text)
    return json.dumps(pairs, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def row_digest(cells: Mapping[str, str]) -> bytes:
    """Return SM3 of :func:`canonical_row`; 32 bytes."""
    return sm3(canonical_row(cells))


def loads(text: str) -> Any:  # noqa: ANN401  JSON is whatever it is
    """Return the JSON document *text*, its numbers as they are spelt.

    Raises:
        ValueError: If it is none.
    """
    return _DECODER.decode(text)


def read_batch(data: bytes, form: BatchForm) -> Batch:
    """Return the records in *data*, UTF-8, with or without a byte order mark.

    Raises:
        CallError: If it is no such file.
    """
    try:
        text = data.decode()
        match form:
            case BatchForm.JSON:
                return _json(text)
            case BatchForm.NDJSON:
                return _ndjson(text)
            case BatchForm.CSV:
                return _csv(text)
    except (ValueError, RecursionError, csv.Error):
        # The cause would quote the file.
        raise CallError(f"the file is no {form.value} of records in UTF-8") from None


def form_of(name: str) -> BatchForm:
    """Return the form that the name of a file announces.

    Raises:
        CallError: If it announces none of them.
    """
    suffix = name.rpartition(".")[2].lower()
    forms = {"jsonl": BatchForm.NDJSON, **{form.value: form for form in BatchForm}}
    if suffix not in forms:
        raise CallError("the file is named .json, .ndjson, .jsonl or .csv, by what it holds")
    return forms[suffix]


def _spelt(number: str) -> str:
    return number


_DECODER: Final = json.JSONDecoder(
    parse_int=_spelt, parse_float=_spelt, parse_constant=_spelt, strict=True
)


def _row(record: object, text: str) -> Row:
    if not isinstance(record, dict):
        raise CallError("the file has something else where a record belongs")
    return Row(cells={field: cell_text(value) for field, value in record.items()}, text=text)


def _json(text: str) -> Batch:
    """Return the records of the list that is all of *text*, or the one list of objects in it."""
    plain = text.removeprefix("\ufeff")
    start = _list_start(plain, _DECODER.decode(plain))
    rows, place = [], _past(plain, start + 1)
    first = place
    end = first
    while plain[place] != "]":
        record, end = _DECODER.raw_decode(plain, place)
        rows.append(_row(record, plain[place:end]))
        place = _past(plain, end)
        if plain[place] == ",":
            place = _past(plain, place + 1)
    return Batch(
        form=BatchForm.JSON, head=plain[:first], rows=tuple(rows), between=",", tail=plain[end:]
    )


def _list_start(text: str, document: object) -> int:
    """Return where the list of records begins, following the only way to a list of objects."""
    place, here = _past(text, 0), document
    for _ in range(_MAX_STEPS):
        if isinstance(here, list):
            return place
        if not isinstance(here, dict):
            break
        key = next((key for key, value in here.items() if isinstance(value, list | dict)), None)
        if key is None:
            break
        place, here = _member(text, place, key), here[key]
    raise CallError("the file holds no list of records")


def _member(text: str, place: int, wanted: str) -> int:
    """Return where the value of the key *wanted* begins in the object at *place*."""
    place = _past(text, place + 1)
    while True:
        key, place = _DECODER.raw_decode(text, place)
        place = _past(text, _past(text, place) + 1)
        if key == wanted:
            return place
        _, place = _DECODER.raw_decode(text, place)
        place = _past(text, _past(text, place) + 1)


def _past(text: str, place: int) -> int:
    """Return the next place at or after *place* that is no white space."""
    found = _SPACE.match(text, place)
    return found.end() if found is not None else place


def _ndjson(text: str) -> Batch:
    plain = text.removeprefix("\ufeff")
    lines = plain.removesuffix("\n").split("\n") if plain else []
    rows = tuple(_row(loads(line), line.removesuffix("\r")) for line in lines)
    tail = "\n" if plain.endswith("\n") else ""
    return Batch(form=BatchForm.NDJSON, head="", rows=rows, between="\n", tail=tail)


def _csv(text: str) -> Batch:
    lines, place = [], 0
    while place < len(text):
        found = _LINE.match(text, place)
        if found is None:
            raise csv.Error
        lines.append((text[place : found.start(1)], found[1]))
        place = found.end()
    if not lines:
        raise csv.Error
    (names, end), *records = lines
    columns = tuple(_line(names.removeprefix("\ufeff")))
    rows = []
    for line, _ in records:
        cells = _line(line)
        if len(cells) != len(columns):
            raise csv.Error
        rows.append(Row(cells=dict(zip(columns, cells, strict=True)), text=line))
    tail = records[-1][1] if records else ""
    between = end or "\n"
    return Batch(
        form=BatchForm.CSV,
        head=names + between,
        rows=tuple(rows),
        between=between,
        tail=tail,
        columns=columns,
    )


def _line(text: str) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline=""), strict=True), [""])
