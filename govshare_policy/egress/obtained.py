# SPDX-License-Identifier: Apache-2.0
"""What was obtained, as rows: the body of a provider's answer, or a file, before anybody has it."""

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, TypeAlias

from govshare_policy.egress.obtained_xml import tree_of
from govshare_policy.egress.register import MAX_FIELDS, Scalar
from govshare_policy.errors import CallError

JSON, LINES, CSV, XML = "json", "ndjson", "csv", "xml"
_FORMS: Final = {
    "application/json": JSON,
    "application/x-ndjson": LINES,
    "application/jsonl": LINES,
    "application/jsonlines": LINES,
    "text/csv": CSV,
    "application/xml": XML,
    "text/xml": XML,
}
_ENDINGS: Final = {".json": JSON, ".ndjson": LINES, ".jsonl": LINES, ".csv": CSV, ".xml": XML}
_MAX_DEPTH: Final = 64
_Row: TypeAlias = dict[str, Scalar]


def form_of_type(content_type: str) -> str:
    """Return the form that *content_type* announces.

    Raises:
        CallError: If it is none whose values can be registered.
    """
    media = content_type.partition(";")[0].strip().lower()
    form = _FORMS.get(media, "")
    for ending, kind in (("+json", JSON), ("+xml", XML)):
        form = kind if media.endswith(ending) else form
    if not form:
        raise CallError("only JSON, JSON lines, CSV and XML can be registered")
    return form


def form_of_name(name: str) -> str:
    """Return the form that the ending of the file *name* announces.

    Raises:
        CallError: If it is none whose values can be registered.
    """
    for ending, form in _ENDINGS.items():
        if name.lower().endswith(ending):
            return form
    raise CallError("name a .json, .ndjson, .jsonl, .csv or .xml file")


def rows_of(body: bytes, form: str) -> tuple[tuple[str, ...], list[dict[str, Scalar]]]:
    """Return the names of the fields in *body*, and its rows.

    Every scalar of JSON is a cell: those of an object and of what is nested in it are one row,
    and each object in a list is a row of its own. XML is read as JSON of the same would be.

    Raises:
        CallError: If it is not of that form, or has more fields than a release can.
    """
    try:
        text = "" if form == XML else body.decode("utf-8-sig")
        if form == CSV:
            rows = _csv_rows(text)
        elif form == XML:
            rows = list(_rows(tree_of(body), 0))
        elif form == LINES:
            lines = (line for line in text.split("\n") if line.strip())
            rows = [row for line in lines for row in _rows(_loads(line), 0)]
        else:
            rows = list(_rows(_loads(text), 0))
    except (UnicodeDecodeError, ValueError, RecursionError, csv.Error):
        raise CallError(f"the data do not read as {form} in UTF-8") from None
    fields = tuple(dict.fromkeys(name for row in rows for name in row))
    if len(fields) > MAX_FIELDS:
        raise CallError(f"a release has at most {MAX_FIELDS} fields")
    return fields, rows


def scalars_of(body: bytes) -> Iterator[str]:
    """Yield the scalars in *body* as texts, if it is JSON; else nothing."""
    try:
        rows = list(_rows(_loads(body.decode("utf-8-sig")), 0))
    except (UnicodeDecodeError, ValueError, RecursionError):
        return
    for row in rows:
        for cell in row.values():
            if cell is not None and not isinstance(cell, bool):
                yield str(cell)


def _loads(text: str) -> Any:  # noqa: ANN401  JSON is whatever it is
    return json.loads(text, parse_float=Decimal, parse_int=_number)


def _number(text: str) -> int | str:
    # Python refuses to read integers of thousands of digits; as a text they are read.
    return int(text) if len(text) <= MAX_FIELDS else text


def _csv_rows(text: str) -> list[_Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[_Row] = []
    for row in reader:
        if None in row or None in row.values():
            raise ValueError("a row of another length than the header")
        rows.append(dict(row))
    return rows


def _rows(value: Any, depth: int) -> Iterator[_Row]:  # noqa: ANN401  JSON is whatever it is
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, list):
        for item in value:
            yield from _rows(item if isinstance(item, dict | list) else {"value": item}, depth + 1)
        return
    row: _Row = {}
    inner: list[Any] = []
    _flatten(value if isinstance(value, dict) else {"value": value}, "", row, inner, depth)
    if row:
        yield row
    for one in inner:
        yield from _rows(one, depth + 1)


def _flatten(value: dict[str, Any], prefix: str, row: _Row, inner: list[Any], depth: int) -> None:
    """Put the scalars under *value* into *row*, and lists of objects into *inner*."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, dict):
            _flatten(item, f"{name}.", row, inner, depth + 1)
        elif isinstance(item, list) and any(isinstance(one, dict | list) for one in item):
            inner.append(item)
        elif isinstance(item, list):
            row.update({f"{name}.{at}": one for at, one in enumerate(item)})
        else:
            row[name] = item
