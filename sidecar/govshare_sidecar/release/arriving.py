# SPDX-License-Identifier: Apache-2.0
"""The release of exactly the granted fields out of an answer while it arrives; pure.

What leaves, put together, is what :func:`release_answer` makes of the whole answer, so each part
is given to the same functions: they read whole records only.
"""

import codecs
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

from govshare_sidecar.release.digests import record_digests
from govshare_sidecar.release.document import release
from govshare_sidecar.release.lines import release_lines
from govshare_sidecar.release.table import release_table
from govshare_sidecar.routes import Form, Route
from govshare_sidecar.upstream import Fault, UpstreamError, too_large

_BOM: Final = "\ufeff".encode()
_BLANK: Final = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What may leave next.

    Attributes:
        rows: How many records it holds.
        records: SM3 of each of them in canonical spelling; 32 bytes each.
    """

    body: bytes = b""
    rows: int = 0
    records: bytes = b""


class Filter(Protocol):
    """Takes an answer as it comes, and holds back what is not a whole record yet."""

    def part(self, data: bytes) -> Part:
        """Return what may leave once *data* have come.

        Raises:
            UpstreamError: If they cannot be read strictly, or a record is too large. Nothing more
                may leave.
        """
        ...

    def end(self) -> Part:
        """Return what may leave at the end of the answer.

        Raises:
            UpstreamError: If it is not whole, or cannot be read strictly.
        """
        ...


def filter_of(route: Route, fields: Collection[str], *, most: int) -> Filter:
    """Return what filters the answers of *route*, which has `stream`.

    Args:
        route: Says their form.
        fields: What was granted.
        most: Bytes of one record.
    """
    match route.form:
        case Form.NDJSON:
            return Lines(route, fields, most=most)
        case Form.CSV:
            return Table(route, fields, most=most)
        case _:
            return Elements(route, fields, most=most)


class Lines:
    """NDJSON."""

    def __init__(self, route: Route, fields: Collection[str], *, most: int) -> None:
        self._route, self._fields, self._most = route, fields, most
        self._rest = b""

    def part(self, data: bytes) -> Part:
        """Return the lines that *data* end."""
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        if len(self._rest) > self._most:
            raise too_large(self._most)
        return self._released(data[:end])

    def end(self) -> Part:
        """Return the last line, if nothing ended it."""
        return self._released(self._rest)

    def _released(self, lines: bytes) -> Part:
        if not lines:
            return Part()
        released = release_lines(lines, self._fields)
        records = record_digests(released.body, self._route)
        return Part(body=released.body, rows=released.rows, records=records)


class Table:
    """CSV. Every part is read as a table of its own, below the row that names the columns."""

    def __init__(self, route: Route, fields: Collection[str], *, most: int) -> None:
        self._route, self._fields, self._most = route, fields, most
        self._rest = b""
        self._header = b""
        # What the row that names the columns looks like when it leaves; it leaves once.
        self._named = b""

    def part(self, data: bytes) -> Part:
        """Return the rows that *data* end."""
        data = self._rest + data
        end = _last_row_end(data)
        self._rest = data[end:]
        if len(self._rest) > self._most:
            raise too_large(self._most)
        return self._released(data[:end])

    def end(self) -> Part:
        """Return the last row, if nothing ended it."""
        if not self._rest and not self._header:
            release_table(b"", self._fields)  # raises: nothing named the columns
        return self._released(self._rest)

    def _released(self, rows: bytes) -> Part:
        if not rows:
            return Part()
        named = self._named
        if not named:
            first = _first_row_end(rows)
            self._header = rows[:first].removeprefix(_BOM)
            self._named = release_table(self._header, self._fields).body
            rows = rows[first:]
        released = release_table(self._header + rows, self._fields)
        records = record_digests(released.body, self._route)
        body = released.body[len(named) :]
        return Part(body=body, rows=released.rows, records=records)


def _last_row_end(data: bytes) -> int:
    """Return where the last whole row of *data* ends, which begin with a row."""
    quotes = data.count(b'"')
    place = len(data)
    while (end := data.rfind(b"\n", 0, place)) >= 0:
        quotes -= data.count(b'"', end, place)
        if not quotes % 2:  # else the line ends inside a cell
            return end + 1
        place = end
    return 0


def _first_row_end(data: bytes) -> int:
    end = 0
    while place := data.find(b"\n", end) + 1:
        if not data.count(b'"', 0, place) % 2:
            return place
        end = place
    return len(data)


class Elements:
    """JSON that is one list of objects."""

    def __init__(self, route: Route, fields: Collection[str], *, most: int) -> None:
        self._route, self._fields, self._most = route, fields, most
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._reader = json.JSONDecoder(parse_int=_as_it_is, parse_float=_as_it_is)
        self._rest = ""
        # What may stand next, but for blanks: `[`, `{` or `]` behind it, then `,` or `]`.
        self._next = "["

    def part(self, data: bytes) -> Part:
        """Return the elements that *data* end."""
        try:
            self._rest += self._decoder.decode(data)
        except UnicodeDecodeError:
            raise _unreadable("is not JSON in UTF-8") from None
        part = self._taken()
        if len(self._rest) > self._most:
            raise too_large(self._most)
        return part

    def end(self) -> Part:
        """Return nothing: what ended the list has left."""
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise _unreadable("is not JSON in UTF-8") from None
        if self._next or self._rest:
            raise _unreadable("is not one whole list in JSON")
        return Part()

    def _taken(self) -> Part:
        body: list[bytes] = []
        rows, records, place = 0, b"", 0
        while (place := _past_blanks(self._rest, place)) < len(self._rest):
            sign = self._rest[place]
            if sign not in self._next or not self._next:
                raise _unreadable("is not one list of objects in JSON")
            if sign == "{":
                if (end := self._end_of_object(place)) < 0:
                    break
                kept = release(self._rest[place:end].encode(), self._fields, records=()).body
                records += record_digests(kept, self._route)
                body.append(kept)
                rows, place, self._next = rows + 1, end, ",]"
                continue
            body.append(sign.encode())
            self._next = {"[": "{]", ",": "{", "]": ""}[sign]
            place += 1
        self._rest = self._rest[place:]
        return Part(body=b"".join(body), rows=rows, records=records)

    def _end_of_object(self, place: int) -> int:
        """Return where the object at *place* ends; -1 if that has not come, or never will."""
        try:
            return self._reader.raw_decode(self._rest, place)[1]
        except json.JSONDecodeError:
            return -1
        except RecursionError:
            raise _unreadable("is nested too deeply") from None


def _past_blanks(text: str, place: int) -> int:
    blank = _BLANK.match(text, place)
    return place if blank is None else blank.end()


def _as_it_is(_digits: str) -> None:
    """Read no number: some are too long to."""


def _unreadable(complaint: str) -> UpstreamError:
    return UpstreamError(Fault.UNREADABLE, f"the department's answer {complaint}")
