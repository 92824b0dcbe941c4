# SPDX-License-Identifier: Apache-2.0
"""Records as rows of a table: one row a record, the columns of docs/reference/audit-cli.md."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

from govshare_policy.report.csvfile import safe_cell

# Where each column stands in a record; a dot goes into an object, or into each object of a list.
COLUMNS: Final[Mapping[str, str]] = {
    "id": "id",
    "t": "t",
    "phase": "phase",
    "department": "department",
    "system": "system",
    "network": "network",
    "certificate": "certificate",
    "call_id": "call.id",
    "action": "call.action",
    "resource": "call.resource",
    "asked_fields": "call.fields",
    "purpose": "call.purpose",
    "channel": "call.channel",
    "item": "call.item",
    "consent": "call.consent",
    "recipient_kind": "call.recipient.kind",
    "recipient": "call.recipient.id",
    "outcome": "outcome",
    "effect": "effect",
    "clauses": "clauses",
    "reasons": "reasons",
    "released_fields": "fields",
    "duties": "duties.code",
    "grant": "grant",
    "profile": "policy.profile",
    "precedence": "policy.precedence",
    "revision": "policy.revision",
    "decision": "decision",
    "status": "status",
    "rows": "rows",
    "bytes": "bytes",
    "event": "event",
    "kind": "kind",
    "step": "step",
    "matter": "matter",
    "step_resource": "resource",
}
HEADER: Final = ("index", *COLUMNS)


def csv_row(cells: Sequence[object]) -> str:
    """Return one row of CSV with its line end; no cell is a formula to a spreadsheet."""
    out = io.StringIO(newline="")
    csv.writer(out).writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()


def to_row(number: int, record: Mapping[str, Any]) -> str:
    """Return record *number* as a row of CSV."""
    return csv_row((number, *(_cell(_find(record, path)) for path in COLUMNS.values())))


def _find(value: object, path: str) -> object:
    for key in path.split("."):
        if isinstance(value, list):
            value = [one.get(key) for one in value if isinstance(one, Mapping)]
        else:
            value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _cell(value: object) -> object:
    match value:
        case bool():
            return "Y" if value else "N"
        case str() | int():
            return value
        case list():
            return "|".join(str(one) for one in value if isinstance(one, str | int))
        case _:
            return ""
