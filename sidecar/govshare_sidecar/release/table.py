# SPDX-License-Identifier: Apache-2.0
"""The release of exactly the granted columns out of CSV.

Values leave as they are. One that a spreadsheet would take for a formula stays one: to alter data
of a register is not ours to do.

Source:
    RFC 4180; a line feed alone ends a line too.
"""

import csv
import io
import re
from collections.abc import Collection, Sequence
from typing import Final

from govshare_policy.crypto import sm3
from govshare_sidecar.release.released import Released
from govshare_sidecar.upstream import Fault, UpstreamError

# What every reader takes apart alike. The quantifiers give nothing back, so this is linear.
_CELL: Final = r'(?:"(?:[^"\x00]|"")*+"|[^",\r\n\x00]*+)'
_PLAIN_CSV: Final = re.compile(rf"(?:{_CELL}(?:,{_CELL})*+(?:\r?\n|\Z))*+")


def release_table(body: bytes, fields: Collection[str]) -> Released:
    """Return *body* with nothing in it but the columns *fields*, in their order.

    The first row names the columns. A byte order mark is dropped, lines end with CR LF, and cells
    are quoted where they have to be.

    Raises:
        UpstreamError: If readers may differ over *body*, a name stands twice, a row is longer or
            shorter than the first, or no released column is there. Nothing of it may leave.
    """
    rows = _rows(body)
    if not rows:
        raise _unreadable("has no row that names the columns")
    header = rows[0]
    if len(set(header)) != len(header) or "" in header:
        raise _unreadable("names a column twice, or not at all")
    if any(len(row) != len(header) for row in rows):
        raise _unreadable("has a row that is longer or shorter than the first")
    places = [place for place, name in enumerate(header) if name in fields]
    if not places:
        raise _unreadable("has none of the released columns")
    built = _text([[row[place] for place in places] for row in rows]).encode()
    return Released(body=built, rows=len(rows) - 1, digest=sm3(built))


def _rows(body: bytes) -> list[list[str]]:
    try:
        text = body.decode("utf-8", "strict").removeprefix("\ufeff")
        if not _PLAIN_CSV.fullmatch(text):
            raise _unreadable("is not CSV that everybody reads alike")
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise _unreadable("is not CSV in UTF-8, or has a cell that is too long") from None


def _text(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _unreadable(complaint: str) -> UpstreamError:
    return UpstreamError(Fault.UNREADABLE, f"the department's answer {complaint}")
