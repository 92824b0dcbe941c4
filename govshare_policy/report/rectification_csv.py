# SPDX-License-Identifier: Apache-2.0
"""The list of violations as CSV: one line a finding, incident, proceeding or thing unseen."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from govshare_policy.report.csvfile import safe_cell
from govshare_policy.report.rectification import Rectification

COLUMNS: Final = (
    "list",
    "id",
    "clauses",
    "grade",
    "code",
    "department",
    "system",
    "resource",
    "since",
    "until",
    "count",
    "evidence",
    "notice",
    "text_zh",
    "text_en",
)

Row = dict[str, object]


def rectification_csv(listed: Rectification) -> str:
    """Return the list as CSV with a header row."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    for row in _rows(listed):
        writer.writerow({column: safe_cell(cell) for column, cell in row.items()})
    return out.getvalue()


def _rows(listed: Rectification) -> Iterator[Row]:
    for violation in listed.text.violations:
        yield {
            "list": "unseen",
            "id": violation.id,
            "clauses": "|".join((*violation.clauses, *violation.see)),
            "text_zh": violation.unseen_zh,
            "text_en": violation.unseen_en,
        }
    for one in listed.findings:
        document = one.to_document()
        yield (
            {
                "list": "finding",
                "id": one.violation,
                "clauses": "|".join(one.clauses),
                "evidence": "|".join(evidence.place for evidence in one.evidence),
                "text_zh": one.text.zh,
                "text_en": one.text.en,
            }
            | {key: document[key] or "" for key in ("grade", "code", "department", "system")}
            | {
                key: document[key] or ""
                for key in ("resource", "since", "until", "count", "notice")
            }
        )
    yield from _incidents(listed)
    for proceeding in listed.proceedings:
        yield {
            "list": proceeding.kind.value,
            "id": proceeding.id,
            "clauses": "|".join(proceeding.clauses),
            "code": proceeding.state,
            "department": proceeding.told,
            "resource": proceeding.resource,
            "until": proceeding.until or "",
            "evidence": "|".join(proceeding.evidence),
            "notice": proceeding.violation or proceeding.grant,
        }
    yield from _released(listed)


def _incidents(listed: Rectification) -> Iterator[Row]:
    said = {incident.id: incident for incident in listed.text.incidents}
    for one in listed.occurrences:
        yield {
            "list": "incident",
            "id": one.incident,
            "clauses": "|".join((*said[one.incident].clauses, *one.seen.clauses)),
            "department": one.department,
            "system": one.system,
            "resource": one.resource,
            "since": one.seen.first,
            "until": one.seen.last,
            "count": one.seen.count,
            "evidence": "|".join(evidence.place for evidence in one.seen.evidence),
            "text_zh": said[one.incident].text_zh,
            "text_en": said[one.incident].text_en,
        }


def _released(listed: Rectification) -> Iterator[Row]:
    for one in listed.released:
        for resource, held in one.held.items():
            fields = "|".join(sorted(held.fields))
            yield {
                "list": "released",
                "id": ",".join(one.linking),
                "clauses": "|".join(listed.text.sum_clauses),
                "department": one.department,
                "resource": resource,
                "since": held.first or "",
                "until": held.last or "",
                "count": held.calls,
                "text_zh": fields,
                "text_en": fields,
            }
